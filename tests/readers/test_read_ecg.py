"""What holds for files of every format: what they are, which leads, what is refused."""

import os
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from ecg_files import (
    OWN,
    VENDORS,
    WRITERS,
    assert_holds,
    edf_labels,
    mfer,
    millivolts,
    read,
    refuse,
    scp_packed,
    sierra,
    walk,
)
from PIL import Image

from crossbeat.data.sources.builder import read_wave
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.readers import FORMATS, Layout, identify, read_ecg
from crossbeat.readers.ecg.guards import MOST_SCP_BYTES
from crossbeat.readers.limits import MOST_BYTES, MOST_HEADER_BYTES, MOST_PARSED_BYTES
from crossbeat.signal import Ecg, Preprocessing

NAMING = pytest.mark.parametrize("writer", (VENDORS | OWN).values())


def refuse_path(path: Path, reason: str, *readings: Callable[[Path], object]) -> None:
    """The file is refused for this reason when it is identified and read."""
    for reading in readings or (identify, read_ecg):
        with pytest.raises(DataError, match=reason):
            reading(path)


@pytest.mark.parametrize(
    ("name", "writer"), [*WRITERS.items(), ("scp-ecg", scp_packed)], ids=lambda each: str(each)[:20]
)
def test_a_known_ecg_comes_back_whatever_the_name_of_its_file(tmp_path, name, writer):
    for file in ("ecg", "ecg.hea", "ecg.txt"):
        (tmp_path / file).write_bytes(writer(walk(), STANDARD, 250))
        assert identify(tmp_path / file) == identify(str(tmp_path / file)) == name in FORMATS
    ecg = read_ecg(str(tmp_path / "ecg"))
    assert (ecg.leads, ecg.fs, ecg.unrecognised) == (STANDARD, 250.0, ())
    assert_holds(ecg, millivolts(walk()))


@NAMING
def test_eight_leads_stay_eight_in_their_order(tmp_path, writer):
    ecg = read(tmp_path, writer(walk(8), INDEPENDENT[::-1], 250))
    assert ecg.leads == INDEPENDENT[::-1]
    assert_holds(ecg, millivolts(walk(8)))


@pytest.mark.parametrize("writer", WRITERS.values())
@pytest.mark.parametrize("part", [0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path, writer, part):
    data = writer(walk(), STANDARD, 250)
    refuse(tmp_path, data[: int(part * len(data))], "must ")


PACKAGES = dict.fromkeys(VENDORS, "ecgdatakit") | {"dicom": "pydicom"}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_is_named_when_it_is_missing(tmp_path, name, monkeypatch):
    data = WRITERS[name](walk(), STANDARD, 250)
    package = PACKAGES[name]
    for module in [module for module in sys.modules if module.startswith(package)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    reason = rf"needs the package {package}; pip install 'crossbeat\[formats\]'"
    refuse(tmp_path, data, reason)


LIMITS = {
    **dict.fromkeys(WRITERS, MOST_PARSED_BYTES),
    **dict.fromkeys(("edf", "bdf", "ishne", "matlab"), MOST_BYTES),
    "scp-ecg": MOST_SCP_BYTES,
}


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_too_large_is_refused_unread(tmp_path, name):
    (tmp_path / "a").write_bytes(WRITERS[name](walk(), STANDARD, 250))
    os.truncate(tmp_path / "a", 2**40)
    most = f"must have at most {LIMITS[name]:,} bytes, got 1,099,511,627,776"
    refuse_path(tmp_path / "a", most, read_ecg)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(("file", "most"), [("a.dat", MOST_BYTES), ("a.hea", MOST_HEADER_BYTES)])
def test_large_files_of_a_record_are_refused_unread(write_record, file, most):
    header = write_record(walk())
    os.truncate(header.with_name(file), 2**40)
    refuse_path(header, f"must have at most {most:,} bytes", read_ecg)


# formats


@pytest.mark.parametrize("name", ["a", "a.hea", "a.dat"])
def test_header_signal_file_and_stem_name_the_same_record(write_record, name):
    path = write_record(walk()).with_name(name)
    assert identify(path) == "wfdb"
    ecg = read_ecg(path)
    assert (ecg.leads, ecg.fs) == (STANDARD, 100.0)
    np.testing.assert_array_equal(ecg.values, np.float32(walk()) / 1000)


def test_a_record_may_have_other_suffixes(write_record):
    assert read_ecg(write_record(walk(), file="a.mat").with_suffix(".mat")).values.shape == (
        12,
        500,
    )
    header = write_record(walk())
    other = header.rename(header.with_name("header.txt"))  # known by its lines
    assert identify(other) == "wfdb"
    assert read_ecg(other).values.shape == (12, 500)


def test_mfer_is_known_without_its_preamble(tmp_path):
    text = mfer(walk(), STANDARD, 100)
    assert read(tmp_path, text[text.index(b"\x01\x84") :]).leads == STANDARD
    assert identify(tmp_path / "ecg") == "mfer"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"I,II,V1\n1,2,3\n", "csv"),
        (b'\xef\xbb\xbf"i";"ii"\r\n0,1;0,2\r\n', "csv"),
        (b"time\tavf\n0\t1\n", "csv"),
        (b"1,2\n3,\n4,nan\n", "csv"),
        (b"a;b\n1;2\n", "csv"),
        (b"0.1\n-.2\n", "csv"),
        (b"a 1 100 5\na.dat 16 200/mV 16 0 0 0 0 I\n", "wfdb"),
        (b"\x93NUMPY\x01\x00", "numpy"),
    ],
)
def test_texts_and_arrays_are_told_apart(tmp_path, text, name):
    (tmp_path / "a").write_bytes(text)
    assert identify(tmp_path / "a") == name


def image(kind: str) -> bytes:
    file = BytesIO()
    Image.new("L", (4, 4)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must be an ECG file, but is empty; copy it again"),
        (image("PNG"), "is a PNG image"),
        (image("JPEG"), "is a JPEG image"),
        (image("TIFF"), "is a TIFF image"),
        (b"%PDF-1.7 ...", "is a PDF document"),
        (b"PK\x03\x04...", "is a zip archive .* unpack it or save a .npy"),
        (b"\x1f\x8b\x08...", "is compressed by gzip; unpack it"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file; export single recordings"),
        (b"MATLAB 7.3 MAT-file, HDF5 schema", "is a MATLAB 7.3 file .* save it with -v7"),
        (b"<html><body/></html>", "is XML of the kind html; it reads ge-muse-xml, phil"),
        (
            b"Dear colleague,\nplease find\n",
            "is text without columns of leads; it reads wfdb, dicom, ",
        ),
        (b"Chapter 1\nNothing.\n", "is text without columns of leads; it reads"),
        (b"0", "is text without columns of leads; it reads"),
        (bytes(range(256)), "is binary without a signature; .* its header a.hea must lie"),
    ],
)
def test_what_is_no_ecg_is_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "a.dat").write_bytes(content)
    refuse_path(tmp_path / "a.dat", reason)


def test_a_header_that_does_not_name_a_file_says_nothing_of_it(write_record):
    beside = write_record(walk()).with_suffix(".atr")
    beside.write_bytes(bytes(range(1, 99)))
    refuse_path(beside, "header a.hea must lie beside it and name it")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone", "there is no file .*gone, nor gone.hea; check the path"),
        ("gone.hea", "there is no file .*gone.hea; check the path"),
        ("gone.dat", "there is no file .*gone.dat, nor .*hea; check the path"),
        ("no/where.xml", "there is no file .*no/where.xml, nor .*hea; check the path"),
        ("a\0b", "must be readable, but: "),
        ("a" * 5000, "must be readable, but: "),
        ("", "must be a file, got a folder, device or pipe"),
    ],
)
def test_a_path_that_leads_to_no_file_is_named(tmp_path, name, reason):
    refuse_path(tmp_path / name, reason)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def forbid(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.xml").write_bytes(sierra(walk(), STANDARD, 100))
    monkeypatch.setattr(os, "open", forbid)
    refuse_path(tmp_path / "a.xml", r"a\.xml must be readable, but: Permission denied; check")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "a")
    refuse_path(tmp_path / "a", "got a folder, device or pipe")


# leads and units


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mV", 1), ("mv", 1), ("uV", 1e-3), ("µV", 1e-3), ("\u03bcV", 1e-3), ("V", 1e3)],
)
def test_any_voltage_becomes_millivolts(write_record, unit, factor):
    ecg = read_ecg(write_record(walk(3), ["vx", "I", "II"], calibration=f"2/{unit}"))
    np.testing.assert_allclose(ecg.values, walk(3)[1:] / 2 * factor, rtol=1e-6)


def test_only_the_unit_of_a_lead_matters(write_record):
    header = write_record(walk(2), ["I", "pressure"])
    header.write_text(header.read_text().replace("/mV 16 0 0 0 0 pressure", "/mmHg 16 0 0 0 0 P"))
    assert read_ecg(header).leads == ("I",)
    header = write_record(walk(), calibration="1000/NU")
    refuse_path(header, "unit of lead I must be mV, uV or V, got NU", read_ecg)


CHEST = [f"C{number}" for number in range(1, 7)]
KINDS = ("wfdb", "edf", "csv", "layout")


@pytest.fixture
def read_named(tmp_path, write_record) -> Callable[[list[str], str], Ecg]:
    """Reads leads of 2.5 microvolts in steps from a file of a format, with these names."""

    def read_file(names: list[str], kind: str) -> Ecg:
        stored = walk(len(names), 100)
        if kind == "wfdb":
            return read_ecg(write_record(stored, names, calibration="400(0)/mV"))
        if kind == "edf":
            return read(tmp_path, edf_labels(stored, names, 100))
        header = [";".join(names)] if kind == "csv" else []
        lines = header + [";".join(f"{value / 400:.7g}" for value in row) for row in stored.T]
        layout = Layout(fs=100.0, unit="mV", leads=tuple(names) if kind == "layout" else ())
        return read(tmp_path, "\n".join(lines).encode(), layout)

    return read_file


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
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_twelve_leads_gives_twelve_in_any_spelling(read_named, names, kind):
    ecg = read_named(names, kind)
    assert (ecg.leads, ecg.unrecognised) == (STANDARD, ())
    np.testing.assert_allclose(ecg.values, walk(time=100) / 400, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["-aVR", "ECG -AVR", "AVRneg"])
def test_an_inverted_lead_is_turned_and_the_order_of_the_file_kept(read_named, name, kind):
    names = ["aVL", "I", name, "II", "aVF", "III"]
    ecg = read_named(names, kind)
    assert ecg.leads == ("aVL", "I", "aVR", "II", "aVF", "III")
    expected = walk(6, 100) / 400
    expected[2] *= -1
    np.testing.assert_allclose(ecg.values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_other_channels_are_dropped_and_named_as_the_file_has_them(read_named, kind):
    names = ["V3R", "MLII", "C3", "Lead 1", "ECG V9", "EKG I"]
    ecg = read_named(names, kind)
    assert (ecg.leads, ecg.unrecognised) == (("I",), tuple(names[:-1]))
    np.testing.assert_allclose(ecg.values[0], walk(6, 100)[5] / 400, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS[:3])
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
def test_leads_must_be_there_and_only_once(read_named, names, reason, kind):
    with pytest.raises(DataError, match=f"must hold ECG leads, each once, .*{reason}"):
        read_named(names, kind)


def test_channels_that_are_no_lead_are_told(write_record):
    reason = r"got \(no name\), \(no name\): none has the name"
    refuse_path(write_record(walk(2), ["", ""]), reason, read_ecg)
    header = write_record(walk(12, 1000), [*STANDARD[:10], "chest5", "chest6"])
    reason = r"lead V5, V6 is missing .* if it is one of chest5, chest6"
    with pytest.raises(DataError, match=reason):
        read_wave(str(header), clean=Preprocessing.standard(fs=100.0, seconds=10.0))


LEADS = "leads must be different ones of I, .* got "


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"fs": 0.0}, "fs must be above 0 Hz, got 0.0; give the sampling rate"),
        ({"fs": -1.0}, "fs must be above 0 Hz, got -1.0"),
        ({"fs": float("nan")}, "fs must be above 0 Hz, got nan"),
        ({"fs": float("inf")}, "fs must be above 0 Hz, got inf"),
        ({"unit": "mmHg"}, "unit must be mV, uV or V, got 'mmHg'"),
        ({"unit": ""}, "unit must be mV, uV or V, got ''"),
        *(
            ({"leads": ("I", other)}, f"{LEADS}I, {other}; correct the list")
            for other in ("VX", "i", "DI", "V9", "C3")
        ),
        ({"leads": ("aVR", "-aVR")}, f"{LEADS}aVR, -aVR"),
    ],
)
def test_a_layout_that_breaks_a_rule_is_refused(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        Layout(**{"fs": 250.0, "unit": "mV", **settings})
