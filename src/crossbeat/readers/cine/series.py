"""Cine MRI in DICOM: select the files of one stack and sort them.

A stack may be one series or a series for each slice, as in UK Biobank; a folder may hold several
stacks, and a slice that was taken again.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import chain, starmap
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from crossbeat.errors import DataError
from crossbeat.readers.cine.dicom import Image, dicom_files, image_of, open_image
from crossbeat.readers.cine.record import MOST_CINE_BYTES, Cine, as_stored, in_place
from crossbeat.readers.dicom import text_of

_PARALLEL = 0.9998  # Cosine of the angle between planes of one stack: about a degree
_SAME_MM = 0.5  # Planes that lie nearer to each other are of one slice
_EVEN = 0.05  # How much distances of slices may differ, as a part of their mean
_MOST_STACKS = 50
"""Directions of planes in one folder; a whole examination of the heart has about 20."""

_LISTED = 20  # Names that an error lists


def read_series(path: Path, series: Sequence[str]) -> Cine:
    """The one stack of a folder or archive, or of the series whose description has a pattern."""
    stacks = _stacks(path, _images(path, series))
    cines = [stack for stack in stacks if max(map(len, stack)) > 1]
    if not cines:
        raise DataError(
            f"{path} must hold a cine, several grey DICOM images of each slice, got "
            f"{'one of each slice' if stacks else 'none'}; name another folder"
        )
    if len(cines) > 1:
        several = "; ".join(_names(list(chain(*stack))) for stack in cines)
        raise DataError(
            f"{path} must hold one stack of parallel slices, got {len(cines)} ({several}); name "
            "the series of one"
        )
    return _cine(path, [_over_time(path, slice_) for slice_ in cines[0]])


def _images(path: Path, series: Sequence[str]) -> list[Image]:
    """The grey images whose series has the first of the patterns that any has."""
    there: set[str] = set()
    images: list[Image] = []
    best, total = len(series), 0
    for file in dicom_files(path):
        dataset = open_image(file)
        if dataset is None:
            continue
        description = text_of(dataset, "SeriesDescription")
        there.add(description)
        rank = _rank(description, series)
        if rank < best:
            best, total, images = rank, 0, []
        if rank == best and (not series or rank < len(series)):
            images.append(image_of(file.path, dataset))
            total += images[-1].pixels.nbytes
        if total > MOST_CINE_BYTES:
            raise DataError(
                f"{path} must hold at most {MOST_CINE_BYTES:,} bytes of pixels, got more; name "
                "one series"
            )
    if series and not images:
        raise DataError(
            f"{path} must hold a series {' or '.join(series)}, got {_listed(there)}; name one of "
            "these"
        )
    return images


def _rank(description: str, series: Sequence[str]) -> int:
    """Which pattern comes first of those that a description has; their number if it has none."""
    plain = description.casefold()
    hits = [rank for rank, name in enumerate(series) if fnmatchcase(plain, name.casefold())]
    return min(hits, default=len(series))


def _stacks(path: Path, images: list[Image]) -> list[list[list[Image]]]:
    """The images by stack, and in it by slice, in the order of positions."""
    stacks: list[list[Image]] = []
    for image in images:
        for stack in stacks:
            if (stack[0].directions * image.directions).sum(axis=1).min() > _PARALLEL:
                stack.append(image)
                break
        else:
            stacks.append([image])
        if len(stacks) > _MOST_STACKS:
            raise DataError(
                f"{path} must hold one stack of parallel slices, got more than {_MOST_STACKS}; "
                "name the series of one"
            )
    return [_slices(stack) for stack in stacks]


def _slices(stack: list[Image]) -> list[list[Image]]:
    heights = _heights(stack)
    order = np.argsort(heights, kind="stable")
    ends = np.flatnonzero(np.diff(heights[order]) > _SAME_MM) + 1
    return [[stack[number] for number in part] for part in np.split(order, ends)]


def _heights(images: list[Image]) -> Float64[np.ndarray, " image"]:
    """Where each plane lies along the normal of the first, mm."""
    normal = np.cross(*images[0].directions)
    return np.array([image.position @ normal for image in images])


def _moved(slices: list[list[Image]]) -> Float64[np.ndarray, "slice frame 2"]:
    """Rows and columns by which each image lies further on than the first."""
    first = slices[0][0]
    places = np.array([[image.position for image in frames] for frames in slices])
    along = (places - first.position) @ first.directions[::-1].T  # down a column, along a row
    return along / np.array(first.spacing_mm)


def _over_time(path: Path, images: list[Image]) -> list[Image]:
    """The frames of one slice, of the last time that it was taken."""
    takes: dict[tuple[int, str], list[Image]] = {}
    for image in images:
        takes.setdefault(image.series, []).append(image)
    if len(takes) > 1 and len({image.description for image in images}) > 1:
        raise DataError(
            f"{path} must hold one series of each slice, got {_names(images)}; name the series of "
            "one"
        )
    frames = takes[max(takes)]
    moments = [image.trigger for image in frames]
    if moments.count(None) == len(frames):
        moments = [image.instance for image in frames]
    told = {image.frames for image in frames} - {None} or {len(frames)}
    if told != {len(frames)}:
        raise DataError(
            f"{path} must hold {' or '.join(map(str, told))} frames of each slice, got "
            f"{len(frames)} in series {frames[0].description}; download it again"
        )
    if None in moments or len(set(moments)) < len(frames):
        raise DataError(
            f"{path}: every frame must have a time of its own (TriggerTime, or InstanceNumber), "
            f"got {_listed(set(map(str, moments)))} in series {frames[0].description}; "
            "export it again"
        )
    order = np.argsort(np.array(moments, dtype=np.float64))
    return [frames[number] for number in order]


def _cine(path: Path, slices: list[list[Image]]) -> Cine:
    kinds = {(image.pixels.shape, image.spacing_mm) for frames in slices for image in frames}
    lengths = {len(frames) for frames in slices}
    if len(kinds) > 1 or len(lengths) > 1:
        raise DataError(
            f"{path}: all slices must have one size and one number of frames, got "
            f"{_listed(set(starmap(_size, kinds)))} and "
            f"{_listed(set(map(str, lengths)))} frames; name the series of some"
        )
    first = [frames[0] for frames in slices]
    gaps = np.diff(_heights(first))
    even = gaps.size > 0 and np.ptp(gaps) <= _EVEN * gaps.mean()
    triggers = [image.trigger for frames in slices for image in frames]
    times = None if None in triggers else np.array(triggers, dtype=np.float64) / 1000
    values = as_stored(np.array([[image.pixels for image in frames] for frames in slices]))
    return Cine(
        values=in_place(path, values, _moved(slices)),
        spacing_mm=first[0].spacing_mm,
        slice_mm=float(gaps.mean()) if even else None,
        times=None if times is None else times.reshape(len(slices), -1).mean(axis=0),
    )


def _names(images: list[Image]) -> str:
    return _listed({image.description for image in images})


def _size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> str:
    return f"{shape[0]} x {shape[1]} pixels of {spacing_mm[0]:g} x {spacing_mm[1]:g} mm"


def _listed(names: set[str]) -> str:
    listed = sorted(name or "without a name" for name in names)
    return ", ".join(name[:80] for name in listed[:_LISTED]) or "none"
