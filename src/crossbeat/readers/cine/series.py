"""Cine MRI in DICOM: select the files of one stack and sort them.

A stack may be one series or a series for each slice, as in UK Biobank; a folder may hold several
stacks, and a slice that was taken again.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from crossbeat.errors import DataError
from crossbeat.readers.cine.dicom import Image, dicom_files, image_of, open_image
from crossbeat.readers.cine.record import MOST_CINE_BYTES, Cine, as_stored, in_place
from crossbeat.readers.dicom import text_of

_PARALLEL = 0.9998  # cosine of the angle between planes of one stack: about a degree
_SAME_MM = 0.5  # planes that lie nearer to each other are of one slice
_EVEN = 0.05  # how much distances of slices may differ, as a part of their mean
_MOST_STACKS = 50
"""Directions of planes in one folder; a whole examination of the heart has about 20."""

_LISTED = 20  # names that an error lists


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
    for file, data in dicom_files(path):
        dataset = open_image(file, data)
        if dataset is None:
            continue
        description = text_of(dataset, "SeriesDescription")
        there.add(description)
        names = [fnmatchcase(description.casefold(), name.casefold()) for name in series]
        rank = [*names, True].index(True)  # of the first pattern that it has; else their number
        if rank < best:
            best, total, images = rank, 0, []
        if rank == best and (not series or rank < len(series)):
            images.append(image_of(file, dataset))
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
        sizes = {f"{y} x {x} pixels of {h:g} x {w:g} mm" for (y, x), (h, w) in kinds}
        raise DataError(
            f"{path}: all slices must have one size and one number of frames, got "
            f"{_listed(sizes)} and {_listed(set(map(str, lengths)))} frames; name the series of "
            "some"
        )
    first = [frames[0] for frames in slices]
    gaps = np.diff(_heights(first))
    even = gaps.size > 0 and np.ptp(gaps) <= _EVEN * gaps.mean()
    triggers = [[image.trigger for image in frames] for frames in slices]
    stated = None not in chain(*triggers)
    values = as_stored(np.array([[image.pixels for image in frames] for frames in slices]))
    places = np.array([[image.position for image in frames] for frames in slices])
    # how much further on each image lies than the first: down a column, along a row
    moved = (places - first[0].position) @ first[0].directions[::-1].T / first[0].spacing_mm
    return Cine(
        values=in_place(path, values, moved),
        spacing_mm=first[0].spacing_mm,
        slice_mm=float(gaps.mean()) if even else None,
        times=(np.array(triggers, np.float64) / 1000).mean(axis=0) if stated else None,
    )


def _names(images: list[Image]) -> str:
    return _listed({image.description for image in images})


def _listed(names: set[str]) -> str:
    listed = sorted(name or "without a name" for name in names)
    return ", ".join(name[:80] for name in listed[:_LISTED]) or "none"
