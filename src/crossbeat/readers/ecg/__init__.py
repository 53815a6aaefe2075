"""Read an ECG file of any format as an ``Ecg``: the twelve leads, in millivolts."""

from pathlib import Path

import numpy as np

from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import INVERTED
from crossbeat.readers.ecg.cardiosoft import read_cardiosoft
from crossbeat.readers.ecg.dicom import read_dicom
from crossbeat.readers.ecg.edf import read_edf
from crossbeat.readers.ecg.identify import FORMATS, Found, find
from crossbeat.readers.ecg.matlab import read_matlab
from crossbeat.readers.ecg.record import LEAST_FS, MILLIVOLTS, MOST_FS, Record, lead_rows
from crossbeat.readers.ecg.tables import HOW_TO_SAY, Layout, read_csv, read_numpy
from crossbeat.readers.ecg.vendor import read_vendor
from crossbeat.readers.ecg.wfdb import read_record
from crossbeat.readers.limits import unreadable
from crossbeat.signal import Ecg

_TABLES = {"csv": read_csv, "numpy": read_numpy}
_OTHERS = {"dicom": read_dicom, "edf": read_edf, "bdf": read_edf, "matlab": read_matlab}
_OTHERS |= {"cardiosoft-xml": read_cardiosoft}


def read_ecg(path: str | Path, layout: Layout | None = None, *, checksum: bool = True) -> Ecg:
    """The ECG of a file: the twelve leads that it has, in its order; other channels are dropped.

    The format, one of ``FORMATS``, is detected from the content of the file. Leads are found by
    their names, of which docs/ecg-files.md lists the spellings; ``unrecognised`` of the result
    names the other channels. A lead that the file has upside down (-aVR) is turned. Samples that
    the file marks as missing are NaN. Leads that follow from others are not derived: see
    ``crossbeat.quality.require``.

    Args:
        path: a file; of a WFDB record its header, a signal file, or their common stem.
        layout: rate, unit and leads of a CSV or NumPy file, which does not state them; other
            formats contain them.
        checksum: whether to refuse a WFDB record whose samples do not have the checksums and first
            values that its header states.

    Raises:
        DataError: the file is missing, damaged, too large or of another format, holds no ECG lead
            or one twice, its leads differ in rate or length, or its rate or unit is none of an
            ECG.
        ConfigError: a CSV or NumPy file comes without a layout.
    """
    found = find(Path(path))
    file = found.path
    try:
        record = _read(found, layout, checksum)
    except OSError as error:
        raise unreadable(file, error) from None
    rows = lead_rows(record.names, file)
    if not LEAST_FS <= record.fs <= MOST_FS:
        raise DataError(
            f"{file}: the rate must be from {LEAST_FS:g} to {MOST_FS:g} Hz, got {record.fs:g}; "
            "correct it, or leave the record out"
        )
    if record.values.shape[1] == 0:
        raise DataError(f"{file} must hold samples, got none; copy or export it again")
    values = _millivolts(record, rows, file)
    others = tuple(name for row, name in enumerate(record.names) if row not in rows)
    leads = tuple("aVR" if lead == INVERTED else lead for lead in rows.values())
    return Ecg(values, leads, record.fs, others + record.others)


def _read(found: Found, layout: Layout | None, checksum: bool) -> Record:
    name, file, text = found
    if name in _TABLES:
        if layout is None:
            raise ConfigError(
                f"{file} must be read with its rate and unit, got {FORMATS[name]} without them; "
                f"say what they are, such as {HOW_TO_SAY}"
            )
        return _TABLES[name](file, layout)
    if name == "wfdb":
        return read_record(file, text, checksum=checksum)
    return _OTHERS[name](file) if name in _OTHERS else read_vendor(file, name)


def _millivolts(record: Record, rows: dict[int, str], file: Path) -> np.ndarray:
    values = record.values if len(rows) == len(record.names) else record.values[list(rows)]
    for row, (wanted, lead) in enumerate(rows.items()):
        unit = record.units[wanted]
        factor = MILLIVOLTS.get(unit.strip().lower())
        if factor is None:
            raise DataError(
                f"{file}: the unit of lead {record.names[wanted]} must be mV, uV or V, "
                f"got {unit or 'none'}; correct the file, or leave it out"
            )
        if lead == INVERTED:
            factor = -factor
        if factor != 1:
            with np.errstate(over="ignore"):
                values[row] *= factor
    return values
