// simgrid_check PROBLEM SCHEDULE [--only-tasks]: replays a schedule in SimGrid; one line of JSON.
//
// SCHEDULE has one line a machine, its tasks in their order. A host for each machine; between any two a link of their own, whose
// bandwidth every transfer has to itself (FATPIPE), with the plain model of latency and bandwidth (CM02) and none of SimGrid's
// corrections for TCP. An activity is made when nothing is left that it waits for: started all at once, a hundred thousand of
// them take hours. --only-tasks leaves the transfers out. Built with: g++ -O2 -std=c++17 simgrid_check.cpp -lsimgrid
#include <simgrid/s4u.hpp>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>
#include <unordered_map>

#include "problem.hpp"

namespace sg4 = simgrid::s4u;

namespace {
class Replay {
    struct Running {
        sg4::ActivityPtr activity;
        int task;
        bool isTransfer;
    };
    const Problem& p;
    const bool transfers;
    const std::vector<sg4::Host*>& hosts;
    std::vector<int> place, next, waiting;
    std::unordered_map<const sg4::Activity*, Running> running;
    Running last;

    void start(sg4::ActivityPtr activity, int task, bool isTransfer) {
        activities++;
        running[activity.get()] = {activity, task, isTransfer};
        activity->start();
    }

    void arrived(int task) {
        if (--waiting[task] > 0) return;
        start(sg4::Exec::init()->set_flops_amount(p.work[task])->set_host(hosts[place[task]]), task, false);
    }

    void finished(int task) {
        makespan = std::max(makespan, sg4::Engine::get_clock());
        if (next[task] >= 0) arrived(next[task]);
        for (const auto& edge : p.after[task]) {
            if (!transfers || place[edge.task] == place[task]) arrived(edge.task);
            else
                start(
                    sg4::Comm::sendto_init(hosts[place[task]], hosts[place[edge.task]])->set_payload_size(edge.bytes),
                    edge.task, true);
        }
    }

public:
    long activities = 0;
    double makespan = 0;

    Replay(const Problem& p, bool transfers, const std::vector<sg4::Host*>& hosts, std::ifstream schedule)
        : p(p), transfers(transfers), hosts(hosts), place(p.tasks, -1), next(p.tasks, -1), waiting(p.tasks, 1) {
        std::string line;
        for (int m = 0; m < p.machines && std::getline(schedule, line); m++) {
            std::istringstream tasks(line);
            for (int task, last = -1; tasks >> task; last = task) {
                place.at(task) = m;
                if (last >= 0) next[last] = task, waiting[task]++;
            }
        }
        for (int t = 0; t < p.tasks; t++) {
            if (place[t] < 0) throw std::invalid_argument("a task is not in the schedule");
            waiting[t] += int(p.before[t].size());
        }
    }

    void run(sg4::Engine& engine) {
        sg4::Activity::on_completion_cb([this](const sg4::Activity& activity) {
            // It lives until the next one ends: SimGrid is not done with it yet.
            auto found = running.find(&activity);
            last = std::move(found->second);
            running.erase(found);
            if (last.isTransfer) arrived(last.task);
            else finished(last.task);
        });
        for (int t = 0; t < p.tasks; t++) arrived(t);
        engine.run();
    }
};

double residentBytes() {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return double(pages) * double(sysconf(_SC_PAGESIZE));
}
}  // namespace

int main(int count, char** arguments) {
    sg4::Engine engine(&count, arguments);
    if (count < 3) return 2;
    for (const char* option :
         {"network/model:CM02", "network/latency-factor:1", "network/bandwidth-factor:1", "network/weight-S:0",
          "network/TCP-gamma:0", "surf/precision:1e-12", "maxmin/precision:1e-12"})
        sg4::Engine::set_config(option);
    const Problem p(arguments[1]);
    const bool transfers = count < 4 || std::string(arguments[3]) != "--only-tasks";
    std::vector<sg4::Host*> hosts;
    auto* zone = sg4::create_full_zone("machines");
    for (int m = 0; m < p.machines; m++) hosts.push_back(zone->create_host("m" + std::to_string(m), p.speed[m]));
    for (int a = 0; transfers && a < p.machines; a++)
        for (int b = 0; b < p.machines; b++) {
            if (a == b) continue;
            auto* link = zone->create_link(std::to_string(a) + ">" + std::to_string(b), p.bandwidth)
                             ->set_latency(p.latency)->set_sharing_policy(sg4::Link::SharingPolicy::FATPIPE)->seal();
            zone->add_route(
                hosts[a]->get_netpoint(), hosts[b]->get_netpoint(), nullptr, nullptr,
                {sg4::LinkInRoute(link)}, false);
        }
    zone->seal();

    const double before = residentBytes(), begin = now();
    Replay replay(p, transfers, hosts, std::ifstream(arguments[2]));
    replay.run(engine);
    const double seconds = now() - begin;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf(
        "{\"makespan\": %.17g, \"activities\": %ld, \"seconds\": %.9g, \"bytes\": %.0f}\n", replay.makespan,
        replay.activities, seconds, double(usage.ru_maxrss) * 1024 - before);
}
