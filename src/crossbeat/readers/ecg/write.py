"""Write an ECG as a WFDB record, for examples and for data that tests make."""

import re
from pathlib import Path

import numpy as np

from crossbeat.files import write_whole
from crossbeat.readers.ecg.wfdb_samples import sums
from crossbeat.signal import Ecg

_GAIN = 1000
"""Stored integers per millivolt."""


def write_wfdb(ecg: Ecg, stem: Path) -> Path:
    """The header of a new record of format 16 with one signal file; 1 uV per unit.

    Args:
        ecg: millivolts, from -32 to 32 mV.
        stem: path of the record without suffix; its name becomes the record's.

    Raises:
        ValueError: a value is not finite or does not fit, or the name has other characters than
            letters, digits, - and _.
    """
    if not re.fullmatch(r"[-\w]+", stem.name):
        raise ValueError(f"a record's name must have letters, digits, - and _, got {stem.name!r}")
    units = np.round(ecg.values * _GAIN)
    if not (np.abs(units) < 2**15).all():
        raise ValueError("an ECG must be finite and within 32 mV to be stored in 16 bits")
    signals = units.astype("<i2")
    write_whole(stem.with_suffix(".dat"), signals.T.tobytes())
    lines = [f"{stem.name} {len(ecg.leads)} {ecg.fs:.15g} {signals.shape[1]}"]
    lines += [
        f"{stem.name}.dat 16 {_GAIN}/mV 16 0 {first} {total} 0 {lead}"
        for first, total, lead in zip(signals[:, 0], sums(signals.T), ecg.leads, strict=True)
    ]
    header = stem.with_suffix(".hea")
    write_whole(header, "\n".join(lines) + "\n")
    return header
