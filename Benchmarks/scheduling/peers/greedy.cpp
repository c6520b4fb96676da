// greedy PROBLEM DEADLINE: the cheapest machine first that ends each task in time; one line of JSON.
//
// The deadline is shared out among the tasks in proportion to what follows them, by upward rank with mean times. Each task, by
// falling rank, goes where it adds least to the bill among the machines that end it in time, or else where it ends first. If the
// job is late all the same, again with a deadline 5 % shorter, down to a quarter; the cheapest that is in time is kept, or the
// fastest. Source of the greedy choice with deadlines of tasks: Yu, Buyya and Tham, *Cost-based scheduling of scientific workflow
// applications on utility grids* (2005).
#include "problem.hpp"

static Partial schedule(const Problem& p, const std::vector<int>& order, const std::vector<double>& latest) {
    Partial schedule(p);
    for (int task : order) {
        struct Choice {
            bool late;
            double key, end, start;
            int machine;
        } best{true, std::numeric_limits<double>::infinity(), 0, 0, 0};
        for (int m = 0; m < p.machines; m++) {
            const double start = schedule.start(p, task, m), end = start + p.seconds(task, m);
            const bool late = end > latest[task];
            const Choice choice{late, late ? end : schedule.added(p, m, start, end), end, start, m};
            if (std::tie(choice.late, choice.key, choice.end) < std::tie(best.late, best.key, best.end)) best = choice;
        }
        schedule.put(p, task, best.machine, best.start);
    }
    return schedule;
}

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const Problem p(arguments[1]);
    const double begin = now(), deadline = std::atof(arguments[2]) * (1 + 1e-12);
    double pace = 0;
    for (double s : p.speed) pace += 1 / s / p.machines;
    const auto rank = p.ranks(pace, true);
    const auto order = p.ranked();
    const double longest = *std::max_element(rank.begin(), rank.end());
    std::vector<Partial> found;
    for (double share = 1; share > 0.24; share *= 0.95) {
        std::vector<double> latest(p.tasks);
        for (int t = 0; t < p.tasks; t++) latest[t] = share * deadline * (1 - (rank[t] - p.work[t] * pace) / longest);
        found.push_back(schedule(p, order, latest));
    }
    const auto key = [&](const Partial& s) {
        return s.makespan <= deadline ? std::make_pair(false, s.cost) : std::make_pair(true, s.makespan);
    };
    std::min_element(found.begin(), found.end(), [&](const Partial& a, const Partial& b) { return key(a) < key(b); })
        ->print(now() - begin);
}
