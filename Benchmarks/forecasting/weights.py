#!/usr/bin/env python3
"""Chooses how 'auto' weighs its members on long series without a season, leaving out one data set at a time.

  weights.py BENCH DATA WORK     BENCH: the built forecasting-bench; DATA: the folder of m4_weekly.csv and others

Members are fitted to each series and again to what was known at up to eight earlier points of it. A rule turns what they missed
there into weights: errors of how many points, to which power, and from which ratio to the best on a member is left out. The rule is
the best on average that makes no data set worse; chosen on all sets but one, it is judged on that one. None of the series that
'bench forecasting' uses is among them.
"""
import collections, csv, itertools, json, math, os, subprocess, sys
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers

csv.field_size_limit(1 << 28)
MEMBERS = ("arima", "ets", "theta")
ORIGINS, BACK = 8, 12

def read(data):
    """(set, id, train, test) of series without a season."""
    found = []
    weekly = peers.load(os.path.join(data, "m4_weekly.csv"))[32:]
    weekly.sort(key=lambda s: int(s["id"][1:]))
    for i, s in enumerate(weekly):
        # Neighbours in the file are of one domain.
        found.append((f"weekly {1 + 4 * i // len(weekly)}", s["id"], s["x"], s["xx"]))
    for s in peers.load(os.path.join(data, "m3_other.csv")):
        found.append(("m3 other", s["id"], s["x"], s["xx"]))
    for s in peers.load(os.path.join(data, "nn5_daily.csv")):
        weeks = peers.fill(np.concatenate([s["x"], s["xx"]]))
        weeks = weeks[len(weeks) % 7:].reshape(-1, 7).sum(axis=1)
        found.append(("nn5 weeks", s["id"], weeks[:-8], weeks[-8:]))
    with open(os.path.join(data, "classical.csv")) as file:
        for r in csv.DictReader(file):
            x = [float(v) for v in r["values"].split() if v != "NA"]
            if r["season"] != "1" or len(x) < 60:
                continue
            pieces = [x] if len(x) < 1000 else [x[i:i + 500] for i in range(0, len(x) - 499, 500)]
            for p, piece in enumerate(pieces):
                for cut in range(4 if len(pieces) == 1 else 1):
                    end = len(piece) - 8 * cut
                    found.append(("classical", f"{r['id']}.{p}.{cut}", np.array(piece[:end - 8]), np.array(piece[end - 8:end])))
    return found

def forecasts(bench, series, work):
    """By member: a list of (forecast of the test part, forecasts from earlier points), one for each series."""
    rows = []
    for i, (_, _, train, test) in enumerate(series):
        rows.append((f"{i}_0", len(test), train))
        for k in range(1, ORIGINS + 1):
            if len(train) - k * BACK >= 20:
                rows.append((f"{i}_{k}", BACK, train[:len(train) - k * BACK]))
    path, ids = os.path.join(work, "weights.csv"), os.path.join(work, "weights-ids.txt")
    with open(path, "w") as file:
        file.write("id,source,domain,season,start,horizon,n,bench,train,test\n")
        for name, horizon, train in rows:
            file.write(f"{name},,,1,,{horizon},{len(train)},0,{' '.join(repr(float(v)) for v in train)},\n")
    with open(ids, "w") as file:
        file.write("\n".join(name for name, _, _ in rows))
    result = {}
    for member in MEMBERS + ("auto",):
        if member == "auto":
            with open(ids, "w") as file:
                file.write("\n".join(name for name, _, _ in rows if name.endswith("_0")))
        out = os.path.join(work, f"weights-{member}.csv")
        if not os.path.exists(out):
            subprocess.run([bench, "run", path, ids, member, "2", out], check=True, stdout=sys.stderr)
        means = collections.defaultdict(list)
        with open(out) as file:
            for r in csv.DictReader(file):
                means[r["id"]].append(float(r["mean"]))
        result[member] = means
    return result

def smape(y, f):
    return float(np.mean(200 * np.abs(y - f) / np.maximum(np.abs(y) + np.abs(f), 1e-300)))

def measures(train, test, f):
    scale = np.mean(np.abs(np.diff(train)))
    return smape(test, f), float(np.mean(np.abs(test - f)) / max(scale, 1e-300))

class Case:
    def __init__(self, index, one, means):
        self.set, self.id, self.train, self.test = one
        n = len(self.train)
        self.n = n
        self.final = {m: np.array(means[m][f"{index}_0"]) for m in MEMBERS + ("auto",)}
        self.usual = {"arima": 0.5, "ets": 0.5, "theta": min(1, (50 / n) ** 2)}
        self.errors = {m: [] for m in MEMBERS}
        for k in range(1, ORIGINS + 1):
            key = f"{index}_{k}"
            if key in means["arima"]:
                future = self.train[n - k * BACK:n - (k - 1) * BACK]
                for m in MEMBERS:
                    self.errors[m].append(float(np.mean(np.abs(np.array(means[m][key]) - future))))

    def combined(self, rule):
        origins, power, cut = rule
        weights = dict(self.usual)
        if len(self.errors["arima"]) >= origins:
            error = {m: np.mean(self.errors[m][:origins]) for m in MEMBERS}
            best = min(error.values())
            if best > 0:
                weights = {m: w * (best / error[m]) ** power * (best / error[m] >= cut) for m, w in weights.items()}
        total = sum(weights.values())
        return sum(w / total * self.final[m] for m, w in weights.items())

def owa(cases, forecast):
    naive = np.mean([measures(c.train, c.test, np.repeat(c.train[-1], len(c.test))) for c in cases], axis=0)
    ours = np.mean([measures(c.train, c.test, forecast(c)) for c in cases], axis=0)
    return float(np.mean(ours / naive))

def main():
    bench, data, work = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    series = read(data)
    means = forecasts(bench, series, work)
    sets = collections.defaultdict(list)
    for i, one in enumerate(series):
        sets[one[0]].append(Case(i, one, means))
    rules = list(itertools.product((3, 4, 5, 6, 8), (0, 1, 2, 3, 4, 6, 8, 12, 16), (0, 0.5, 0.7, 0.8, 0.9)))
    plain = {name: owa(cases, lambda c: c.combined((1, 0, 0))) for name, cases in sets.items()}
    ratio = {r: {s: owa(cases, lambda c: c.combined(r)) / plain[s] for s, cases in sets.items()} for r in rules}

    def chosen(names):
        """The best on average of those that make none of these sets worse by more than a thousandth."""
        return min((r for r in rules if max(ratio[r][s] for s in names) <= 1.001),
                   key=lambda r: sum(ratio[r][s] for s in names))

    print("| data | series | mean length | arima | ets | theta | auto | plain weights | chosen without it | rule |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, cases in sets.items():
        rule = chosen([s for s in sets if s != name])
        row = [owa(cases, lambda c: c.final[m]) for m in MEMBERS + ("auto",)]
        row += [plain[name], ratio[rule][name] * plain[name]]
        print(f"| {name} | {len(cases)} | {np.mean([c.n for c in cases]):.0f} | " + " | ".join(f"{v:.4f}" for v in row) + f" | {rule} |")
    rule = chosen(list(sets))
    print("chosen on all:", rule, {s: round(v * plain[s], 4) for s, v in ratio[rule].items()})

main()
