#!/usr/bin/env python3
"""Our predictions of tasks beside their peers, on the protocols of the papers; one row per target.

  bench.py --ours PROGRAM --work FOLDER --json FILE [--data DIR] [--only PART]

DIR holds `executions` and `cloud-configs`, or is laid out like the former itself; without --data,
ALMANAC_SHARED_DATA names it. The parts:

  sizey      memory requests while runs arrive: 30 % history, the rest one by one; wasted GB·h (Sizey's protocol), given the bytes
             that each task read, as published, and without them
  killed     memory requests after a history of which 10, 30 or 50 % were killed at their limit, generated and real
  lotaru     run times on machines that never ran the tasks, from six small runs on another (Lotaru's protocol)
  next       run time and peak memory of the last 30 % of each task type, learnt from the first 70 %: by what is known before a
             task starts, and, as published, given the bytes that it read
  intervals  the 90 % intervals of the same
  scout      the cheapest cloud configuration after six probes

Peers are run anew in the same command: peers/task_prediction_baselines.py is an own implementation of the published
methods and protocols. Seeds of `sizey` and starts of `scout` are other ones than those used while building.
"""
import argparse, contextlib, glob, io, json, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "peers"))
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
import task_prediction_baselines as peers

SEEDS = range(11, 21)
rows = []


def note(text):
    print(text, file=sys.stderr, flush=True)


def quietly(function, *arguments, **options):
    """The peers print tables of their own; here only their values count."""
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments, **options)


def add(work, ours, anchor, value, target, holds, ratio=None):
    ratio = ours / value if ratio is None and value else ratio
    rows.append({"work": work, "ours": float(ours), "anchor": anchor, "anchor_value": None if value is None else float(value),
                 "ratio": None if ratio is None else round(float(ratio), 4), "target": target, "holds": bool(holds)})


def ours(args, part, table, *extra):
    """Our answers to a table of questions."""
    path = os.path.join(args.work, part + ".csv")
    table.to_csv(path, index=False)
    done = subprocess.run([args.ours, part, path, *extra], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


# ---------------------------------------------------------------- memory requests
def sizey(args):
    parts, found = [], []
    files = sorted(glob.glob(os.path.join(args.executions, "sizey", "trace_*.csv*")))
    for seed in SEEDS:
        note(f"sizey: seed {seed}")
        baselines = quietly(peers.sizey, [args.executions], seed, "rss", forests=False)
        baselines = baselines[baselines.method != "Workflow presets"]
        found.append(baselines.groupby(["wf", "method"])[["waste", "fail", "n"]].sum().assign(seed=seed))
        for path in files:
            workflow = os.path.basename(path).split("_")[1].split(".")[0]
            d = pd.read_csv(path, low_memory=False)
            for column in ("rss", "rchar"): d[column] = pd.to_numeric(d[column], errors="coerce")
            for process in d.process.unique():
                g = d[(d.process == process) & (d.rss > 0)]
                if len(g) < 34 or (g.realtime == 0).any(): continue
                history, online = train_test_split(g, test_size=0.7, random_state=seed)
                for part, flag in ((history, 0), (online, 1)):
                    parts.append(pd.DataFrame({"seed": seed, "workflow": workflow, "process": process.replace(",", " "), "online": flag,
                                               "size": part.rchar, "peak": part.rss, "seconds": part.realtime / 1000}))
    table = pd.concat(parts)
    theirs = pd.concat(found).reset_index()
    for given, questions in (("", table.assign(size=np.nan)), (" given the bytes read", table)):
        judge_requests(given, pd.DataFrame(ours(args, "sizey", questions)).groupby(["workflow", "seed"])[["wasted", "failed", "tasks"]].sum(), theirs)


def judge_requests(given, mine, theirs):
    ratios, shares = [], []
    for workflow, m in mine.groupby(level=0):
        m = m.droplevel(0)
        t = theirs[theirs.wf == workflow]
        best = t.groupby("seed").waste.min()
        ratio = m.wasted / best
        ratios += list(ratio)
        share = m.failed.sum() / m.tasks.sum()
        shares.append(share)
        name = t.groupby("method").waste.median().idxmin().strip()
        add(f"memory requests{given}, {workflow}: wasted GB·h, median of {len(SEEDS)} seeds", m.wasted.median(), f"best of {t.method.nunique()} per seed, mostly {name}",
            best.median(), "(see the median)", ratio.median() <= 1, ratio.median())
        seen = t[t.method == "MaxSeen"]
        add(f"memory requests{given}, {workflow}: failed tries per task", share, "most seen", seen.fail.sum() / seen.n.sum(), "at most 0.03", share <= 0.03)
    middle = statistics.median(ratios)
    add(f"memory requests{given}: wastage against the best published (given the bytes read) or most seen, median over workflows and seeds", middle, "the best of each", 1,
        "at most 0.65, and at most 0.03 failed tries", middle <= 0.65 and max(shares) <= 0.03)


# ---------------------------------------------------------------- memory requests after kills
def generated():
    """(name, needs in bytes, seconds) of types whose needs spread in ways of real ones; the seed is part of the protocol."""
    random = np.random.default_rng(20260)
    for index in range(24):
        kind, n = ["lognormal", "uniform", "narrow", "two modes"][index % 4], 200
        needs = {"lognormal": lambda: random.lognormal(2.77, 0.3, n), "uniform": lambda: random.uniform(1, 6.7, n),
                 "narrow": lambda: random.lognormal(1, 0.05, n),
                 "two modes": lambda: np.where(random.random(n) < 0.7, random.normal(4, 0.1, n), random.normal(7, 0.3, n))}[kind]()
        yield "generated", f"{kind} {index}", needs * 2**30, random.uniform(600, 6000, n)


def recorded(args):
    for path in sorted(glob.glob(os.path.join(args.executions, "sizey", "trace_*.csv*"))):
        d = pd.read_csv(path, low_memory=False)
        for column in ("peak_rss", "realtime"): d[column] = pd.to_numeric(d[column], errors="coerce")
        d = d[(d.peak_rss > 0) & (d.realtime > 0)].sort_values("submit", kind="stable")
        for process, g in d.groupby("process"):
            if len(g) >= 40: yield os.path.basename(path).split("_")[1].split(".")[0], process.replace(",", " "), g.peak_rss.to_numpy(float), g.realtime.to_numpy(float) / 1000


def killed(args):
    parts = []
    for workflow, kind, needs, seconds in list(generated()) + list(recorded(args)):
        half = len(needs) // 2
        for share in (0.1, 0.3, 0.5):
            # The limit that kills this share of the first half.
            limit = np.quantile(needs[:half], 1 - share)
            later = np.arange(len(needs)) >= half
            dead = (needs > limit) & ~later
            if dead.any(): parts.append(pd.DataFrame({"workflow": workflow, "share": f"{share:.0%}", "type": kind, "next": later.astype(int), "killed": dead.astype(int),
                                                      "need": needs, "had": np.minimum(needs, np.where(later, needs, limit)), "seconds": seconds}))
    found = pd.DataFrame(ours(args, "killed", pd.concat(parts)))
    found["real"] = np.where(found.workflow == "generated", "generated", "real")
    for name, g in found.groupby("real"):
        by = g.groupby(["workflow", "share"])[["tasks", "failed", "failedKnowing", "wasted", "wastedKnowing"]].sum()
        worst, knowing = (by.failed / by.tasks).max(), (by.failedKnowing / by.tasks).max()
        add(f"requests after 10 to 50 % were killed, {name}: failed next tries at risk 5 %, the worst workflow and share", worst, "who knows the need", knowing, "at most 0.07", worst <= 0.07)
        ratios = by.wasted / by.wastedKnowing
        for which, ratio in (("median over workflows and shares", ratios.median()), ("the worst workflow and share", ratios.max())):
            add(f"requests after 10 to 50 % were killed, {name}: wasted GB·h, {which}", ratio, "who knows the need", 1, "at most 1.15 of it", ratio <= 1.15)


# ---------------------------------------------------------------- run times on other machines
def lotaru(args):
    d = quietly(peers.lotaru, [args.executions])
    if d is None: return note("lotaru: there are no such data")
    folder = os.path.join(args.executions, "lotaru")
    scores = []
    for path in sorted(glob.glob(os.path.join(folder, "benchmarks", "bio-bench-*.csv"))):
        t = pd.read_csv(path)
        t.columns = ["workflow", "task", "machine", "r1", "r2", "r3"]
        machine = os.path.basename(path)[len("bio-bench-"):-len(".csv")]
        for _, row in t.drop_duplicates(["workflow", "task"]).iterrows():
            seconds = np.median([row.r1, row.r2, row.r3])
            if seconds > 0: scores.append((machine, f"{row.workflow}|{row.task}".lower(), 1 / seconds))
    general = pd.read_csv(os.path.join(folder, "benchmarks", "lotaru-g.csv"))
    for _, row in general.iterrows(): scores += [(row.node, "cpu", row.cpu_score), (row.node, "disk", row.io_score)]
    known = set(peers.MACHINES.values())
    path = os.path.join(args.work, "scores.csv")
    pd.DataFrame([s for s in scores if s[0] in known], columns=["machine", "work", "speed"]).to_csv(path, index=False)
    table, keys = [], []
    for directory in sorted(glob.glob(os.path.join(folder, "local", "results_*"))):
        workflow = os.path.basename(directory)[len("results_"):]
        load = lambda m: pd.read_csv(glob.glob(os.path.join(folder, m, "results_" + workflow, "*.csv"))[0])
        local = load("local")
        for experiment in (1, 2):
            training = local[local.Label.str.contains(f"train-{experiment}")].groupby("Task", sort=False).head(6)
            for _, r in training.iterrows():
                table.append((f"{workflow}{experiment}", f"{workflow}|{r.Task}".lower(), 0, "local", r.TaskInputSizeUncompressed, r.Realtime / 1000))
            for name, machine in peers.MACHINES.items():
                test = load(name)
                test = test[test.Label.str.contains("test") & test.Task.isin(set(training.Task))]
                for _, r in test.iterrows():
                    table.append((f"{workflow}{experiment}", f"{workflow}|{r.Task}".lower(), 1, machine, r.TaskInputSizeUncompressed, r.Realtime / 1000))
                    keys.append((workflow, machine, r.Realtime / 1000))
    predicted = ours(args, "lotaru", pd.DataFrame(table, columns=["set", "type", "test", "machine", "size_bytes", "value"]), path)["predicted"]
    mine = pd.DataFrame(keys, columns=["wf", "machine", "y"])
    mine["ape"] = (np.array(predicted) - mine.y).abs() / mine.y
    mine, d = mine[mine.machine != "local"], d[d.machine != "local"]
    base = d[d.model == "Lotaru-A"]
    assert len(base) == len(mine), "the same predictions are compared"
    for workflow in sorted(mine.wf.unique()):
        a, b = (100 * t[t.wf == workflow].ape.median() for t in (mine, base))
        add(f"run time on five other machines, {workflow}: MdAPE %", a, "Lotaru-A", b, "(see all)", a <= b)
    general = 100 * d[d.model == "Lotaru-G"].ape.median()
    add("run time on five other machines, all workflows: MdAPE %", 100 * mine.ape.median(), "Lotaru-G", general, "(see below)", 100 * mine.ape.median() <= general)
    a, b = 100 * mine.ape.median(), 100 * base.ape.median()
    add("run time on five other machines, all workflows: MdAPE %", a, "Lotaru-A", b, "at most 0.85 of it", a <= 0.85 * b)


# ---------------------------------------------------------------- history → next
def histories(args):
    """(name, table, size, target, other features, time) as the peers see them."""
    for path in sorted(glob.glob(os.path.join(args.executions, "sizey", "trace_*.csv*"))):
        workflow = os.path.basename(path).split("_")[1].split(".")[0]
        d = pd.read_csv(path, low_memory=False)
        d = d[d.status == "COMPLETED"]
        for column in ("rss", "peak_rss", "memory", "rchar", "realtime", "cpus"): d[column] = pd.to_numeric(d[column], errors="coerce")
        d = d.dropna(subset=["rchar", "peak_rss"])
        # The sizes of inputs were not recorded, what a task read is known only after it.
        d["nothing"] = 0.0
        for given, size in (("", "nothing"), (" given the bytes read", "rchar")):
            yield f"{workflow}{given}, run time", d[d.realtime > 0], size, "realtime", ["cpus", "memory"], "submit"
            yield f"{workflow}{given}, peak memory", d, size, "peak_rss", ["cpus", "memory"], "submit"
    for path in sorted(glob.glob(os.path.join(args.executions, "ksegments", "*_tasks.csv"))):
        workflow = os.path.basename(path).split("_")[0]
        d = pd.read_csv(path).dropna(subset=["peak_memory_mb", "files_input_total_size_bytes"])
        for name, target in (("run time", "span_s"), ("peak memory", "peak_memory_mb")):
            yield f"{workflow}, {name}", d, "files_input_total_size_bytes", target, ["files_input_num", "max_cpus"], "first_sample_utc"


def history(args, want):
    parts, actual, known, base = [], {}, {}, {}
    for name, d, size, target, others, time in histories(args):
        note(f"next: {name}")
        d = d[d[target] > 0].copy()
        d = d[d.groupby("process")[target].transform("size") >= 20].sort_values(time, kind="stable")
        k, m = d.groupby("process").cumcount(), d.groupby("process")[target].transform("size")
        test = (k >= np.floor(0.7 * m)).astype(int)
        parts.append(pd.DataFrame({"set": name.replace(",", ":"), "type": d.process.str.replace(",", " "), "test": test, "value": d[target],
                                   "size_bytes": np.nan if size == "nothing" else d[size], "cpus": d[others[0]], "requested_memory_bytes": d[others[1]]}))
        late, early = d[test == 1], d[test == 0]
        actual[name] = late[target].to_numpy(float)
        grouped = early.groupby("process")[target]
        known[name] = [late.process.map(grouped.quantile(q)).to_numpy(float) for q in (0.05, 0.95)]
        if want != "intervals": base[name] = quietly(peers.hist, name, d, size, target, others, time, pooled=False)
    answers = ours(args, "next", pd.concat(parts))
    if want != "intervals":
        ratios = {}
        for name, (y, columns) in base.items():
            assert np.array_equal(y, actual[name]), "the same rows are compared"
            errors = {k: 100 * np.median(np.abs(p - y) / y) for k, p in columns.items()}
            best = min(errors, key=errors.get)
            error = 100 * np.median(np.abs(np.array(answers[name.replace(",", ":")]["predicted"]) - y) / y)
            ratios.setdefault("given the bytes read" in name or "sarek" in name, []).append(error / errors[best])
            if "sarek" in name: ratios.setdefault(False, []).append(error / errors[best])
            add(f"next runs, {name}: MdAPE %", error, best, errors[best], "at most the best column", error <= errors[best])
        for given, text in ((False, ""), (True, " given the bytes read")):
            middle = statistics.median(ratios[given])
            add(f"next runs{text}, median over workflows and targets: MdAPE against the best column", middle, "the best of each", 1, "at most 0.9", middle <= 0.9)
    if want != "next":
        above, runs = {}, {}
        for name, y in actual.items():
            answer = answers[name.replace(",", ":")]
            lower, upper = np.array(answer["lower"]), np.array(answer["upper"])
            low, high = known[name]
            width, other = np.mean(np.log(upper / lower)), np.mean(np.log(high / low))
            cover, their = np.mean((y >= lower) & (y <= upper)), np.mean((y >= low) & (y <= high))
            add(f"90 % interval, {name}: share of runs inside", cover, "empirical per type", their, "0.87 to 0.93", 0.87 <= cover <= 0.93)
            add(f"90 % interval, {name}: mean of log(upper / lower)", width, "empirical per type", other, "narrower", width <= other)
            what = name.split(", ")[1] + (" given the bytes read" if "given the bytes read" in name else "")
            above[what] = above.get(what, 0) + np.sum(y > np.array(answer["alert"]))
            runs[what] = runs.get(what, 0) + len(y)
        for what in above:
            share = above[what] / runs[what]
            add(f"99 % alert, {what} of all workflows: share of harmless runs that raise it", share, "promised", 0.01, "at most 0.03", share <= 0.03)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--ours", "--work", "--json"): parser.add_argument(name, required=True)
    parser.add_argument("--data", default=os.environ.get("ALMANAC_SHARED_DATA"))
    parser.add_argument("--only", choices=["sizey", "killed", "lotaru", "next", "intervals", "scout"])
    args = parser.parse_args()
    if not args.data: sys.exit("prediction: name the recorded data with --data DIR or ALMANAC_SHARED_DATA (see Benchmarks/prediction/bench.py).")
    inner = os.path.join(args.data, "executions")
    args.executions = inner if os.path.isdir(inner) else args.data
    args.configurations = next((p for p in (os.path.join(args.data, "cloud-configs"), os.path.join(args.data, "..", "cloud-configs")) if os.path.isdir(p)), None)
    os.makedirs(args.work, exist_ok=True)
    if args.only in (None, "sizey"): sizey(args)
    if args.only in (None, "killed"): killed(args)
    if args.only in (None, "lotaru"): lotaru(args)
    if args.only in (None, "next", "intervals"): history(args, args.only)
    if args.only in (None, "scout"):
        import scout
        scout.run(args, add, ours, note)
    print("| work | ours | anchor | anchor value | ratio | target | holds |")
    print("|---|---:|---|---:|---:|---|---|")
    text = lambda v: "–" if v is None else f"{v:.3g}"
    for row in rows:
        print(f"| {row['work']} | {text(row['ours'])} | {row['anchor']} | {text(row['anchor_value'])} | {text(row['ratio'])} | {row['target']} | {'✓' if row['holds'] else '✗'} |")
    with open(args.json, "w") as file: json.dump({"area": "prediction", "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
