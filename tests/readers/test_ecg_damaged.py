"""Damaged files of every format: either they read, or ``DataError`` says why; nothing else happens.

The mutations are the same on every run. The files are small, so each must be dealt with in little
time and memory, whatever it claims.
"""

import re
import time
import tracemalloc
from contextlib import suppress
from functools import reduce
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.io
from ecg_files import WRITERS, millivolts, scp_packed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import Layout, read_ecg

EACH = 125
"""Mutations of each file."""

MOST_SECONDS = 5.0
"""Of processor time for one file."""

MOST_MEMORY = 50_000_000
"""Bytes at the peak of one file."""

ABSURD = (b"0", b"-1", b"1", b"7", b"999999999999", b"nan", b"1e308", b"-1e-308", b"", b"1" * 5000)
EXTREME = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
KINDS = ("flip", "cut", "copy", "drop", "number", "digits", "integer")


class Case(NamedTuple):
    """Files of which the first is opened and another may be the one that is damaged."""

    files: dict[str, bytes]
    layout: Layout | None = None
    damaged: str = "a"


def stored() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(12, 100)).cumsum(axis=1)
    return (noise * 40).round().astype(int)


def record(storage: str, damaged: str) -> Case:
    data = {
        "16": stored().T.astype("<i2"),
        "80": (stored().T % 256).astype("u1"),
        "212": np.random.default_rng(0).integers(0, 256, 1800, np.uint8),
    }[storage]
    lines = ["a 12 100 100", *(f"a.dat {storage} 400(3)/mV 16 0 0 0 0 {lead}" for lead in STANDARD)]
    return Case({"a.hea": "\n".join(lines).encode(), "a.dat": data.tobytes()}, damaged=damaged)


def table() -> bytes:
    return (
        ",".join(STANDARD) + "\n" + "\n".join(",".join(map(str, row)) for row in stored().T / 100)
    ).encode()


def array() -> bytes:
    file = BytesIO()
    np.save(file, stored() / 100)
    return file.getvalue()


def cpsc() -> bytes:
    file = BytesIO()
    ecg = {"sex": "Male", "age": 52, "data": millivolts(stored())}
    scipy.io.savemat(file, {"ECG": ecg})
    return file.getvalue()


def generated() -> dict[str, Case]:
    written = {name: writer(stored(), STANDARD, 100) for name, writer in WRITERS.items()}
    written |= {"scp-packed": scp_packed(stored(), STANDARD, 100), "cpsc": cpsc()}
    cases = {name: Case({"a": data}) for name, data in written.items()}
    for storage in ("16", "80", "212"):
        cases[f"wfdb-{storage}-header"] = record(storage, "a.hea")
    cases["wfdb-16-samples"] = record("16", "a.dat")
    cases["csv"] = Case({"a": table()}, Layout(fs=100.0, unit="mV"))
    cases["numpy"] = Case({"a": array()}, Layout(fs=100.0, unit="mV", leads=STANDARD))
    return cases


REAL = {
    "ptb-xl": ("00001_lr.hea", "00001_lr.dat"),
    "cinc": ("E07500.hea", "E07500.mat"),
    "mortara": ("mortara_12lead.dcm",),
    "sierra": ("philips_sierra_1_03.xml",),
    "code15": ("code15_1238362_400hz.mat",),
}
GENERATED = generated()

damages = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 2**20),  # where, and whence or how much
        st.integers(0, 2**20),
        st.booleans(),  # near the start, where headers are
    ),
    min_size=1,
    max_size=3,
)


def damage(data: bytes, kind: str, where: int, what: int, near: bool) -> bytes:
    """The data with one fault."""
    place = where % max(min(len(data), 1000) if near else len(data), 1)
    if kind == "cut":
        return data[:place]
    if kind == "drop":
        return data[:place] + data[place + 1 + what % 64 :]
    if kind == "copy":
        start = what % max(len(data), 1)
        return data[:place] + data[start : start + 1 + where % 512] + data[place:]
    if kind == "integer":
        value = EXTREME[what % len(EXTREME)]
        size = 1 if value < 2**8 else 2 if value < 2**16 else 4
        return (
            data[:place]
            + value.to_bytes(size, "little" if what % 2 else "big")
            + data[place + size :]
        )
    if kind in {"number", "digits"}:
        found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data[: 1000 if near else None]))[:2000]
        if found:
            match = found[where % len(found)]
            value = ABSURD[what % len(ABSURD)]
            if kind == "digits":  # in a field of fixed width
                value = value[: match.end() - match.start()].ljust(match.end() - match.start())
            return data[: match.start()] + value + data[match.end() :]
    flipped = bytearray(data or b"\0")
    flipped[place] ^= 1 + what % 255
    return bytes(flipped)


def read_damaged(folder: Path, case: Case, faults: list[tuple[str, int, int, bool]]) -> None:
    """Open a damaged file; fail if anything but an ECG or a ``DataError`` comes of it."""
    for name, sound in case.files.items():
        chosen = faults if name == case.damaged else ()
        (folder / name).write_bytes(reduce(lambda data, fault: damage(data, *fault), chosen, sound))
    begin = time.process_time()
    tracemalloc.start()
    try:
        with suppress(DataError):
            ecg = read_ecg(folder / next(iter(case.files)), case.layout)
            assert ecg.values.shape[0] == len(ecg.leads) > 0
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert time.process_time() - begin < MOST_SECONDS


fuzzing = settings(
    max_examples=EACH,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_there_are_two_thousand_mutations_without_the_reference_data() -> None:
    assert EACH * len(GENERATED) >= 2000


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATED)
@fuzzing
@given(faults=damages)
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path, name: str, faults: list[tuple[str, int, int, bool]]
) -> None:
    read_damaged(tmp_path, GENERATED[name], faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@settings(fuzzing, max_examples=EACH // 4)
@given(faults=damages)
def test_a_damaged_real_file_is_read_or_refused(
    tmp_path: Path, shared: Path, name: str, faults: list[tuple[str, int, int, bool]]
) -> None:
    folder = shared / "data" / "ecg-formats"
    files = {file: (folder / file).read_bytes() for file in REAL[name]}
    read_damaged(tmp_path, Case(files, damaged=next(iter(files))), faults)
