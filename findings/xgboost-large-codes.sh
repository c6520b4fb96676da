#!/usr/bin/env bash
# XGBoost 3.2.0: the size of a model with categories follows the largest code, not the number of categories.
#
# Guessed: a split stores the codes that go one way, so that 500 rows with 500 different categories give sets of at most
# 500 codes each, whatever the codes are (hashed identifiers, for instance; codes below 2^24 are valid).
# Seen: a split by partition stores every code up to the largest that it does not know, too: two trees of 500 rows
# are more than a hundred times as large with codes up to 1,950,000 as with codes up to 500, and so are the times to save,
# to load and to convert them. Number the categories from 0 before training.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q xgboost-cpu==3.2.0 numpy==2.4.6
"$work/venv/bin/python" - "$work" <<'PY'
import os, sys
import numpy, xgboost

rows = numpy.arange(500)
target = ((rows * 7919) % 101).astype(float)
sizes = {}
for step in (1, 3900):
    codes = (rows * step).astype(float).reshape(-1, 1)
    matrix = xgboost.DMatrix(codes, target, feature_types=["c"], enable_categorical=True)
    model = xgboost.train({"max_depth": 4, "max_cat_to_onehot": 4, "max_cat_threshold": 500}, matrix, num_boost_round=2)
    path = os.path.join(sys.argv[1], f"{step}.json")
    model.save_model(path)
    sizes[step] = os.path.getsize(path)
    print(f"largest code {int(codes.max())}: {sizes[step]} bytes for two trees of {len(rows)} rows")
assert sizes[3900] > 100 * sizes[1], "XGBoost behaves otherwise now"
PY
