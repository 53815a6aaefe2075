"""``read_ecg``: which leads, which unit, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg

WriteRecord = Callable[..., Path]


def numbers(leads: int = 12, time: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, (leads, time), dtype=np.int16)


@pytest.mark.parametrize("name", ["a", "a.hea", "a.dat"])
def test_header_signal_file_and_stem_name_the_same_record(
    write_record: WriteRecord, name: str
) -> None:
    folder = write_record(numbers()).parent
    for path in (folder / name, str(folder / name)):
        ecg = read_ecg(path)
        np.testing.assert_array_equal(ecg.values, numbers() / np.float32(1000))
        assert (ecg.leads, ecg.fs) == (STANDARD, 100.0)


def test_a_matlab_signal_file_names_its_record(write_record: WriteRecord) -> None:
    header = write_record(numbers(), file="a.mat")
    assert read_ecg(header.with_suffix(".mat")).values.shape == (12, 40)


def test_lead_names_get_their_standard_spelling(write_record: WriteRecord) -> None:
    header = write_record(numbers(), [lead.upper() for lead in STANDARD])
    assert read_ecg(header).leads == STANDARD


def test_the_order_of_the_file_is_kept(write_record: WriteRecord) -> None:
    ecg = read_ecg(write_record(numbers(3), ["V6", "avf", "I"]))
    assert ecg.leads == ("V6", "aVF", "I")
    np.testing.assert_array_equal(ecg.values, numbers(3) / np.float32(1000))


def test_channels_that_are_no_lead_are_dropped(write_record: WriteRecord) -> None:
    ecg = read_ecg(write_record(numbers(4), ["vx", "II", "resp", "v1"]))
    assert ecg.leads == ("II", "V1")
    np.testing.assert_array_equal(ecg.values, numbers(4)[[1, 3]] / np.float32(1000))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mV", 1), ("mv", 1), ("uV", 1e-3), ("µV", 1e-3), ("\u03bcV", 1e-3), ("V", 1e3)],
)
def test_any_voltage_becomes_millivolts(
    write_record: WriteRecord, unit: str, factor: float
) -> None:
    ecg = read_ecg(write_record(numbers(3), ["vx", "I", "II"], calibration=f"2/{unit}"))
    np.testing.assert_allclose(ecg.values, numbers(3)[1:] / 2 * factor, rtol=1e-6)


def test_the_unit_of_a_dropped_channel_does_not_matter(write_record: WriteRecord) -> None:
    header = write_record(numbers(2), ["I", "pressure"])
    header.write_text(header.read_text().replace("/mV 16 0 0 0 0 pressure", "/mmHg 16 0 0 0 0 P"))
    assert read_ecg(header).leads == ("I",)


def test_a_unit_that_is_no_voltage_is_refused(write_record: WriteRecord) -> None:
    header = write_record(numbers(), calibration="1000/NU")
    with pytest.raises(DataError, match="unit of lead I must be mV, uV or V, got NU"):
        read_ecg(header)


@pytest.mark.parametrize(
    ("names", "got"),
    [(["MLII", "resp"], "got MLII, resp"), (["", ""], "got "), (["I", "i"], "got I, i")],
)
def test_leads_must_be_there_and_only_once(
    write_record: WriteRecord, names: list[str], got: str
) -> None:
    with pytest.raises(DataError, match=f"must hold ECG leads, each once, {got}"):
        read_ecg(write_record(numbers(2), names))


@pytest.mark.parametrize("name", ["b", "b.hea", "b.dat", "no/where"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"there is no file .*hea; check the path"):
        read_ecg(tmp_path / name)


def test_frank_leads_of_ptb_are_dropped(shared: Path) -> None:
    ecg = read_ecg(shared / "data" / "ecg-formats" / "s0010_re")
    assert ecg.leads == STANDARD
    assert ecg.values.shape == (12, 38400)


def test_a_record_line_that_parsers_reject_is_refused(shared: Path) -> None:
    odd = shared / "data" / "ecg-formats" / "cinc2020_v1_odd" / "E00001.mat"
    with pytest.raises(DataError, match=r"E00001\.hea: the record line .* got 'E00001\.mat 12"):
        read_ecg(odd)
