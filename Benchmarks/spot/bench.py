#!/usr/bin/env python3
"""One job under a deadline on recorded spot markets: our plan, published rules, and an independent simulator; a row per target.

  bench.py --ours PROGRAM --json FILE [--data DIR] [--only W2|W6|P|checkpoints]

DIR/spot/traces, or DIR, holds availability/ and preemption/, with vm-lifetimes/ and h100/ beside it; without --data, ALMANAC_SHARED_DATA names it. A plan for a zone
has learnt from the other zones of its set alone. Costs are shares of those on demand from the first tick.
"""
import argparse, json, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Set, starts: target, its stand-in for a larger sample, what the prototype reached.
SETS = [("W2", 300, 0.6475, 0.6473), ("W6", 40, 0.6015, 0.6015), ("P", 20, 0.600, 0.6007), ("P", 100, 0.606, 0.6085)]
RULES = {"od": "on demand", "greedy": "greedy", "eager": "eager", "up_idle": "Uniform Progress, idle when ahead",
         "up_eager": "Uniform Progress without hysteresis", "up": "Uniform Progress"}
rows = []


def add(work, ours, anchor, value, target, holds):
    ratio = round(ours / value, 4) if value else None
    rows.append({"work": work, "ours": ours, "anchor": anchor, "anchor_value": value, "ratio": ratio, "target": target,
                 "holds": bool(holds)})
    show = lambda x: "–" if x is None else f"{x:.5g}"
    print(f"| {work} | {show(ours)} | {anchor} | {show(value)} | {show(ratio)} | {target} | {'✓' if holds else '✗'} |", flush=True)


def lines(command, part, name, starts):
    done = subprocess.run([*command, part, options.data, name, str(starts)], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def cells(answers):
    """{policy: {(trace, deadline, changeover): answer}}"""
    found = {}
    for answer in answers:
        key = (os.path.basename(answer["trace"]), answer["deadline"], answer["changeover"])
        found.setdefault(answer["policy"], {})[key] = answer
    return found


def mean(answers): return statistics.mean(answer["cost"] for answer in answers.values())


def measure(name, starts, target, reached):
    print(f"spot: {name}, {starts} starts", file=sys.stderr, flush=True)
    ours, theirs = cells(lines([options.ours], "policies", name, starts)), cells(lines(peer, "policies", name, starts))
    work = f"{name}, {starts} starts"
    plan, up = ours["plan"], ours["up"]
    add(f"{work}: mean cost of the plan", mean(plan), "prototype", reached, f"at most {target}", mean(plan) <= target)
    best = min(RULES, key=lambda rule: mean(theirs[rule]))
    add("… the best published rule", mean(plan), RULES[best], mean(theirs[best]), "below it", mean(plan) < mean(theirs[best]))
    misses = sum(answer["misses"] for policy in ours.values() for answer in policy.values())
    add("… deadlines missed, all rules and starts", misses, "none", 0, "0", misses == 0)
    worse = max(plan[key]["cost"] - up[key]["cost"] for key in plan)
    add(f"… most above Uniform Progress in a cell of {len(plan)} (zone, deadline, changeover)", worse, "none", None, "at most 0.005",
        worse <= 0.005)
    grid = {}
    for key in plan: grid.setdefault(key[1:], []).append(plan[key]["cost"] - up[key]["cost"])
    above = max(statistics.mean(differences) for differences in grid.values())
    add(f"… in a cell of {len(grid)} (deadline, changeover)", above, "none", None, "at most 0", above <= 0)
    difference = max(abs(ours[rule][key]["cost"] - answer["cost"]) for rule in RULES for key, answer in theirs[rule].items())
    add("… greatest difference of rules from the independent simulator", difference, "numba", 0, "at most 1e-9", difference <= 1e-9)
    if starts == 100: return
    rate = lambda policy: sum(a["hours"] for a in policy.values()) / sum(a["seconds"] for a in policy.values())
    for rule in ("up", "greedy"):
        a, b = rate(ours[rule]), rate(theirs[rule])
        add(f"… simulated hours a second, {RULES[rule]}", a, "numba", b, "at least 1 ×", a >= b)
    tables, before = lines([options.ours], "plans", name, 0), lines(peer, "plans", name, 0)
    a, b = statistics.mean(t["seconds"] for t in tables), statistics.mean(t["seconds"] for t in before)
    add("… seconds for a plan with the prototype's classes of age, mean", a, "prototype, numba", b, "at most 0.2 ×", a <= 0.2 * b)
    made = sum(a["plans"] for a in plan.values())
    add("… the plans that were used, with twice as many classes", sum(a["planSeconds"] for a in plan.values()) / made,
        f"{made} plans", None, "none", True)
    decision = max(t["decision"] for t in tables) * 1e6
    add("… µs for a decision, with what is learnt from its tick", decision, "none", None, "at most 50", decision <= 50)
    [optimum], [other] = lines([options.ours], "optima", name, starts), lines(peer, "optima", name, starts)
    add("… the optimum with all known", optimum["optimum"], "numba", other["optimum"], "the same",
        abs(optimum["optimum"] - other["optimum"]) < 1e-9)
    add("… its seconds", optimum["seconds"], "numba", other["seconds"], "none", True)


def checkpoints():
    for answer in lines([options.ours], "checkpoints", "P", 0):
        work = f"a day's work on {answer['set']}, hours expected with our checkpoints"
        hours = answer["ours"] / 3600
        add(work, hours, "optimum, finer grid", answer["optimum"] / 3600, "at most 1.01 ×", answer["ours"] <= 1.01 * answer["optimum"])
        for rule, seconds in answer["rules"].items():
            add("…", hours, rule, seconds / 3600, "at most it", answer["ours"] <= seconds)
        add("… seconds to plan them", answer["seconds"], "none", None, "none", True)


def main():
    global options, peer
    arguments = argparse.ArgumentParser()
    for name in ("ours", "json"): arguments.add_argument("--" + name, required=True)
    arguments.add_argument("--data", default=os.environ.get("ALMANAC_SHARED_DATA"))
    arguments.add_argument("--only", choices=["W2", "W6", "P", "checkpoints"])
    options = arguments.parse_args()
    if not options.data: sys.exit("spot: name the folder of recorded traces with --data or ALMANAC_SHARED_DATA")
    if os.path.isdir(os.path.join(options.data, "spot", "traces")): options.data = os.path.join(options.data, "spot", "traces")
    peer = [sys.executable, os.path.join(HERE, "peers", "measure.py")]
    print("| work | ours | anchor | anchor value | ratio | target | holds |\n|---|---:|---|---:|---:|---|---|")
    for name, starts, target, reached in SETS:
        if options.only in (None, name): measure(name, starts, target, reached)
    if options.only in (None, "checkpoints"): checkpoints()
    with open(options.json, "w") as file: json.dump({"area": "spot", "rows": rows}, file, indent=1)
    print("\nCosts are shares of running on demand from the first tick; what a zone's plan knows comes from the other zones of its set. "
          "Seconds are of one processor.")


main()
