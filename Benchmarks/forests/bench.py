#!/usr/bin/env python3
"""Runs our learners and their peers on the same data and prints one row per target.

  bench.py --ours PROGRAM --work FOLDER --json FILE [--data DIR] [--quick]

The data are made on first use: friedman1 and trace-like with 100,000 and 1,000,000 rows, and, where --data or
ALMANAC_SHARED_DATA names a folder with recorded executions, sarek and mag split by time. --data may also hold
folders laid out like those (schema.json, train.csv, test.csv). Each peer counts at its best: the fastest of 1 and 2
threads and of OMP_WAIT_POLICY ACTIVE and PASSIVE; runs are interleaved, medians of 3 (1 above a million rows and for
peers that take more than 10 s). --quick leaves out the million rows and runs once. FORESTS_BENCH_PREFIX is put before every timed
command, for instance to keep other work off the machine.
"""
import argparse, json, os, shlex, statistics, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
rows, cache = [], {}


def note(text):
    print(text, file=sys.stderr, flush=True)


def prepare(args):
    shared = args.data or os.environ.get("ALMANAC_SHARED_DATA", "")
    sets = {}
    def have(name, where): return os.path.exists(os.path.join(where, name, "test.csv"))
    def make(name, options):
        if args.data and have(name, args.data):
            sets[name] = os.path.join(args.data, name)
            return
        out = os.path.join(args.work, name)
        if not have(name, args.work):
            note(f"forests: making {name}")
            os.makedirs(out, exist_ok=True)
            subprocess.run([sys.executable, os.path.join(PEERS, "forest_data.py"), *options, "--out", out], check=True, stdout=subprocess.DEVNULL)
        sets[name] = out
    for size in (5000, 100000) if args.quick else (5000, 100000, 1000000):
        for kind in ("friedman1", "trace"): make(f"{kind}_{size}", [kind, "--n", str(size)])
    recorded = {
        "sarek": ["executions/ksegments/sarek_tasks.csv", "span_s", "process,files_input_num,files_input_total_size_bytes,max_cpus,max_mem_bytes", "first_sample_utc"],
        "mag": ["executions/sizey/trace_mag.csv.gz", "realtime", "process,cpus,memory,rchar,attempt", "submit"]}
    for name, (path, target, features, time) in recorded.items():
        source = os.path.join(shared, path)
        if (shared and os.path.exists(source)) or have(name, args.work) or (args.data and have(name, args.data)):
            make(name, ["csv", "--input", source, "--target", target, "--log-target", "--categorical", "process", "--features", features, "--time-column", time])
        else: note(f"forests: {name} is not measured: set ALMANAC_SHARED_DATA to a folder with {path}")
    return sets


def command(line, policy=None, timeout=600):
    env = dict(os.environ)
    if policy: env["OMP_WAIT_POLICY"] = policy
    full = shlex.split(os.environ.get("FORESTS_BENCH_PREFIX", "")) + line
    try: result = subprocess.run(full, capture_output=True, text=True, env=env, timeout=timeout)
    except subprocess.TimeoutExpired: return {"error": f"timeout {timeout} s"}
    found = [json.loads(l) for l in result.stdout.splitlines() if l.startswith("{")]
    found = [r for r in found if "peer" in r]
    return found[-1] if found else {"error": result.stderr[-300:]}


def ours(args, data, learner, trees=100, rounds=200, threads=2):
    return command([args.ours, data, args.models, str(threads), str(trees), str(rounds), learner])


def peer(args, data, name, trees=100, rounds=200, threads=2, policy="ACTIVE"):
    return command([sys.executable, os.path.join(PEERS, "forest_peers.py"), data, "--peers", name, "--threads", str(threads),
                    "--trees", str(trees), "--rounds", str(rounds), "--keep", args.models], policy)


def together(args, data, learner, name, repeats=3, settings=((1, "ACTIVE"), (2, "ACTIVE"), (2, "PASSIVE")), **options):
    """Interleaved runs of ours and of one peer at its settings: lists of results."""
    key = (data, learner, name, str(options))
    if key in cache: return cache[key]
    mine, theirs = [], []
    if args.quick: repeats = 1
    for turn in range(repeats):
        mine.append(ours(args, data, learner, **options))
        for threads, policy in settings:
            result = peer(args, data, name, threads=threads, policy=policy, **options)
            theirs.append(dict(result, setting=f"{threads} threads {policy}"))
            if "error" in result: break
        if any("error" in r for r in theirs): break
        if sum(r["fit_s"] for r in theirs) > 20: break
    note(f"forests: {os.path.basename(data)} {name}: ours {mine[-1].get('fit_s')}, theirs {theirs[-1].get('fit_s', theirs[-1])}")
    cache[key] = (mine, theirs)
    return cache[key]


def median(results, key): return statistics.median(r[key] for r in results if key in r)


def best(results, key, smallest=True):
    """The median at the best setting."""
    by = {}
    for r in results:
        if r.get(key) is not None: by.setdefault(r["setting"], []).append(r[key])
    values = [statistics.median(v) for v in by.values()]
    return min(values) if smallest else max(values)


def add(work, unit, anchor, mine, theirs, target, upwards=False, holds=None):
    """One row: the ratio is ours to theirs; upwards, more is better."""
    try:
        m, t = mine(), theirs()
        ratio = m / t if t else float("nan")
        ok = holds(m, t) if holds else (ratio >= target if upwards else ratio <= target)
        rows.append(dict(work=work, ours=m, anchor=anchor, anchor_value=t, ratio=ratio, unit=unit, target=f"{'≥' if upwards else '≤'} {target}", holds=bool(ok)))
    except (KeyError, ValueError, ZeroDivisionError, statistics.StatisticsError, TypeError) as reason:
        rows.append(dict(work=work, ours=None, anchor=f"{anchor} (did not run: {reason!r})", anchor_value=None, ratio=None, unit=unit, target=f"{'≥' if upwards else '≤'} {target}", holds=False))


def measure(args, sets):
    big = [s for s in ("friedman1_100000", "trace_100000", "friedman1_1000000", "trace_1000000") if s in sets]
    for name in big:
        data = sets[name]
        mine, lgb = together(args, data, "almanac_gbdt31", "lgbm_gbdt31", repeats=1 if "1000000" in name else 3)
        add(f"boosting fit, 200 × 31 leaves, {name}", "s", "LightGBM", lambda: median(mine, "fit_s"), lambda: best(lgb, "fit_s"), 0.7)
        add(f"boosting fit, CPU, {name}", "CPU s", "LightGBM", lambda: median(mine, "fit_cpu_s"), lambda: best(lgb, "fit_cpu_s"), 0.8)
        add(f"boosting RMSE, {name}", "", "LightGBM", lambda: median(mine, "rmse"), lambda: best(lgb, "rmse"), 1.005)
        if name == "friedman1_1000000":
            over = lambda r: r["peak_rss_mb"] - r["base_rss_mb"]
            add("boosting memory beyond the data, 1M × 10", "MB", "LightGBM", lambda: over(mine[0]), lambda: min(over(r) for r in lgb), 1.0)
    one = ((1, "ACTIVE"), (2, "ACTIVE"))
    for name in ("friedman1_100000", "trace_100000"):
        if name not in sets: continue
        data = sets[name]
        mine, lgb = together(args, data, "almanac_gbdt31", "lgbm_gbdt31")
        batch, accuracy = [], []
        for tag, label, factor in (("xgb_gbdt31", "XGBoost", 1.0), ("sklearn_hgb31", "scikit-learn HGB", 0.5), ("ydf_gbt31", "YDF", 0.2), ("catboost_sym6", "CatBoost", 0.125)):
            _, theirs = together(args, data, "almanac_gbdt31", tag, repeats=1)
            add(f"boosting fit, {name}", "s", label, lambda: median(mine, "fit_s"), lambda: best(theirs, "fit_s"), factor)
            batch += [dict(r, label=label) for r in theirs]
            accuracy += theirs
        add(f"batch prediction, 200 × 31 leaves, {name}", "rows/s", "best of all", lambda: median(mine, "predict_rows_s"), lambda: max(r["predict_rows_s"] for r in batch + lgb if "predict_rows_s" in r), 1.5 if "friedman" in name else 2.5, upwards=True)
        add(f"held-out RMSE, {name}", "", "best of all", lambda: median(mine, "rmse"), lambda: min(r["rmse"] for r in accuracy + lgb if "rmse" in r), 1.0)
        add(f"one row, 200 × 31 leaves, {name}", "µs", "2 µs", lambda: median(mine, "single_us"), lambda: 2.0, 1.0)
        add(f"one row, 200 × 31 leaves, {name}", "µs", "LightGBM from C", lambda: median(mine, "single_us"), lambda: min(r["single_c"]["median_ns"] for r in lgb if "single_c" in r) / 1000, 1.0)
        rf, sk = together(args, data, "almanac_rf", "sklearn_rf", repeats=1, settings=((2, "ACTIVE"),))
        add(f"random forest fit, 100 trees, {name}", "s", "scikit-learn", lambda: median(rf, "fit_s"), lambda: best(sk, "fit_s"), 0.15)
        add(f"random forest RMSE, {name}", "", "scikit-learn", lambda: median(rf, "rmse"), lambda: best(sk, "rmse"), 1.01)
        add(f"deep forest batch prediction, {name}", "rows/s", "scikit-learn", lambda: median(rf, "predict_rows_s"), lambda: best(sk, "predict_rows_s", False), 6, upwards=True)
        add(f"deep forest, one row, {name}", "µs", "10 µs", lambda: median(rf, "single_us"), lambda: 10.0, 1.0)
        add(f"deep forest model, {name}", "MB", "scikit-learn", lambda: median(rf, "model_mb"), lambda: best(sk, "model_mb"), 0.2)
        add(f"deep forest load, {name}", "ms", "2 ms", lambda: 1000 * median(rf, "load_s"), lambda: 2.0, 1.0)
        _, ranger = together(args, data, "almanac_rf", "ranger_rf", repeats=1, settings=((2, "ACTIVE"),))
        add(f"random forest fit, 100 trees, {name}", "s", "ranger", lambda: median(rf, "fit_s"), lambda: best(ranger, "fit_s"), 0.06)
        add(f"deep forest batch prediction, {name}", "rows/s", "ranger", lambda: median(rf, "predict_rows_s"), lambda: best(ranger, "predict_rows_s", False), 20, upwards=True)
    if "trace_100000" in sets:
        data = sets["trace_100000"]
        q, lgb = together(args, data, "almanac_quantiles", "lgbm_quantile", repeats=1, settings=one)
        for p in ("0.1", "0.5", "0.9"):
            add(f"pinball at {p}, one model, trace_100000", "", "LightGBM, three models", lambda: median(q, f"pinball_{p}"), lambda: best(lgb, f"pinball_{p}"), 1.0)
        add("crossing quantiles, trace_100000", "%", "0 %", lambda: median(q, "crossing_pct"), lambda: 0.0, 0, holds=lambda m, t: m == 0)
        add("coverage of 80 % intervals, trace_100000", "%", "80 %", lambda: median(q, "cover80_pct"), lambda: 80.0, 1.0, holds=lambda m, t: 79 <= m <= 81)
        f, qrf = together(args, data, "almanac_qrf", "qrf", repeats=1, settings=((2, "ACTIVE"),), trees=20)
        add("quantile forest, 3 quantiles, 20 trees, trace_100000", "rows/s", "quantile-forest", lambda: median(f, "predict_rows_s"), lambda: best(qrf, "predict_rows_s", False), 8, upwards=True)
        _, ranger = together(args, data, "almanac_qrf", "ranger_qrf", repeats=1, settings=((2, "ACTIVE"),), trees=20)
        add("quantile forest, 3 quantiles, 20 trees, trace_100000", "rows/s", "ranger", lambda: median(f, "predict_rows_s"), lambda: best(ranger, "predict_rows_s", False), 200, upwards=True)
    for name in ("friedman1_5000", "trace_5000"):
        if name not in sets: continue
        mine, lgb = together(args, sets[name], "almanac_gbdt31", "lgbm_gbdt31", repeats=5)
        add(f"boosting fit, {name}", "s", "LightGBM", lambda: median(mine, "fit_s"), lambda: best(lgb, "fit_s"), 0.4)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try: mine, lgb = together(args, sets[name], "almanac_gbdt31", "lgbm_gbdt31", repeats=2, settings=((2, "ACTIVE"),), rounds=199)
        finally:
            for process in busy: process.kill()
        add(f"boosting fit beside two busy processes, {name}", "s", "LightGBM by default", lambda: median(mine, "fit_s"), lambda: best(lgb, "fit_s"), 0.15)
    for name, label in (("sarek", "scikit-learn forest, CatBoost, LightGBM"), ("mag", "CatBoost, LightGBM, scikit-learn forest")):
        if name not in sets: continue
        mine = ours(args, sets[name], "almanac_gbdt31")
        theirs = [peer(args, sets[name], p) for p in ("sklearn_rf", "catboost_sym6", "lgbm_gbdt31", "xgb_gbdt31", "sklearn_hgb31", "ydf_gbt31", "ranger_rf")]
        add(f"RMSE of log seconds, {name}, split by time", "", "best of all", lambda: mine["rmse"], lambda: min(r["rmse"] for r in theirs if "rmse" in r), 0.95)
        f = ours(args, sets[name], "almanac_qrf")
        add(f"coverage of 80 % intervals, {name}, split by time", "%", "80 %", lambda: f["cover80_pct"], lambda: 80.0, 1.0, holds=lambda m, t: 75 <= m <= 85)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--ours", "--work", "--json"): parser.add_argument(name, required=True)
    parser.add_argument("--data")
    parser.add_argument("--quick", action="store_true", default=bool(os.environ.get("FORESTS_BENCH_QUICK")))
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forests_models_") as args.models:
        measure(args, prepare(args))
    def text(value): return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    print("| work | ours | peer | peer's | ratio | target | holds |\n|---|---|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['work']} | {text(r['ours'])} {r['unit']} | {r['anchor']} | {text(r['anchor_value'])} {r['unit']} | {text(r['ratio'])} | {r['target']} | {'yes' if r['holds'] else '**no**'} |")
    with open(args.json, "w") as file: json.dump({"area": "forests", "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
