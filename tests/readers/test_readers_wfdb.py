"""Signal files of WFDB records, beside the package ``wfdb`` and by hand."""

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.readers.ecg.wfdb import read_record

WriteRecord = Callable[..., Path]
NAMES = ("I", "II", "V1")


@pytest.fixture(scope="module")
def wfdb() -> ModuleType:
    """The package, whose import warns of what its own dependencies deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
    return wfdb


def numbers(time: int = 50) -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, (len(NAMES), time), dtype=np.int16)


def sound(shared: Path) -> list[Path]:
    """Every record of the reference data with a header that parses; some of the many."""
    single = [
        path
        for path in sorted((shared / "data" / "ecg-formats").rglob("*.hea"))
        if path.stem != "E00001"
    ]
    many = [
        path
        for folder in ("ptb-xl", "ptb-xl-normalised")
        for path in sorted((shared / "data" / folder).rglob("*.hea"))[::40]
    ]
    assert len(single) > 20
    assert len(many) > 40
    return single + many


def test_every_reference_record_equals_what_wfdb_reads(shared: Path, wfdb: ModuleType) -> None:
    """wfdb 4.3 computes in double precision; ours is off by the rounding to single."""
    for header in sound(shared):
        record = read_record(header)
        reference = wfdb.rdrecord(str(header.with_suffix("")))
        assert record.names == tuple(reference.sig_name)
        assert record.units == tuple(reference.units)
        assert record.fs == reference.fs
        np.testing.assert_allclose(
            record.values, reference.p_signal.T, rtol=2e-7, atol=0, err_msg=str(header)
        )


def test_stored_numbers_become_physical_by_gain_and_baseline(write_record: WriteRecord) -> None:
    header = write_record(np.int16([[6, 206, -394]]), ["I"], calibration="200(6)/mV")
    np.testing.assert_array_equal(read_record(header).values, np.float32([[0, 1, -2]]))


def test_the_stored_minimum_means_no_sample(write_record: WriteRecord) -> None:
    header = write_record(np.int16([[1, -32768, 3], [4, 5, 6]]), ["I", "II"], calibration="1/mV")
    expected = np.float32([[1, np.nan, 3], [4, 5, 6]])
    np.testing.assert_array_equal(read_record(header).values, expected)


def test_bytes_before_the_samples_are_skipped(write_record: WriteRecord) -> None:
    header = write_record(numbers(), NAMES, storage="16x1+24", file="a.mat")
    data = header.with_suffix(".mat")
    data.write_bytes(bytes(24) + data.read_bytes())
    np.testing.assert_array_equal(read_record(header).values, numbers() / np.float32(1000))


def test_signals_may_lie_in_several_files(tmp_path: Path) -> None:
    digital = numbers()
    (tmp_path / "a.hea").write_text("a 3 100\na.dat 16 1\na.dat 16 1\na.xyz 16 1\n")
    (tmp_path / "a.dat").write_bytes(digital[:2].T.tobytes())
    (tmp_path / "a.xyz").write_bytes(digital[2].tobytes())
    np.testing.assert_array_equal(read_record(tmp_path / "a.hea").values, digital)


def test_without_a_length_the_file_tells_it(write_record: WriteRecord) -> None:
    header = write_record(numbers(77), NAMES)
    header.write_text(header.read_text().replace(" 100 77", " 100"))
    assert read_record(header).values.shape == (3, 77)


@pytest.mark.parametrize(("storage", "size"), [("212", 225), ("80", 150), ("24", 450)])
def test_a_file_of_another_format_and_length_is_refused(
    write_record: WriteRecord, storage: str, size: int
) -> None:
    header = write_record(numbers(), NAMES, storage=storage)
    for got in (size - 1, size + 1):
        header.with_suffix(".dat").write_bytes(bytes(got))
        with pytest.raises(DataError, match=f"50 samples .* 3 signals, got {50 * got / size:g};"):
            read_record(header)


def test_a_missing_file_of_another_format_is_named(write_record: WriteRecord) -> None:
    header = write_record(numbers(), NAMES, storage="212")
    header.with_suffix(".dat").unlink()
    with pytest.raises(DataError, match=r"a\.dat must be the signal file .* got none"):
        read_record(header)


def test_a_format_of_no_fixed_width_is_refused(write_record: WriteRecord) -> None:
    header = write_record(numbers(), NAMES, storage="508")
    with pytest.raises(DataError, match=r"one of the WFDB formats 8, 16, .* got 508; convert"):
        read_record(header)


def test_signals_of_different_rates_are_refused(write_record: WriteRecord) -> None:
    header = write_record(numbers(), NAMES)
    header.write_text(header.read_text().replace("a.dat 16 ", "a.dat 16x4 ", 1))
    with pytest.raises(DataError, match="same number of samples per frame, got 4 of I, 1 of II"):
        read_record(header)


def test_a_missing_signal_file_is_named(write_record: WriteRecord) -> None:
    header = write_record(numbers(), NAMES)
    header.with_suffix(".dat").unlink()
    with pytest.raises(DataError, match=r"a\.dat must be the signal file .* got none"):
        read_record(header)


@pytest.mark.parametrize(
    ("size", "got"), [(0, "got 0"), (3, "got 0.5"), (294, "got 49"), (306, "got 51")]
)
def test_a_signal_file_of_another_length_is_refused(
    write_record: WriteRecord, size: int, got: str
) -> None:
    header = write_record(numbers(), NAMES)
    data = header.with_suffix(".dat")
    data.write_bytes((data.read_bytes() * 2)[:size])
    with pytest.raises(DataError, match=f"must hold 50 samples of each of 3 signals, {got}; it"):
        read_record(header)


def test_a_rest_of_a_sample_is_refused_without_a_length_too(tmp_path: Path) -> None:
    (tmp_path / "a.hea").write_text("a 2 100\na.dat 16 1\na.dat 16 1\n")
    (tmp_path / "a.dat").write_bytes(bytes(6))
    with pytest.raises(DataError, match=r"must hold whole samples of each of 2 signals, got 1\.5"):
        read_record(tmp_path / "a.hea")
