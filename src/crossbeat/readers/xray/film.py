"""What every reader of X-rays gives: the pixels, which of them count, and their shape."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from crossbeat.errors import DataError
from crossbeat.readers.dicom import Mask, Pixels

MOST_PIXELS = 64_000_000
"""Larger images are refused before they are decoded; a detector has about ten million pixels."""

MOST_FLAT = 0.2
"""Share of the height that the last rows of a film may have in one value; of 1,665 real films of
ChestX-ray14, the most is 0.125."""

_MOST_ASPECT = 4.0


class Film(NamedTuple):
    """An X-ray as it is to be seen, bones bright.

    Args:
        pixels: grey values; those of 8 bits are final, others have a scale of their own.
        counted: where pixels belong to the picture; None if all do.
        aspect: height of a pixel divided by its width; above 0.
    """

    pixels: Pixels
    counted: Mask | None = None
    aspect: float = 1.0

    def turned(self, transpose: bool, upside: bool, mirror: bool) -> "Film":
        """The film with rows and columns exchanged, then turned upside down, then mirrored."""

        def turn(array: np.ndarray) -> np.ndarray:
            array = array.T if transpose else array
            return array[:: -1 if upside else 1, :: -1 if mirror else 1]

        return Film(
            turn(self.pixels),
            None if self.counted is None else turn(self.counted),
            1 / self.aspect if transpose else self.aspect,
        )

    def centre(self) -> "Film":
        """The largest centred part that is a square on the film."""
        height, width = self.pixels.shape
        side = min(height * self.aspect, float(width))
        rows, columns = max(round(side / self.aspect), 1), max(round(side), 1)
        top, left = (height - rows) // 2, (width - columns) // 2
        part = np.s_[top : top + rows, left : left + columns]
        counted = None if self.counted is None else self.counted[part]
        return Film(self.pixels[part], counted)


def check_size(path: Path, width: int, height: int) -> None:
    """Raise ``DataError`` where a film has no pixels, or more than can be decoded."""
    if not 0 < width * height <= MOST_PIXELS:
        raise DataError(
            f"{path} must have 1 to {MOST_PIXELS:,} pixels, got {height} x {width}; scale the "
            "image down"
        )


def check_aspect(path: Path, aspect: float) -> float:
    """The shape of a pixel; raise ``DataError`` if no film can have it."""
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        raise DataError(
            f"{path} must have pixels about as high as wide, got {aspect:g} times as high; "
            "correct the spacing or resolution that the file states"
        )
    return aspect


def check_last_rows(path: Path, pixels: Pixels) -> None:
    """The last rows show something: a download or decoding that broke off leaves one value.

    A film whose border is black all round is sound, so a band that has its like at the top of
    the film does not count. A film of one value everywhere is left to others.
    """
    if not pixels.size or not (pixels[-1] == pixels[-1, -1]).all():
        return
    last = pixels[-1, -1]
    rows = (pixels == last).all(axis=1)
    if rows.all():
        return
    bottom, top = int(np.argmin(rows[::-1])), int(np.argmin(rows))
    if bottom > MOST_FLAT * len(pixels) and 2 * top < bottom:
        raise DataError(
            f"{path} must show something in its last rows, but the last {bottom} of {len(pixels)} "
            f"have the value {last.item()} only, as after a broken download; copy or export it "
            "again",
            rule="flat",
        )
