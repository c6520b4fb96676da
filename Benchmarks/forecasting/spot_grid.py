#!/usr/bin/env python3
"""AWS price histories to hourly grids: spot_grid.py FOLDER OUT.csv [LIMIT].

One line a market (type, zone; Linux/UNIX): id, then the price in force at every full hour, separated by spaces. Markets
that start late or end early are left out, so that every series has the same hours.
"""
import datetime as dt, glob, gzip, json, sys

def main(folder, out, limit):
    changes = {}
    for name in sorted(glob.glob(folder + "/*.json.gz") + glob.glob(folder + "/*.json")):
        with (gzip.open(name) if name.endswith(".gz") else open(name, "rb")) as file:
            for record in json.load(file)["SpotPriceHistory"]:
                if record["ProductDescription"] == "Linux/UNIX":
                    time = dt.datetime.fromisoformat(record["Timestamp"]).timestamp()
                    key = record["InstanceType"] + "/" + record["AvailabilityZone"]
                    changes.setdefault(key, []).append((time, float(record["SpotPrice"])))
    first = min(min(v)[0] for v in changes.values())
    last = max(max(v)[0] for v in changes.values())
    first = -(-first // 3600) * 3600 + 36 * 3600
    hours = [first + 3600 * i for i in range(int((last - first) // 3600))]
    with open(out, "w") as file:
        for number, (key, values) in enumerate(sorted(changes.items())):
            values.sort()
            if values[0][0] > first or values[-1][0] < last - 40 * 3600 or (limit and number % limit[1] != limit[0]):
                continue
            grid, at = [], 0
            for hour in hours:
                while at + 1 < len(values) and values[at + 1][0] <= hour:
                    at += 1
                grid.append("%.6g" % values[at][1])
            file.write(key + "," + " ".join(grid) + "\n")

main(sys.argv[1], sys.argv[2], None)
