"""Damaged files of every kind: each is read, or ``DataError`` says why not; nothing else happens.

The mutations are the same on every run. The files are small, so each must be dealt with in little
time and memory, whatever it claims.
"""

import re
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

import jaxtyping
import numpy as np
import pytest
import scipy.io
from ecg_files import WRITERS, millivolts, scp_packed, walk
from xray_files import packed, png, slope, tiff, written

from cine_dicoms import slice_files, write_zip
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import Layout, read_cine, read_ecg, read_xray

EACH = 125
"""Mutations of each file."""

SEED = 1000
"""Of the first mutation of each file; each further one has the next number."""

MOST_SECONDS = 5.0
"""Of processor time for one file."""

MOST_MEMORY = 50_000_000
"""Bytes at the peak of one file."""

MEASURED = 4
"""The memory of one in so many is measured, which takes time."""

ABSURD = (b"0", b"-1", b"1", b"7", b"999999999999", b"nan", b"1e308", b"-1e-308", b"", b"1" * 5000)
EXTREME = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
KINDS = ("byte", "byte", "integer", "integer", "cut", "copy", "drop", "number", "digits")
MOSTLY_BYTES = (*KINDS, *["byte"] * 20)
TIFF_TAG = struct.pack("<HH", 256, 4)
OTHER_WORDS = ("pydicom", "Exception", "NoneType", "object at")


def as_ecg(path: Path, layout: Layout | None = None) -> None:
    ecg = read_ecg(path, layout)
    assert ecg.values.shape[0] == len(ecg.leads) > 0


def as_xray(path: Path) -> None:
    assert read_xray(path, 8).shape == (8, 8)


def as_cine(path: Path) -> None:
    assert read_cine(path).values.ndim == 4


class Case(NamedTuple):
    """Files of which one is damaged and the same or another one, or their folder, is opened."""

    files: dict[str, bytes]
    read: Callable[[Path], None] = as_ecg
    opened: str = "a"
    damaged: str = "a"
    header: int = 0  # where what describes the data begins
    kinds: tuple[str, ...] = KINDS
    repaired: Callable[[bytes], bytes] = bytes


def stored() -> np.ndarray:
    return walk(time=100)


def record(storage: str, damaged: str = "a.hea") -> Case:
    data = {
        "16": stored().T.astype("<i2"),
        "80": (stored().T % 256).astype("u1"),
        "212": np.random.default_rng(0).integers(0, 256, 1800, np.uint8),
    }[storage]
    lines = ["a 12 100 100", *(f"a.dat {storage} 400(3)/mV 16 0 0 0 0 {lead}" for lead in STANDARD)]
    files = {"a.hea": "\n".join(lines).encode(), "a.dat": data.tobytes()}
    return Case(files, opened="a.hea", damaged=damaged)


def saved(save: Callable[[BytesIO], object]) -> bytes:
    file = BytesIO()
    save(file)
    return file.getvalue()


def ecgs() -> dict[str, Case]:
    files = {name: writer(stored(), STANDARD, 100) for name, writer in WRITERS.items()}
    files["scp-packed"] = scp_packed(stored(), STANDARD, 100)
    ecg = {"sex": "Male", "age": 52, "data": millivolts(stored())}
    files["cpsc"] = saved(lambda file: scipy.io.savemat(file, {"ECG": ecg}))
    cases = {name: Case({"a": data}) for name, data in files.items()}
    cases |= {f"wfdb-{storage}": record(storage) for storage in ("16", "80", "212")}
    cases["wfdb-samples"] = record("16", "a.dat")
    plain, named = Layout(fs=100.0, unit="mV"), Layout(fs=100.0, unit="mV", leads=STANDARD)
    rows = "\n".join(",".join(map(str, row)) for row in [STANDARD, *stored().T / 100])
    array = saved(lambda file: np.save(file, stored() / 100))
    cases["csv"] = Case({"a": rows.encode()}, lambda path: as_ecg(path, plain))
    cases["numpy"] = Case({"a": array}, lambda path: as_ecg(path, named))
    return cases


def summed(data: bytes) -> bytes:
    """A PNG with right checksums, as far as its parts can be followed."""
    out, start = bytearray(data), 8
    while start + 12 <= len(out):
        (length,) = struct.unpack_from(">I", out, start)
        if start + 12 + length > len(out):
            break
        body = out[start + 4 : start + 8 + length]
        struct.pack_into(">I", out, start + 8 + length, zlib.crc32(body))
        start += 12 + length
    return bytes(out)


def images(folder: Path) -> dict[str, Case]:
    values = slope(24)
    grey = (values // 16).astype(np.uint8)
    marks = (b"tRNS", b"\0\7"), (b"pHYs", bytes([0, 0, 0, 9] * 2 + [1]))
    films = {
        "tiff": tiff(values, t262=0, t274=3, t282=(7, 1), t283=(7, 1), t339=1),
        "big-tiff": tiff(grey, big=True, t274=8),
        "tiff-lzw": packed(grey, "TIFF", compression="tiff_lzw"),
        "jpeg": packed(grey, "JPEG"),
        "png": png(grey, *marks),
        "dicom-film": written(folder, slope()).read_bytes(),
    }
    headers = {name: films[name].index(TIFF_TAG) - 20 for name in ("tiff", "big-tiff")}
    headers["dicom-film"] = 132
    cases = {
        name: Case({"a": data}, as_xray, header=headers.get(name, 0), kinds=MOSTLY_BYTES)
        for name, data in films.items()
    }
    cases["png"] = cases["png"]._replace(repaired=summed)
    frames = slice_files("a", 0.0)
    archive = write_zip(folder / "a.zip", frames).read_bytes()
    cases["cine-zip"] = Case({"a": archive}, as_cine, kinds=MOSTLY_BYTES)
    cases["cine-folder"] = Case(frames, as_cine, "", min(frames), header=132)
    return cases


REAL = {
    "ptb-xl": ("00001_lr.hea", "00001_lr.dat"),
    "cinc": ("E07500.hea", "E07500.mat"),
    "mortara": ("mortara_12lead.dcm",),
    "sierra": ("philips_sierra_1_03.xml",),
    "code15": ("code15_1238362_400hz.mat",),
}
ECGS = ecgs()
with TemporaryDirectory() as _folder:
    IMAGES = images(Path(_folder))


def with_fault(data: bytes, case: Case, draw: Random) -> bytes:
    """The data with one fault, half of the time where they are described."""
    in_header = draw.random() < 0.5
    start, end = (case.header, case.header + 1000) if in_header else (0, len(data))
    place = draw.randrange(min(start, len(data)), min(end, len(data)) + 1)
    return data[:place] + other_end(draw.choice(case.kinds), data[place:], data, draw)


def other_end(kind: str, rest: bytes, whole: bytes, draw: Random) -> bytes:
    """What comes from some place on instead of the rest of a file."""
    match kind:
        case "cut":
            return b""
        case "drop":
            return rest[1 + draw.randrange(64) :]
        case "copy":
            start = draw.randrange(len(whole) + 1)
            return whole[start : start + 1 + draw.randrange(512)] + rest
        case "integer":
            value = draw.choice(EXTREME)
            size = 1 if value < 2**8 else 2 if value < 2**16 else 4
            return value.to_bytes(size, draw.choice(("little", "big"))) + rest[size:]
        case "number" | "digits" if found := re.search(rb"-?\d+(\.\d+)?", rest):
            value, width = draw.choice(ABSURD), len(found[0])
            if kind == "digits":  # in a field of fixed width
                value = value[:width].ljust(width)
            return rest[: found.start()] + value + rest[found.end() :]
    value = draw.choice((0, 1, 2, 127, 128, 255, *draw.choices(range(256), k=6)))
    return bytes([value]) + rest[1:]


@contextmanager
def within_bounds(measured: bool):
    begin = time.process_time()
    if measured:
        tracemalloc.start()
    try:
        yield
        assert not measured or tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < MOST_SECONDS


def read_damaged(folder: Path, case: Case, number: int) -> str:
    """The reason for which a damaged file is refused; nothing if it is read."""
    draw, data = Random(SEED + number), case.files[case.damaged]
    for _ in range(draw.randint(1, 3)):
        data = with_fault(data, case, draw)
    (folder / case.damaged).write_bytes(case.repaired(data))
    reason = ""
    with within_bounds(number % MEASURED == 0):
        try:
            case.read(folder / case.opened)
        except DataError as error:
            reason = str(error)
    assert not reason or str(folder) in reason
    return reason


def read_all_damaged(folder: Path, case: Case, num: int = EACH) -> set[str]:
    """The reasons for which some of the damaged files are refused."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    case.read(folder / case.opened)
    reasons = set()
    with unchecked_inner_functions():
        for number in range(num):
            try:
                reasons.add(read_damaged(folder, case, number))
            except BaseException as error:
                error.add_note(
                    f"This is mutation {number}, seed {SEED + number}; its file is in {folder}."
                )
                raise
    assert any(reasons)
    return reasons


def unchecked_inner_functions() -> AbstractContextManager:
    """Of functions within functions, types are not checked: to wrap each anew takes all time."""
    return patch.object(jaxtyping, "jaxtyped", lambda **_: lambda function: function)


def test_there_are_two_thousand_mutations_of_ecgs_without_the_reference_data():
    assert EACH * len(ECGS) >= 2000


@pytest.mark.parametrize("name", ECGS)
def test_a_damaged_ecg_is_read_or_refused(tmp_path, name):
    read_all_damaged(tmp_path, ECGS[name])


@pytest.mark.parametrize("name", IMAGES)
def test_a_damaged_image_is_read_or_refused(tmp_path, name):
    reasons = read_all_damaged(tmp_path, IMAGES[name], 2 * EACH)
    assert "" in reasons
    assert not [reason for reason in reasons if any(word in reason for word in OTHER_WORDS)]


@pytest.mark.parametrize("name", REAL)
def test_a_damaged_real_ecg_is_read_or_refused(tmp_path, shared, name):
    folder = shared / "data" / "ecg-formats"
    files = {file: (folder / file).read_bytes() for file in REAL[name]}
    first = REAL[name][0]
    read_all_damaged(tmp_path, Case(files, opened=first, damaged=first), EACH // 4)
