#!/usr/bin/env bash
# lifelines 0.30.0: `nelson_aalen_smoothing` of the Nelson–Aalen estimator changes the variance where nothing is tied.
#
# Guessed: the option says how tied deaths are counted, so that it changes nothing when all times differ; and the variance
# is Aalen's, the sum of deaths / (at risk)², either way.
# Seen: eight different times give the same cumulative hazard with and without it, but without it the variance is the
# binomial one, the sum of deaths · (at risk − deaths) / (at risk)³: 7/512 in place of 1/64 after the first death, and
# nothing at all after the last. Intervals of small samples differ between programs for no other reason.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q lifelines==0.30.0
"$work/venv/bin/python" -W ignore - <<'PY'
from lifelines import NelsonAalenFitter

times = list(range(1, 9))
fits = [NelsonAalenFitter(nelson_aalen_smoothing=smooth).fit(times) for smooth in (True, False)]
hazards = [fit.cumulative_hazard_.iloc[:, 0].tolist() for fit in fits]
variances = [fit._cumulative_sq.tolist() for fit in fits]
print("largest difference of the hazards:", max(abs(a - b) for a, b in zip(*hazards)))
print("variance after the first death:", variances[0][1], "with,", variances[1][1], "without")
added = [v[-1] - v[-2] for v in variances]
print("what the last death adds to it:", added[0], "with,", added[1], "without")
assert max(abs(a - b) for a, b in zip(*hazards)) < 1e-12
assert variances[0][1] == 1 / 64 and variances[1][1] == 7 / 512 and abs(added[1]) < 1e-12, "lifelines behaves otherwise now"
PY
