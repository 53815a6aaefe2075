"""WFDB records: signal files of every format, checksums, segments; and their writer."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from shutil import copy
from types import ModuleType

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.leads import MIMIC
from crossbeat.readers.ecg.wfdb import read_record, write_wfdb
from crossbeat.signal import Ecg

STORAGES = (8, 16, 24, 32, 61, 80, 160, 212, 310, 311)


def write(
    folder: Path,
    stored: Sequence[Sequence[int]] | np.ndarray,
    *,
    name: str = "a",
    storage: str = "16",
    fields: str = "0 {first} {sum} 0",
    skews: Sequence[int] = (),
) -> Path:
    """Signals of 16 bits at 100 Hz and 1 mV a unit, with what their header says of them."""
    rows = np.asarray(stored, dtype=np.int64)
    rows.T.astype("<i2").tofile(folder / f"{name}.dat")
    lines = [f"{name} {len(rows)} 100 {rows.shape[1]}"]
    for number, row in enumerate(rows):
        late = f":{skews[number]}" if skews else ""
        said = fields.format(first=row[0], sum=row.sum() % 2**16)
        lines.append(f"{name}.dat {storage}{late} 1/mV 16 {said} s{number}")
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return folder / f"{name}.hea"


def drawn(num: int, time: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, (num, time))


def refuse(header: Path, reason: str) -> DataError:
    with pytest.raises(DataError, match=reason) as told:
        read_record(header)
    return told.value


@pytest.fixture(scope="module")
def wfdb() -> ModuleType:
    """The package, whose import warns of what its own dependencies deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
    return wfdb


def by(wfdb: ModuleType, header: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wfdb.rdrecord(str(header.with_suffix(""))).p_signal.T


# signal files


def test_every_reference_record_equals_what_wfdb_reads(shared, wfdb):
    """wfdb 4.3 computes in double precision; ours is off by the rounding to single."""
    every = sorted((shared / "data" / "ecg-formats").rglob("*.hea"))
    for folder in ("ptb-xl", "ptb-xl-normalised"):
        every += sorted((shared / "data" / folder).rglob("*.hea"))[::40]
    sound = [header for header in every if header.stem != "E00001"]
    assert len(sound) > 60
    for header in sound:
        record, reference = read_record(header), wfdb.rdrecord(str(header.with_suffix("")))
        assert record.names == tuple(reference.sig_name)
        assert record.units == tuple(reference.units)
        assert record.fs == reference.fs
        expected = reference.p_signal.T
        np.testing.assert_allclose(record.values, expected, rtol=2e-7, atol=0, err_msg=str(header))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("num", "time"), [(1, 1), (1, 2), (3, 12), (2, 5), (5, 37)])
def test_each_format_is_read_as_wfdb_does(tmp_path, storage, num, time, wfdb):
    """wfdb 4.3.1, of any bytes."""
    header = write(tmp_path, np.zeros((num, time)), storage=str(storage), fields="0 0 0 0")
    samples = num * time
    size = {8: 8, 80: 8, 212: 12, 24: 24, 32: 32}.get(storage, 16) * samples / 8
    if storage in {310, 311}:
        size = samples // 3 * 4 + samples % 3 * 2
    data = np.random.default_rng(samples).integers(0, 256, int(np.ceil(size)), dtype=np.uint8)
    if storage == 311:
        data[3::4] &= 0x3F  # two bits that are not used, which wfdb does not leave out
    header.with_suffix(".dat").write_bytes(data.tobytes())
    got = read_record(header).values
    assert got.shape == (num, time)
    np.testing.assert_allclose(got, by(wfdb, header), rtol=1e-7)


@pytest.mark.parametrize(
    ("storage", "data", "stored"),
    [
        (80, [0x00, 0x81], [None, 1]),
        (212, [0x00, 0x18, 0xFF], [None, 511]),
        (16, [0x00, 0x80, 0x01, 0x00], [None, 1]),
        (61, [0x80, 0x00, 0x00, 0x01], [None, 1]),
        (160, [0x00, 0x00, 0x01, 0x80], [None, 1]),
        (310, [0x02, 0xF8, 0xFE, 0x07], [1, -1, 31]),
        (311, [0x01, 0xFC, 0x17, 0x20], [1, 511, -511]),
        (24, [0x00, 0x00, 0x80, 0xFE, 0xFF, 0xFF], [None, -2]),
        (32, [0x00, 0x00, 0x00, 0x80, 0x03, 0x00, 0x00, 0x00], [None, 3]),
        (8, [0x05, 0xFE, 0x80], [105, 103, -25]),
    ],
)
def test_samples_worked_out_by_hand(tmp_path, storage, data, stored):
    header = write(tmp_path, [[100] * len(stored)], storage=str(storage), fields="0 {first} 0 0")
    if storage != 8:
        header.write_text(header.read_text().replace(" 100 0 0 s0", " 0 0 0 s0"))
    header.with_suffix(".dat").write_bytes(bytes(data))
    expected = [np.nan if value is None else value for value in stored]
    np.testing.assert_array_equal(read_record(header).values, np.float32([expected]))


@pytest.mark.parametrize(
    ("stored", "lines", "expected"),
    [
        ([[6, 206, -394]], ["a.dat 16 200(6)/mV"], [[0, 1, -2]]),
        ([[1, -32768, 3], [4, 5, 6]], ["a.dat 16 1"] * 2, [[1, np.nan, 3], [4, 5, 6]]),
        ([[1, 2, 4]], ["a.dat 16 1/mV 16 0"], [[1, 2, 4]]),  # nothing is said to check
        ([[1, 2, 4]], ["a.dat 16 1/mV 16 0 1"], [[1, 2, 4]]),
    ],
)
def test_stored_numbers_become_physical_by_gain_and_baseline(tmp_path, stored, lines, expected):
    header = write(tmp_path, stored)
    for length in (" 3", ""):  # without one, the file tells it
        header.write_text("\n".join([f"a {len(lines)} 100{length}", *lines]))
        np.testing.assert_array_equal(read_record(header).values, np.float32(expected))


def test_bytes_before_the_samples_are_skipped_and_signals_may_lie_in_several_files(tmp_path):
    digital = drawn(3, 50).astype("<i2")
    (tmp_path / "a.hea").write_text("a 3 100\na.dat 16x1+24 1\na.dat 16x1+24 1\na.xyz 16 1\n")
    (tmp_path / "a.dat").write_bytes(bytes(24) + digital[:2].T.tobytes())
    (tmp_path / "a.xyz").write_bytes(digital[2].tobytes())
    np.testing.assert_array_equal(read_record(tmp_path / "a.hea").values, digital)


@pytest.mark.parametrize(
    ("storage", "size", "got"),
    [
        ("16", 0, "got 0"),
        ("16", 3, "got 0.5"),
        ("16", 294, "got 49"),
        ("16", 306, "got 51"),
        *(
            (storage, size + one, f"got {50 * (size + one) / size:g}")
            for storage, size in (("212", 225), ("80", 150), ("24", 450))
            for one in (-1, 1)
        ),
    ],
)
def test_a_signal_file_of_another_length_is_refused(tmp_path, storage, size, got):
    header = write(tmp_path, drawn(3, 50), storage=storage)
    header.with_suffix(".dat").write_bytes(bytes(size))
    refuse(header, f"must hold 50 samples of each of 3 signals, {got}; it")
    if got == "got 0.5":
        header.write_text(header.read_text().replace("a 3 100 50", "a 3 100"))
        refuse(header, r"must hold whole samples of each of 3 signals, got 0\.5")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("a.dat 16 ", "a.dat 16x4 ", "same number of samples per frame, got 4 of s0, 1 of s1"),
        ("a.dat 16 ", "a.dat 508 ", r"one of the WFDB formats 8, 16, .* got 508; convert"),
        ("a.dat 16 ", "b.dat 16 ", r"b\.dat must be the signal file .* got none"),
        ("a.dat 16 ", "b.dat 212 ", r"b\.dat must be the signal file .* got none"),
        ("a.dat 16 ", "a.dat 16+4 ", r"all signals of a\.dat must have the same format and"),
        ("a.dat 16 ", "a.dat 61 ", r"all signals of a\.dat must have the same format and"),
        (" 100 9", f" 100 {10**12}", f"must hold {10**12} samples of each of 2 signals"),
        (" 100 9", " 100 8", "must hold 8 samples of each of 2 signals, got 9"),
    ],
)
def test_signals_that_do_not_fit_are_refused(tmp_path, old, new, reason):
    header = write(tmp_path, drawn(2, 9))
    text = header.read_text()
    once = old != "a.dat 16 " or "same" in reason
    header.write_text(text.replace(old, new, 1 if once else -1))
    refuse(header, reason)


def test_samples_in_a_frame_multiply_the_rate(tmp_path):
    frames = drawn(4, 50)  # two samples of one signal, then two of the other
    header = write(tmp_path, frames, storage="16x2")
    said = header.read_text().splitlines()
    first, second = frames[:2].T.ravel(), frames[2:].T.ravel()
    ends = [f"0 {row[0]} {row.sum() % 2**16} 0" for row in (first, second)]
    lines = [f"a.dat 16x2 1/mV 16 {end} s{number}" for number, end in enumerate(ends)]
    header.write_text("\n".join([said[0].replace("a 4", "a 2"), *lines]) + "\n")
    record = read_record(header)
    assert (record.fs, record.names) == (200.0, ("s0", "s1"))
    np.testing.assert_array_equal(record.values, np.float32([first, second]))


def test_signals_of_different_skews_are_shifted(tmp_path):
    """wfdb 4.3.1 raises; checksum and first value are those of the file."""
    rows = drawn(3, 60)
    record = read_record(write(tmp_path, rows, skews=(0, 2, 5)))
    for got, row, late in zip(record.values, rows, (0, 2, 5), strict=True):
        np.testing.assert_array_equal(got[: 60 - late], row[late:].astype(np.float32))
        assert np.isnan(got[60 - late :]).all()
    assert np.isnan(read_record(write(tmp_path, drawn(1, 9), skews=[10**17])).values).all()


@pytest.mark.parametrize("time", [1, 7, 49, 50, 51, 100, 999])
@pytest.mark.parametrize("signed", [True, False])
def test_right_checksums_are_accepted_with_either_sign(tmp_path, time, signed):
    rows = np.random.default_rng(time).integers(-32767, 32767, (3, time))
    header = write(tmp_path, rows)
    if signed:
        for total in rows.sum(axis=1) % 2**16:
            said = header.read_text()
            header.write_text(said.replace(f" {total} 0 s", f" {np.uint16(total).view('i2')} 0 s"))
    np.testing.assert_array_equal(read_record(header).values, rows.astype(np.float32))


@pytest.mark.parametrize("place", [0, 1, 55, 99])
def test_a_changed_sample_is_refused(tmp_path, place):
    rows = drawn(3, 100)
    header = write(tmp_path, rows)
    rows[1, place] += 1
    rows.T.astype("<i2").tofile(header.with_suffix(".dat"))
    what = "first value" if place == 0 else "checksum"
    told = refuse(header, rf"a\.dat must have the {what} -?\d+ of signal s1 that")
    assert told.rule == "checksum"
    assert "copy both again, or give --no-checksum (checksum=False)" in str(told)
    unchecked = read_record(header, checksum=False)
    np.testing.assert_array_equal(unchecked.values, rows.astype(np.float32))


@pytest.mark.parametrize("fields", ["0 0 0 0", "0 {first} 0 0", "0 0 {sum} 0"])
def test_columns_of_zeros_state_nothing(tmp_path, fields):
    rows = drawn(2, 60)
    values = read_record(write(tmp_path, rows, fields=fields)).values
    np.testing.assert_array_equal(values, rows.astype(np.float32))


def test_a_zero_among_checksums_is_one(tmp_path):
    header = write(tmp_path, [[1, 2], [3, 4]])
    header.write_text(header.read_text().replace(" 3 7 0 s1", " 3 0 0 s1"))
    refuse(header, r"must have the checksum 0 of signal s1 .* got 7;")


@pytest.mark.parametrize("summed", [-2048, -32768])
def test_missing_samples_count_in_checksums_in_two_ways(tmp_path, summed):
    """wfdb 4.3.1 adds what is stored, rdsamp and its kin what stands for it in programs."""
    header = write(tmp_path, [[0, 0]], storage="212", fields=f"0 {summed} {summed + 511} 0")
    header.with_suffix(".dat").write_bytes(bytes([0x00, 0x18, 0xFF]))
    np.testing.assert_array_equal(read_record(header).values, np.float32([[np.nan, 511]]))


@pytest.mark.parametrize("storage", ["24", "32", "80", "212"])
def test_checksums_of_other_formats_are_compared(tmp_path, storage, wfdb):
    values = np.random.default_rng(0).integers(-100, 100, (40, 2))
    names = {"units": ["mV"] * 2, "sig_name": ["I", "II"], "write_dir": str(tmp_path)}
    scale = {"adc_gain": [200.0] * 2, "baseline": [0, 0], "fmt": [storage] * 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb.wrsamp("a", fs=100, d_signal=values, **names, **scale)
    header, data = tmp_path / "a.hea", bytearray((tmp_path / "a.dat").read_bytes())
    np.testing.assert_allclose(read_record(header).values, values.T / 200, rtol=1e-7)
    data[len(data) // 2] ^= 1
    (tmp_path / "a.dat").write_bytes(data)
    refuse(header, "must have the checksum")


def test_the_header_of_another_record_is_refused(shared, tmp_path):
    """Two records of PTB-XL of the same size."""
    folder = shared / "data" / "ecg-formats"
    ours = Path(copy(folder / "00001_hr.hea", tmp_path))
    copy(folder / "00008_hr.dat", tmp_path / "00001_hr.dat")
    refuse(ours, "must have the first value -115 of signal I that")


# segments


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Three segments of two signals, and their samples."""
    whole = drawn(2, 90)
    for number, row in enumerate(np.split(whole, [20, 50], axis=1)):
        write(tmp_path, row, name=f"m_{number}")
    return tmp_path / "m.hea", whole


def test_segments_of_one_layout_are_joined(parts, wfdb):
    master, whole = parts
    master.write_text("m/3 2 100 90\nm_0 20\nm_1 30\nm_2 40\n")
    record = read_record(master)
    assert (record.names, record.fs) == (("s0", "s1"), 100.0)
    np.testing.assert_array_equal(record.values, whole.astype(np.float32))
    np.testing.assert_array_equal(record.values, by(wfdb, master).astype(np.float32))


def test_gaps_between_segments_are_missing_samples(parts):
    master, whole = parts
    master.write_text("m/6 2 100 70\nm_layout 0\n~ 7\nm_0 20\n~ 1\nm_2 40\n~ 2\n")
    gap = [np.full((2, num), np.nan) for num in (7, 1, 2)]
    expected = np.hstack([gap[0], whole[:, :20], gap[1], whole[:, 50:], gap[2]])
    np.testing.assert_array_equal(read_record(master).values, expected.astype(np.float32))


def test_segments_with_several_samples_in_a_frame_are_joined(tmp_path):
    rows = drawn(1, 60)
    for number, row in enumerate(np.split(rows, [20], axis=1)):
        header = write(tmp_path, row, name=f"m_{number}", storage="16x2")
        text = header.read_text()
        header.write_text(text.replace(f" {row.shape[1]}\n", f" {row.shape[1] // 2}\n", 1))
    (tmp_path / "m.hea").write_text("m/3 1 100 32\nm_0 10\n~ 2\nm_1 20\n")
    record = read_record(tmp_path / "m.hea")
    assert record.fs == 200.0
    expected = np.hstack([rows[:, :20], np.full((1, 4), np.nan), rows[:, 20:]])
    np.testing.assert_array_equal(record.values, expected.astype(np.float32))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("m/2 2 100 90\nm_0 20\nm_1 30\n", "segments of 90 samples together, got 50; correct"),
        ("m/1 2 100\nm_0 0\n", "segments of some samples together, got 0; correct"),
        ("m/2 2 100\n~ 5\n~ 6\n", "must have a segment with samples, got none"),
        ("m/1 2 100\nm_9 20\n", r"m_9\.hea must be the header of a segment of m\.hea, got none"),
        ("m/1 2 100\nm_0 21\n", r"list m_0 with its length of 0\.2 s, got 0\.21 s; one of them"),
        ("m/2 2 100\nm_0 20\nm_1 0\n", r"list m_1 with its length of 0\.3 s, got 0 s; one of"),
        ("m/1 2 200\nm_0 20\n", r"list m_0 with its length of 0\.2 s, got 0\.1 s; one of them"),
        ("m/1 2 200\nm_0 40\n", "a rate that divides the one of m_0, 100 Hz, got 200 Hz; correct"),
        ("m/1 2 100\nm 20\n", r"m\.hea must be a record of signals, as segment of m\.hea, got"),
        (
            f"m/2 2 100\nm_0 20\n~ {10**17}\n",
            r"segments of at most 33,554,432 bytes together, got 400,000,000,000,000,080;",
        ),
    ],
)
def test_segments_that_do_not_fit_are_refused(parts, lines, reason):
    parts[0].write_text(lines)
    refuse(parts[0], reason)


@pytest.mark.parametrize(
    ("old", "new"), [(" s1\n", " s2\n"), ("1/mV", "1/uV"), ("m_1 2 100", "m_1 2 200")]
)
def test_segments_of_different_signals_are_refused(parts, old, new):
    master = parts[0]
    master.write_text("m/2 2 100\nm_0 20\nm_1 " + ("15" if "200" in new else "30") + "\n")
    second = master.with_name("m_1.hea")
    second.write_text(second.read_text().replace(old, new))
    refuse(master, r"all segments must have the signals s0 in mV, .* got .* m_1")


def test_checksums_of_segments_are_compared(parts):
    master = parts[0]
    master.write_text("m/2 2 100\nm_0 20\nm_1 30\n")
    data = master.with_name("m_1.dat")
    data.write_bytes(data.read_bytes()[:-1] + b"\x55")
    refuse(master, r"m_1\.dat must have the checksum .* that m_1\.hea states")
    assert read_record(master, checksum=False).values.shape == (2, 50)


def test_the_layout_of_segments_is_no_record(tmp_path):
    (tmp_path / "m_layout.hea").write_text("m_layout 1 100 0\n~ 0 200/mV 12 0 0 0 0 I\n")
    refuse(tmp_path / "m_layout.hea", "is the layout of a record of several segments; read that")


# writing


def test_what_is_written_is_read_back_to_the_microvolt_and_the_full_rate(tmp_path):
    values = np.random.default_rng(0).normal(size=(12, 500)).astype(np.float32)
    back = read_record(write_wfdb(Ecg(values, MIMIC, 1000 / 3), tmp_path / "record"))
    assert (back.names, back.fs) == (MIMIC, pytest.approx(1000 / 3, abs=1e-9))
    np.testing.assert_allclose(back.values, values, atol=0.00051)


@pytest.mark.parametrize(
    ("value", "name", "reason"),
    [
        *((bad, "a", "finite and within 32 mV") for bad in (33.0, np.nan, 32.7676, -32.7677)),
        (1.0, "a.b", r"letters, digits, - and _, got 'a\.b'"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(tmp_path, value, name, reason):
    values = np.full((1, 10), value, np.float32)
    with pytest.raises(ValueError, match=reason):
        write_wfdb(Ecg(values, ("I",), 100.0), tmp_path / name)
