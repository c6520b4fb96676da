#!/usr/bin/env python3
"""How well we foretell how long spot capacity lasts, beside Kaplan-Meier, Cox and random survival forests.

  bench.py --ours PROGRAM --json FILE [--data DIR]

DIR (or ALMANAC_SHARED_DATA) holds spot/traces and spot/h100. Ours judges the later half of each set tick by tick; and, one
trace held out at a time, every spell of it at its beginning: the integrated Brier score of scikit-survival from ten
minutes to a day, the peers with the same features. Times are those of one fit, in the same run.
"""
import argparse, json, os, subprocess, sys, time, warnings
import numpy as np

warnings.filterwarnings("ignore")
FEATURES = ["share", "last", "others", "sine", "cosine"]
BRIER = {"W2": 0.134, "W6": 0.107, "P": 0.162, "H100": 0.067}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--data", default=os.environ.get("ALMANAC_SHARED_DATA", ""))
    options = parser.parse_args()
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.metrics import integrated_brier_score
    from sksurv.nonparametric import kaplan_meier_estimator
    from sksurv.util import Surv
    rows = []

    def row(work, anchor, ours, theirs, target, holds):
        rows.append(dict(work=work, anchor=anchor, ours=ours, anchor_value=theirs, ratio=ours / theirs if theirs else None,
                         target=target, holds=bool(holds)))

    result = subprocess.run([options.ours, options.data], capture_output=True, text=True, check=True).stdout
    found = [json.loads(line) for line in result.splitlines()]
    for entry in found:
        if entry["kind"] != "ticks": continue
        target = BRIER[entry["set"]]
        row(f"loss within 1 h, later half of {entry['set']}, Brier", "target", entry["brier"], target, f"≤ {target}",
            entry["brier"] <= target)
        row(f"the same", "Kaplan-Meier by age", entry["brier"], entry["km"], "≤ 1.0 ×", entry["brier"] <= entry["km"])
        for level in ("50", "90"):
            off = max(abs(z[level] - int(level) / 100) for z in entry["zones"])
            row(f"{level} % quantile of remaining life, {entry['set']}, worst zone", "nominal", off, 0.05, "within 0.05",
                off <= 0.05)
    for name in ("W2", "W6"):
        spells = [e for e in found if e["kind"] == "spell" and e["set"] == name]
        fits = {e["trace"]: e["seconds"] for e in found if e["kind"] == "fit" and e["set"] == name}
        scores = {k: [] for k in ("ours", "km", "cox", "rsf")}
        seconds = {"ours": list(fits.values()), "cox": [], "rsf": []}
        grid = np.array([e for e in found if e["kind"] == "grid"][0]["seconds"])
        for held in fits:
            train, test = [[s for s in spells if (s["trace"] == held) == side] for side in (False, True)]
            X, T = [np.array([[s[f] for f in FEATURES] for s in part]) for part in (train, test)]
            # All are watched for a day at most; the scores need one in training that was watched as long.
            last = min(max(s["length"] for s in part) for part in (train, test))
            last = min(last, grid[-1] + 1)
            y, t = [Surv.from_arrays([s["ended"] and s["length"] < last for s in part],
                                     [min(s["length"], last - (0 if part is train else 1)) for s in part])
                    for part in (train, test)]
            last -= 1
            keep = grid < last
            times = grid[keep]
            def score(survival): return integrated_brier_score(y, t, survival, times)
            scores["ours"].append(score(np.array([s["survival"] for s in test])[:, keep]))
            at, curve = kaplan_meier_estimator(y["event"], y["time"])
            scores["km"].append(score(np.tile([curve[at <= g][-1] if (at <= g).any() else 1.0 for g in times], (len(test), 1))))
            for peer, model in (("cox", CoxPHSurvivalAnalysis(alpha=1e-2)),
                                ("rsf", RandomSurvivalForest(100, min_samples_leaf=15, random_state=0, n_jobs=2))):
                began = time.perf_counter()
                model.fit(X, y)
                seconds[peer].append(time.perf_counter() - began)
                scores[peer].append(score(np.array([[f(min(max(g, f.x[0]), f.x[-1])) for g in times] for f in model.predict_survival_function(T)])))
        mean = {k: float(np.mean(v)) for k, v in scores.items()}
        best = min(("cox", "rsf"), key=lambda k: mean[k])
        row(f"integrated Brier score, held-out traces of {name}", "Kaplan-Meier", mean["ours"], mean["km"], "≤ 0.90 ×",
            mean["ours"] <= 0.9 * mean["km"])
        row("the same", {"cox": "Cox", "rsf": "random survival forest"}[best], mean["ours"], mean[best], "≤ 0.97 ×",
            mean["ours"] <= 0.97 * mean[best])
        ours, theirs = float(np.median(seconds["ours"])), float(np.median(seconds[best]))
        row(f"seconds of that fit", {"cox": "Cox", "rsf": "random survival forest"}[best], ours, theirs, "≤ 0.05 ×",
            ours <= 0.05 * theirs)
    text = lambda value: "–" if value is None else f"{value:.4g}"
    print("| work | ours | peer | peer's | ratio | target | holds |\n|---|---|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['work']} | {text(r['ours'])} | {r['anchor']} | {text(r['anchor_value'])} | {text(r['ratio'])} |"
              f" {r['target']} | {'✓' if r['holds'] else '✗'} |")
    print(f"\n{sum(r['holds'] for r in rows)} of {len(rows)} targets hold.")
    with open(options.json, "w") as file: json.dump({"area": "survival", "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
