"""Makes problems.json and best_known.json beside this file: python3 make.py

Random workflows of five or six tasks on two or three machines that run one task at a time and need time to pass files on. The
optimum is found by trying all orders and machines (branch and bound), HEFT as Topcuoglu et al. (2002) describe it: upward
ranks with mean times, insertion into gaps. No part of Almanac is used.
"""
import json
import os
import random

BANDWIDTH, LATENCY = 1e8, 1.0


def problem(seed):
    rng = random.Random(seed)
    count = rng.choice([5, 6])
    seconds = [float(rng.randint(10, 300)) for _ in range(count)]
    sizes = [float(rng.choice([0, 1, 5, 20])) * 1e9 for _ in range(count)]
    parents = [sorted(rng.sample(range(task), min(task, rng.randint(0, 2)))) for task in range(count)]
    speeds = [1.0, 2.0, 3.5][: rng.choice([2, 3])]
    return seconds, sizes, parents, speeds


def transfer(size):
    return LATENCY + size / BANDWIDTH


def optimum(seconds, sizes, parents, speeds, bound):
    """The least makespan, and the tasks of each machine in order."""
    count, best, schedule = len(seconds), [bound], [None]

    def extend(places, ends, free):
        if len(places) == count:
            if max(ends.values()) < best[0]:
                best[0] = max(ends.values())
                schedule[0] = [sorted((t for t in places if places[t] == m), key=ends.get) for m in range(len(speeds))]
            return
        for task in range(count):
            if task in places or any(p not in places for p in parents[task]):
                continue
            for machine, speed in enumerate(speeds):
                ready = max(
                    [ends[p] + (0 if places[p] == machine else transfer(sizes[p])) for p in parents[task]], default=0)
                end = max(ready, free[machine]) + seconds[task] / speed
                if end < best[0]:
                    extend({**places, task: machine}, {**ends, task: end}, free[:machine] + [end] + free[machine + 1:])

    extend({}, {}, [0.0] * len(speeds))
    return best[0], schedule[0]


def heft(seconds, sizes, parents, speeds):
    count = len(seconds)
    mean = [sum(s / v for v in speeds) / len(speeds) for s in seconds]
    apart = 1 - 1 / len(speeds)  # the share of pairs of machines that are two
    children = [[c for c in range(count) if task in parents[c]] for task in range(count)]
    rank = [0.0] * count
    for task in reversed(range(count)):
        rank[task] = mean[task] + max([apart * transfer(sizes[task]) + rank[c] for c in children[task]], default=0)
    busy, place, ends = [[] for _ in speeds], {}, {}
    for task in sorted(range(count), key=lambda t: -rank[t]):
        options = []
        for machine, speed in enumerate(speeds):
            ready = max([ends[p] + (0 if place[p] == machine else transfer(sizes[p])) for p in parents[task]], default=0)
            length, start = seconds[task] / speed, ready
            for begin, end in sorted(busy[machine]):
                if start + length <= begin:
                    break
                start = max(start, end)
            options.append((start + length, machine, start))
        end, machine, start = min(options)
        busy[machine].append((start, end))
        place[task], ends[task] = machine, end
    return max(ends.values())


here = os.path.dirname(os.path.abspath(__file__))
problems, known = [], {}
for seed in range(12):
    seconds, sizes, parents, speeds = problem(seed)
    count, name = len(seconds), f"tiny{seed:02}"
    tasks = [
        {
            "id": f"t{t}", "parents": [f"t{p}" for p in parents[t]], "inputFiles": [f"f{p}" for p in parents[t]],
            "outputFiles": [f"f{t}"],
        } for t in range(count)
    ]
    workflow = {
        "specification": {
            "tasks": tasks, "files": [{"id": f"f{t}", "sizeInBytes": sizes[t]} for t in range(count)]},
        "execution": {"tasks": [{"id": f"t{t}", "runtimeInSeconds": seconds[t]} for t in range(count)]},
    }
    pool = {
        "machines": [{"id": f"m{m}", "speed": v, "price_per_hour": v} for m, v in enumerate(speeds)],
        "network": {"bandwidth_bytes_per_s": BANDWIDTH, "latency_s": LATENCY},
    }
    bound = heft(seconds, sizes, parents, speeds)
    best, schedule = optimum(seconds, sizes, parents, speeds, bound * (1 + 1e-9))
    orders = {"machines": {f"m{m}": [f"t{t}" for t in tasks] for m, tasks in enumerate(schedule)}}
    for kind, value in (("workflows", {"workflow": workflow}), ("pools", pool), ("best", orders)):
        os.makedirs(f"{here}/{kind}", exist_ok=True)
        with open(f"{here}/{kind}/{name}.json", "w") as file:
            json.dump(value, file)
            file.write("\n")
    problems.append({"id": name, "workflow": f"workflows/{name}.json", "pool": f"pools/{name}.json"})
    known[name] = {"best_known": best, "lower_bound": best, "heft_saga": bound}
for name, value in (("problems", {"problems": problems}), ("best_known", known)):
    with open(f"{here}/{name}.json", "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
