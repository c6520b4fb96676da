#!/usr/bin/env python3
"""From a description in words to steps and their order; one row per target.

  bench.py --ours PROGRAM --work FOLDER --json FILE [--data DIR] [--only PART] [--cached]

DIR/task-breakdowns, or DIR, holds ultratool.jsonl, galaxy-iwc.jsonl and nf-core.jsonl; without --data, ALMANAC_SHARED_DATA
names it. The parts:

  requests  UltraTool: trained on the rows that are not in the published test, tested on those that are
  edges     steps given in their listed order: five folds by workflow
  folds     all of UltraTool in five folds by group of near-copies: calibration on many edges
  time      training beside kernel ridge regression of scikit-learn, one after the other on one thread; one decomposition
"""
import argparse, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
rows = []


def add(work, ours, anchor, value, target, holds):
    ratio = round(ours / value, 4) if value else None
    rows.append({"work": work, "ours": ours, "anchor": anchor, "anchor_value": value, "ratio": ratio, "target": target,
                 "holds": bool(holds)})
    show = lambda x: "–" if x is None else f"{x:.3g}"
    print(f"| {work} | {show(ours)} | {anchor} | {show(value)} | {show(ratio)} | {target} | {'✓' if holds else '✗'} |", flush=True)


def ours(*arguments):
    return json.loads(subprocess.run([options.ours, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout)


def split():
    lines = [(json.loads(line), line) for line in open(f"{options.data}/ultratool.jsonl")]
    train, test = f"{options.work}/train.jsonl", f"{options.work}/test.jsonl"
    for path, wanted in ((train, False), (test, True)):
        with open(path, "w") as file:
            file.writelines(line for row, line in lines if bool(row["official_test"]) == wanted)
    return train, test


def requests():
    result = ours("test", *split())
    model, unlike, near = result["model"], result["unlike"], result["nearest"]
    add("requests: node F1", model["nodeF1"], "prompted 13B model, third-party figure", 0.728, "≥ .84", model["nodeF1"] >= 0.84)
    add("requests: link F1", model["linkF1"], "nearest known request", near["linkF1"], "≥ .60", model["linkF1"] >= 0.60)
    add("requests: exact", model["exact"], "nearest known request", near["exact"], "–", model["exact"] > near["exact"])
    count = result["unlikeCount"]
    add(f"{count} requests without near-copy: node F1", unlike["nodeF1"], "kernel ridge, prototype", 0.796, "≥ .81", unlike["nodeF1"] >= 0.81)
    add(f"{count} requests without near-copy: link F1", unlike["linkF1"], "kernel ridge, prototype", 0.507, "≥ .53", unlike["linkF1"] >= 0.53)
    add("order of the right tools: link F1", result["orderLinkF1"], "prototype", 0.814, "≥ .84", result["orderLinkF1"] >= 0.84)
    add("calibration error of its edges", result["calibrationError"], "nominal", None, "≤ .05", result["calibrationError"] <= 0.05)


def edges():
    for name, least in (("galaxy-iwc", 0.38), ("nf-core", 0.45)):
        found = ours("folds", f"{options.data}/{name}.jsonl")["edges"]
        add(f"{name}: edge F1", found["f1"], "listed chain", found["chainF1"], f"≥ {least}", found["f1"] >= least)
        right = found["rightlyRemoved"]
        add(f"{name}: {found['removed']} edges left out, right", right, "–", None, "≥ 90 %", right >= 0.9)
        add(f"{name}: calibration error", found["calibrationError"], "nominal", None, "≤ .05", found["calibrationError"] <= 0.05)


def folds():
    result = ours("folds", f"{options.data}/ultratool.jsonl")
    edges = sum(tenth["edges"] for tenth in result["calibration"])
    add(f"calibration error of {edges} edges in folds", result["calibrationError"], "nominal", None, "≤ .05",
        result["calibrationError"] <= 0.05)


def time():
    train, test = split()
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    result = ours("time", train, test)
    peer = json.loads(subprocess.run(
        [sys.executable, f"{HERE}/peers/ridge.py", train], check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)
    fit = result["fitSeconds"]
    add("training, s", fit, "kernel ridge, one fit", peer["fit"], "≤ 0.3 ×", fit <= 0.3 * peer["fit"])
    add("training, s", fit, "kernel ridge with held-out predictions", peer["held_out"], "≤ 0.3 ×", fit <= 0.3 * peer["held_out"])
    each = result["eachSeconds"] * 1000
    add("one decomposition, ms", each, "–", None, "≤ 5 ms", each <= 5)


parser = argparse.ArgumentParser()
for name in ("ours", "work", "json", "data", "only"):
    parser.add_argument("--" + name)
parser.add_argument("--cached", action="store_true")
options = parser.parse_args()
data = options.data or os.environ.get("ALMANAC_SHARED_DATA", "")
options.data = next((path for path in (data + "/task-breakdowns", data) if os.path.isfile(path + "/ultratool.jsonl")), None)
if not options.data:
    sys.exit("decomposition: name a folder with ultratool.jsonl by --data.")
os.makedirs(options.work, exist_ok=True)
print("| work | ours | anchor | its value | ratio | target | holds |\n|---|---:|---|---:|---:|---|---|")
for part in (requests, edges, folds, time):
    if options.only in (None, part.__name__):
        part()
with open(options.json, "w") as file:
    json.dump({"area": "decomposition", "rows": rows}, file, indent=1)
