"""Detect the format of a file from its content: names and suffixes are often wrong."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from crossbeat.errors import DataError
from crossbeat.leads import among
from crossbeat.readers.dicom import meta_start
from crossbeat.readers.ecg.edf import BDF
from crossbeat.readers.ecg.guards import mfer_definitions
from crossbeat.readers.ecg.tables import column, is_sample, split_line
from crossbeat.readers.ecg.wfdb_header import is_header, names_file
from crossbeat.readers.limits import start_of

FORMATS = {
    "wfdb": "WFDB: a .hea header with its .dat or MATLAB v4 .mat",
    "dicom": "DICOM waveform",
    "ge-muse-xml": "GE MUSE XML",
    "philips-sierra-xml": "Philips Sierra XML",
    "hl7-aecg": "HL7 annotated ECG (XML)",
    "scp-ecg": "SCP-ECG",
    "edf": "EDF and EDF+",
    "bdf": "BDF and BDF+, as BioSemi writes it",
    "ishne": "ISHNE Holter",
    "mfer": "MFER",
    "mortara-xml": "Mortara ELI XML",
    "cardiosoft-xml": "GE CardioSoft XML, as in UK Biobank",
    "matlab": "MATLAB v5 in the layout of CPSC 2018 or CODE-15",
    "numpy": "NumPy .npy",
    "csv": "CSV",
}
"""What ``read_ecg`` reads: short names with a few words each, for messages and help."""

HEAD = 8192
"""Bytes from the start of a file from which its format is detected."""

_ROOTS = {
    "restingecg": "ge-muse-xml",
    "restingecgdata": "philips-sierra-xml",
    "annotatedecg": "hl7-aecg",
    "ecg": "mortara-xml",
    "cardiologyxml": "cardiosoft-xml",
}
"""Formats by the name of the XML document's root element, in small letters."""

_SIGNATURES = {b"ISHNE1.0": "ishne", b"\x93NUMPY": "numpy", BDF: "bdf"}
_MFER_CORE = {0x01, 0x04, 0x05, 0x06, 0x0A, 0x0B, 0x0C}
_MFER_TAGS = {*range(0x01, 0x10), *range(0x11, 0x18), 0x1E, *range(0x40, 0x47), *range(0x81, 0x89)}
"""Byte order, block, channels, sequences, type, interval and sensitivity; and all definitions."""

_OTHERS = {
    b"\x89PNG": "a PNG image; give an ECG file",
    b"\xff\xd8\xff": "a JPEG image; give an ECG file",
    b"GIF8": "a GIF image; give an ECG file",
    b"II*\x00": "a TIFF image; give an ECG file",
    b"MM\x00*": "a TIFF image; give an ECG file",
    b"%PDF": "a PDF document; export the recording",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"PK\x03\x04": "a zip archive (.npz, .docx, .xlsx ...); unpack it or save a .npy",
    b"\x89HDF": "an HDF5 file; export single recordings",
}
"""Other common file types, by their first bytes."""

_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # bytes that no text has


def identify(path: str | Path) -> str:
    """The short name of the file's format, one of ``FORMATS``.

    Args:
        path: a file, or the common stem of a WFDB record's files.

    Raises:
        DataError: the file is missing, unreadable, empty or in none of the formats.
    """
    return find(Path(path)).name


class Found(NamedTuple):
    """What a path leads to: a format of ``FORMATS``, the file to read, and its text if known."""

    name: str
    path: Path
    text: bytes | None = None


def find(path: Path) -> Found:
    """The format, and the file to read: of a WFDB record its header; raises as ``identify``."""
    head = start_of(path, HEAD)
    header = path.with_name(path.name + ".hea") if head is None else path.with_suffix(".hea")
    if head is None:
        if path.suffix != ".hea" and os.path.isfile(header):
            return Found("wfdb", header)
        either = path if path.suffix == ".hea" else f"{path}, nor {header.name}"
        raise DataError(f"there is no file {either}; check the path")
    if path == header and is_header(head, alone=True):
        return Found("wfdb", path, head if len(head) < HEAD else None)
    if not head:
        raise DataError(f"{path} must be an ECG file, but is empty; copy it again")
    if path != header and names_file(header, path.name):
        return Found("wfdb", header)
    name = _by_signature(head) or _by_text(head, path) or _by_definitions(head)
    if name is None:
        raise DataError(
            f"{path} must be in a format that crossbeat reads, but is {_reason(head, path)}"
        )
    return Found(name, path)


def _by_signature(head: bytes) -> str | None:
    if meta_start(head) is not None:
        return "dicom"
    known = next(filter(head.startswith, _SIGNATURES), None)
    if known is not None:
        return _SIGNATURES[known]
    if head.startswith(b"MATLAB") and head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "matlab"
    if head.startswith(b"0       ") and head[252:256].strip().isdigit():
        return "edf"
    if len(head) >= 32 and head[8:10] == bytes(2) and head[22:24] == bytes(2):
        pointed = int.from_bytes(head[28:32], "little")  # section 0 begins at byte 7
        return "scp-ecg" if pointed == 7 else None
    return None


def _by_text(head: bytes, path: Path) -> str | None:
    text = _text(head)
    if text is None:
        return None
    if text.lstrip().startswith("<"):
        return _ROOTS.get(_root(text).lower())
    if path.suffix == ".hea" or is_header(head, alone=False):
        return "wfdb"
    return "csv" if _is_table(text) else None


def _text(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="ignore")
    if head.startswith((b"<\x00", b"\x00<")):
        return head.decode("utf-16-le" if head[0] else "utf-16-be", errors="ignore")
    if _CONTROL.search(head):
        return None
    return head.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _root(text: str) -> str:
    found = _ELEMENT.search(re.sub(r"(?s)<!--.*?-->", "", text))
    return found[1] if found else ""


def _is_table(text: str) -> bool:
    rows = [split_line(line) for line in text.splitlines()[:3] if line.strip()]
    if len(rows) < 2:
        return False
    if among([column(field)[0] for field in rows[0]]):
        return True
    numbers = [all(map(is_sample, row)) and len(row) == len(rows[0]) for row in rows]
    return all(numbers[1:]) and (len(rows[0]) > 1 or numbers[0])


def _by_definitions(head: bytes) -> str | None:
    """MFER has no signature but an optional preamble: its definitions must make sense."""
    if head[:1] == b"\x40" and head[2:6] == b"MFR ":
        return "mfer"
    tags = []
    try:
        for tag, value in mfer_definitions(Path(), head):
            if tag not in _MFER_TAGS or (tag in _MFER_CORE and len(value) > 6):
                return None
            tags.append(tag)
    except DataError:
        pass  # a definition goes on beyond these first bytes
    return "mfer" if len(_MFER_CORE.intersection(tags)) > 2 else None


def _reason(head: bytes, path: Path) -> str:
    known = next(filter(head.startswith, _OTHERS), None)
    if known is not None:
        return _OTHERS[known]
    if head.startswith(b"MATLAB 7.3") or head[512:516] == b"\x89HDF":
        return "a MATLAB 7.3 file (HDF5); save it with -v7"
    text = _text(head)
    if text is None or "\ufffd" in text:
        return (
            "binary without a signature; if it is the signal file of a WFDB record, its header "
            f"{path.with_suffix('.hea').name} must lie beside it and name it"
        )
    if text.lstrip().startswith("<"):
        return f"XML of the kind {_root(text)[:80] or 'none'}; it reads {_list('xml')}"
    return f"text without columns of leads; it reads {_list('')}"


def _list(part: str) -> str:
    return ", ".join(name for name in FORMATS if part in name or part in FORMATS[name].lower())
