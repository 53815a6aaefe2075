"""What DICOM says beside the pixels of a film: which count, how they look, how they are turned."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from xray_files import assert_shows, rectangle, refuse, scaled, setting, slope, written

from crossbeat.readers import read_xray
from crossbeat.readers.dicom import is_dicom

EXPLICIT_AND_IMPLICIT = pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
)


def bordered(value: int, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A film with a border at its left, and where the film is."""
    pixels, inside = slope(), np.ones((32, 32), bool)
    inside[:, :width] = False
    return np.where(inside, pixels, value).astype(np.uint16), inside


def assert_has_black(path: Path, values: np.ndarray, inside: np.ndarray) -> None:
    """The file is read as values scaled by what is inside, black outside."""
    expected = np.zeros(inside.shape)
    expected[inside] = scaled(np.asarray(values)[inside])
    np.testing.assert_allclose(read_xray(path, 32), expected, atol=1)


def test_a_file_is_known_by_its_contents_with_or_without_its_preamble(tmp_path):
    data = written(tmp_path, slope()).read_bytes()
    path = tmp_path / "x.jpg"
    for start in (0, 128, 132):
        path.write_bytes(data[start:])
        assert is_dicom(path)
        assert_shows(path, slope())
    path.write_bytes(b"DICM but this is text")
    refuse(path, "must be")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = written(tmp_path, slope())
    path.write_bytes(path.read_bytes()[: max(140, int(part * path.stat().st_size))])
    refuse(path, r"x\.dcm must be")


# padding


@EXPLICIT_AND_IMPLICIT
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("value", [0, 4095])
def test_padding_is_black_and_leaves_the_scale_alone(tmp_path, syntax, kind, value):
    pixels, inside = bordered(value)
    change = setting(PixelPaddingValue=value, PhotometricInterpretation=kind)
    sign = -1 if kind == "MONOCHROME1" else 1
    assert_has_black(written(tmp_path, pixels, change, syntax), sign * pixels.astype(int), inside)


@EXPLICIT_AND_IMPLICIT
def test_padding_of_a_range_is_black(tmp_path, syntax):
    pixels, inside = bordered(4000)
    pixels[:, 0], pixels[:, 1] = 4095, 3990
    change = setting(PixelPaddingValue=4095, PixelPaddingRangeLimit=3990)
    assert_has_black(written(tmp_path, pixels, change, syntax), pixels, inside)


def test_padding_is_black_in_a_window_too(tmp_path):
    pixels, inside = bordered(4095)
    change = setting(PixelPaddingValue=4095, WindowCenter="1400", WindowWidth="1000")
    seen = np.clip(pixels.astype(float), 1399.5 - 499.5, 1399.5 + 499.5)
    assert_has_black(written(tmp_path, pixels, change), seen, inside)


@EXPLICIT_AND_IMPLICIT
def test_padding_below_zero_is_known_by_its_bits(tmp_path, syntax):
    pixels, inside = bordered(0)
    values = np.where(inside, pixels.astype(np.int16), -2000).astype(np.int16)
    told = {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    change = setting(**told, PixelPaddingValue=-2000)
    assert_has_black(written(tmp_path, values, change, syntax), values, inside)

    def unsigned(image: Dataset) -> None:
        setting(**told)(image)
        image.add_new(0x00280120, "US", 2**16 - 2000)  # as some writers have it

    assert_has_black(written(tmp_path, values, unsigned), values, inside)


def test_a_film_of_padding_or_of_one_value_is_refused(tmp_path):
    for change, value in ((setting(PixelPaddingValue=7), 0), (setting(), 7)):
        path = written(tmp_path, np.full((8, 8), 7, np.uint16), change)
        refuse(path, f"must show something, but every pixel is {value}; export the image again")


# tables and windows


@EXPLICIT_AND_IMPLICIT
@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({}, slope()),
        ({"PhotometricInterpretation": "MONOCHROME1"}, -slope().astype(int)),
        (
            {"WindowCenter": [1400, 300], "WindowWidth": [800, 50]},
            np.clip(slope() + 0.5, 1400 - 399.5, 1400 + 399.5),
        ),
        (
            {
                "RescaleSlope": 2,
                "RescaleIntercept": -1000,
                "WindowCenter": 1800,
                "WindowWidth": 1600,
            },
            np.clip(2.0 * slope() - 1000 + 0.5, 1800 - 799.5, 1800 + 799.5),
        ),
    ],
    ids=["range", "dark bones", "first window", "window of rescaled values"],
)
def test_stored_values_are_shown_by_their_range_or_the_first_window(tmp_path, syntax, told, seen):
    assert_shows(written(tmp_path, slope(), setting(**told), syntax), seen)


def table(entries: np.ndarray, first: int = 0, vr: str = "US", num: int = 0) -> Sequence:
    """A table of 8 or 12 bits from the first value on; it says that it has ``num`` entries."""
    item, bits = Dataset(), 8 if entries.itemsize == 1 else 12
    item.add_new(0x00283002, vr, [(num or len(entries)) % 2**16, first, bits])
    item.add_new(0x00283006, "OW", entries.tobytes())
    return Sequence([item])


def test_a_table_below_zero_is_the_same_without_types(run_case, tmp_path):
    path = tmp_path / "x.dcm"
    run_case("xray_voi_lut_below_zero.py", path)
    for file in (path, tmp_path / "same_explicit.dcm"):
        assert read_xray(file, 16)[8, [0, 3, 7, 11, 15]].tolist() == [0, 12, 56, 133, 240]


@pytest.mark.parametrize(("first", "vr"), [(-1000, "SS"), (64536, "US")])
@EXPLICIT_AND_IMPLICIT
def test_the_first_value_of_a_table_has_the_sign_that_values_can_have(tmp_path, syntax, first, vr):
    curve = (np.linspace(0, 63, 4096) ** 2).astype("<u2")
    told = {"RescaleSlope": "1", "RescaleIntercept": "-1000"}
    change = setting(**told, VOILUTSequence=table(curve, first, vr))
    assert_shows(written(tmp_path, slope(), change, syntax), curve[slope()].astype(int))


@EXPLICIT_AND_IMPLICIT
def test_a_table_of_the_modality_comes_before_the_window(tmp_path, syntax):
    curve = np.linspace(4000, 0, 4096).astype("<u2")
    told = {"WindowCenter": "2000", "WindowWidth": "1000"}
    path = written(tmp_path, slope(), setting(**told, ModalityLUTSequence=table(curve)), syntax)
    assert_shows(path, np.clip(curve[slope()].astype(float), 1999.5 - 499.5, 1999.5 + 499.5))


def test_a_table_of_bytes_is_read(tmp_path):
    curve = (np.arange(256) ** 2 // 255).astype(np.uint8)
    pixels = (slope() // 16).astype(np.uint8)
    path = written(tmp_path, pixels, setting(VOILUTSequence=table(curve)))
    assert_shows(path, curve[pixels].astype(int))


def test_a_table_that_is_cut_off_is_refused(tmp_path):
    short = table(np.zeros(100, np.uint16), num=4096)
    message = "the table of VOILUTSequence must have as many entries as it says, got 100 of 4,096"
    refuse(written(tmp_path, slope(), setting(VOILUTSequence=short)), message)


def test_the_function_of_a_window_is_that_of_the_file(tmp_path):
    values = slope().astype(float)
    expected = {
        "LINEAR": np.clip((values - 1399.5) / 799, -0.5, 0.5),
        "LINEAR_EXACT": np.clip((values - 1400) / 800, -0.5, 0.5),
        "SIGMOID": 1 / (1 + np.exp(-4 * (values - 1400) / 800)),
    }
    for function, seen in expected.items():
        change = setting(WindowCenter=1400, WindowWidth=800, VOILUTFunction=function)
        assert_shows(written(tmp_path, slope(), change), seen)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"PhotometricInterpretation": "RGB"}, "image of grey values, got 1 of RGB; export one"),
        ({"NumberOfFrames": "3"}, "must be one image of grey values, got 3 of MONOCHROME2"),
        ({"Rows": 60_000, "Columns": 60_000}, "1 to 64,000,000 pixels, got 60000 x 60000; scale"),
        ({"Rows": 20}, "but has 2,048 bytes of pixels where its size needs 1,280; copy"),
        ({"PixelData": bytes(700)}, "has 700 bytes of pixels where its size needs 2,048; copy"),
        ({"PixelData": None}, "must be a DICOM image, but has no pixels; is it an ECG"),
        ({"HighBit": 15}, "HighBit must be 11 where BitsStored is 12, got 15; correct it"),
        ({"HighBit": 10}, "HighBit must be 11 where BitsStored is 12, got 10; correct it"),
        ({"WindowCenter": "9", "WindowWidth": "0"}, "must have a window of LINEAR from 1, .* got"),
        ({"WindowCenter": "9", "WindowWidth": "7", "VOILUTFunction": "CUBIC"}, "got CUBIC and 7"),
        ({"PresentationLUTShape": "INVERSE"}, "MONOCHROME2 and PresentationLUTShape INVERSE contr"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for presentation, got the detector's val"),
        ({"Modality": "CT"}, "must be an X-ray, got modality CT; name another file"),
        ({"PixelSpacing": ["9", "1"]}, "pixels about as high as wide, got 9 times as high; corr"),
        ({"ShutterShape": "BITMAP"}, "RECTANGULAR, CIRCULAR or POLYGONAL, got BITMAP; export"),
        ({"ShutterShape": "CIRCULAR"}, "CenterOfCircularShutter must be 2 numbers, got none; cor"),
        ({"PatientOrientation": ["L", "R"]}, "one of them to head or foot, got L/R; correct it"),
        ({"PatientOrientation": ["X", "F"]}, "one of them to head or foot, got X/F; correct it"),
        ({"PatientOrientation": "L"}, "one of them to head or foot, got L; correct it"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, told, message):
    refuse(written(tmp_path, slope(), setting(**told)), message)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [("RescaleSlope", b"much"), ("WindowCenter", b"nan "), ("PixelSpacing", b"1   ")],
)
def test_numbers_that_are_none_are_named(tmp_path, keyword, text):
    path = written(tmp_path, slope(), setting(**{keyword: "7531"}, WindowWidth="100"))
    path.write_bytes(path.read_bytes().replace(b"7531", text))
    refuse(path, f"{keyword} must be .*number.*, got {text.decode().strip()}; correct it, or")


# how it is turned

TURNED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "L\\F": lambda upright: upright,
    "R\\F": np.fliplr,
    "L\\H": np.flipud,
    "R\\H": lambda upright: np.rot90(upright, 2),
    "F\\L": np.transpose,
    "F\\R": np.rot90,  # the right of the patient is below
    "H\\L": lambda upright: np.rot90(upright, -1),
    "H\\R": lambda upright: np.rot90(upright, 2).T,
}
"""By direction of rows and columns, from the upright film to the stored one."""


@pytest.mark.parametrize("told", TURNED)
@pytest.mark.parametrize("by", ["PatientOrientation", "ImageOrientationPatient"])
def test_a_film_is_upright_with_the_right_of_the_patient_first(tmp_path, told, by):
    upright = slope()
    stored = np.ascontiguousarray(TURNED[told](upright))
    space = {"L": [1, 0, 0], "R": [-1, 0, 0], "H": [0, 0.1, 0.99], "F": [0, -0.1, -0.99]}
    letters = told.split("\\")
    value = letters if by == "PatientOrientation" else [*space[letters[0]], *space[letters[1]]]
    assert_shows(written(tmp_path, stored, setting(**{by: value})), upright)


@pytest.mark.parametrize(
    ("told", "turn"),
    [
        *((told, 0) for told in (["P", "F"], ["A", "F"], ["AL", "FP"], "", ["", ""])),
        *((["P", "H"], 2), (["H", "A"], -1), (["F", "P"], 1)),
    ],
)
def test_a_film_from_the_side_is_turned_but_not_mirrored(tmp_path, told, turn):
    stored = np.ascontiguousarray(np.rot90(slope(), turn))
    assert_shows(written(tmp_path, stored, setting(PatientOrientation=told)), slope())


def test_how_the_detector_was_turned_changes_nothing(tmp_path):
    change = setting(
        FieldOfViewRotation="90",
        FieldOfViewHorizontalFlip="YES",
        Laterality="R",
        PixelIntensityRelationshipSign=1,
        PixelIntensityRelationship="LOG",
        BurnedInAnnotation="YES",
        ImageType=["DERIVED", "PRIMARY"],
        PresentationLUTShape="IDENTITY",
        PresentationIntentType="FOR PRESENTATION",
        Modality="DX",
        NumberOfFrames="1",
    )
    assert_shows(written(tmp_path, slope(), change), slope())


# which pixels are there


@pytest.mark.parametrize(
    "keyword",
    ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"],
)
def test_pixels_that_are_not_square_are_made_so(tmp_path, keyword):
    y, x = np.mgrid[:48, :48]
    disc = (100 + 3000 * ((y - 24) ** 2 + (x - 24) ** 2 < 14**2)).astype(np.uint16)
    for stored, steps in ((disc[::2], ["2", "1"]), (disc[:, ::2], ["1", "2"])):
        change = setting(**{keyword: steps})
        got = read_xray(written(tmp_path, np.ascontiguousarray(stored), change), 48) > 120
        assert got.sum(axis=0).max() == pytest.approx(27, abs=3)
        assert got.sum(axis=1).max() == pytest.approx(27, abs=3)


def test_what_a_shutter_hides_is_black(tmp_path):
    row, column = np.mgrid[1:33, 1:33]
    shutters: dict[str, tuple[dict[str, object], np.ndarray]] = {
        "RECTANGULAR": (
            rectangle(5, 28, 3, 20),
            (column >= 5) & (column <= 28) & (row >= 3) & (row <= 20),
        ),
        "CIRCULAR": (
            {"CenterOfCircularShutter": ["16", "18"], "RadiusOfCircularShutter": "10"},
            (row - 16) ** 2 + (column - 18) ** 2 <= 100,
        ),
        "POLYGONAL": (
            {"VerticesOfThePolygonalShutter": ["4", "6", "4", "25", "30", "25", "30", "6"]},
            (row >= 4) & (row <= 30) & (column >= 6) & (column <= 25),
        ),
    }
    both = shutters["RECTANGULAR"][0] | shutters["CIRCULAR"][0]
    inside = shutters["RECTANGULAR"][1] & shutters["CIRCULAR"][1]
    shutters["RECTANGULAR\\CIRCULAR"] = (both, inside)
    for shape, (told, inside) in shutters.items():
        pixels = np.where(inside, slope(), 4095).astype(np.uint16)
        change = setting(ShutterShape=shape.split("\\"), **told)
        assert_has_black(written(tmp_path, pixels, change), slope().astype(int), inside)


def test_a_band_outside_of_a_shutter_is_no_sign_of_damage(tmp_path):
    pixels = slope()
    pixels[16:] = 0
    shutter = setting(ShutterShape="RECTANGULAR", **rectangle(1, 32, 1, 16))
    read_xray(written(tmp_path, pixels, shutter), 32)
    refuse(written(tmp_path, pixels), "must show something in its last rows, but the last 16 of")


def test_a_band_of_padding_is_a_sign_of_damage_if_it_may_be_a_broken_download(tmp_path):
    for value, side in ((4095, 0), (0, 3)):
        pixels = slope()
        pixels[20:], pixels[:, :side] = value, value
        path = written(tmp_path, pixels, setting(PixelPaddingValue=value))
        assert_has_black(path, pixels, pixels != value)
    pixels = slope()
    pixels[20:] = 0
    path = written(tmp_path, pixels, setting(PixelPaddingValue=0))
    refuse(path, "must show something in its last rows, but the last 12 of 32 have the value 0")


def test_an_overlay_in_the_unused_bits_is_left_out(tmp_path):
    pixels = slope() | np.where(np.eye(32, dtype=bool), 2**13, 0).astype(np.uint16)
    assert_shows(written(tmp_path, pixels), slope())
