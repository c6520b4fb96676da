// heft PROBLEM...: HEFT with insertion in plain C++, one line of JSON a problem.
//
// Source: Topcuoglu, Hariri and Wu, *Performance-effective and low-complexity task scheduling for heterogeneous computing*
// (2002).
#include "problem.hpp"

int main(int count, char** arguments) {
    for (int i = 1; i < count; i++) {
        const Problem p(arguments[i]);
        const double begin = now();
        Partial schedule(p);
        for (int task : p.ranked()) {
            int best = 0;
            double start = 0, end = std::numeric_limits<double>::infinity();
            for (int m = 0; m < p.machines; m++) {
                const double from = schedule.start(p, task, m);
                if (from + p.seconds(task, m) < end) start = from, end = from + p.seconds(task, m), best = m;
            }
            schedule.put(p, task, best, start);
        }
        schedule.print(now() - begin);
    }
}
