"""``read_ecg``: which leads, which unit, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ecg_files import edf_labels

from crossbeat.data.sources import read_wave
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import Layout, read_ecg
from crossbeat.signal import Preprocessing

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


CHEST = [f"C{number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    "names",
    [
        [*STANDARD[:6], *CHEST],
        ["DI", "DII", "DIII", *STANDARD[3:]],
        ["D1", "D2", "D3", *map(str.upper, STANDARD[3:])],
        [f"ECG {lead}" for lead in STANDARD],
        [f"EKG {lead}" for lead in STANDARD],
        [f"lead_{lead.lower()}" for lead in STANDARD],
        [f"MDC_ECG_LEAD_{lead.upper()}" for lead in STANDARD],
    ],
)
@pytest.mark.parametrize("kind", ["wfdb", "edf", "csv", "layout"])
def test_a_file_of_twelve_leads_gives_twelve_in_any_spelling(
    tmp_path: Path, write_record: WriteRecord, names: list[str], kind: str
) -> None:
    ecg = read_ecg(*saved(tmp_path, write_record, names, kind))
    assert (ecg.leads, ecg.unrecognised) == (STANDARD, ())
    np.testing.assert_allclose(ecg.values, numbers(time=100) / 400, rtol=1e-5, atol=1e-6)


def saved(
    folder: Path, write_record: WriteRecord, names: list[str], kind: str
) -> tuple[Path, Layout | None]:
    """Twelve leads of 2.5 microvolts in steps, in a file of a format, with these names."""
    stored = numbers(len(names), 100)
    if kind == "wfdb":
        return write_record(stored, names, calibration="400(0)/mV"), None
    if kind == "edf":
        (folder / "a.edf").write_bytes(edf_labels(stored, names, 100))
        return folder / "a.edf", None
    header = ";".join(names) if kind == "csv" else ""
    path = folder / "a.csv"
    np.savetxt(path, stored.T / 400, "%.7g", ";", header=header, comments="")
    if kind == "layout":
        path.write_text(path.read_text().removeprefix("\n"))
    leads = tuple(names) if kind == "layout" else ()
    return path, Layout(fs=100.0, unit="mV", leads=leads)


@pytest.mark.parametrize("kind", ["wfdb", "edf", "csv", "layout"])
@pytest.mark.parametrize("name", ["-aVR", "ECG -AVR", "AVRneg"])
def test_an_inverted_lead_is_turned(
    tmp_path: Path, write_record: WriteRecord, name: str, kind: str
) -> None:
    names = ["aVL", "I", name, "II", "aVF", "III"]
    ecg = read_ecg(*saved(tmp_path, write_record, names, kind))
    assert ecg.leads == ("aVL", "I", "aVR", "II", "aVF", "III")
    expected = numbers(6, 100) / 400
    expected[2] *= -1
    np.testing.assert_allclose(ecg.values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["wfdb", "edf", "csv"])
def test_other_channels_are_named_as_the_file_has_them(
    tmp_path: Path, write_record: WriteRecord, kind: str
) -> None:
    names = ["V3R", "MLII", "C3", "Lead 1", "ECG V9", "EKG I"]
    ecg = read_ecg(*saved(tmp_path, write_record, names, kind))
    assert (ecg.leads, ecg.unrecognised) == (("I",), tuple(names[:-1]))


@pytest.mark.parametrize("kind", ["wfdb", "edf", "csv"])
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["MLII", "resp"], "got MLII, resp: none has the name of a lead; name the leads I, II"),
        (["C3", "C4"], "got C3, C4: none has the name of a lead"),
        (["I", "i"], "got I, i: I and i are the same lead twice; leave one out"),
        (["V1", "DI", "I"], "DI and I are the same lead twice"),
        (["-aVR", "aVR"], "-aVR and aVR are the same lead twice"),
        ([*STANDARD[:7], *CHEST], "V1 and C1 are the same lead twice"),
    ],
)
def test_leads_must_be_there_and_only_once(
    tmp_path: Path, write_record: WriteRecord, names: list[str], reason: str, kind: str
) -> None:
    with pytest.raises(DataError, match=f"must hold ECG leads, each once, .*{reason}"):
        read_ecg(*saved(tmp_path, write_record, names, kind))


def test_channels_without_a_name_are_told(write_record: WriteRecord) -> None:
    with pytest.raises(DataError, match=r"got \(no name\), \(no name\): none has the name"):
        read_ecg(write_record(numbers(2), ["", ""]))


@pytest.mark.parametrize("leads", [("I", "DI"), ("I", "V9"), ("I", "C3"), ("aVR", "-aVR")])
def test_a_layout_of_no_lead_or_one_twice_is_refused(leads: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=f"leads must be different ones of .* {leads[1]}; corr"):
        Layout(fs=100.0, unit="mV", leads=leads)


def test_the_error_of_a_missing_lead_names_what_was_not_recognised(
    write_record: WriteRecord,
) -> None:
    header = write_record(numbers(12, 1000), [*STANDARD[:10], "chest5", "chest6"])
    with pytest.raises(
        DataError, match=r"lead V5, V6 is missing .* if it is one of chest5, chest6"
    ):
        read_wave(str(header), clean=Preprocessing.standard(fs=100.0, seconds=10.0))


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
