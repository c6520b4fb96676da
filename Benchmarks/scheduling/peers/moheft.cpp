// moheft PROBLEM SECONDS: plans of which none is both slower and dearer than another, one line of JSON each.
//
// MOHEFT builds K schedules side by side: each task, by falling upward rank, is put on every machine in every one of them, and
// the K best compromises between makespan and cost are kept: by dominance, then by crowding distance. K is doubled from 10 on
// while the time lasts, and what all of them found is put together. Source: Durillo and Prodan, *Multi-objective workflow
// scheduling in Amazon EC2* (2014).
#include "problem.hpp"

struct Candidate {
    int parent, machine;
    double start, makespan, cost, crowding;
};

static bool earlier(const Candidate& a, const Candidate& b) {
    return std::tie(a.makespan, a.cost, a.parent, a.machine) < std::tie(b.makespan, b.cost, b.parent, b.machine);
}

/// Sets the crowding distances of one front, which is sorted by makespan.
static void crowd(std::vector<Candidate>& front) {
    const double wide = std::max(front.back().makespan - front.front().makespan, 1e-300);
    const double high = std::max(front.front().cost - front.back().cost, 1e-300);
    for (size_t i = 0; i < front.size(); i++)
        front[i].crowding = i == 0 || i + 1 == front.size()
            ? std::numeric_limits<double>::infinity()
            : (front[i + 1].makespan - front[i - 1].makespan) / wide + (front[i - 1].cost - front[i + 1].cost) / high;
}

/// The `count` best compromises. Of equal ones the first is of a better front than the others.
static std::vector<Candidate> best(std::vector<Candidate> all, size_t count) {
    std::sort(all.begin(), all.end(), earlier);
    std::vector<Candidate> kept;
    while (kept.size() < count && !all.empty()) {
        std::vector<Candidate> front, rest;
        for (const auto& candidate : all)
            (front.empty() || candidate.cost < front.back().cost ? front : rest).push_back(candidate);
        if (kept.size() + front.size() > count) {
            crowd(front);
            std::stable_sort(
                front.begin(), front.end(), [](const auto& a, const auto& b) { return a.crowding > b.crowding; });
            front.resize(count - kept.size());
        }
        kept.insert(kept.end(), front.begin(), front.end());
        all.swap(rest);
    }
    return kept;
}

static std::vector<Partial> moheft(const Problem& p, const std::vector<int>& order, size_t count, double until) {
    std::vector<Partial> schedules{Partial(p)};
    for (int task : order) {
        if (now() > until) return {};
        std::vector<Candidate> all;
        for (size_t s = 0; s < schedules.size(); s++)
            for (int m = 0; m < p.machines; m++) {
                const double start = schedules[s].start(p, task, m), end = start + p.seconds(task, m);
                all.push_back(
                    {int(s), m, start, std::max(schedules[s].makespan, end),
                     schedules[s].cost + schedules[s].added(p, m, start, end), 0});
            }
        const auto kept = best(std::move(all), count);
        std::vector<int> children(schedules.size());
        for (const auto& candidate : kept) children[candidate.parent]++;
        std::vector<Partial> next;
        for (const auto& candidate : kept) {
            auto& parent = schedules[candidate.parent];
            if (--children[candidate.parent] == 0) next.push_back(std::move(parent));
            else next.push_back(parent);
            next.back().put(p, task, candidate.machine, candidate.start);
        }
        schedules.swap(next);
    }
    return schedules;
}

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const Problem p(arguments[1]);
    const double begin = now(), limit = std::atof(arguments[2]);
    const auto order = p.ranked();
    std::vector<Partial> found;
    for (size_t k = 10; now() - begin < limit; k *= 2) {
        // The first is let finish: a front late is better than none.
        auto more = moheft(p, order, k, k == 10 ? std::numeric_limits<double>::infinity() : begin + limit);
        for (auto& schedule : more) found.push_back(std::move(schedule));
    }
    const double seconds = now() - begin;
    std::sort(found.begin(), found.end(), [](const Partial& a, const Partial& b) {
        return std::tie(a.makespan, a.cost) < std::tie(b.makespan, b.cost);
    });
    double least = std::numeric_limits<double>::infinity();
    for (const auto& schedule : found) {
        if (schedule.cost >= least) continue;
        least = schedule.cost;
        schedule.print(seconds);
    }
}
