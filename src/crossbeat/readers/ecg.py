"""Any ECG file as an ``Ecg``: only the twelve leads, in millivolts."""

from pathlib import Path

import numpy as np

from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD, canonical
from crossbeat.readers.identify import FORMATS, find
from crossbeat.readers.layout import Layout
from crossbeat.readers.units import MILLIVOLTS
from crossbeat.readers.wfdb import Record, read_record
from crossbeat.signal import Ecg

_LEADS = {lead.lower() for lead in STANDARD}


def read_ecg(path: str | Path, layout: Layout | None = None) -> Ecg:
    """The ECG of a file: the twelve leads that it has, in its order; other channels are dropped.

    The format is told by the content of the file, one of ``FORMATS``. Samples that the file
    marks as missing are NaN.

    Args:
        path: a file; of a WFDB record its header, a signal file, or their common stem.
        layout: rate, unit and leads of a CSV or NumPy file, which says none of them.

    Raises:
        DataError: the file is missing, damaged or of another format, holds no ECG lead or one
            twice, or its unit is no voltage.
        ConfigError: a CSV or NumPy file comes without a layout, or another format with one.
    """
    name, file = find(Path(path))
    if (layout is not None) != (name in {"csv", "numpy"}):
        raise ConfigError(
            f"{file} is {FORMATS[name]}; its rate, unit and leads must "
            + ("come from itself, leave the layout out" if layout else "be given as a Layout")
        )
    if name != "wfdb":
        raise DataError(f"{file} is {FORMATS[name]}, which is not read; convert it to WFDB")
    record = read_record(file)
    rows = [row for row, lead in enumerate(record.names) if lead.strip().lower() in _LEADS]
    names = tuple(canonical(record.names[row]) for row in rows)
    if not rows or len(set(names)) < len(names):
        raise DataError(
            f"{file} must hold ECG leads, each once, got {', '.join(record.names) or 'none'}; "
            f"name them {', '.join(STANDARD)}"
        )
    return Ecg(_millivolts(record, rows, file), names, record.fs)


def _millivolts(record: Record, rows: list[int], file: Path) -> np.ndarray:
    values = record.values if len(rows) == len(record.names) else record.values[rows]
    for row, wanted in enumerate(rows):
        unit = record.units[wanted]
        factor = MILLIVOLTS.get(unit.strip().lower())
        if factor is None:
            raise DataError(
                f"{file}: the unit of lead {record.names[wanted]} must be mV, uV or V, "
                f"got {unit}; correct the header, or leave the record out"
            )
        if factor != 1:
            values[row] *= factor
    return values
