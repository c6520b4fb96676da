"""The part `scout` of bench.py: the cheapest configuration found in six trials, 18 workloads × 20 starts.

Random search tries six configurations at random. The CherryPick-style peer starts from three at random; a Gaussian
process (Matérn 5/2, its scales fitted by marginal likelihood, scikit-learn) of log cost on the logarithms of machines,
processors and memory then proposes three by expected improvement. Ours starts from the first of the same. A
configuration that did not complete costs what two hours of it cost, and is never the answer unless nothing completed.
"""
import os, warnings
import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

PROBES, STARTS, TIMEOUT = 6, range(20), 7200


def cherrypick(features, cost, first):
    probes = list(first)
    x = (features - features.mean(0)) / np.maximum(features.std(0), 1e-9)
    while len(probes) < PROBES:
        y = np.log(cost[probes])
        kernel = ConstantKernel(1.0) * Matern([1.0] * x.shape[1], (0.1, 10), nu=2.5) + WhiteKernel(1e-2, (1e-4, 1e-1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=1, random_state=0).fit(x[probes], y)
        mean, deviation = model.predict(x, return_std=True)
        gain = y.min() - mean
        z = gain / np.maximum(deviation, 1e-9)
        improvement = gain * norm.cdf(z) + deviation * norm.pdf(z)
        improvement[probes] = -np.inf
        probes.append(int(improvement.argmax()))
    return probes


def run(args, add, ours, note):
    path = os.path.join(args.configurations or "", "scout", "scout_multi_node.csv")
    if not os.path.exists(path): return note("scout: there are no such data")
    types = pd.read_csv(os.path.join(args.configurations, "vm_types.csv")).set_index("vm_type")
    d = pd.read_csv(path)
    d["set"] = d.workload + " " + d.framework + " " + d.datasize
    d = d.sort_values(["set", "vm_type", "node_count"], kind="stable").reset_index(drop=True)
    d["cpus"], d["memory"] = d.vm_type.map(types.vcpus), d.vm_type.map(types.memory_gib)
    d["price"] = d.node_count * d.vm_type.map(types.price_usd_per_hour)
    d["seconds"] = d.elapsed_time.where(d.completed, TIMEOUT)
    d["cost"] = d.seconds / 3600 * d.price
    first, answers = {}, {"random": {}, "GP": {}}
    for number, (name, g) in enumerate(d.groupby("set", sort=True)):
        note(f"scout: {name}")
        features = np.log(np.column_stack([g.node_count, g.cpus, g.memory / g.cpus]).astype(float))
        cost = g.cost.to_numpy()
        for start in STARTS:
            order = np.random.default_rng([number, start]).permutation(len(g))
            first[name, start] = int(order[0])
            answers["random"][name, start] = order[:PROBES]
            answers["GP"][name, start] = cherrypick(features, cost, order[:3])
    starts = os.path.join(args.work, "starts.csv")
    pd.DataFrame([(n, s, f) for (n, s), f in first.items()], columns=["set", "start", "first"]).to_csv(starts, index=False)
    table = d[["set", "node_count", "cpus", "memory", "price", "seconds"]].assign(completed=d.completed.astype(int))
    mine = ours(args, "scout", table, starts)
    answers["ours"] = {(a["set"], a["start"]): a["probes"] for a in mine}

    def ratio(name, probes):
        g = d[d.set == name]
        cost, done = g.cost.to_numpy()[list(probes)], g.completed.to_numpy()[list(probes)]
        return (cost[done].min() if done.any() else cost.max()) / g.cost[g.completed].min()

    found = {who: np.mean([ratio(name, probes) for (name, _), probes in answer.items()]) for who, answer in answers.items()}
    what = f"cheapest configuration after {PROBES} trials: cost / least, {d.set.nunique()} workloads × {len(STARTS)} starts"
    add(what, found["ours"], "least", 1.0, "at most 1.10", found["ours"] <= 1.10)
    add(what, found["ours"], "random, 6 trials", found["random"], "at most that", found["ours"] <= found["random"])
    add(what, found["ours"], "Gaussian process as CherryPick", found["GP"], "at most that", found["ours"] <= found["GP"])
