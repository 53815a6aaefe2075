"""Open DICOM files with a size limit, as the package would unpack a file of any size."""

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from crossbeat.errors import DataError
from crossbeat.readers.limits import missing_extra, read_bounded, read_start

if TYPE_CHECKING:
    from pydicom import Dataset

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
"""Transfer syntaxes that are neither compressed nor big-endian."""

_PREAMBLE = 128
_MAGIC = b"DICM"
_META = re.compile(rb"\x02\x00[\x00-\x18][\x00\x01](?:UL|OB|UI|SH|AE)")
"""How an element of the meta information begins: group 2, explicit and little-endian."""


def is_dicom(path: Path) -> bool:
    """Whether a file has the DICOM signature; False if it cannot be read."""
    try:
        return meta_start(read_start(path, _PREAMBLE + len(_MAGIC))) is not None
    except OSError:
        return False


def meta_start(head: bytes) -> int | None:
    """Where the meta information starts; None if it is no DICOM file.

    Some programs leave out the 128 bytes before the signature, or these and the signature.

    Args:
        head: the first 132 bytes, if there are so many.
    """
    for before in (_PREAMBLE, 0):
        if head[before : before + len(_MAGIC)] == _MAGIC:
            return before + len(_MAGIC)
    return 0 if _META.match(head) else None


def syntax_of(path: Path, meta: "Dataset", known: Mapping[str, str]) -> str:
    """The transfer syntax that the meta information names.

    Args:
        path: of the file, for the message.
        meta: as ``open_dicom`` gives it.
        known: what the syntaxes that can be read are called.

    Raises:
        DataError: it is another one.
    """
    syntax = text_of(meta, "TransferSyntaxUID")
    if syntax not in known:
        raise DataError(
            f"{path} must be {', '.join(dict.fromkeys(known.values()))} and little-endian, got "
            f"transfer syntax {syntax[:80] or 'none'}; export it so"
        )
    return syntax


def open_dicom(path: Path, most: int) -> tuple[BytesIO, "Dataset"]:
    """The file after its meta information, and that.

    Args:
        path: a DICOM file.
        most: bytes that it may have.

    Raises:
        OSError: there is no file, or it cannot be read.
        DataError: it is larger, or the package ``pydicom`` is absent.
        Exception: whatever the package's parsing runs into.
    """
    return open_bytes(read_bounded(path, most), path)


def open_bytes(data: bytes, path: Path) -> tuple[BytesIO, "Dataset"]:
    """As ``open_dicom``, of a file that is read already.

    Args:
        data: all of the file.
        path: where it is from, for the message.

    Raises:
        DataError: the package ``pydicom`` is absent, or there is no signature.
        Exception: whatever the package's parsing runs into.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise missing_extra(path, "a DICOM file", "pydicom") from None
    from pydicom.filereader import read_dataset

    file = BytesIO(data)  # gives no more bytes than there are
    start = meta_start(data[: _PREAMBLE + len(_MAGIC)])
    if start is None:
        raise DataError(f"{path} must be a DICOM file, but has no signature; copy it again")
    file.seek(start)
    return file, read_dataset(file, False, True, stop_when=_is_past_meta)


def _is_past_meta(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 2


def text_of(item: "Dataset", keyword: str) -> str:
    """A value as text, without the character set that the file asks for: names are ASCII."""
    element = item.get_item(keyword) if keyword in item else None
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    return "" if value is None else str(value).strip()
