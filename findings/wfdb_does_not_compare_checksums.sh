#!/usr/bin/env bash
# wfdb 4.3.1: rdrecord does not compare the samples of a record with the checksums in its header,
# nor with the first values there. It returns them in the fields of the record as if they were
# those of the signal. Who wants to know whether a .dat is the one of its .hea must compute the sum.
# Seen: after a change of one sample rdrecord says the same checksums, and calc_checksum others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check wfdb==4.3.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import wfdb

assert wfdb.__version__ == "4.3.1"
signal = np.stack([np.arange(100), 5 * np.arange(100)], axis=1)
wfdb.wrsamp(
    "ecg", fs=500, units=["mV"] * 2, sig_name=["I", "II"], d_signal=signal, fmt=["16"] * 2,
    adc_gain=[1000.0] * 2, baseline=[0] * 2,
)
whole = wfdb.rdrecord("ecg", physical=False)
assert whole.checksum == whole.calc_checksum() == [4950, 24750]
stored = np.fromfile("ecg.dat", "<i2")
stored[0] += 1000
stored.tofile("ecg.dat")
other = wfdb.rdrecord("ecg", physical=False)
print("first sample", other.d_signal[0, 0], "but init_value", other.init_value[0])
print("checksums that it returns", other.checksum, "of the samples", other.calc_checksum())
assert other.d_signal[0, 0] == 1000
assert other.init_value == whole.init_value == [0, 0]
assert other.checksum == whole.checksum
assert other.calc_checksum() == [5950, 24750]
print("as stated: checksums are returned and not compared")
PY
