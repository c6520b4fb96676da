// online_heft PROBLEM LUCK: runs under run times that differ from those planned with; one line of JSON a line of LUCK.
//
// A line of LUCK has the true work of every task, with all that was lost and done again, and then once more without that. `static`
// keeps the places and orders of HEFT's plan, `clairvoyant` is HEFT planned with the truth when nothing is lost, `online` plans again by HEFT whenever a task ends: what has ended or runs stays, everything else may
// move, and what runs is believed to take as long as planned. The same rules as OnlineHEFT of SAGA 2.1.0, which takes hours for
// what this does in seconds (saga_online.py compares them). Source: Topcuoglu, Hariri and Wu, *HEFT* (2002).
#include "problem.hpp"
#include <sstream>

/// A schedule of which a part has happened.
struct Course : Partial {
    /// No task starts before this.
    std::vector<double> earliest;

    explicit Course(const Problem& p) : Partial(p), earliest(p.tasks) {}

    /// A task that has started: after what is there on its machine.
    void append(int task, int m, double from, double to) {
        machine[m].push_back({from, to, task});
        end[task] = to, place[task] = m;
    }
};

/// Places what is not there yet by HEFT, nothing before `now`.
static void heft(const Problem& p, const std::vector<int>& order, Course& schedule, double now) {
    for (int task : order) {
        if (schedule.place[task] >= 0) continue;
        int best = 0;
        double start = 0, end = std::numeric_limits<double>::infinity();
        for (int m = 0; m < p.machines; m++) {
            const double from = schedule.start(p, task, m, now);
            if (from + p.seconds(task, m) < end) start = from, end = from + p.seconds(task, m), best = m;
        }
        schedule.put(p, task, best, start);
    }
}

/// When every task starts and ends if the orders of a schedule are kept and tasks take their true times.
struct Times {
    std::vector<double> start, end;
    double makespan = 0;

    Times(const Problem& truth, const Course& schedule, const std::vector<int>& topological)
        : start(truth.tasks), end(truth.tasks) {
        std::vector<int> waiting(truth.tasks), next(truth.tasks, -1), ready;
        std::vector<double> from(truth.tasks);
        for (int t : topological) waiting[t] = int(truth.before[t].size());
        for (const auto& slots : schedule.machine)
            for (size_t i = 1; i < slots.size(); i++) next[slots[i - 1].task] = slots[i].task, waiting[slots[i].task]++;
        for (int t : topological) if (waiting[t] == 0) ready.push_back(t);
        const auto arrives = [&](int task, double time) {
            from[task] = std::max(from[task], time);
            if (--waiting[task] == 0) ready.push_back(task);
        };
        for (size_t i = 0; i < ready.size(); i++) {
            const int t = ready[i], m = schedule.place[t];
            start[t] = std::max(from[t], schedule.earliest[t]);
            end[t] = start[t] + truth.seconds(t, m);
            makespan = std::max(makespan, end[t]);
            if (next[t] >= 0) arrives(next[t], end[t]);
            for (const auto& edge : truth.after[t]) arrives(edge.task, end[t] + (schedule.place[edge.task] == m ? 0 : edge.seconds));
        }
        if (int(ready.size()) < truth.tasks) std::cerr << "the order of a machine contradicts that of the tasks\n", std::exit(1);
    }
};

static double online(const Problem& p, const Problem& truth, Course schedule) {
    const auto order = p.ranked(), topological = p.topological();
    for (double now = 0;;) {
        const Times times(truth, schedule, topological);
        double next = std::numeric_limits<double>::infinity();
        for (int t = 0; t < p.tasks; t++) if (times.end[t] > now) next = std::min(next, times.end[t]);
        if (next == std::numeric_limits<double>::infinity()) return times.makespan;
        now = next;
        Course fresh(p);
        for (size_t m = 0; m < schedule.machine.size(); m++)
            for (const auto& slot : schedule.machine[m]) {
                const int t = slot.task;
                if (times.start[t] > now) continue;
                const double end = times.end[t] <= now ? times.end[t] : times.start[t] + p.seconds(t, int(m));
                fresh.append(t, int(m), times.start[t], end);
            }
        heft(p, order, fresh, now);
        for (int t = 0; t < p.tasks; t++) fresh.earliest[t] = times.start[t] > now ? now : times.start[t];
        schedule = std::move(fresh);
    }
}

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const Problem p(arguments[1]);
    std::ifstream file(arguments[2]);
    Course planned(p);
    heft(p, p.ranked(), planned, 0);
    for (std::string line; std::getline(file, line);) {
        Problem truth = p;
        std::istringstream numbers(line);
        for (double& work : truth.work) numbers >> work;
        Problem known = p;
        for (double& work : known.work) numbers >> work;
        if (!numbers) return std::cerr << arguments[2] << ": too few numbers\n", 2;
        Course clairvoyant(known);
        heft(known, known.ranked(), clairvoyant, 0);
        std::printf(
            "{\"static\": %.17g, \"clairvoyant\": %.17g, \"online\": %.17g}\n",
            Times(truth, planned, p.topological()).makespan, clairvoyant.makespan, online(p, truth, planned));
    }
}
