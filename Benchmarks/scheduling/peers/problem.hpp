// A scheduling problem as bench.py writes it, and a schedule under construction: what the peers in C++ share.
//
//   tasks machines edges latency bandwidth
//   speed price                 one line a machine: price in dollars an hour
//   work                        one line a task: seconds on a machine of speed 1
//   from to bytes               one line an edge
//
// A machine runs one task at a time. What comes along an edge from another machine takes latency + bytes / bandwidth seconds,
// however much else is under way. A machine costs its price from the start of its first task to the end of its last.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

struct Problem {
    struct Edge {
        int task;
        double bytes, seconds;
    };
    int tasks = 0, machines = 0, edges = 0;
    double latency = 0, bandwidth = 0;
    std::vector<double> speed, price, work;
    std::vector<std::vector<Edge>> before, after;

    explicit Problem(const std::string& path) {
        std::ifstream file(path);
        file >> tasks >> machines >> edges >> latency >> bandwidth;
        speed.resize(machines), price.resize(machines), work.resize(tasks), before.resize(tasks), after.resize(tasks);
        for (int m = 0; m < machines; m++) file >> speed[m] >> price[m];
        for (int t = 0; t < tasks; t++) file >> work[t];
        for (int e = 0; e < edges; e++) {
            int from, to;
            double bytes;
            file >> from >> to >> bytes;
            if (!file || from < 0 || to < 0 || from >= tasks || to >= tasks) break;
            const double seconds = latency + bytes / bandwidth;
            before[to].push_back({from, bytes, seconds}), after[from].push_back({to, bytes, seconds});
        }
        if (!file) {
            std::cerr << path << ": not a problem\n";
            std::exit(2);
        }
    }

    double seconds(int task, int machine) const { return work[task] / speed[machine]; }

    std::vector<int> topological() const {
        std::vector<int> order, waiting(tasks);
        for (int t = 0; t < tasks; t++)
            if ((waiting[t] = int(before[t].size())) == 0) order.push_back(t);
        for (size_t i = 0; i < order.size(); i++)
            for (const auto& edge : after[order[i]])
                if (--waiting[edge.task] == 0) order.push_back(edge.task);
        return order;
    }

    /// Seconds from the start of each task to the end of the job, for given seconds of a task of work 1; with transfers or not.
    std::vector<double> ranks(double pace, bool transfers) const {
        const auto order = topological();
        std::vector<double> rank(tasks);
        for (auto t = order.rbegin(); t != order.rend(); ++t) {
            for (const auto& edge : after[*t])
                rank[*t] = std::max(rank[*t], (transfers ? edge.seconds : 0) + rank[edge.task]);
            rank[*t] += work[*t] * pace;
        }
        return rank;
    }

    /// Tasks by falling upward rank with mean times: Topcuoglu, Hariri and Wu, *HEFT* (2002).
    std::vector<int> ranked() const {
        double pace = 0;
        for (double s : speed) pace += 1 / s / machines;
        const auto rank = ranks(pace, true);
        auto order = topological();
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return rank[a] > rank[b]; });
        return order;
    }
};

/// Tasks placed one after the other, each in the first gap of its machine where it fits.
struct Partial {
    struct Slot {
        double start, end;
        int task;
    };
    std::vector<std::vector<Slot>> machine;
    std::vector<double> end;
    std::vector<int> place;
    double makespan = 0, cost = 0;

    explicit Partial(const Problem& p) : machine(p.machines), end(p.tasks), place(p.tasks, -1) {}

    /// When a task could start on a machine, not before `ready`.
    double start(const Problem& p, int task, int m, double ready = 0) const {
        for (const auto& edge : p.before[task])
            ready = std::max(ready, end[edge.task] + (place[edge.task] == m ? 0 : edge.seconds));
        const auto& slots = machine[m];
        auto next = std::partition_point(slots.begin(), slots.end(), [&](const Slot& s) { return s.end <= ready; });
        for (; next != slots.end() && next->start < ready + p.seconds(task, m); ++next) ready = std::max(ready, next->end);
        return ready;
    }

    /// What a machine costs more if it also works from `from` to `to`.
    double added(const Problem& p, int m, double from, double to) const {
        const auto& slots = machine[m];
        const double rate = p.price[m] / 3600;
        if (slots.empty()) return rate * (to - from);
        return rate * (std::max(0.0, slots.front().start - from) + std::max(0.0, to - slots.back().end));
    }

    void put(const Problem& p, int task, int m, double from) {
        const double to = from + p.seconds(task, m);
        cost += added(p, m, from, to);
        makespan = std::max(makespan, to);
        auto& slots = machine[m];
        auto next = std::partition_point(
            slots.begin(), slots.end(), [&](const Slot& s) { return s.start < from || (s.start == from && s.end <= from); });
        slots.insert(next, {from, to, task});
        end[task] = to, place[task] = m;
    }

    void print(double seconds) const {
        std::printf("{\"makespan\": %.17g, \"cost\": %.17g, \"seconds\": %.9g, \"machines\": [", makespan, cost, seconds);
        for (size_t m = 0; m < machine.size(); m++) {
            std::printf(m ? ", [" : "[");
            for (size_t i = 0; i < machine[m].size(); i++) std::printf(i ? ", %d" : "%d", machine[m][i].task);
            std::printf("]");
        }
        std::printf("]}\n");
    }
};

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
