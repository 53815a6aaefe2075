"""CSV and NumPy files with a layout."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from ecg_files import read, refuse

from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD
from crossbeat.quality import check
from crossbeat.readers import Layout, read_ecg

PLAIN = Layout(fs=250.0, unit="mV")
THREE = Layout(fs=250.0, unit="mV", leads=("II", "avf", "V1"))
KNOWN = np.array([[0.1, -2.0, 3.5], [1.0, 0.25, -1e-3], [7.0, 8.0, 9.0]], np.float32)


def csv(folder: Path, text: str, layout: Layout = PLAIN):
    return read(folder, text.encode(), layout)


def npy(folder: Path, array: np.ndarray, layout: Layout = THREE):
    return read(folder, saved(array), layout)


def saved(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def in_rows(values: np.ndarray) -> str:
    return "\n".join(",".join(map(str, row)) for row in values.T)


@pytest.mark.parametrize(
    "text",
    [
        "II,aVF,V1\n0.1,1,7\n-2,.25,8\n3.5,-1e-3,9\n",
        "II,aVF,V1\r\n0.1,1,7\r\n-2,.25,8\r\n3.5,-1e-3,9",
        '"ii" , "AVF", "v1"\n 0.1, 1.0, 7\n -2, 0.25, 8\n 3.5, -0.001, 9\n',
        "II;aVF;V1\n0,1;1;7\n-2;0,25;8\n3,5;-0,001;9\n",
        "II\taVF\tV1\n0,1\t1\t7\n-2\t0,25\t8\n3,5\t-0,001\t9\n",
        "II;aVF;V1\n0.1;1;7\n-2;0.25;8\n3.5;-0.001;9\n",
        "\ufeffII,aVF,V1\n0.1,1,7\n-2,.25,8\n3.5,-1e-3,9\n\n",
        "time,II,Dr. Müller,aVF,V1\n0,0.1,x,1,7\n1,-2,y,.25,8\n2,3.5,,-1e-3,9\n",
        "II,aVF,V1,RESP,ID\n0.1,1,7,3,a\n-2,.25,8,0.5,b\n3.5,-1e-3,9,,c\n",
        "II,aVF,V1,\n0.1,1,7,\n-2,.25,8,\n3.5,-1e-3,9,\n",
        "II,aVF,V1\n0.1,1,7,\n-2,.25,8,\n3.5,-1e-3,9,\n",
        "V1,RESP,aVF,II\n7,3,1,0.1\n8,3,.25,-2\n9,3,-1e-3,3.5\n",
        "II,aVF,V1\n\n0.1,1,7\n\n  \n-2,.25,8\n\n\n3.5,-1e-3,9\n\n",
        "II,aVF,V1\r\n\r\n0.1,1,7\r\n\r\n-2,.25,8\r\n\r\n3.5,-1e-3,9\r\n",
        "II,aVF,V1\r0.1,1,7\r-2,.25,8\r3.5,-1e-3,9\r",
        "II,aVF,V1\nmV,mV,mV\n0.1,1,7\n-2,.25,8\n3.5,-1e-3,9\n",
        "'II','aVF','V1'\n'mV','(mV)','[MV]'\n0.1,1,7\n-2,.25,8\n3.5,-1e-3,9\n",
        "t;II;aVF;V1\n0,5;0,1;1;7\n1;-2;0,25;8\n1.000,5;3,5;-0,001;9\n",
    ],
)
def test_columns_with_names_are_leads(tmp_path, text):
    ecg = csv(tmp_path, text)
    order = [ecg.leads.index(lead) for lead in ("II", "aVF", "V1")]
    assert (len(ecg.leads), ecg.fs) == (3, 250.0)
    np.testing.assert_allclose(ecg.values[order], KNOWN, rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "unit", "values"),
    [
        ("II\taVF\n0,5\t1\n-2\t3\n".encode("utf-16"), "mV", [[0.5, -2], [1, 3]]),
        ("I,Größe,II\nµV,m,µV\n5,x,7\n".encode("latin-1"), "uV", [[5e-3], [7e-3]]),
        # points that are no signs between thousands
        (b"I;II\n0.123;1.5\n1.037;986\n", "mV", [[0.123, 1.037], [1.5, 986]]),
        (b"I;II\n1.037;0.986\n-1.204;0.012\n", "mV", [[1.037, -1.204], [0.986, 0.012]]),
        # fields that are left out, separators at the end of some lines, no single precision
        (b"I,II\n,2\nnan,NaN\n5,NA\n6,-\n", "mV", [[None, None, 5, 6], [2, None, None, None]]),
        (b'I,II,\n3,4,\n5,6\n7,"8",\n', "mV", [[3, 5, 7], [4, 6, 8]]),
        (b"I,II\n1e300,-1e300\n", "mV", [[np.inf], [-np.inf]]),
    ],
    ids=range(7),
)
def test_encodings_points_and_fields_that_are_left_out_are_understood(tmp_path, data, unit, values):
    ecg = read(tmp_path, data, Layout(fs=250.0, unit=unit))
    np.testing.assert_allclose(ecg.values, np.array(values, np.float32), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "unit", "times"),
    [
        ("Elapsed time", "seconds", "0.000 0.004 0.008"),
        ("Elapsed time", "seconds", "0:00.000 0:00.004 0:00.008"),
        ("time", "ms", "1000 1004 1008"),
        ("time (s)", "-", "5 5.004 5.008"),
        ("time", "", "1 2 3"),
    ],
)
def test_times_that_fit_the_rate_are_passed_over(tmp_path, name, unit, times):
    first, second, third = times.split()
    text = f"{name},I,II\n{unit},mV,mV\n{first},1,2\n{second},3,4\n{third},5,6\n"
    np.testing.assert_array_equal(csv(tmp_path, text).values, [[1, 3, 5], [2, 4, 6]])


@pytest.mark.parametrize(
    ("name", "times", "reason"),
    [
        ("Elapsed time", (0, 1, "s"), "100 samples in 1 s by its times, 100 Hz, but the rate"),
        ("time (ms)", (0, 200, ""), r"500 Hz, but the rate of the layout is 250 Hz; correct the"),
        ("Elapsed time", (1, 0, "s"), "must have rising times, got 1 to 0 s"),
    ],
)
def test_times_that_contradict_the_rate_are_refused(tmp_path, name, times, reason):
    lines = [f"{time:g},1,2" for time in np.linspace(*times[:2], 101)]
    units = f"{times[2]},mV,mV\n" if times[2] else ""
    text = f"{name},I,II\n{units}" + "\n".join(lines) + "\n"
    refuse(tmp_path, text.encode(), reason, PLAIN)


def test_what_rdsamp_writes_is_read(run_case, tmp_path):
    run_case("csv_of_rdsamp.py", tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes()
    ecg = read(tmp_path, data, Layout(fs=500.0, unit="mV"))
    assert ecg.leads == STANDARD
    assert np.argwhere(np.isnan(ecg.values)).tolist() == [[0, 10]]
    for layout, reason in (
        (Layout(fs=500.0, unit="uV"), "must be in uV, the unit of the layout, but its line"),
        (Layout(fs=250.0, unit="mV"), "500 Hz, but the rate of the layout is 250 Hz; correct"),
    ):
        refuse(tmp_path, data, reason, layout)


def test_points_between_thousands_are_refused(run_case, tmp_path):
    run_case("csv_thousands_point.py", tmp_path / "a.csv")
    reason = r"must have no signs between thousands, got -?1"
    refuse(tmp_path, (tmp_path / "a.csv").read_bytes(), reason, Layout(fs=500.0, unit="uV"))


def test_the_mark_of_no_sample_among_whole_numbers_is_missing(run_case, tmp_path):
    run_case("npy_missing_as_minus_32768.py", tmp_path / "a.npy")
    layout = Layout(fs=500.0, unit="uV", leads=STANDARD)
    ecg, of_wfdb = read_ecg(tmp_path / "a.npy", layout), read_ecg(tmp_path / "a.hea")
    assert np.argwhere(np.isnan(ecg.values)).tolist() == [[7, 2000]]
    np.testing.assert_allclose(ecg.values, of_wfdb.values, rtol=1e-6)
    assert [verdict.name for verdict in check(ecg, 10.0) if verdict.action != "ok"] == ["gaps"]


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float32])
def test_the_mark_is_missing_in_whole_numbers_of_any_type(tmp_path, dtype):
    stored = np.array([[1, -32768, 3, 4], [5, 6, 7, 8], [9, 9, 9, -32768]])
    expected = np.where(stored == -32768, np.nan, stored)
    np.testing.assert_array_equal(npy(tmp_path, stored.astype(dtype)).values, expected)
    np.testing.assert_array_equal(csv(tmp_path, in_rows(stored), THREE).values, expected)
    half = stored + np.array([[0.5], [0], [0]])
    np.testing.assert_array_equal(npy(tmp_path, half).values, half)


def test_columns_without_names_are_named_by_the_layout(tmp_path):
    ecg = csv(tmp_path, "0.1,1,7\n-2,.25,8\n3.5,-1e-3,9\n", THREE)
    assert ecg.leads == ("II", "aVF", "V1")
    np.testing.assert_allclose(ecg.values, KNOWN, rtol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("mV", 1), ("uV", 1e-3), ("V", 1e3), ("nV", 1e-6)])
def test_the_unit_of_the_layout_becomes_millivolts(tmp_path, unit, factor):
    layout = Layout(fs=250.0, unit=unit, leads=STANDARD[:3])
    text = f"I,II,III\n{in_rows(KNOWN)}"
    np.testing.assert_allclose(csv(tmp_path, text, layout).values, KNOWN * factor, rtol=1e-6)
    pair = KNOWN[:, :2]
    np.testing.assert_allclose(npy(tmp_path, pair, layout).values, pair * factor, rtol=1e-6)


@pytest.mark.parametrize("form", ["{} (mV)", "{} [MV]", "{}(mV)", "{}_[mv]"])
def test_names_may_have_their_unit(tmp_path, form):
    text = ",".join(map(form.format, STANDARD[:3])) + "\n" + in_rows(KNOWN)
    ecg = csv(tmp_path, text)
    assert ecg.leads == STANDARD[:3]
    np.testing.assert_allclose(ecg.values, KNOWN, rtol=1e-6)
    reason = "must be in uV, the unit of the layout, but its line of n"
    refuse(tmp_path, text.encode(), reason, Layout(fs=250.0, unit="uV"))


@pytest.mark.parametrize(
    ("text", "layout", "reason"),
    [
        ("1,2\n3,4\n", PLAIN, "must name its 2 columns, .* got 0 leads; add them"),
        ("1,2\n3,4\n", THREE, "must name its 2 columns, .* got 3 leads; add them"),
        ("I,II\n3,4\n", THREE, "has a line of names, I, II, and the layout other ones, II, avf"),
        ("a,b\n3,4\n", PLAIN, "must hold ECG leads, each once, got a, b"),
        ("I,i\n3,4\n", PLAIN, "must hold ECG leads, each once, got I, i"),
        ("I,II\n3,high\n", PLAIN, "must have a number in each field of a lead, got 'high'"),
        ("I,II\n3,4\n5,6,7\n", PLAIN, "for each of its 2 columns in every line, got 3 in one;"),
        ("I,II,a\n3,4,5\n3,4\n5,6,7,8\n", PLAIN, "of its 3 columns in every line, got 2 in"),
        ("I,II,\n3,4,\n5,\n5,6,\n", PLAIN, "for each of its 2 columns in every line, got 2 in"),
        ("I,II,\n3,4,\n5,6,\n7", PLAIN, "for each of its 2 columns in every line, got 1 in one;"),
        ('I,II,a\n3,4,"b\n5,6,b"\n5,6,c\n', PLAIN, "and its quotes in pairs within a line, but"),
        ('I,II\n3,4\n"5,6\n', PLAIN, "and its quotes in pairs within a line, but has not;"),
        ("I,II\n3," + "4" * 200_000, PLAIN, "in every line, got 0 in one; name every"),
        ("I,II\n3,4\n1 0,6\n", PLAIN, "field of a lead, got '1 0'; correct it"),
        ("I,II\n3,4\n5,6\n7", PLAIN, "for each of its 2 columns in every line, got 1 in one;"),
        ("I,II\na,3,4\nb,5,6\n", PLAIN, "for each of its 2 columns in every line, got 3 in"),
        ("I,II\nmmHg,mmHg\n5,6\n", PLAIN, "be in mV, the unit of the layout, but its .* mmhg;"),
        ("I,II\nuV,uV\n5,6\n", PLAIN, "in mV, the unit of the layout, but its .* has uv; correct"),
        ("I,II\nmV,uV\n5,6\n", PLAIN, "but its line of units has mv, uv; correct the layout"),
        ("I;II\n1.037;986\n-1.204;12\n", PLAIN, "no signs between thousands, got 1.037 beside"),
        ("I\tII\n12\t-986\n1,204\t12\n", PLAIN, "got 1,204 beside .* which may be 1204; export"),
        ("I;II\n1.037;0,5\n1;1\n", PLAIN, "points or commas as decimal signs, got both; export"),
        ("I,II\n\n", PLAIN, "must be in a format that crossbeat reads, but is text"),
        ("I,II\n1,2\n", Layout(fs=1e-3, unit="mV"), r"must be from 10 to 100000 Hz, got 0\.001"),
    ],
)
def test_a_csv_file_that_does_not_fit_is_refused(tmp_path, text, layout, reason):
    refuse(tmp_path, text.encode(), reason, layout)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int16, ">f4"])
@pytest.mark.parametrize("transposed", [True, False])
def test_leads_are_rows_or_columns_of_an_array(tmp_path, dtype, transposed):
    known = np.arange(15).reshape(3, 5).astype(dtype)
    ecg = npy(tmp_path, known.T if transposed else known)
    assert (ecg.leads, ecg.fs) == (("II", "aVF", "V1"), 250.0)
    np.testing.assert_array_equal(ecg.values, np.arange(15).reshape(3, 5))


def test_a_single_lead_may_be_a_plain_row(tmp_path):
    one = Layout(fs=250.0, unit="mV", leads=("V2",))
    assert npy(tmp_path, np.arange(5.0), one).values.shape == (1, 5)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.ones((3, 3)), "one side as long as the 3 leads of the layout, got 3 x 3; name"),
        (np.ones((4, 5)), "got 4 x 5"),
        (np.ones((3, 5, 1)), "got 3 x 5 x 1"),
        (np.float64(1), "got ; name"),
        (np.ones((3, 0)), "must hold samples, got none"),
        (np.ones((3, 5), complex), "must hold real numbers, got complex128"),
        (np.ones((3, 5), bool), "must hold real numbers, got bool"),
        (np.array([["a", "b"]]), "must hold real numbers, got <U1"),
        (np.array([[{}]], object), "must hold real numbers, got Python objects; save them as an"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path, array, reason):
    refuse(tmp_path, saved(array), reason, THREE)


def test_an_array_that_is_cut_off_is_refused(tmp_path):
    data = saved(KNOWN)
    for size in (7, 20, len(data) - 1):
        refuse(tmp_path, data[:size], r"must be a sound \.npy file of numbers, but: ", THREE)


def test_numbers_beyond_single_precision_are_infinite(tmp_path):
    assert np.isinf(npy(tmp_path, np.full((3, 5), 1e300)).values).all()


@pytest.mark.parametrize("data", [b"I,II\n1,2\n", saved(KNOWN[:, :2])])
def test_a_layout_is_asked_for(tmp_path, data):
    with pytest.raises(ConfigError, match=r"with its rate and unit, got .*--layout.fs 500"):
        read(tmp_path, data)


def test_files_that_say_their_layout_keep_it(write_record):
    header = write_record(np.ones((12, 20)))
    alone, among_tables = read_ecg(header), read_ecg(header, PLAIN)
    assert alone.fs == among_tables.fs != PLAIN.fs
    np.testing.assert_array_equal(alone.values, among_tables.values)
