"""Cine MRI in NIfTI: ACDC, M&Ms and masks come back; damaged files are refused."""

import gzip
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from cine_dicoms import refuse
from crossbeat.errors import DataError
from crossbeat.readers import read_cine

SHAPE = (8, 6, 3, 5)
"""Columns, rows, slices, frames."""

INFO = "ED: 1\nES: 4\nGroup: DCM\nHeight: 184.0\nNbFrame: 5\nWeight: 95.0\n"


def values(dtype: str = "int16") -> np.ndarray:
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)


def written(
    path: Path,
    data: np.ndarray,
    *,
    kind: type = nibabel.Nifti1Image,
    zooms: tuple[float, ...] = (1.5, 2.0, 10.0, 0.03),
    units: tuple[str, str] = ("mm", "sec"),
    endian: str = "<",
) -> Path:
    header = kind.header_class(endianness=endian)
    header.set_data_dtype(data.dtype)
    image = kind(data, np.diag([*zooms[:3], 1.0]), header)
    image.header.set_zooms(zooms[: data.ndim])
    image.header.set_xyzt_units(*units)
    nibabel.save(image, path)
    return path


def expected() -> np.ndarray:
    return values().transpose(2, 3, 1, 0)


def test_acdc_is_read_with_its_frames(tmp_path):
    (tmp_path / "Info.cfg").write_text(INFO)
    cine = read_cine(written(tmp_path / "patient001_4d.nii.gz", values()))
    np.testing.assert_array_equal(cine.values, expected())
    assert cine.values.dtype == np.int16
    assert (cine.spacing_mm, cine.slice_mm) == ((2.0, 1.5), 10.0)
    assert (cine.end_diastole, cine.end_systole) == (0, 3)
    assert cine.times is None  # 5 frames of 30 ms are no heartbeat


def test_a_mask_is_a_stack_of_one_frame(tmp_path):
    (tmp_path / "Info.cfg").write_text(INFO)
    mask = read_cine(written(tmp_path / "patient001_frame01_gt.nii.gz", values("uint8")[..., 1]))
    np.testing.assert_array_equal(mask.values, values("uint8").transpose(2, 3, 1, 0)[:, 1:2])
    assert (mask.end_diastole, mask.end_systole) == (None, None)


def test_the_table_of_mms_counts_from_zero(tmp_path):
    table = tmp_path / "info.csv"
    table.write_text(",External code,VendorName,ED,ES\n0,A0S9V9,Siemens,4,2\n1,A1D0Q7,GE,0,0\n")
    cine = read_cine(written(tmp_path / "A0S9V9_sa.nii.gz", values("float64")), table=table)
    assert (cine.end_diastole, cine.end_systole) == (4, 2)
    assert cine.values.dtype == np.float32
    np.testing.assert_array_equal(cine.values, expected())
    nobody_looked = read_cine(written(tmp_path / "A1D0Q7_sa.nii.gz", values()), table=table)
    assert (nobody_looked.end_diastole, nobody_looked.end_systole) == (None, None)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_both_versions_and_orders_of_bytes_are_read(tmp_path, kind, endian):
    path = written(tmp_path / "a.nii", values(), kind=kind, endian=endian)
    np.testing.assert_array_equal(read_cine(path).values, expected())


def test_values_are_scaled_as_the_header_says(tmp_path):
    image = nibabel.Nifti1Image(values(), np.diag([1.5, 2.0, 10.0, 1.0]))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii")
    data = (tmp_path / "a.nii").read_bytes()
    stored = np.frombuffer(data[-values().nbytes :], "<i2").reshape(SHAPE, order="F")
    scaled = read_cine(tmp_path / "a.nii").values
    np.testing.assert_array_equal(scaled, stored.transpose(2, 3, 1, 0) * 0.5 - 3)


@pytest.mark.parametrize(
    ("units", "step", "seconds"),
    [("msec", 150.0, 0.15), ("sec", 0.15, 0.15), ("sec", 1.0, None), ("unknown", 0.15, None)],
)
def test_times_are_those_of_a_heartbeat_or_none(tmp_path, units, step, seconds):
    zooms = (1.5, 2.0, 10.0, step)
    times = read_cine(written(tmp_path / "a.nii", values(), zooms=zooms, units=("mm", units))).times
    if seconds is None:
        assert times is None
    else:
        np.testing.assert_allclose(times, np.arange(5) * seconds, rtol=1e-6)


def test_spacing_in_metres_is_put_right(tmp_path):
    zooms = (0.0015, 0.002, 0.01, 1.0)
    cine = read_cine(written(tmp_path / "a.nii", values(), zooms=zooms, units=("meter", "sec")))
    assert cine.spacing_mm == pytest.approx((2.0, 1.5))
    assert cine.slice_mm == pytest.approx(10.0)


NO_ROW = r"t\.csv must have a row with External code a and its fra"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Info.cfg", "ED: 1\nES: 6\n", r"among the 5 frames of .*nii, got 0 and 5 counted from 0"),
        ("Info.cfg", "ED: 0\nES: 4\n", "must be among the 5 frames of"),
        ("Info.cfg", "ED: 1\n", "must have lines ED and ES with a frame, got none"),
        ("t.csv", "External code,ED,ES\nB,1,2\n", NO_ROW),
        ("t.csv", "External code,ED,ES\na,x,2\n", NO_ROW),
        ("t.csv", "a,b\n1,2\n", NO_ROW),
        ("t.csv", "", NO_ROW),
    ],
)
def test_frames_that_cannot_be_are_refused(tmp_path, file, text, message):
    (tmp_path / file).write_text(text)
    path = written(tmp_path / "a_sa.nii", values())
    with pytest.raises(DataError, match=message):
        read_cine(path, table=tmp_path / file if file == "t.csv" else None)


def header_with(**fields: object) -> bytes:
    header = nibabel.Nifti1Header()
    header["magic"], header["vox_offset"], header["bitpix"] = b"n+1", 352, 16
    header.set_data_dtype("int16")
    header["dim"][:5] = [4, *SHAPE]
    header["pixdim"][1:5] = [1.5, 2.0, 10.0, 0.1]
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + bytes(4) + values().tobytes()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dim": [4, 8, 6, 3, 6, 1, 1, 1]}, "it has fewer bytes than its header says"),
        ({"dim": [4, 8, 6, 3, 4, 1, 1, 1]}, "it has more bytes than its header says"),
        ({"dim": [4, 30000, 30000, 30000, 30000, 1, 1, 1]}, "at most 536,870,912 bytes of pixels"),
        ({"dim": [4, 8, 6, 3, -5, 1, 1, 1]}, "of 3 or 4 axes, got 8 x 6 x 3 x -5 of int16"),
        ({"dim": [2, 8, 6, 1, 1, 1, 1, 1]}, "of 3 or 4 axes, got 8 x 6 of int16"),
        ({"datatype": 1792, "bitpix": 128}, "of 3 or 4 axes, got .* of complex128"),
        ({"datatype": 77}, "must be a sound NIfTI file, but "),
        ({"pixdim": [1, 0, 2, 10, 1, 1, 1, 1]}, r"a size from 0\.1 to 20 mm, got 0 x 2; correct"),
        ({"pixdim": [1, np.nan, 2, 10, 1, 1, 1, 1]}, r"a size from 0\.1 to 20 mm, got nan x 2"),
        ({"vox_offset": 1e9}, "its values begin at byte 1000000000"),
        ({"vox_offset": 0}, "its values begin at byte 0"),
        ({"vox_offset": np.nan}, "must be a sound NIfTI file, but "),
        ({"scl_slope": 2, "scl_inter": np.nan}, "must be a sound NIfTI file, but "),
        ({"scl_slope": 1e38, "scl_inter": 1e38}, "every value must be finite, got others"),
        ({"magic": b"ni1"}, "must be a folder or zip archive of DICOM files, or NIfTI, but is som"),
    ],
)
def test_headers_that_cannot_be_are_refused(tmp_path, fields, message):
    (tmp_path / "a.nii").write_bytes(header_with(**fields))
    refuse(tmp_path / "a.nii", message)


def test_the_header_of_these_tests_is_sound_without_a_change(tmp_path):
    (tmp_path / "a.nii").write_bytes(header_with())
    first = read_cine(tmp_path / "a.nii").values.ravel(order="F")[:4]
    np.testing.assert_array_equal(first, [0, 48, 96, 8 * 6 * 3])


def test_other_files_packed_by_gzip_are_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"hello"))
    refuse(tmp_path / "a.gz", r"must be NIfTI in one file \(\.nii or \.nii\.gz\), but")


@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_a_truncated_archive_is_refused(tmp_path, part):
    path = written(tmp_path / "a.nii.gz", values())
    data = path.read_bytes()
    path.write_bytes(data[: max(3, int(part * len(data)))])
    refuse(path, "must be a sound NIfTI file, but ")


def test_nibabel_is_named_when_it_is_missing(tmp_path, monkeypatch):
    path = written(tmp_path / "a.nii", values())
    monkeypatch.setitem(sys.modules, "nibabel", None)
    refuse(path, r"needs the package nibabel; pip install 'crossbeat\[for")
