"""Any ECG file as an ``Ecg``: only the twelve leads, in millivolts."""

from pathlib import Path

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, canonical
from crossbeat.readers.wfdb import Record, read_record
from crossbeat.signal import Ecg

FORMATS = "WFDB (.hea with .dat or .mat)"
"""What ``read_ecg`` reads, for messages and help."""

MILLIVOLTS = {
    "mv": 1.0,
    "millivolt": 1.0,
    "millivolts": 1.0,
    "uv": 1e-3,
    "µv": 1e-3,  # U+00B5, the micro sign
    "μv": 1e-3,  # U+03BC, the Greek letter
    "microvolt": 1e-3,
    "microvolts": 1e-3,
    "v": 1e3,
    "volt": 1e3,
    "volts": 1e3,
}
"""Millivolts in one of a unit, by its name in small letters."""

_LEADS = {lead.lower() for lead in STANDARD}


def read_ecg(path: str | Path) -> Ecg:
    """The ECG of a file: the twelve leads that it has, in its order; other channels are dropped.

    Samples that the file marks as missing are NaN.

    Args:
        path: a WFDB header, a signal file beside its header, or the two names' common stem.

    Raises:
        DataError: the file is missing, damaged or of another format, holds no ECG lead or one
            twice, or its unit is no voltage.
    """
    path = Path(path)
    header = _header(path)
    record = read_record(header)
    rows = [row for row, name in enumerate(record.names) if name.strip().lower() in _LEADS]
    names = tuple(canonical(record.names[row]) for row in rows)
    if not rows or len(set(names)) < len(names):
        raise DataError(
            f"{header} must hold ECG leads, each once, got {', '.join(record.names) or 'none'}; "
            f"name them {', '.join(STANDARD)}"
        )
    return Ecg(_millivolts(record, rows, header), names, record.fs)


def _header(path: Path) -> Path:
    if path.suffix in {".hea", ".dat", ".mat"}:
        header = path.with_suffix(".hea")
    else:
        header = path.with_name(path.name + ".hea")
    if header.is_file():
        return header
    if header == path or not path.exists():
        raise DataError(f"there is no file {header}; check the path")
    raise DataError(
        f"{path} must be in a format that crossbeat reads, {FORMATS}, but no header lies beside "
        "it; convert the file, or supply its header"
    )


def _millivolts(record: Record, rows: list[int], header: Path) -> np.ndarray:
    values = record.values if len(rows) == len(record.names) else record.values[rows]
    for row, wanted in enumerate(rows):
        unit = record.units[wanted]
        factor = MILLIVOLTS.get(unit.strip().lower())
        if factor is None:
            raise DataError(
                f"{header}: the unit of lead {record.names[wanted]} must be mV, uV or V, "
                f"got {unit}; correct the header, or leave the record out"
            )
        if factor != 1:
            values[row] *= factor
    return values
