#!/usr/bin/env python3
"""Our plans and simulations beside their peers; one row per target.

  bench.py --ours PROGRAM --venv FOLDER --work FOLDER --json FILE [--data DIR] [--only PART] [--cached]

DIR/scheduling, or DIR, holds problems.json, the problems and the best schedules known; without --data, ALMANAC_SHARED_DATA names
it. The parts:

  validity   schedules as timed by us, by the model written anew (peers/model.py), and by SimGrid
  list       plans in milliseconds beside those of SAGA: HEFT, CPoP, PEFT
  small      the same for problems whose fastest plans CP-SAT proves in this run
  plan       seconds to plan 500 tasks on 32 machines, 10,000 on 64, 100,000 on 100, and one evaluation of a changed plan
  simulator  events a second and memory of a run of 100,000 tasks on 100 machines, beside SimGrid
  allocator  seconds an event of 100,000 tasks on 1,000 instances: part `events` of the benchmark of allocation
  search     plans that one second of search on both processors finds, lower bounds, and what a move of a search takes
  long       plans that thirty seconds find
  guided     plans that one second finds from what the bundled policy proposes, beside the same search without it
  replan     makespan of runs under run times off by a factor of e^0.5, without and with reclaims, beside on-line HEFT
  deadline   cost of plans that may take 1.5 times as long as HEFT, beside HEFT, a cheapest-first greedy, MOHEFT
  pareto     hypervolume of makespan and cost, beside MOHEFT in one second

Every schedule of ours and of the peers is timed by peers/model.py: what a program says of its own schedule does not count. The peers
in C++ are built here; SimGrid needs the Debian package libsimgrid-dev, SAGA and CP-SAT the environment that `run` makes. What is
missing is said, and its rows are left out. --cached takes over the plans of SAGA that were made on this machine before.
"""
import argparse, functools, json, math, os, random, statistics, subprocess, sys

# Threads of a library that wait in a loop would count as ours; nothing that is measured here needs them.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "peers"))
import model

rows = []


def note(text):
    print("scheduling: " + text, file=sys.stderr, flush=True)


def figure(value):
    return "–" if value is None else f"{value:.4g}"


def add(work, ours, anchor, value, target, holds=True):
    ratio = round(ours / value, 4) if value else None
    rows.append({"work": work, "ours": ours, "anchor": anchor, "anchor_value": value, "ratio": ratio, "target": target,
                 "holds": bool(holds)})
    print(f"| {work} | {figure(ours)} | {anchor} | {figure(value)} | {figure(ratio)} | {target} | {'✓' if holds else '✗'} |",
          flush=True)


def mean(values):
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


# ---------------------------------------------------------------- problems and programs
def path_of(problem):
    path = os.path.join(options.work, problem.id.replace(" ", "-") + ".txt")
    problem.write(path)
    return path


@functools.cache
def shared(kind):
    """The problems of a class, with what is known of each; none without the data."""
    if not options.data:
        note("no --data and no ALMANAC_SHARED_DATA: the rows of the pinned problems are left out.")
        return []
    def read(*name):
        with open(os.path.join(options.data, *name)) as file: return json.load(file)
    known, found = read("best_known.json"), []
    for row in read("problems.json")["problems"]:
        if row["class"] != kind: continue
        problem = model.load(row["id"], os.path.join(options.data, row["workflow"]), os.path.join(options.data, row["pool"]))
        place = {task: i for i, task in enumerate(problem.tasks)}
        best = read("best", row["id"] + ".json")["machines"]
        problem.best = [[place[task] for task in best.get(machine, [])] for machine in problem.machines]
        problem.best_known, problem.lower_bound = (known[row["id"]][name] for name in ("best_known", "lower_bound"))
        problem.file = path_of(problem)
        found.append(problem)
    return found


@functools.cache
def layered(count, machines):
    problem = model.layered(count, machines, seed=1)
    problem.file = path_of(problem)
    return problem


def lines(command, **settings):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **settings)
    return [json.loads(line) for line in done.stdout.splitlines()]


@functools.cache
def peer(name, library=None, package="g++"):
    """A program in C++, built; None if it cannot be."""
    program = os.path.join(options.work, name)
    command = ["g++", "-O2", "-std=c++17", os.path.join(HERE, "peers", name + ".cpp"), "-o", program]
    try:
        subprocess.run(command + ([f"-l{library}"] if library else []), check=True, stderr=subprocess.PIPE)
    except (OSError, subprocess.CalledProcessError):
        note(f"{name} cannot be built: install the Debian package {package}. Its rows are left out.")
        return None
    return program


def ours(part, *arguments):
    return lines([options.ours, part, *map(str, arguments)])


def timed(problem, answers):
    """Sets when each schedule ends and what it costs, by the model."""
    for answer in answers: answer["said"], (answer["makespan"], answer["cost"]) = answer.get("makespan"), problem.run(answer["machines"])
    return answers


@functools.cache
def plan(problem):
    return timed(problem, ours("plan", problem.file))[0]


@functools.cache
def heft(problem):
    program = peer("heft")
    return timed(problem, lines([program, problem.file]))[0] if program else None


@functools.cache
def moheft(problem):
    program = peer("moheft")
    return timed(problem, lines([program, problem.file, "1"])) if program else []


def python(script, *arguments):
    """What a peer in Python says; nothing without its environment."""
    program = os.path.join(options.venv, "bin", "python")
    if not os.path.exists(program): return []
    return lines([program, os.path.join(HERE, "peers", script), *arguments], env={**os.environ, "PYTHONHASHSEED": "0"})


def saga(name, problems):
    """Plans of a scheduler of SAGA."""
    path = os.path.join(options.work, f"saga-{name}.json")
    kept = {}
    if options.cached and os.path.exists(path):
        with open(path) as file: kept = json.load(file)
    missing = [problem for problem in problems if problem.id not in kept]
    if missing and os.path.exists(os.path.join(options.venv, "bin", "python")):
        note(f"SAGA plans by {name}")
        for problem, answer in zip(missing, python("saga_peer.py", name, *[p.file for p in missing])): kept[problem.id] = answer
        with open(path, "w") as file: json.dump(kept, file)
    return [timed(problem, [kept[problem.id]])[0] for problem in problems if problem.id in kept]


def simgrid(problem, schedule, *flags):
    program = peer("simgrid_check", "simgrid", "libsimgrid-dev")
    if not program: return None
    path = os.path.join(options.work, "schedule.txt")
    with open(path, "w") as file: file.writelines(" ".join(map(str, tasks)) + "\n" for tasks in schedule)
    return lines([program, problem.file, path, *flags, "--log=root.thresh:warning"])[0]


# ---------------------------------------------------------------- parts
def decoded(problem, schedule):
    """What our decoder makes of a schedule."""
    place = {task: machine for machine, tasks in enumerate(schedule) for task in tasks}
    path = os.path.join(options.work, "order.txt")
    with open(path, "w") as file:
        print(*problem.order(schedule), file=file)
        print(*[place[task] for task in range(len(problem.tasks))], file=file)
    return ours("decode", problem.file, path)[0]


def validity():
    problems = shared("small") + shared("medium")
    if not problems: return
    off = lambda value, problem: abs(value / problem.best_known - 1)
    work, target = f"makespan of the {len(problems)} best schedules known: greatest relative difference", "at most 1e-9"
    differs = max(off(decoded(p, p.best)["makespan"], p) for p in problems)
    add(work, differs, "the model written anew", max(off(p.run(p.best)[0], p) for p in problems), target, differs <= 1e-9)
    if simgrid(problems[0], problems[0].best):
        theirs = max(off(simgrid(p, p.best)["makespan"], p) for p in problems)
        add(work, differs, "SimGrid", theirs, target + ", both", max(differs, theirs) <= 1e-9)
        ratio = max(abs(plan(p)["makespan"] / simgrid(p, plan(p)["machines"])["makespan"] - 1) for p in problems)
        add("our plans for them: the model and SimGrid differ by", ratio, "none", None, target, ratio <= 1e-9)
    late = max(plan(p)["makespan"] / plan(p)["said"] - 1 for p in problems)
    add("our plans for them end later than they say by", late, "none", None, target, late <= 1e-9)


def list_plans():
    problems = shared("medium")
    if not problems: return
    ratios = [plan(p)["makespan"] / p.best_known for p in problems]
    work = f"plan in milliseconds: makespan / best known, geometric mean of {len(problems)} medium problems"
    add(work, mean(ratios), "best known", 1, "at most 1.03", mean(ratios) <= 1.03)
    theirs = {name: saga(name + "Scheduler", problems) for name in ("Heft", "Cpop", "PEFT")}
    for name, answers in theirs.items():
        if not answers: continue
        value = mean([answer["makespan"] / p.best_known for answer, p in zip(answers, problems)])
        add(work, mean(ratios), f"SAGA {name}", value, "at most it", mean(ratios) <= value)
    control = mean([heft(p)["makespan"] / p.best_known for p in problems]) if peer("heft") else None
    if control: add(work, mean(ratios), "HEFT in C++", control, "at most it", mean(ratios) <= control)
    slowest = 1e3 * max(plan(p)["seconds"] for p in problems)
    work = "… the slowest of these plans, ms"
    peers = [("SAGA Heft", theirs["Heft"]), ("HEFT in C++", [heft(p) for p in problems] if control else [])]
    for name, answers in peers:
        if answers: add(work, slowest, name, 1e3 * max(a["seconds"] for a in answers), "at most 10", slowest <= 10)
    if not any(answers for _, answers in peers): return
    worse = sum(any(a and plan(p)["makespan"] > a[i]["makespan"] * (1 + 1e-9) for _, a in peers) for i, p in enumerate(problems))
    add("… problems on which a HEFT is faster", worse, "none", None, "none", worse == 0)


def small():
    problems = shared("small")
    proofs = python("cpsat.py", *[p.file for p in problems]) if problems else []
    if not proofs: return
    for problem, proof in zip(problems, proofs):
        timed(problem, [proof])
        if not proof["proved"] or abs(proof["makespan"] / problem.best_known - 1) > 1e-9:
            note(f"{problem.id}: CP-SAT has {proof['makespan']}, proved: {proof['proved']}; known is {problem.best_known}")
    ratios = [plan(problem)["makespan"] / proof["makespan"] for problem, proof in zip(problems, proofs)]
    add(f"plan in milliseconds: makespan / optimum, geometric mean of {len(problems)} small problems", mean(ratios),
        "CP-SAT, proved", 1, "none")


def searched(problems, seconds):
    """What a search finds for each, one after the other."""
    return [timed(p, ours("search", seconds, p.file))[0] for p in problems]


def search():
    medium, small = shared("medium"), shared("small")
    if not medium: return
    found = searched(medium, 1)
    ratio = mean([answer["makespan"] / p.best_known for answer, p in zip(found, medium)])
    add(f"search of 1 s on both processors: makespan / best known, geometric mean of {len(medium)} medium problems", ratio,
        "best known", 1, "at most 1.005", ratio <= 1.005)
    least = {p.id: min(p.best_known, a["makespan"]) for p, a in zip(medium, found)}
    gap = mean([least[p.id] / a["bound"] for p, a in zip(medium, found)])
    simple = mean([least[p.id] / p.lower_bound for p in medium])
    add("… best known / lower bound, geometric mean", gap, "path and work without transfers", simple, "at most 1.05", gap <= 1.05)
    optimal = searched(small, 1)
    missed = sum(answer["makespan"] > p.best_known * (1 + 1e-9) for answer, p in zip(optimal, small))
    add(f"search of 1 s: small problems of {len(small)} whose proved optimum is missed", missed, "none", None, "none", missed == 0)
    wrong = sum(a["bound"] > p.best_known * (1 + 1e-9) for p, a in zip(medium + small, found + optimal))
    add("lower bounds above a schedule that is known", wrong, "none", None, "none", wrong == 0)
    answer = searched([layered(10_000, 64)], 10)[0]
    took = 1e3 * answer["processorSeconds"] / max(1, answer["tries"])
    add("a move of a search, judged and kept or not, 10,000 tasks on 64 machines: processor time, ms", took, "none", None,
        "at most 0.1", took <= 0.1)


def guided():
    problems = shared("medium")
    if not problems: return
    plain, policy = searched(problems, 1), os.path.join(ROOT, "models", "policy.safetensors")
    found = [timed(p, ours("guided", 1, policy, p.file))[0] for p in problems]
    ratio = mean([a["makespan"] / b["makespan"] for a, b in zip(found, plain)])
    work = f"search of 1 s that starts from plans of the bundled policy too, {len(problems)} medium problems"
    add(work + ": geometric mean", ratio, "search of 1 s", 1, "at most 1.00", ratio <= 1.0005)
    new = sum(a["makespan"] < min(b["makespan"], p.best_known) * (1 - 1e-9) for a, b, p in zip(found, plain, problems))
    add("… better than it and than the best known, problems", new, "none", None, "at least 3", new >= 3)


def long():
    problems = shared("medium")
    if not problems: return
    ratios = [answer["makespan"] / p.best_known for answer, p in zip(searched(problems, 30), problems)]
    work = f"search of 30 s on both processors: makespan / best known, {len(problems)} medium problems"
    add(work + ", geometric mean", mean(ratios), "best known", 1, "at most 0.99", mean(ratios) <= 0.99)
    add(work + ", the worst", max(ratios), "best known", 1, "at most 1.005", max(ratios) <= 1.005)


def planning():
    slower = 0.0
    for count, machines, limit in ((500, 32, 0.005), (10_000, 64, 0.1), (100_000, 100, 2)):
        problem = layered(count, machines)
        took, target = plan(problem)["seconds"], f"at most {limit}"
        work = f"planning {count:,} tasks on {machines} machines, s"
        if count == 500:
            for answer in saga("HeftScheduler", [problem]):
                add(work, took, "SAGA Heft", answer["seconds"], target, took <= limit)
        if heft(problem):
            add(work, took, "HEFT in C++", heft(problem)["seconds"], target, took <= limit)
            slower = max(slower, plan(problem)["makespan"] / heft(problem)["makespan"])
        else: add(work, took, "none", None, target, took <= limit)
    if slower: add("… makespan / HEFT's, the worst of these", slower, "HEFT in C++", 1, "at most 1", slower <= 1 + 1e-9)
    problem = layered(10_000, 64)
    took = 1e3 * decoded(problem, plan(problem)["machines"])["seconds"]
    add("one evaluation of a changed plan, 10,000 tasks on 64 machines, ms", took, "none", None, "at most 2", took <= 2)


def simulator():
    problem = layered(100_000, 100)
    answers = [ours("simulate", problem.file)[0] for _ in range(5)]
    rate = max(len(problem.tasks) / answer["seconds"] for answer in answers)
    work = "simulated run of 100,000 tasks on 100 machines, without transfers: "
    add(work + "starts and ends of tasks a second", 2 * rate, "none", None, "at least 1,000,000", 2 * rate >= 1e6)
    work += "tasks a second"
    schedule = heft(problem)["machines"] if heft(problem) else plan(problem)["machines"]
    # Made and started all at once, with dependencies of SimGrid, they take hundreds of times as long.
    theirs = [simgrid(problem, schedule, "--only-tasks") for _ in range(5)]
    if theirs[0]:
        value = max(len(problem.tasks) / answer["seconds"] for answer in theirs)
        add(work, rate, "SimGrid, a fixed schedule, activities made when they start", value, "at least 20 × it", rate >= 20 * value)
    memory = min(answer["bytes"] for answer in answers) / 100_000
    add("… memory, bytes a task", memory, "SimGrid", theirs[0] and min(a["bytes"] for a in theirs) / 100_000, "at most 200",
        memory <= 200)


def allocator():
    program = subprocess.run(
        [os.path.join(ROOT, "Benchmarks", "build"), "allocation"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    values = lines([program, "events"])[0]
    for name, work in (("easy", "easy"), ("memory", "bound by memory"), ("fan", "wide fan-out")):
        value = 1e6 * values["event_" + name]
        add(f"allocator, 100,000 tasks × 1,000 instances, {work}: µs an event", value, "none", None, "at most 1", value <= 1)


def recovered(runs, name):
    """The part of the loss of static plans against clairvoyant ones that is won back, and its 95 % interval over the replications.

    Losses are relative to the clairvoyant plans of a problem, and averaged over the problems.
    """
    def losses(name):
        return [statistics.fmean(run[name][i] / statistics.fmean(run["clairvoyant"]) - 1 for run in runs)
                for i in range(len(runs[0][name]))]
    static, own, chance = losses("static"), losses(name), random.Random(1)
    draws = []
    for _ in range(1000):
        drawn = chance.choices(range(len(own)), k=len(own))
        draws.append(1 - sum(own[i] for i in drawn) / sum(static[i] for i in drawn))
    draws.sort()
    return 1 - sum(own) / sum(static), draws[25], draws[974]


def replan():
    problems, count = shared("medium"), 100
    if not problems: return
    work = f"part of the loss of static plans against clairvoyant ones won back, {len(problems)} medium problems, {count} runs each, "
    work += "run times off by a factor of e^0.5"
    for reclaims in (0, 0.05):
        runs, apart = [], 0.0
        for p in problems:
            note(f"{count} runs of {p.id}, {reclaims:.0%} of the attempts taken back")
            runs.append(ours("replan", p.file, count, 0.5, reclaims)[0])
            # A peer's machine that is taken back keeps its data; where none is, all is the same.
            if reclaims or not peer("online_heft"): continue
            theirs = lines([peer("online_heft"), p.file, p.file + ".luck"])
            runs[-1]["on-line HEFT"] = [answer["online"] for answer in theirs]
            for name in ("static", "clairvoyant"):
                apart = max(apart, *(abs(a / b[name] - 1) for a, b in zip(runs[-1][name], theirs)))
        share, low, high = recovered(runs, "re-planning")
        here = work + (f", {reclaims:.0%} of the attempts taken back" if reclaims else "")
        add(f"{here} ({low:.3f} to {high:.3f})", share, "none", None, "at least 0.6", share >= 0.6)
        everywhere, low, high = recovered(runs, "re-planning, data sent everywhere")
        add(f"… when data are sent everywhere ({low:.3f} to {high:.3f})", everywhere, "none", None, "at least 0.6", everywhere >= 0.6)
        # With on-line HEFT, too, data are wherever they could be by now.
        for name, own in (("on-line HEFT", everywhere), ("by rank", share)):
            if name not in runs[0]: continue
            value, low, high = recovered(runs, name)
            add(here, own, f"{name} ({low:.3f} to {high:.3f})", value, "at least it", own >= value)
        if "on-line HEFT" in runs[0]:
            add("… static and clairvoyant plans, ours and in C++: greatest relative difference of a makespan", apart, "none", None,
                "at most 1e-9", apart <= 1e-9)


def deadline():
    problems = shared("medium")
    if not problems or not all(map(peer, ("heft", "greedy", "moheft"))): return
    costs = {"ours": [], "greedy": [], "MOHEFT in 1 s": [], "no transfers, no gaps (a bound)": []}
    missed, dearer = 0, 0
    for p in problems:
        base, limit = heft(p)["cost"], 1.5 * heft(p)["makespan"]
        own = timed(p, ours("cost", p.file, repr(limit), 1))[0]
        greedy = timed(p, lines([peer("greedy"), p.file, repr(limit)]))[0]
        in_time = lambda answers: min([a["cost"] for a in answers if a["makespan"] <= limit * (1 + 1e-9)], default=base)
        missed += own["makespan"] > limit * (1 + 1e-9)
        found = [own["cost"], in_time([greedy]), in_time(moheft(p)),
                 sum(p.work) * min(price / speed for price, speed in zip(p.price, p.speed)) / 3600]
        dearer += own["cost"] > min(base, *found[1:3]) * (1 + 1e-9)
        for values, value in zip(costs.values(), found): values.append(value / base)
    means = {name: mean(values) for name, values in costs.items()}
    own = means.pop("ours")
    work = f"cost / that of HEFT by 1.5 × its makespan, search of 1 s, geometric mean of {len(problems)} medium problems"
    add(work, own, "HEFT", 1, "at most 0.75", own <= 0.75)
    bound = means.pop("no transfers, no gaps (a bound)")
    for name, value in means.items(): add(work, own, name, value, "at most it", own <= value)
    add(work, own, "all on the cheapest without gaps, a bound", bound, "none")
    add("… deadlines missed", missed, "none", None, "none", missed == 0)
    add("… problems on which HEFT, the greedy or MOHEFT is cheaper", dearer, "none", None, "none", dearer == 0)


def hypervolume(front, ideal, nadir):
    """The share of the box from the ideal to a tenth beyond the nadir that a front dominates."""
    scaled = sorted(tuple((value - low) / max(high - low, 1e-300) for value, low, high in zip(point, ideal, nadir)) for point in front)
    area, least = 0.0, 1.1
    for (x, y), following in zip(scaled, scaled[1:] + [(1.1, 0)]):
        least = min(least, y)
        area += max(0.0, min(following[0], 1.1) - min(x, 1.1)) * (1.1 - least)
    return area / 1.21


def pareto():
    problems = shared("medium")
    if not problems or not peer("moheft"): return
    ratios, seconds = [], []
    for p in problems:
        own = timed(p, ours("pareto", 1, p.file))
        points = lambda answers: [(answer["makespan"], answer["cost"]) for answer in answers]
        both = points(own + moheft(p))
        best = [a for a in both if not any(b[0] <= a[0] and b[1] <= a[1] and b != a for b in both)]
        box = [[choose(point[axis] for point in best) for axis in (0, 1)] for choose in (min, max)]
        ratios.append(hypervolume(points(own), *box) / hypervolume(points(moheft(p)), *box))
        seconds.append(own[0]["seconds"])
    work = f"hypervolume of makespan and cost / MOHEFT's in 1 s, geometric mean of {len(problems)} medium problems"
    add(work, mean(ratios), "MOHEFT in 1 s", 1, "at least 1.05", mean(ratios) >= 1.05)
    add("… the slowest of these fronts, s", max(seconds), "MOHEFT", 1, "at most 1", max(seconds) <= 1)


PARTS = {"validity": validity, "list": list_plans, "small": small, "plan": planning, "search": search, "long": long, "guided": guided,
         "simulator": simulator, "allocator": allocator, "replan": replan,
         "deadline": deadline, "pareto": pareto}


def main():
    global options
    arguments = argparse.ArgumentParser()
    for name in ("ours", "venv", "work", "json"): arguments.add_argument("--" + name, required=True)
    arguments.add_argument("--data", default=os.environ.get("ALMANAC_SHARED_DATA"))
    arguments.add_argument("--only", choices=PARTS)
    arguments.add_argument("--cached", action="store_true")
    options = arguments.parse_args()
    if options.data and os.path.isdir(os.path.join(options.data, "scheduling")):
        options.data = os.path.join(options.data, "scheduling")
    os.makedirs(options.work, exist_ok=True)
    print("| work | ours | anchor | anchor value | ratio | target | holds |\n|---|---:|---|---:|---:|---|---|")
    for name in [options.only] if options.only else PARTS: PARTS[name]()
    with open(options.json, "w") as file: json.dump({"area": "scheduling", "rows": rows}, file, indent=1)
    print("\nSeconds of ours are of the processor, those of the peers by the clock, each without reading the problem.")


main()
