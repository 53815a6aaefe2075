"""Read a file or folder of cine MRI as a ``Cine``."""

import os
from collections.abc import Sequence
from pathlib import Path

from crossbeat.errors import DataError
from crossbeat.readers.cine.nifti import is_nifti, read_nifti
from crossbeat.readers.cine.record import Cine
from crossbeat.readers.cine.series import read_series
from crossbeat.readers.limits import start_of, unreadable

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_HEAD = 348


def read_cine(
    path: str | Path, *, series: str | Sequence[str] = (), table: str | Path | None = None
) -> Cine:
    """A stack of slices over one heartbeat, or one slice; the format is detected from the content.

    Args:
        path: a folder or a zip archive of DICOM files, or a NIfTI file, maybe packed by gzip.
        series: of DICOM, what the description of the wanted series is like, with * and ? for any
            letters and no difference of case; of several, the first that a series has. By default
            all series, which must then be one stack.
        table: of NIfTI, the table of M&Ms that lists the frames of end diastole and end systole.
            ACDC's ``Info.cfg`` is found beside the file.

    Raises:
        DataError: the path is missing, damaged, too large or of another format; it holds no cine
            or several; a slice lacks frames; or the package ``pydicom`` or ``nibabel`` is absent.

    Source: UK Biobank's fields 20208 and 20209 (zip of DICOM); Bernard 2018
    (10.1109/TMI.2018.2837502) for ACDC; Campello 2021 (10.1109/TMI.2021.3090082) for M&Ms.
    """
    path = Path(path)
    patterns = (series,) if isinstance(series, str) else tuple(series)
    folder = os.path.isdir(path)
    head = b"" if folder else start_of(path, _HEAD)
    if head is None:
        raise DataError(f"there is no file or folder {path}; check the path")
    if folder or head.startswith(_ZIP):
        return read_series(path, patterns)
    if is_nifti(head):
        try:
            return read_nifti(path, None if table is None else Path(table))
        except OSError as error:
            raise unreadable(path, error) from None
    what = "something else" if head else "empty; copy it again"
    if head[128:132] == b"DICM":
        what = "one DICOM file; name its folder"
    raise DataError(
        f"{path} must be a folder or zip archive of DICOM files, or NIfTI, but is {what}"
    )
