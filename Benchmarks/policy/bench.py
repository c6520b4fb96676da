#!/usr/bin/env python3
"""Schedulers that learn beside rules that people tune, in Decima's environment; one row per target.

  bench.py --ours PROGRAM --work FOLDER --json FILE [--data DIR] [--only PART] [--cached]

DIR/tpch-dags, or DIR, holds tpch_*.json and the pinned episodes; without --data, ALMANAC_SHARED_DATA names it. The parts:

  anchors   fair sharing and first in, first out on the pinned episodes, beside what was measured in the published environment
  rule      the rule, tuned in this run on one processor, on the pinned episodes
  fresh     … on 20 fresh episodes a kind, paired with other rules
  shifted   … on episodes of other kinds than it was tuned on
  search    … adapted to each pinned batch by search in the simulator before it starts
  rate      task events a second beside a simulator in C++, built here, that was written independently
  seeds     five tunings with other seeds
  learned   a network that begins as the rule and learns for the rest of half an hour on two processors, on the pinned episodes
  learned-fresh, learned-shifted  … on fresh episodes, and on kinds that it was not trained on, paired with the rule
  network   a decision and a training of the network beside the same one in torch, if there is a Python that has it
  workflows the rule of `almanac train policy` on real workflows that come to a mixed pool, beside rules that need no learning

What is compared meets the same luck: durations depend on seed, stage and task alone. --cached takes over tunings made before.
"""
import argparse, functools, glob, gzip, json, math, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ["batch20", "stream200", "small50"]
GENERATIONS, SEEDS = 360, 5
# Of the environment spark-sched-sim with our episodes: of all batches and overloads, and of the first three streams.
PUBLISHED = {("batch20", "fair"): 103.3, ("batch20", "fifo"): 229.6, ("stream200", "fair"): 65.4, ("stream200", "fifo"): 313.9,
             ("small50", "fair"): 1087.2, ("small50", "fifo"): 1343.9}
# A rule of the same kind, tuned for 11 minutes in the simulator in C++; ratios to fair sharing.
PROTOTYPE = {"batch20": 0.790, "stream200": 0.797, "small50": 0.512}
TARGET = {"batch20": 0.795, "stream200": 0.805, "small50": 0.512}
LEARNED = {"batch20": 0.77, "stream200": 0.78, "small50": 0.50}
HALF_AN_HOUR = 3600  # seconds of two processors
PROTOTYPE_RULE = "1.40 1.01 0 0 1 0.31 0 1.57 -50 1.10 1.05 1.04 0 4.9 2.9 4.8 0.47".split()
rows = []


def note(text):
    print("policy: " + text, file=sys.stderr, flush=True)


def figure(value):
    return "–" if value is None else f"{value:.4g}"


def add(work, ours, anchor, value, target, holds=True):
    ratio = round(ours / value, 4) if value else None
    rows.append({"work": work, "ours": ours, "anchor": anchor, "anchor_value": value, "ratio": ratio, "target": target,
                 "holds": bool(holds)})
    print(f"| {work} | {figure(ours)} | {anchor} | {figure(value)} | {figure(ratio)} | {target} | {'✓' if holds else '✗'} |",
          flush=True)


def ours(part, *arguments):
    done = subprocess.run([options.ours, part, options.data, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_kind(answers):
    """{kind: {policy: outcome}}, in order; a job that is never done counts as a billion seconds."""
    found = {}
    for answer in answers:
        answer["means"] = [1e9 if mean is None else mean for mean in answer["means"]]
        found.setdefault(answer["kind"], {})[answer["policy"]] = answer
    return found


def ratios(outcome, other, of="means"):
    return [a / b for a, b in zip(outcome[of], other[of])]


def margin(values):
    """Half of the 95 % interval of a mean (Student's distribution for 20 values or more)."""
    return 2.09 * statistics.stdev(values) / math.sqrt(len(values))


@functools.cache
def trained(seed, threads=1):
    """A tuned rule's file, and what tuning it took."""
    path = os.path.join(options.work, f"rule-{seed}-{GENERATIONS}.safetensors")
    if not (options.cached and os.path.exists(path + ".json")):
        note(f"tuning with seed {seed}: {GENERATIONS} generations on {threads} processor(s)")
        [took] = ours("train", path, seed, GENERATIONS, threads)
        with open(path + ".json", "w") as file: json.dump(took, file)
    with open(path + ".json") as file: return path, json.load(file)


@functools.cache
def pinned():
    return by_kind(ours("pinned", trained(1)[0]))


def anchors():
    for (kind, policy), published in PUBLISHED.items():
        means = pinned()[kind][policy]["means"]
        mean = statistics.mean(means[:15] if kind == "stream200" else means)
        work = f"{policy} on {kind}{' (first three)' if kind == 'stream200' else ''}, mean completion in s, 5 seeds"
        add(work, mean, "spark-sched-sim", published, "within 1.2 %", abs(mean / published - 1) < 0.012)


def rule():
    path, took = trained(1)
    add(f"tuning the rule, {GENERATIONS} generations on one core, s", took["processorSeconds"], "ten minutes", 600, "at most it",
        took["processorSeconds"] <= 600)
    for kind in KINDS:
        outcomes = pinned()[kind]
        value = statistics.mean(ratios(outcomes["rule"], outcomes["fair"]))
        add(f"tuned rule on {kind}, mean ratio to fair", value, "prototype", PROTOTYPE[kind], f"at most {TARGET[kind]}",
            value <= TARGET[kind])
        name = min(("fair", "fifo", "srpt", "weighted fair"), key=lambda name: statistics.mean(outcomes[name]["means"]))
        best = statistics.mean(ratios(outcomes[name], outcomes["fair"]))
        add(f"… beside the best rule without training", value, name, best, "below it", value < best)
        tail = statistics.mean(ratios(outcomes["rule"], outcomes["fair"], "p95"))
        add(f"… 95th percentile, mean ratio to fair", tail, "fair", 1, "at most 0.82" if kind == "stream200" else "none",
            kind != "stream200" or tail <= 0.82)


def fresh():
    for kind, outcomes in by_kind(ours("fresh", trained(1)[0], 20)).items():
        own = ratios(outcomes["rule"], outcomes["fair"])
        value, before = statistics.mean(own), statistics.mean(ratios(pinned()[kind]["rule"], pinned()[kind]["fair"]))
        add(f"tuned rule on 20 fresh episodes like {kind}, ratio to fair (± {margin(own):.3f})", value, "the pinned ones", before,
            "within 0.03", abs(value - before) <= 0.03)
        for name in ("srpt", "weighted fair"):
            pairs = [a - b for a, b in zip(own, ratios(outcomes[name], outcomes["fair"]))]
            add(f"… less that of {name}, paired (± {margin(pairs):.3f})", statistics.mean(pairs), "none", None,
                "below 0 with its interval", statistics.mean(pairs) + margin(pairs) < 0)


def shifted():
    for kind, outcomes in by_kind(ours("shifted", trained(1)[0], 10)).items():
        means = {name: statistics.mean(outcome["means"]) for name, outcome in outcomes.items()}
        own = means.pop("rule")
        best = min(means, key=means.get)
        add(f"not tuned for: {kind}, mean completion in s, 10 episodes", own, best, means[best], "at most 1.03 ×",
            own <= 1.03 * means[best])


def search():
    episodes = by_kind(ours("search", trained(1)[0], 10, 10))
    def mean(name): return statistics.mean(statistics.mean(ratios(o[name], o["fair"])) for o in episodes.values())
    add("batch20 with a search of 10 s before each episode, ratio to fair", mean("searched"), "the tuned rule", mean("rule"),
        "at most 0.755", mean("searched") <= 0.755)


def rate():
    text, program = os.path.join(options.work, "prototype.txt"), os.path.join(options.work, "prototype")
    export(text)
    try:
        subprocess.run(["g++", "-O3", "-march=native", os.path.join(HERE, "peers", "prototype.cpp"), "-o", program], check=True)
    except (OSError, subprocess.CalledProcessError):
        note("the simulator in C++ cannot be built: install g++. Its rows are left out.")
        return
    own = {(answer["kind"], answer["policy"]): answer["tasksPerSecond"] for answer in ours("rate", trained(1)[0])}
    for policy, arguments in (("fair", ["0"]), ("rule", ["4", *PROTOTYPE_RULE])):
        done = subprocess.run([program, text, *arguments], check=True, stdout=subprocess.PIPE, text=True)
        for theirs in map(json.loads, done.stdout.splitlines()):
            kind, value = theirs["kind"], own[theirs["kind"], policy]
            add(f"{policy} on {kind}, task events a second of one core", value, "C++", theirs["tasksPerSecond"], "at least 1 ×",
                value >= theirs["tasksPerSecond"] and value >= 200_000)
            if policy == "fair":
                mean = statistics.mean(pinned()[kind]["fair"]["means"])
                add(f"… mean completion in s", mean, "C++", theirs["mean"], "the same", abs(mean / theirs["mean"] - 1) < 1e-6)


def export(path):
    """Writes jobs and pinned episodes as numbers, as the simulator in C++ reads them."""
    sizes = ["2g", "5g", "10g", "20g", "50g", "80g", "100g"]
    with open(path, "w") as out:
        print(22 * len(sizes), file=out)
        for size in sizes:
            with open(os.path.join(options.data, f"tpch_{size}.json")) as file: queries = json.load(file)
            for query in range(1, 23):
                job = queries[str(query)]
                print(len(job["stages"]), len(job["edges"]), file=out)
                for edge in job["edges"]: print(*edge, file=out)
                for stage in job["stages"]:
                    print(stage["tasks"], stage["rough_ms"], len(stage["execs"]), file=out)
                    for k, executors in enumerate(stage["execs"]):
                        lists = [stage[name][k] for name in ("fresh", "first", "rest")]
                        print(executors, *(" ".join(map(str, [len(one), *one])) for one in lists), file=out)
        files = sorted(glob.glob(os.path.join(options.data, "episodes", "*.json")))
        print(len(files), file=out)
        for name in files:
            with open(name) as file: episode = json.load(file)
            print(episode["episode"], episode["executors"], episode["moving_delay_ms"], episode["warmup_delay_ms"],
                  len(episode["jobs"]), file=out)
            for job in episode["jobs"]: print(job["t_ms"], sizes.index(job["size"]) * 22 + job["query"] - 1, file=out)


def seeds():
    found = {kind: [] for kind in KINDS}
    for seed in range(1, SEEDS + 1):
        outcomes = by_kind(ours("pinned", trained(seed, 1 if seed == 1 else 2)[0]))
        for kind in KINDS: found[kind].append(statistics.mean(ratios(outcomes[kind]["rule"], outcomes[kind]["fair"])))
    for kind, values in found.items():
        add(f"{SEEDS} seeds of tuning, {kind}: the worst ratio to fair", max(values), "the best", min(values),
            "within 0.01 of it", max(values) - min(values) <= 0.01)


@functools.cache
def learned_network(seed=1):
    """A network's file, and what training it took after its rule was tuned."""
    rule, took = trained(seed)
    path = os.path.join(options.work, f"network-{seed}.safetensors")
    if not (options.cached and os.path.exists(path) and os.path.getsize(path + ".json") > 0):
        budget = int(HALF_AN_HOUR - took["processorSeconds"])
        note(f"training a network with seed {seed} for {budget} s of processors")
        [answer] = ours("spark-train", rule, path, seed, budget, 2)
        with open(path + ".json", "w") as file: json.dump(answer, file)
    with open(path + ".json") as file: return path, json.load(file)


def learned():
    path, took = learned_network()
    outcomes = by_kind(ours("spark-pinned", path))
    total = took["processorSeconds"] + trained(1)[1]["processorSeconds"]
    add("tuning the rule and training the network on it, s of processors", total, "half an hour of two", HALF_AN_HOUR,
        "at most it", total <= HALF_AN_HOUR * 1.02)
    for kind in KINDS:
        found = outcomes[kind]
        value, rule = (statistics.mean(ratios(found[name], found["fair"])) for name in ("network", "rule"))
        add(f"network on the rule, {kind}, mean ratio to fair", value, "the tuned rule", rule, f"at most {LEARNED[kind]}",
            value <= LEARNED[kind])
    tail = statistics.mean(ratios(outcomes["stream200"]["network"], outcomes["stream200"]["fair"], "p95"))
    add("… 95th percentile on stream200", tail, "fair", 1, "at most 0.82", tail <= 0.82)
    [time] = ours("spark-time", path)
    add(f"… a decision with {time['candidates']} stages to choose from, one core, s", time["decisionSeconds"], "the rule",
        time["ruleSeconds"], "at most 0.0002", time["decisionSeconds"] <= 2e-4)


def learned_fresh():
    for kind, outcomes in by_kind(ours("spark-fresh", learned_network()[0], 20)).items():
        own, rule = (ratios(outcomes[name], outcomes["fair"]) for name in ("network", "rule"))
        pairs = [a - b for a, b in zip(own, rule)]
        add(f"network on 20 fresh episodes like {kind}, ratio to fair less the rule's, paired (± {margin(pairs):.4f})",
            statistics.mean(pairs), "none", None, "below 0 with its interval", statistics.mean(pairs) + margin(pairs) < 0)


def learned_shifted():
    for kind, outcomes in by_kind(ours("spark-shifted", learned_network()[0], 10)).items():
        own, best = (statistics.mean(outcomes[name]["means"]) for name in ("network", "rule"))
        add(f"network, not trained for: {kind}, mean completion in s, 10 episodes", own, "the tuned rule", best,
            "at most 1.03 ×", own <= 1.03 * best)


def network():
    python, folder = os.environ.get("TORCH_PYTHON", "python3"), os.path.join(options.work, "network")
    os.makedirs(folder, exist_ok=True)
    subprocess.run([options.ours, "network", "scene", folder], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([options.ours, "network", "time", "2"], check=True, stdout=subprocess.PIPE, text=True)
    own = json.loads(done.stdout.splitlines()[-1])
    peer = subprocess.run([python, "-W", "ignore", os.path.join(HERE, "peers", "torch_policy.py"), folder, "2"],
                          stdout=subprocess.PIPE, text=True)
    theirs = json.loads(peer.stdout.splitlines()[-1]) if peer.returncode == 0 and peer.stdout else None
    if not theirs: note("no torch in " + python + ": name a Python that has it by TORCH_PYTHON. Its rows are left out.")
    for key, work, target, better in NETWORK:
        if key not in own: continue
        value = theirs and theirs.get(key)
        holds = better(own[key], value) if value else True
        add(work, own[key], "torch" if value else "none", value, target, holds)


NETWORK = [
    ("decisionSeconds", "a decision of the network, 100 of 200 stages runnable, one core, s", "at most 0.0002 and 0.2 × torch",
     lambda own, theirs: own <= min(2e-4, 0.2 * theirs)),
    ("stepsPerSecond", "steps of the environment with gradient a second, two cores", "at least 3 × torch",
     lambda own, theirs: own >= 3 * theirs),
]


def workflows():
    """Recorded workflows of 15 to 220 tasks, one of each kind of application and size."""
    program = os.path.join(os.path.dirname(os.path.dirname(HERE)), ".build", "release", "almanac")
    if not os.path.exists(program): return note("build almanac in release first: the rows of real workflows are left out.")
    chosen = []
    for path in sorted(glob.glob(os.path.join(os.path.dirname(options.data), "workflows", "wfinstances", "**", "*.json.gz"),
                                 recursive=True)):
        with gzip.open(path) as file: tasks = json.load(file)["workflow"]["execution"]["tasks"]
        seconds = sum(task.get("runtimeInSeconds") or 0 for task in tasks)
        if 15 <= len(tasks) <= 220 and seconds > 60: chosen.append(path)
    note(f"training a policy for {len(chosen)} workflows")
    answer = subprocess.run(
        [program, "train", "policy", *chosen, "--pool", os.path.join(HERE, "pool.yaml"), "--goal", "completion", "--noise", "0.4",
         "--minutes", "15", "--episodes", "60", "--seed", "1", "--output", os.path.join(options.work, "workflows.safetensors"),
         "--json"], check=True, stdout=subprocess.PIPE, text=True)
    origin = json.loads(answer.stdout)["origin"]
    own, *others = origin["heldOut"]
    for row in others:
        add(f"mean completion of {len(chosen)} real workflows that come to a mixed pool, s ({row['ratio']:.3f} × the policy's, "
            f"{row['low']:.3f} to {row['high']:.3f})", own["mean"], row["name"], row["mean"], "at most 0.95 × it",
            1 / row["ratio"] <= 0.95 and row["low"] > 1)


PARTS = {"anchors": anchors, "rule": rule, "fresh": fresh, "shifted": shifted, "search": search, "rate": rate, "seeds": seeds,
         "learned": learned, "learned-fresh": learned_fresh, "learned-shifted": learned_shifted, "network": network, "workflows": workflows}


def main():
    global options
    arguments = argparse.ArgumentParser()
    for name in ("ours", "work", "json"): arguments.add_argument("--" + name, required=True)
    arguments.add_argument("--data", default=os.environ.get("ALMANAC_SHARED_DATA"))
    arguments.add_argument("--only", choices=PARTS)
    arguments.add_argument("--cached", action="store_true")
    options = arguments.parse_args()
    if not options.data: sys.exit("policy: name the folder of recorded jobs with --data or ALMANAC_SHARED_DATA")
    if os.path.isdir(os.path.join(options.data, "tpch-dags")): options.data = os.path.join(options.data, "tpch-dags")
    os.makedirs(options.work, exist_ok=True)
    print("| work | ours | anchor | anchor value | ratio | target | holds |\n|---|---:|---|---:|---:|---|---|")
    for name in [options.only] if options.only else PARTS: PARTS[name]()
    with open(options.json, "w") as file: json.dump({"area": "policy", "rows": rows}, file, indent=1)
    print("\nSeconds of tuning are of the processor. Ratios are means over episodes and five seeds of durations of the mean completion "
          "time divided by that of fair sharing under the same seed.")


main()
