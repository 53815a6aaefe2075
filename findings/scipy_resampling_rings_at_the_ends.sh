#!/usr/bin/env bash
# scipy 1.17.1: resample_poly takes the signal as 0 beyond its ends (padtype "constant"). A signal
# with an offset, such as an ECG before its baseline is removed, gets a step at both ends and
# rings: a constant is not constant after it. padtype="line" keeps it.
# Seen: of 1 mV, from 500 to 100 Hz: 0.600, 1.084, 0.958 at the start; with "line" 1, 1, 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.3.5
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import scipy
from scipy.signal import resample_poly

assert scipy.__version__ == "1.17.1"
constant = np.ones(5000)
usual = resample_poly(constant, 1, 5)
line = resample_poly(constant, 1, 5, padtype="line")
print("by default", usual[:3].round(3).tolist(), "...", usual[-3:].round(3).tolist())
print("padtype line", line[:3].round(3).tolist(), "...", line[-3:].round(3).tolist())
np.testing.assert_allclose(usual[:3], [0.600, 1.084, 0.958], atol=1e-3)
np.testing.assert_allclose(usual[100:-100], 1, atol=1e-6)
np.testing.assert_allclose(line, 1, atol=1e-6)
print("as stated: the ends of a constant ring")
PY
