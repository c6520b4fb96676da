#!/usr/bin/env python3
"""Runs our learners and their peers on the same data and prints one row per target.

  bench.py --ours PROGRAM --work FOLDER --json FILE [--data DIR] [--only PART] [--cached]

The data are made on first use: friedman1 and trace-like with 1,000 to 1,000,000 rows, and, where --data or
ALMANAC_SHARED_DATA names a folder with recorded executions, sarek and mag split by time. Each peer counts at its best:
the fastest of 1 and 2 threads and of OMP_WAIT_POLICY ACTIVE and PASSIVE; runs are interleaved, and medians are taken.
--only runs one part: boosting, classes, forest, quantiles, small, recorded, million. --cached takes over what peers took on this
machine before; ours are always measured anew.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
RECORDED = {
    "sarek": ["executions/ksegments/sarek_tasks.csv", "span_s",
              "process,files_input_num,files_input_total_size_bytes,max_cpus,max_mem_bytes", "first_sample_utc"],
    "mag": ["executions/sizey/trace_mag.csv.gz", "realtime", "process,cpus,memory,rchar,attempt", "submit"]}
EVERY = ((2, "ACTIVE"), (1, "ACTIVE"), (2, "PASSIVE"))
FAST = ((2, "ACTIVE"),)
# What the table does not say.
REMARKS = """
Every program runs in a process of its own; fitting starts from numbers in memory. `x × y` in the column of the target
is what ours may be of the peer's. Peers at 1,000,000 rows are LightGBM and XGBoost, once each: a scikit-learn forest of
100 trees takes minutes there, and CatBoost's symmetric trees are far behind in error at 100,000 already. ranger is
compared at 20 trees, for the same reason. CatBoost runs on two threads only, where it is fastest. YDF counts in batch
prediction at the better of both thread counts.

The defaults were not chosen on sarek and mag: on the first 80 % of chipseq, eager and methylseq (the same features and
target as mag; trained on the first 2/6 to 5/6 of the rows in the order of time, tested on the next sixth, 3 seeds) no
change of one option of `BoostingOptions` lowers the geometric mean of the three RMSEs by more than 4 % (20 rows between
groups of levels: -3.7 %, `categoryL2` 10: -2.4 %, `l2` 20: -1.5 %), and all features for each tree (+4.8 %), 20 rows a
leaf (+2.4 %) or `l2` 1 (+1.9 %) are worse. Of `ForestOptions`, 2 rows a leaf lower it by 2.9 %; a third of the features
(+2.7 %), all of them (+3.4 %) and 10 rows a leaf (+8 %) are worse."""


def note(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, models):
        self.options, self.models = options, models
        self.rows, self.measured, self.reused = [], [], 0
        self.path = os.path.join(options.work, "results.json")
        self.known = json.load(open(self.path)) if os.path.exists(self.path) else {}
        self.shared = options.data or os.environ.get("ALMANAC_SHARED_DATA", "")

    # Data

    def table(self, name):
        """The folder of a table, made if it is not there; None if it cannot be made."""
        for folder in filter(None, (self.options.data, self.options.work)):
            if os.path.exists(os.path.join(folder, name, "test.csv")): return os.path.join(folder, name)
        if name in RECORDED:
            path, target, features, time_column = RECORDED[name]
            source = os.path.join(self.shared, path)
            if not self.shared or not os.path.exists(source):
                note(f"forests: {name} is not measured: set ALMANAC_SHARED_DATA to a folder with {path}")
                return None
            how = ["csv", "--input", source, "--target", target, "--log-target", "--categorical", "process",
                   "--features", features, "--time-column", time_column]
        else:
            kind, count = name.split("_")
            how = [kind, "--n", count]
        note(f"forests: making {name}")
        out = os.path.join(self.options.work, name)
        os.makedirs(out, exist_ok=True)
        subprocess.run([sys.executable, os.path.join(PEERS, "forest_data.py"), *how, "--out", out], check=True,
                       stdout=subprocess.DEVNULL)
        return out

    # Runs

    def command(self, line, policy=None, timeout=240):
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        if policy: environment["OMP_WAIT_POLICY"] = policy
        try: result = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=timeout)
        except subprocess.TimeoutExpired: return {"error": f"more than {timeout} s"}
        found = [json.loads(l) for l in result.stdout.splitlines() if l.startswith("{")]
        found = [r for r in found if "peer" in r]
        return found[-1] if found else {"error": (result.stderr or "no result")[-300:]}

    def ours(self, data, learner, trees=100, rounds=200):
        return self.command([self.options.ours, data, self.models, "2", str(trees), str(rounds), learner])

    def peer(self, data, name, setting, repeat, busy, trees=100, rounds=200):
        threads, policy = setting
        key = f"{os.path.basename(data)} {name} {threads} {policy} {trees} {rounds} {repeat}{' busy' if busy else ''}"
        if self.options.cached and key in self.known:
            self.reused += 1
            return self.known[key]
        result = self.command(
            [sys.executable, os.path.join(PEERS, "forest_peers.py"), data, "--peers", name, "--threads", str(threads),
             "--trees", str(trees), "--rounds", str(rounds), "--keep", self.models], policy)
        result["setting"] = f"{threads} threads" + (f", {policy}" if policy else "")
        if "error" in result:
            note(f"forests: {os.path.basename(data)} {name}: {result['error']}")
        else:
            self.known[key] = result
            with open(self.path, "w") as file: json.dump(self.known, file, indent=1)
        return result

    def together(self, data, learner, peers, repeats=1, settings=EVERY, busy=False, **options):
        """Interleaved runs of ours and of peers: our results, and those of each peer."""
        mine, theirs = [], {name: [] for name in peers}
        began = time.time()
        for repeat in range(repeats):
            mine.append(self.ours(data, learner, **options))
            for name in peers:
                for setting in settings:
                    theirs[name].append(self.peer(data, name, setting, repeat, busy, **options))
        label = os.path.basename(data) + (" beside two busy processes" if busy else "")
        note(f"forests: {label} {learner} {' '.join(peers)}: {time.time() - began:.0f} s")
        for name, results in [(learner, mine), *theirs.items()]: self.measured.append((label, name, results))
        return mine, theirs

    # The table

    def row(self, work, unit, anchor, mine, theirs, target, upwards=False, holds=None):
        """The ratio is ours to theirs; upwards, more is better."""
        text = f"{'≥' if upwards else '≤'} {target:g}" if holds is None else target
        entry = dict(work=work, unit=unit, anchor=anchor, target=text, ours=None, anchor_value=None, ratio=None, holds=False)
        try:
            entry["ours"], entry["anchor_value"] = mine(), theirs()
            entry["ratio"] = entry["ours"] / entry["anchor_value"] if entry["anchor_value"] else None
            if holds is not None: entry["holds"] = bool(holds(entry["ours"]))
            else: entry["holds"] = entry["ratio"] >= target if upwards else entry["ratio"] <= target
        except (KeyError, ValueError, TypeError, ZeroDivisionError, statistics.StatisticsError) as reason:
            entry["anchor"] += f" (not measured: {type(reason).__name__} {reason})"
        self.rows.append(entry)

    def compare(self, work, unit, anchor, mine, theirs, key, target, upwards=False):
        self.row(work, unit, anchor, lambda: median(mine, key), lambda: best(theirs, key, not upwards), target, upwards)

    def limit(self, work, unit, mine, key, most):
        self.row(work, unit, f"{most:g} {unit}", lambda: median(mine, key), lambda: most, 1.0)


def median(results, key): return statistics.median(r[key] for r in results if r.get(key) is not None)


def best(results, key, smallest=True):
    """The median at the best setting."""
    by = {}
    for r in results:
        if r.get(key) is not None: by.setdefault((r["peer"], r["setting"]), []).append(r[key])
    values = [statistics.median(v) for v in by.values()]
    return min(values) if smallest else max(values)


def flat(theirs): return [r for results in theirs.values() for r in results if "error" not in r]


# Parts

def boosting(bench):
    for name in ("friedman1_100000", "trace_100000"):
        data = bench.table(name)
        mine, theirs = bench.together(data, "almanac_gbdt31", ["lgbm_gbdt31"], repeats=3)
        lgb = theirs["lgbm_gbdt31"]
        bench.compare(f"boosting fit, 200 × 31 leaves, {name}", "s", "LightGBM", mine, lgb, "fit_s", 0.7)
        bench.compare(f"the same, CPU, {name}", "CPU s", "LightGBM", mine, lgb, "fit_cpu_s", 0.8)
        bench.compare(f"the same, RMSE, {name}", "", "LightGBM", mine, lgb, "rmse", 1.005)
        _, xgb = bench.together(data, "almanac_gbdt31", ["xgb_gbdt31"])
        _, ydf = bench.together(data, "almanac_gbdt31", ["ydf_gbt31"], settings=((1, "ACTIVE"), (2, "ACTIVE")))
        _, other = bench.together(data, "almanac_gbdt31", ["sklearn_hgb31", "catboost_sym6"], settings=FAST)
        others = {**xgb, **ydf, **other}
        for peer, label, target in (("xgb_gbdt31", "XGBoost", 1.0), ("sklearn_hgb31", "scikit-learn HGB", 0.5),
                                    ("ydf_gbt31", "YDF", 0.2), ("catboost_sym6", "CatBoost", 0.125)):
            bench.compare(f"boosting fit, {name}", "s", label, mine, others[peer], "fit_s", target)
        everyone = lgb + flat(others)
        bench.compare(f"held-out RMSE, {name}", "", "best of all", mine, everyone, "rmse", 1.0)
        # CatBoost's trees ask one question a level: no walk, but another model. It has a row of its own.
        walking = lgb + flat({peer: rows for peer, rows in others.items() if peer != "catboost_sym6"})
        bench.compare(f"batch prediction, 200 × 31 leaves, {name}", "rows/s", "best of the same trees", mine, walking,
                      "predict_rows_s", 1.5 if "friedman" in name else 2.5, upwards=True)
        bench.compare(f"batch prediction, {name}", "rows/s", "CatBoost, 200 symmetric trees", mine,
                      others["catboost_sym6"], "predict_rows_s", 1.0, upwards=True)
        bench.limit(f"one row, 200 × 31 leaves, {name}", "µs", mine, "single_us", 2.0)
        bench.row(f"one row, 200 × 31 leaves, {name}", "µs", "LightGBM from C", lambda: median(mine, "single_us"),
                  lambda: min(r["single_c"]["median_ns"] for r in lgb if "single_c" in r) / 1000, 1.0)


def classes(bench):
    """Two and four classes of equal size, which the target is cut into."""
    for name in ("friedman1_100000", "trace_100000"):
        for count in (2, 4):
            data = bench.table(name)
            mine, theirs = bench.together(data, f"almanac_classes{count}", [f"lgbm_classes{count}"], repeats=3)
            lgb = theirs[f"lgbm_classes{count}"]
            bench.compare(f"boosting {count} classes, 200 × 31 leaves, {name}", "s", "LightGBM", mine, lgb, "fit_s", 0.7)
            bench.compare(f"the same, log-loss, {name}", "", "LightGBM", mine, lgb, "log_loss", 1.0)


def forest(bench):
    for name in ("friedman1_100000", "trace_100000"):
        data = bench.table(name)
        mine, theirs = bench.together(data, "almanac_rf", ["sklearn_rf"], settings=FAST)
        sk = theirs["sklearn_rf"]
        bench.compare(f"random forest fit, 100 trees, {name}", "s", "scikit-learn", mine, sk, "fit_s", 0.15)
        bench.compare(f"the same, RMSE, {name}", "", "scikit-learn", mine, sk, "rmse", 1.01)
        bench.compare(f"deep forest, batch prediction, {name}", "rows/s", "scikit-learn", mine, sk, "predict_rows_s", 6,
                      upwards=True)
        bench.limit(f"deep forest, one row, {name}", "µs", mine, "single_us", 10.0)
        bench.compare(f"deep forest, model, {name}", "MB", "scikit-learn", mine, sk, "model_mb", 0.2)
        bench.row(f"deep forest, load, {name}", "ms", "2 ms", lambda: 1000 * median(mine, "load_s"), lambda: 2.0, 1.0)
        few, theirs = bench.together(data, "almanac_rf", ["ranger_rf"], settings=FAST, trees=20)
        ranger = theirs["ranger_rf"]
        bench.compare(f"random forest fit, 20 trees, {name}", "s", "ranger", few, ranger, "fit_s", 0.06)
        bench.compare(f"deep forest of 20 trees, batch prediction, {name}", "rows/s", "ranger", few, ranger,
                      "predict_rows_s", 20, upwards=True)


def quantiles(bench):
    name = "trace_100000"
    data = bench.table(name)
    mine, theirs = bench.together(data, "almanac_quantiles", ["lgbm_quantile"], settings=FAST)
    for p in ("0.1", "0.5", "0.9"):
        bench.compare(f"pinball at {p} from one model, {name}", "", "LightGBM's three", mine, theirs["lgbm_quantile"],
                      f"pinball_{p}", 1.0)
    bench.row(f"rows with crossing quantiles, {name}", "%", "none", lambda: median(mine, "crossing_pct"), lambda: 0.0,
              "0", holds=lambda found: found == 0)
    bench.row(f"coverage of 80 % intervals, {name}", "%", "80 %", lambda: median(mine, "cover80_pct"), lambda: 80.0,
              "79–81 %", holds=lambda found: 79 <= found <= 81)
    trees, theirs = bench.together(data, "almanac_qrf", ["qrf", "ranger_qrf"], settings=FAST, trees=20)
    for peer, label, target in (("qrf", "quantile-forest", 8), ("ranger_qrf", "ranger", 200)):
        bench.compare(f"quantile forest, 3 quantiles, 20 trees, {name}", "rows/s", label, trees, theirs[peer],
                      "predict_rows_s", target, upwards=True)


def small(bench):
    for name in ("friedman1_1000", "trace_1000", "friedman1_5000", "trace_5000"):
        data = bench.table(name)
        mine, theirs = bench.together(data, "almanac_gbdt31", ["lgbm_gbdt31"], repeats=3)
        bench.compare(f"boosting fit, {name}", "s", "LightGBM", mine, theirs["lgbm_gbdt31"], "fit_s", 0.4)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try:
            mine, theirs = bench.together(data, "almanac_gbdt31", ["lgbm_gbdt31"], repeats=3, settings=((2, None),),
                                          busy=True)
        finally:
            for process in busy: process.kill()
        bench.compare(f"the same beside two busy processes, {name}", "s", "LightGBM by default", mine,
                      theirs["lgbm_gbdt31"], "fit_s", 0.15)


def recorded(bench):
    for name in RECORDED:
        data = bench.table(name)
        if data is None: continue
        peers = ["sklearn_rf", "catboost_sym6", "lgbm_gbdt31", "xgb_gbdt31", "sklearn_hgb31", "ydf_gbt31", "ranger_rf"]
        mine, theirs = bench.together(data, "almanac_gbdt31", peers, settings=FAST)
        bench.compare(f"RMSE of log seconds, {name} split by time", "", "best of all", mine, flat(theirs), "rmse", 0.95)
        for learner in ("almanac_qrf", "almanac_quantiles"):
            trees, _ = bench.together(data, learner, ["qrf"] if learner == "almanac_qrf" else [], settings=FAST)
            bench.row(f"coverage of 80 % intervals, {learner[8:]}, {name} split by time", "%", "80 %",
                      lambda: median(trees, "cover80_pct"), lambda: 80.0, "75–85 %", holds=lambda found: 75 <= found <= 85)


def million(bench):
    for name in ("friedman1_1000000", "trace_1000000"):
        data = bench.table(name)
        mine, theirs = bench.together(data, "almanac_gbdt31", ["lgbm_gbdt31"])
        lgb = theirs["lgbm_gbdt31"]
        _, theirs = bench.together(data, "almanac_gbdt31", ["xgb_gbdt31"], settings=FAST)
        bench.compare(f"boosting fit, 200 × 31 leaves, {name}", "s", "LightGBM", mine, lgb, "fit_s", 0.7)
        bench.compare(f"the same, CPU, {name}", "CPU s", "LightGBM", mine, lgb, "fit_cpu_s", 0.8)
        bench.compare(f"the same, RMSE, {name}", "", "LightGBM", mine, lgb, "rmse", 1.005)
        bench.compare(f"held-out RMSE, {name}", "", "best of all", mine, lgb + flat(theirs), "rmse", 1.0)
        over = lambda results: min(r["peak_rss_mb"] - r["base_rss_mb"] for r in results if "peak_rss_mb" in r)
        bench.row(f"memory beyond the data, {name}", "MB", "LightGBM", lambda: over(mine), lambda: over(lgb), 1.0)


PARTS = {part.__name__: part for part in (boosting, classes, forest, quantiles, small, recorded, million)}


def show(bench):
    def text(value): return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    print("| work | ours | peer | peer's | ratio | target | holds |\n|---|---|---|---|---|---|---|")
    for r in bench.rows:
        print(f"| {r['work']} | {text(r['ours'])} {r['unit']} | {r['anchor']} | {text(r['anchor_value'])} {r['unit']} |"
              f" {text(r['ratio'])} | {r['target']} | {'✓' if r['holds'] else '✗'} |")
    print(f"\n{sum(r['holds'] for r in bench.rows)} of {len(bench.rows)} targets hold.\n{REMARKS}")
    if bench.reused: print(f"\n{bench.reused} results of peers come from earlier runs on this machine (--cached).")
    print("\nEverything measured, medians:\n\n| data | program | setting | fit s | CPU s | memory beyond the data MB | RMSE |"
          " MdAPE % | pinball 0.1/0.5/0.9 | covered by 80 % | rows/s | one row µs | model MB | load ms |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    shown = set()
    for data, name, results in bench.measured:
        by = {}
        for r in results:
            if "error" not in r: by.setdefault(r.get("setting", "2 threads"), []).append(r)
        for setting, runs in by.items():
            if (data, name, setting, json.dumps(runs)) in shown: continue
            shown.add((data, name, setting, json.dumps(runs)))
            def cell(key, factor=1, runs=runs): return text(factor * median(runs, key)) if key in runs[0] else "–"
            over = statistics.median(r["peak_rss_mb"] - r["base_rss_mb"] for r in runs)
            pinball = "/".join(cell(f"pinball_{p}") for p in ("0.1", "0.5", "0.9"))
            print(f"| {data} | {name} | {setting} | {cell('fit_s')} | {cell('fit_cpu_s')} | {text(over)} | {cell('rmse')} |"
                  f" {cell('mdape_pct')} | {pinball} | {cell('cover80_pct')} | {cell('predict_rows_s')} |"
                  f" {cell('single_us')} | {cell('model_mb')} | {cell('load_s', 1000)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--ours", "--work", "--json"): parser.add_argument(name, required=True)
    parser.add_argument("--data")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--cached", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forests_models_") as models:
        bench = Bench(options, models)
        for name, part in PARTS.items():
            if options.only in (None, name): part(bench)
    show(bench)
    with open(options.json, "w") as file: json.dump({"area": "forests", "rows": bench.rows}, file, indent=1)


if __name__ == "__main__":
    main()
