"""Cine MRI in DICOM: a stack comes back in the order of place and time, or is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless
from xray_files import repacked, setting

from cine_dicoms import (
    dicom,
    frames,
    in_colour,
    refuse,
    slice_files,
    tilted,
    ukb_long_axis,
    ukb_short_axis,
    write_folder,
    write_zip,
)
from crossbeat.readers import read_cine

SHORT = "CINE_segmented_SAX_b*"
Write = Callable[[Path, Mapping[str, bytes]], Path]


@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_the_short_axis_of_uk_biobank_is_a_stack(tmp_path, write):
    path = write(tmp_path / "1234567_20209_2_0.zip", ukb_short_axis())
    cine = read_cine(path, series=SHORT)
    below = [frames(3, first=10 * number) for number in (4, 3, 2, 1)]  # along the third axis
    np.testing.assert_array_equal(cine.values, below)
    assert cine.values.dtype == np.uint16
    assert (cine.spacing_mm, cine.slice_mm) == ((1.5, 2.0), 10.0)
    assert cine.times is not None
    np.testing.assert_allclose(cine.times, [0.001, 0.0215, 0.042])
    assert (cine.end_diastole, cine.end_systole) == (None, None)


def test_times_are_the_mean_over_slices(tmp_path):
    def later(image: Dataset) -> None:
        image.TriggerTime = str(2 * float(image.TriggerTime))

    files = slice_files("a", 0.0) | slice_files("a", 9.0, change=later)
    cine = read_cine(write_folder(tmp_path, files))
    assert cine.times is not None
    np.testing.assert_allclose(cine.times, 1.5 * np.array([0.001, 0.0215, 0.042]))


def test_the_first_pattern_that_a_series_has_counts(tmp_path):
    path = write_folder(tmp_path, slice_files("z", 0.0) | slice_files("a", 50.0))
    for patterns, first in ((("b*", "Z", "a"), 0), (("?", "z"), 0), (("A", "z"), 50)):
        cine = read_cine(path, series=patterns)
        np.testing.assert_array_equal(cine.values[0], frames(3, first=first))


def test_a_view_of_the_long_axis_is_found_by_name_or_refused_with_those_there_are(tmp_path):
    path = write_zip(tmp_path / "a.zip", ukb_long_axis())
    cine = read_cine(path, series="*_4ch")
    np.testing.assert_array_equal(cine.values, frames(3, first=100)[None])
    assert cine.slice_mm is None
    refuse(path, "a series SAX or b, got CINE_segmented_LAX_2Ch, CINE", series=["SAX", "b"])


def test_of_a_slice_that_was_taken_again_the_last_counts(tmp_path):
    again = [slice_files("a", 0.0, series=f"1.2.{n}", values=frames(3, first=n)) for n in (9, 10)]
    cine = read_cine(write_folder(tmp_path, again[1] | again[0] | slice_files("a", 8.0)))
    np.testing.assert_array_equal(cine.values[0], frames(3, first=10))


def test_slices_of_one_series_are_told_by_their_place(tmp_path):
    heights = (6.0, -3.0, 15.0)
    files = {}
    for height in heights:
        one = slice_files("SAX", height, series="1.2.3", values=frames(3, first=20 + int(height)))
        files |= {f"{height}{name}": data for name, data in one.items()}
    cine = read_cine(write_folder(tmp_path, files))
    assert cine.values[:, 0, 0, 0].tolist() == [1700, 2600, 3500]
    assert cine.slice_mm == 9.0


def test_slices_that_are_not_equally_far_apart_have_no_distance(tmp_path):
    for extra, distance in ((0.3, 10.15), (1.0, None)):
        files: dict[str, bytes] = {}
        for height in (0.0, 10.0, 20.0 + extra):
            files |= slice_files(f"b{height:g}", height)
        cine = read_cine(write_folder(tmp_path / str(extra), files))
        assert cine.slice_mm == (None if distance is None else pytest.approx(distance))


def test_frames_without_times_come_in_the_order_of_their_numbers(tmp_path):
    files = slice_files("a", 0.0, change=setting(TriggerTime=None))
    cine = read_cine(write_folder(tmp_path, files))
    np.testing.assert_array_equal(cine.values, frames(3)[None])
    assert cine.times is None


SIGNED = frames(3).astype(np.int16) - 50
RESCALED = setting(RescaleSlope="0.5", RescaleIntercept="-3")


@pytest.mark.parametrize(
    ("files", "values"),
    [
        (slice_files("a", 0.0, change=RESCALED), frames(3) * np.float32(0.5) - 3),
        (slice_files("a", 0.0, values=SIGNED), SIGNED),
        (slice_files("a", 0.0, change=lambda image: image.compress(RLELossless)), frames(3)),
        (
            # beside what is no image of grey values
            slice_files("a", 0.0)
            | slice_files("b", 0.0, change=in_colour)
            | slice_files("c", 0.0, change=setting(PixelData=None))
            | {"notes.txt": b"x", "empty": b""},
            frames(3),
        ),
    ],
    ids=["rescaled", "signed", "run lengths", "others"],
)
def test_values_are_those_of_the_file(tmp_path, files, values):
    cine = read_cine(write_folder(tmp_path, files))
    assert cine.values.dtype == values.dtype
    np.testing.assert_array_equal(cine.values[0], values)


@pytest.mark.parametrize("last", ["57", "70", "80", "81", "90"])
def test_frames_of_lossless_jpeg_are_read(tmp_path, last):
    values = frames(3, shape=(32, 32))
    for file in write_folder(tmp_path, slice_files("a", 0.0, values=values)).iterdir():
        repacked(file, last)
    np.testing.assert_allclose(
        read_cine(tmp_path).values.astype(int), values[None], atol=last == "81"
    )


THREE_VALUES = setting(SamplesPerPixel=3, PlanarConfiguration=0, PixelData=bytes(288))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting(CardiacNumberOfImages="4"), "must hold 4 frames of each slice, got 3 in series a"),
        (setting(TriggerTime="7"), r"every frame must have a time of its own .* got 7\.0 in"),
        (setting(TriggerTime="", InstanceNumber=""), "every frame must have a time of its own"),
        (setting(NumberOfFrames="30"), "must be one image, got 30 of them; export a file for each"),
        (setting(ImagePositionPatient=None), "ImagePositionPatient must be 3 numbers, got none"),
        (setting(PixelSpacing=None), "PixelSpacing must be 2 numbers, got none"),
        (setting(PixelSpacing=["0", "1"]), r"a size from 0\.1 to 20 mm, got 0 x 1; correct"),
        (setting(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "rows and columns at right angles"),
        (setting(Rows=60_000, Columns=60_000), "must have 1 to 2,097,152 pixels, got 60000 x"),
        (setting(RescaleSlope="1e300"), "its rescaled values are not finite"),
        (THREE_VALUES, r"\.dcm must be sound DICOM, but has 288 bytes of pixels where its size "),
        (setting(PixelData=bytes(20)), r"\.dcm must be sound .* has 20 bytes of .* needs 96"),
        (setting(Rows=None), r"\.dcm must be sound DICOM, but does not state its size; copy"),
        (setting(HighBit=11), "HighBit must be 15 where BitsStored is 16, got 11; correct it"),
        (setting(PhotometricInterpretation="MONOCHROME1"), "must be MONOCHROME2, in which high"),
        (setting(ModalityLUTSequence=[Dataset()]), "rescaled by a slope.*, got a modality LUT"),
        (setting(PixelPaddingValue=0, PixelPaddingRangeLimit=9000), "hides all of its pixels by"),
    ],
)
def test_what_is_no_sound_cine_is_refused(tmp_path, change, message):
    refuse(write_folder(tmp_path, slice_files("a", 0.0, change=change)), message)


def test_a_size_of_an_unknown_kind_is_refused(tmp_path):
    files = slice_files("a", 0.0)
    damaged = {
        name: data.replace(b"\x28\0\x10\0US", b"\x28\0\x10\0ZZ") for name, data in files.items()
    }
    refuse(write_folder(tmp_path, damaged), "but does not state its size")


def both(**options: object) -> dict[str, bytes]:
    """A slice, and another one 9 mm further on."""
    return slice_files("a", 0.0) | slice_files("a", 9.0, **options)


def many_planes() -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for number in range(51):
        made |= slice_files(f"{number}", 0.0, values=frames(1), change=tilted(3.0 * number))
    return made


UNLIKE = "all slices must have one size and one number of"
NO_CINE = "must hold a cine, .* got {}; name another folder"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (both(values=frames(3, shape=(6, 7))), UNLIKE),
        (both(values=frames(2)), UNLIKE),
        (
            both(change=setting(PixelSpacing=[3.0, 2.0])),
            f"{UNLIKE}.* got 6 x 8 pixels of 1.5 x 2 mm, 6 x 8 pixels of 3 x 2 mm and 3 frames;",
        ),
        ({"readme.txt": b"x"}, NO_CINE.format("none")),
        (slice_files("a", 0.0, values=frames(1)), NO_CINE.format("one of each slice")),
        (slice_files("a", 0.0, change=in_colour), NO_CINE.format("none")),
        (ukb_short_axis(2), "got CINE_segmented_SAX_InlineVF, CINE_segmented_SAX_b2"),
        (ukb_long_axis(), r"one stack of parallel slices, got 3 .*_LAX_2Ch; .*_3Ch; "),
        (both(change=tilted(20.0)), r"one stack of parallel slices, got 2 \(a; a\)"),
        (many_planes(), "one stack of parallel slices, got more than 50; name"),
    ],
    ids=range(10),
)
def test_a_folder_without_one_cine_is_refused(tmp_path, files, message):
    refuse(write_folder(tmp_path, files), message)


def test_a_syntax_that_would_unpack_without_bound_is_refused(tmp_path):
    told = {"description": "a", "series": "1.2", "number": 0, "height": 0.0}
    data = dicom(frames(1)[0], **told, syntax=DeflatedExplicitVRLittleEndian)
    (tmp_path / "a.dcm").write_bytes(data)
    refuse(tmp_path, "must be uncompressed, RLE, lossless JPEG, JPEG-LS, JPEG 2000 and")


def test_what_is_no_cine_is_told(tmp_path):
    for name, data, reason in (
        ("a", b"", "but is empty; copy it again"),
        ("b", b"hello", "but is something else"),
        ("c", slice_files("a", 0.0).popitem()[1], "but is one DICOM file; name its folder"),
    ):
        (tmp_path / name).write_bytes(data)
        refuse(tmp_path / name, f"must be a folder or zip archive of .* {reason}")
    for name, reason in (("gone", "there is no file or folder .*gone"), ("a\0b", "must be readab")):
        refuse(tmp_path / name, reason)
