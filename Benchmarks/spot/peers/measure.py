#!/usr/bin/env python3
"""The independent simulator and the prototype of the plan, both compiled by numba; one JSON object a line.

  measure.py policies|plans|optima ROOT SET STARTS
"""
import glob, json, math, os, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import spot_dp_prototype as prototype
import spot_policy_bench as simulator

H, K = 3600, simulator.K


def jobs(name):
    pattern, work, deadlines, changeovers, _ = simulator.SETS[name]
    return [(work * H, deadline * H, round(changeover * H)) for deadline in deadlines for changeover in changeovers]


def traces(root, name):
    return sorted(glob.glob(os.path.join(root, simulator.SETS[name][0])))


def starts(count, trace, deadline, gap):
    last = len(trace) - (-(-deadline // gap) + 1)
    return [j * last // (count - 1) for j in range(count)]


def policies(root, name, count):
    for path in traces(root, name):
        a, life, gap = simulator.load(path)
        for work, deadline, changeover in jobs(name):
            for number, policy in enumerate(simulator.POL):
                if policy == "up_oracle": continue
                run = lambda start: simulator.sim(number, a, life, start, gap, work, deadline, changeover, K)
                run(0)
                began = time.process_time()
                outcomes = [run(start) for start in starts(count, a, deadline, gap)]
                seconds = time.process_time() - began
                print(json.dumps({
                    "trace": os.path.basename(path)[:-5], "deadline": deadline, "changeover": changeover, "policy": policy,
                    "cost": float(np.mean([o[0] for o in outcomes])) / (K * (work + changeover)), "seconds": seconds,
                    "misses": sum(o[6] > deadline for o in outcomes), "hours": sum(o[6] for o in outcomes) / H}))


def plans(root, name, _):
    loaded = [simulator.load(path) for path in traces(root, name)]
    gap = loaded[0][2]
    classes = prototype.nbins(gap)
    counted = [prototype.counts(a, classes) for a, _, _ in loaded[1:]]
    n, f, un, uf = (sum(c[k] for c in counted) for k in range(4))
    hazards = [prototype.shrink(*x, 3) for x in ((n[1], f[1]), (n[0], f[0]), (un[1], uf[1]), (un[0], uf[0]))]
    chain = prototype.chain("age", *hazards, classes)
    every = 1 if gap >= 400 else (2 if gap >= 100 else 8)
    unit = 60 if name == "P" else 120
    for number, (work, deadline, changeover) in enumerate(jobs(name)):
        least = math.inf
        for _ in range(2 + (number == 0)):
            began = time.process_time()
            prototype.solve(*chain, gap, work, deadline, changeover, K, unit, 2 * changeover, every)
            least = min(least, time.process_time() - began)
        print(json.dumps({"deadline": deadline, "changeover": changeover, "seconds": least}))


def optima(root, name, count):
    shares, seconds = [], 0
    for path in traces(root, name):
        a, life, gap = simulator.load(path)
        for work, deadline, changeover in jobs(name):
            unit = math.gcd(math.gcd(gap, changeover), deadline - work)
            run = lambda start: simulator.dp(a, life, start, gap, work, deadline, changeover, unit, K)
            if not shares: run(0)
            began = time.process_time()
            shares += [run(start) / (K * (work + changeover)) for start in starts(count, a, deadline, gap)]
            seconds += time.process_time() - began
    print(json.dumps({"optimum": float(np.mean(shares)), "seconds": seconds}))


{"policies": policies, "plans": plans, "optima": optima}[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
