#!/usr/bin/env python3
"""Reference baselines for task runtime and task memory prediction.

Own re-implementation (numpy, pandas, scikit-learn) of three protocols, run on one or more data folders
laid out as shared/data/executions.

  python3 task_prediction_baselines.py --data ../data/executions [--data OTHER]
                                       [--part runtime|memory|history|all] [--seed 1996]

  runtime : "local profile -> other machines" protocol of the Lotaru paper (MdAPE per target machine)
  memory  : "30 % history, 70 % online" protocol of the Sizey paper (wastage GBh, failures, MAQ)
  history : time-ordered 70/30 split, per-process models and a forest (MdAPE, WAPE, log-RMSE)

Everything is deterministic for one seed.  Nothing is downloaded.
"""
import argparse, glob, os, sys, warnings
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.model_selection import train_test_split

warnings.filterwarnings("ignore")
NJ = int(os.environ.get("NJOBS", "2"))


def pct(x):
    return "%7.2f" % (100 * x)


# ---------------------------------------------------------------- runtime (Lotaru protocol)
# folder of the traces -> name used in the benchmark tables
MACHINES = {"a1": "asok01", "a2": "asok02", "c2": "c2", "n1": "n1", "n2": "n2", "local": "local"}


def lotaru(roots):
    bench = score = None
    for r in roots:
        b = os.path.join(r, "lotaru", "benchmarks")
        if os.path.isdir(b):
            bench = {}
            for m in set(MACHINES.values()):
                t = pd.read_csv(os.path.join(b, f"bio-bench-{m}.csv"))
                t.columns = ["workflow", "task", "machine", "r1", "r2", "r3"]
                t["key"] = t.workflow.str.lower() + "|" + t.task.str.lower()
                bench[m] = t.drop_duplicates("key").set_index("key")[["r1", "r2", "r3"]].median(axis=1)
            score = pd.read_csv(os.path.join(b, "lotaru-g.csv")).set_index("node")
    if bench is None:
        return print("no lotaru data")
    fac_g = {m: 0.5 * score.cpu_score["local"] / score.cpu_score[m] + 0.5 * score.io_score["local"] / score.io_score[m] for m in score.index}
    rows = []
    for root in roots:
        for wfdir in sorted(glob.glob(os.path.join(root, "lotaru", "local", "results_*"))):
            wf = os.path.basename(wfdir)[len("results_"):]
            load = lambda m: pd.read_csv(glob.glob(os.path.join(root, "lotaru", m, "results_" + wf, "*.csv"))[0])
            local = load("local")
            for exp in (1, 2):
                tr = local[local.Label.str.contains(f"train-{exp}")]
                groups = {k: g.head(6) for k, g in tr.groupby("Task", sort=False)}
                ratio = {m: {} for m in MACHINES.values()}
                for m in MACHINES.values():
                    for k in groups:
                        key = wf + "|" + k.lower()
                        ratio[m][k] = bench[m][key] / bench["local"][key] if key in bench[m].index and key in bench["local"].index else np.nan
                fit = {}
                for k, g in groups.items():                              # every model is fitted once, on the local machine
                    x = g.TaskInputSizeUncompressed.to_numpy(float); y = g.Realtime.to_numpy(float)
                    r = np.corrcoef(x, y)[0, 1] if len(x) > 1 and x.std() > 0 and y.std() > 0 else np.nan
                    lx, ly = np.log(np.maximum(x, 1)), np.log(np.maximum(y, 1))
                    fit[k] = (x, y, bool(r == r and r >= 0.75), BayesianRidge().fit(x[:, None], y), LinearRegression().fit(x[:, None], y),
                              LinearRegression().fit(lx[:, None], ly) if len(x) > 1 and lx.std() > 0 else None,
                              RandomForestRegressor(30, random_state=0, n_jobs=1).fit(x[:, None], y))
                for folder, m in MACHINES.items():
                    te = load(folder)
                    te = te[te.Label.str.contains("test")]
                    valid = [v for v in ratio[m].values() if v == v and v != 1.0]
                    for k in groups:
                        t = te[te.Task == k]
                        if len(t) == 0:
                            continue
                        x, y, good, bay, ols, ll, rf = fit[k]
                        xt = t.TaskInputSizeUncompressed.to_numpy(float); yt = t.Realtime.to_numpy(float)
                        fa = ratio[m][k]
                        if not (fa == fa) or fa == 1.0:
                            fa = float(np.median(valid)) if valid else 1.0
                        fg = fac_g[m] if m != "local" else 1.0
                        med = np.full(len(xt), np.median(y))
                        b = bay.predict(xt[:, None])
                        P = {"Lotaru-G": b * fg if good else med, "Lotaru-A": b * fa if good else med,
                             "Lotaru-A, median scaled": b * fa if good else med * fa,
                             "median": med, "median x fA": med * fa, "ratio y/x (Naive)": np.mean(y / x) * xt,
                             "OLS x fA": (ols.predict(xt[:, None]) if good else med) * fa,
                             "log-log OLS x fA": np.exp(ll.predict(np.log(np.maximum(xt, 1))[:, None])) * fa if ll is not None else med * fa,
                             "RF per task x fA": rf.predict(xt[:, None]) * fa}
                        for name, v in P.items():
                            for a, q in zip(yt, v):
                                rows.append((wf, exp, m, k, name, a, q))
    d = pd.DataFrame(rows, columns="wf exp machine task model y p".split())
    d["ape"] = (d.p - d.y).abs() / d.y
    order = list(dict.fromkeys(d.model))
    print("\n== RUNTIME, local profile -> target machine: median absolute percentage error (%), workflows:", ", ".join(sorted(d.wf.unique())))
    ms = list(MACHINES.values())
    print("%-26s" % "model" + "".join("%9s" % m for m in ms) + "   other-5    MAPE-5   n")
    for o in order:
        s = d[d.model == o]; het = s[s.machine != "local"]
        print("%-26s" % o + "".join("  " + pct(s[s.machine == m].ape.median()) for m in ms) + "  " + pct(het.ape.median()) + "   " + pct(het.ape.mean()) + "   %d" % len(het))
    print("-- per workflow, five foreign machines, MdAPE %")
    print("%-26s" % "model" + "".join("%12s" % w for w in sorted(d.wf.unique())))
    for o in order:
        s = d[(d.model == o) & (d.machine != "local")]
        print("%-26s" % o + "".join("     " + pct(s[s.wf == w].ape.median()) for w in sorted(d.wf.unique())))
    return d


# ---------------------------------------------------------------- memory (Sizey protocol)
NODE = 128e9


class Percentile:
    """95th percentile of all peaks so far; doubling on failure."""
    def __init__(s, q=95): s.q = q
    def fit(s, x, y, t): s.y = list(y)
    def predict(s, x): return float(np.percentile(s.y, s.q))
    def retry(s, p, n): return p * 2
    def update(s, x, y, t): s.y.append(y)


class WittLR:
    """Linear regression on the input size + one standard deviation of the relative errors; doubling on failure.
    pooled=True keeps ONE error list for all processes and both variants, as the published code does (class attribute)."""
    pool = []
    def __init__(s, mode="std", pooled=False): s.mode = mode; s.err = WittLR.pool if pooled else []
    def fit(s, x, y, t): s.x = list(x); s.y = list(y); s._f()
    def _f(s):
        x = np.array(s.x); y = np.array(s.y); v = x.var()
        s.b = float(((x - x.mean()) * (y - y.mean())).mean() / v) if v > 0 else 0.0
        s.a = float(y.mean() - s.b * x.mean())
    def predict(s, x):
        s.raw = s.a + s.b * x
        e = [v for v in s.err if v > 0] if s.mode == "stdunder" else s.err
        return s.raw * (1 + (np.std(e) if len(e) else 0))
    def retry(s, p, n): return max(s.y) if p <= 0 else p * 2
    def update(s, x, y, t): s.err.append((y - s.raw) / y); s.x.append(x); s.y.append(y); s._f()


class Tovar:
    """First allocation that minimises expected waste over the history; on failure the maximum seen, then a whole node."""
    def fit(s, x, y, t): s.y = list(y); s.t = list(t)
    def predict(s, x):
        y = np.array(s.y); t = np.array(s.t); o = np.argsort(-y, kind="stable"); ys, ts = y[o], t[o]
        u, first = np.unique(-ys, return_index=True); v = -u
        cum = np.concatenate([[0], np.cumsum(ts)])[first] / len(y)          # time of strictly larger peaks
        return float(v[np.argmin(v * (ts.sum() / len(y)) + v[0] * cum)])
    def retry(s, p, n): m = max(s.y); return m if p < m else NODE
    def update(s, x, y, t): s.y.append(y); s.t.append(t)


class MaxSeen:
    def fit(s, x, y, t): s.m = max(y)
    def predict(s, x): return s.m
    def retry(s, p, n): return p * 2
    def update(s, x, y, t): s.m = max(s.m, y)


class ForestOffset:
    """Random forest (log input size -> log peak), refitted after every 10 % growth of the history (at least 10 tasks), lifted by a
    quantile of the out-of-bag ratio actual/predicted; on failure the maximum seen, then doubling."""
    cache = {}
    def __init__(s, q=0.95): s.q = q
    def ahead(s, key, xs): s.key, s.xs = key, np.unique(np.asarray(xs, float))     # features of the online tasks, to predict them in one call
    def fit(s, x, y, t): s.x = list(x); s.y = list(y); s.last = len(s.y); s._f()
    def _f(s):
        k = (s.key, len(s.y))
        if k not in ForestOffset.cache:
            x = np.log1p(np.array(s.x))[:, None]; y = np.log(np.array(s.y))
            m = RandomForestRegressor(50, min_samples_leaf=2, oob_score=True, random_state=0, n_jobs=1).fit(x, y)
            o = m.oob_prediction_; ok = o > 0
            ForestOffset.cache[k] = (y[ok] - o[ok], dict(zip(s.xs, m.predict(np.log1p(s.xs)[:, None]))))
        s.res, s.table = ForestOffset.cache[k]
        s.off = float(np.quantile(s.res, s.q)) if len(s.res) else 0.0
    def predict(s, x): return float(np.exp(s.table[x] + s.off))
    def retry(s, p, n): m = max(s.y); return m if p < m / 1.05 else p * 2
    def update(s, x, y, t):
        s.x.append(x); s.y.append(y)
        if len(s.y) - s.last >= max(10, 0.1 * s.last): s.last = len(s.y); s._f()


def sizey(roots, seed, target, forests=True):
    methods = {"MaxSeen": MaxSeen, "Witt-Percentile": Percentile, "Witt-LR std": WittLR, "Witt-LR stdunder": lambda: WittLR("stdunder"),
               "  std, pooled": lambda: WittLR("std", True), "  stdunder, pooled": lambda: WittLR("stdunder", True), "Tovar": Tovar, "Forest+OOB q95": ForestOffset, "Forest+OOB q99": lambda: ForestOffset(0.99)}
    res = []; only = os.environ.get("WF")
    if not forests: methods = {k: v for k, v in methods.items() if not k.startswith("Forest")}
    for root in roots:
        for f in sorted(glob.glob(os.path.join(root, "sizey", "trace_*.csv*"))):
            wf = os.path.basename(f).split("_")[1].split(".")[0]; WittLR.pool.clear()
            if only and wf not in only.split(","): continue
            d = pd.read_csv(f, low_memory=False)
            for c in ("rss", "peak_rss", "memory", "rchar"):
                d[c] = pd.to_numeric(d[c], errors="coerce")
            for proc in d.process.unique():
                g = d[(d.process == proc) & (d.rss > 0)]
                if len(g) < 34 or (g.realtime == 0).any():
                    continue
                tr, te = train_test_split(g, test_size=0.7, random_state=seed)
                h = te.realtime / 3.6e6
                use = float((te[target] * 1e-9 * h).sum())
                res.append((wf, proc, "Workflow presets", float(((te.memory - te.peak_rss) * 1e-9 * h).sum()), int((te.memory < te.peak_rss).sum()), len(te), use))
                for name, mk in methods.items():
                    m = mk()
                    if hasattr(m, "ahead"): m.ahead((wf, proc), te.rchar)
                    m.fit(tr.rchar.to_numpy(float), tr[target].to_numpy(float), tr.realtime.to_numpy(float))
                    waste = 0.0; fail = 0
                    for x, y, t in te[["rchar", target, "realtime"]].to_numpy(float):
                        p = m.predict(x); n = 0
                        while p < y:                                     # a failed try wastes its whole allocation for the whole runtime
                            waste += max(p, 0) * 1e-9 * t / 3.6e6; n += 1; p = m.retry(p, n)
                        waste += (p - y) * 1e-9 * t / 3.6e6; fail += n
                        m.update(x, y, t)
                    res.append((wf, proc, name, waste, fail, len(te), use))
    r = pd.DataFrame(res, columns="wf proc method waste fail n use".split())
    print(f"\n== MEMORY, 30 % history / 70 % online, seed {seed}, target column {target}: wastage GBh | failures | MAQ % (= used/(used+wasted))")
    wfs = sorted(r.wf.unique())
    print("%-18s" % "method" + "".join("%26s" % w for w in wfs) + "%26s" % "all")
    for mth in dict.fromkeys(r.method):
        s = r[r.method == mth]; line = "%-18s" % mth
        for w in wfs + [None]:
            q = s if w is None else s[s.wf == w]
            line += "%13.2f %5d %6.1f" % (q.waste.sum(), q.fail.sum(), 100 * q.use.sum() / (q.use.sum() + q.waste.sum()))
        print(line)
    one = r[r.method == "MaxSeen"]
    print("processes:", {w: int((one.wf == w).sum()) for w in wfs}, "online tasks:", {w: int(one[one.wf == w].n.sum()) for w in wfs}, "used GBh:", {w: round(float(one[one.wf == w].use.sum()), 2) for w in wfs})
    return r


# ---------------------------------------------------------------- history -> next tasks
def report(tag, y, P, n_tr):
    print("-- %s (train %d, test %d)" % (tag, n_tr, len(y)))
    for k, p in P.items():
        p = np.maximum(p, 1e-9); a = np.abs(p - y) / y
        print("   %-28s MdAPE %s  MAPE %s  WAPE %s  within20%% %s  logRMSE %6.3f" % (k, pct(np.median(a)), pct(a.mean()), pct(np.abs(p - y).sum() / y.sum()), pct((a <= .2).mean()), np.sqrt(np.mean((np.log(p) - np.log(y)) ** 2))))


def hist(tag, d, size, target, num, order, proc="process", min_rows=20, pooled=True):
    d = d[(d[target] > 0)].copy()
    d = d[d.groupby(proc)[target].transform("size") >= min_rows].sort_values(order, kind="stable")
    d["k"] = d.groupby(proc).cumcount(); d["m"] = d.groupby(proc)[target].transform("size")
    tr = d[d.k < np.floor(0.7 * d.m)]; te = d[d.k >= np.floor(0.7 * d.m)]
    y = te[target].to_numpy(float); P = {k: np.zeros(len(te)) for k in ("per-process median", "per-process linear", "per-process log-log", "per-process RF")}
    L = lambda v: np.log(np.maximum(np.asarray(v, float), 1))
    feats = [size] + num
    pos = {i: n for n, i in enumerate(te.index)}
    for p, g in te.groupby(proc):
        t = tr[tr[proc] == p]; ix = [pos[i] for i in g.index]
        P["per-process median"][ix] = t[target].median()
        lo, hi = t[target].min(), t[target].max()
        P["per-process linear"][ix] = np.clip(LinearRegression().fit(t[[size]].to_numpy(float), t[target]).predict(g[[size]].to_numpy(float)), lo / 2, hi * 4)
        P["per-process log-log"][ix] = np.clip(np.exp(LinearRegression().fit(L(t[[size]]), L(t[target])).predict(L(g[[size]]))), lo / 2, hi * 4)
        P["per-process RF"][ix] = np.exp(RandomForestRegressor(200, min_samples_leaf=2, max_features=1.0, random_state=0, n_jobs=NJ).fit(L(t[feats]), L(t[target])).predict(L(g[feats])))
    ntr = len(tr)
    if not pooled:
        report(tag, y, P, ntr)
        return y, P
    oh = pd.get_dummies(pd.concat([tr[proc], te[proc]]))
    med = tr.groupby(proc)[target].median(); lm = np.log(med)
    X = np.column_stack([L(pd.concat([tr, te])[feats]), pd.concat([tr, te])[proc].map(lm).to_numpy(), oh.to_numpy(float)])
    rf = RandomForestRegressor(200, min_samples_leaf=2, max_features=0.5, random_state=0, n_jobs=NJ).fit(X[:ntr], L(tr[target]))
    P["one global RF"] = np.exp(rf.predict(X[ntr:]))
    report(tag, y, P, ntr)
    return y, P


def history(roots):
    print("\n== HISTORY: per process the first 70 % (by submission / first sample) train, the last 30 % test; processes with >= 20 rows")
    for root in roots:
        for f in sorted(glob.glob(os.path.join(root, "sizey", "trace_*.csv*"))):
            wf = os.path.basename(f).split("_")[1].split(".")[0]
            d = pd.read_csv(f, low_memory=False); d = d[d.status == "COMPLETED"]
            for c in ("rss", "peak_rss", "memory", "rchar", "realtime", "cpus"):
                d[c] = pd.to_numeric(d[c], errors="coerce")
            d = d.dropna(subset=["rchar", "peak_rss"])
            hist(f"{wf}: realtime (ms) from rchar, cpus, memory request", d[d.realtime > 0], "rchar", "realtime", ["cpus", "memory"], "submit")
            hist(f"{wf}: peak_rss from rchar, cpus, memory request", d, "rchar", "peak_rss", ["cpus", "memory"], "submit")
        for f in sorted(glob.glob(os.path.join(root, "ksegments", "*_tasks.csv"))):
            d = pd.read_csv(f).dropna(subset=["peak_memory_mb", "files_input_total_size_bytes"])
            n = os.path.basename(f)
            hist(f"{n}: span_s from input bytes, file count, cpus", d, "files_input_total_size_bytes", "span_s", ["files_input_num", "max_cpus"], "first_sample_utc")
            hist(f"{n}: peak_memory_mb from input bytes, file count, cpus", d, "files_input_total_size_bytes", "peak_memory_mb", ["files_input_num", "max_cpus"], "first_sample_utc")


if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("--data", action="append", required=True); a.add_argument("--part", default="all"); a.add_argument("--seed", type=int, default=1996); a.add_argument("--target", default="rss"); a = a.parse_args()
    if a.part in ("all", "runtime"): lotaru(a.data)
    if a.part in ("all", "memory"): sizey(a.data, a.seed, a.target)
    if a.part in ("all", "history"): history(a.data)
