"""A WFDB record on disk, cases of the reference data, and bounds of memory and time."""

import runpy
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from crossbeat.leads import STANDARD
from crossbeat.readers.limits import MOST_BYTES

WriteRecord = Callable[..., Path]


@pytest.fixture
def write_record(tmp_path: Path) -> WriteRecord:
    """Writes 16-bit signals and their header; gives the header's path."""

    def write(
        digital: np.ndarray,
        names: Sequence[str] = STANDARD,
        *,
        calibration: str = "1000.0(0)/mV",
        storage: str = "16",
        file: str = "a.dat",
    ) -> Path:
        lines = [f"a {len(digital)} 100 {digital.shape[1]}"]
        lines += [f"{file} {storage} {calibration} 16 0 0 0 0 {name}" for name in names]
        (tmp_path / "a.hea").write_text("\n".join(lines) + "\n")
        (tmp_path / file).write_bytes(digital.T.astype("<i2").tobytes())
        return tmp_path / "a.hea"

    return write


@pytest.fixture
def run_case(shared, monkeypatch) -> Callable[[str, Path], None]:
    """Runs one of the scripts of the reference data, which write a file that a reader once met."""

    def run(script: str, out: Path) -> None:
        monkeypatch.setattr(sys, "argv", [script, str(out)])
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.syspath_prepend(shared / "cases")
        runpy.run_path(str(shared / "cases" / script), run_name="__main__")
        assert out.exists()

    return run


@pytest.fixture
def bounded() -> Iterator[None]:
    """The test keeps to a few times the largest file, and to seconds of processor time."""
    begin = time.process_time()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MOST_BYTES
    assert time.process_time() - begin < 10
