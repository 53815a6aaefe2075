"""Recordings as a doctor reads them: the 12-lead ECG on paper, the X-ray, the beating heart.

Needs the extra ``plots``.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from crossbeat import leads
from crossbeat.beats import r_peaks
from crossbeat.data.cohort import Cohort
from crossbeat.errors import DataError
from crossbeat.modalities import one_of
from crossbeat.report.theme import Axes, Figure, Picture, data_uri, picture, rc_context
from crossbeat.report.words import capital
from crossbeat.signal import Ecg
from crossbeat.targets import described

MM_PER_SECOND = 25.0
MM_PER_MV = 10.0
SECONDS = 10.0
"""The page's width in time."""

LAYOUT = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
RHYTHM = "II"

_LEFT, _RIGHT, _TOP, _ROW, _FOOT = 16.0, 4.0, 5.0, 30.0, 5.0
_PULSE_MM = 5.0
_PAPER, _FINE, _COARSE, _TRACE = "#fffaf8", "#f8dcd6", "#eeb0a6", "#141414"


MOST_BYTES = 300_000
"""The largest animation that a page takes."""

_FASTEST = 0.03
"""Seconds that a frame is shown at least: viewers slow down what is much faster."""

CINES = ("cine", "cine_long")
"""The modalities that beat."""

_TOLD = ("LVEF", "LVEDV")
"""Measurements that are told below a beating heart."""

_GREYS = (64, 32, 16, 8)
_ENLARGED = 2

Frames = UInt8[np.ndarray, "frame height width"]


@rc_context({"font.size": 9})
def ecg_page(ecg: Ecg) -> Figure:
    """The ECG at 25 mm/s and 10 mm/mV: 3 x 4 leads and a rhythm strip, each about its median.

    Args:
        ecg: millivolts; its first ten seconds are drawn, or all if it is shorter.

    Raises:
        DataError: a lead is missing and cannot be computed, or there is no sample to draw.
    """
    values = leads.complete(ecg.values, ecg.leads, leads.STANDARD)
    values = values[:, : round(SECONDS * ecg.fs)]
    if values.shape[1] < 2:
        raise DataError(f"an ECG page needs a signal, got {values.shape[1]} samples; read it again")
    traces = dict(zip(leads.STANDARD, values - np.median(values, axis=1)[:, None], strict=True))
    width = _LEFT + SECONDS * MM_PER_SECOND + _RIGHT
    height = _TOP + _ROW * (len(LAYOUT) + 1) + _FOOT
    figure = Figure(figsize=(width / 25.4, height / 25.4), facecolor=_PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    _paper(axes, width, height)
    middles = [height - _TOP - _ROW * (row + 0.5) for row in range(len(LAYOUT) + 1)]
    for middle, row in zip(middles, LAYOUT, strict=False):
        _draw_row(axes, middle, {lead: traces[lead] for lead in row}, ecg.fs)
    _draw_row(axes, middles[-1], {RHYTHM: traces[RHYTHM]}, ecg.fs)
    scale = f"{MM_PER_SECOND:g} mm/s · {MM_PER_MV:g} mm/mV · {ecg.fs:g} Hz"
    axes.text(_LEFT, 3, scale, color=_TRACE, va="center", size=8)
    return figure


def _paper(axes: Axes, width: float, height: float) -> None:
    for step, colour, thickness in ((1, _FINE, 0.35), (5, _COARSE, 0.6)):
        for end, length, upright in ((width, height, True), (height, width, False)):
            at = np.arange(0, end, step).repeat(3)  # two ends of a line, then a gap
            along = np.tile([0, length, np.nan], len(at) // 3)
            across, up = (at, along) if upright else (along, at)
            axes.plot(across, up, color=colour, lw=thickness)


def _draw_row(axes: Axes, middle: float, row: dict[str, np.ndarray], fs: float) -> None:
    pulse_start = _LEFT - 10
    pulse = np.array([0, 0, MM_PER_MV, MM_PER_MV, 0, 0])
    steps = np.array([-2, 0, 0, _PULSE_MM, _PULSE_MM, _PULSE_MM + 2])
    _line(axes, pulse_start + steps, middle + pulse)
    length = len(next(iter(row.values())))
    edges = np.linspace(0, length, len(row) + 1).round().astype(int)
    for (lead, trace), start, end in zip(row.items(), edges, edges[1:], strict=False):
        last = min(end + 1, length)
        millimetres = _LEFT + np.arange(start, last) / fs * MM_PER_SECOND
        _line(axes, millimetres, middle + trace[start:last] * MM_PER_MV)
        at = millimetres[0]
        if start > 0:
            axes.plot([at, at], [middle - 5, middle + 5], color=_TRACE, lw=0.8)
        axes.text(
            at + 1.5,
            middle + 9.5,
            lead,
            color=_TRACE,
            weight="bold",
            va="center",
            size=9.5,
            bbox={"facecolor": _PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.8},
        )


def _line(axes: Axes, across: np.ndarray, up: np.ndarray) -> None:
    axes.plot(across, up, color=_TRACE, lw=0.85, solid_joinstyle="round", solid_capstyle="round")


def xray(image: UInt8[np.ndarray, "height width"]) -> Picture:
    """A chest X-ray as a picture."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return Picture(data_uri(file.getvalue(), "image/png"), "X-ray", "", "Chest X-ray")


def beating(cine: Frames, *, seconds: float, title: str, caption: str) -> Picture:
    """A cine as a GIF that beats for ever, in as many greys as ``MOST_BYTES`` leaves room for."""
    if not cine.size or seconds <= 0:
        raise ValueError(f"a beat needs frames and seconds, got {cine.shape} and {seconds}")
    number = max(1, min(len(cine), int(seconds / _FASTEST)))
    size = (cine.shape[2] * _ENLARGED, cine.shape[1] * _ENLARGED)
    frames = [
        np.asarray(Image.fromarray(cine[frame]).resize(size, Image.Resampling.BICUBIC))
        for frame in np.arange(number) * len(cine) // number
    ]
    for greys in _GREYS:
        content = _animated([_with_palette(each, greys) for each in frames], seconds)
        if len(content) <= MOST_BYTES:
            alt = f"Beating heart in cine MRI: {title}"
            return Picture(data_uri(content, "image/gif"), title, caption, alt)
    raise ValueError(
        f"a page takes {MOST_BYTES} bytes, got {len(content)} for {number} frames of "
        f"{cine.shape[2]} x {cine.shape[1]} pixels; cut out the heart"
    )


def _with_palette(grey: UInt8[np.ndarray, "tall wide"], greys: int) -> Image.Image:
    image = Image.fromarray(np.round(grey / 255 * (greys - 1)).astype(np.uint8))
    image.putpalette(np.linspace(0, 255, greys).round().astype(int).repeat(3).tolist())
    return image


def _animated(frames: list[Image.Image], seconds: float) -> bytes:
    """A GIF that loops; its times are in hundredths of a second, right in sum."""
    ends = np.round(np.arange(len(frames) + 1) / len(frames) * seconds * 100) * 10
    file = BytesIO()
    frames[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=np.diff(ends).astype(int).tolist(),
        loop=0,
    )
    return file.getvalue()


def ecg_of(cohort: Cohort, row: int) -> Ecg:
    """The ECG of a row."""
    batch = cohort.ecgs(np.array([row]))
    return Ecg(batch.values[0].numpy(), batch.leads, batch.fs)


def _ecg(cohort: Cohort, row: int) -> Picture | None:
    if not set(leads.INDEPENDENT) <= set(cohort.info.leads):
        return None
    unit = "" if cohort.info.unit == "mV" else "One standard deviation of a lead is drawn as 1 mV."
    figure = ecg_page(ecg_of(cohort, row))
    return picture(figure, title="ECG", caption=unit, alt="12-lead ECG", wide=True)


def _xray(cohort: Cohort, row: int) -> Picture:
    return xray(cohort.images("xray", np.array([row]))[0].numpy())


def _cine(name: str, cohort: Cohort, row: int) -> Picture:
    """A cine with some measurements; it beats as fast as in the ECG, if there is one."""
    peaks = r_peaks(ecg_of(cohort, row)) if cohort.info.leads else np.zeros(0)
    told = cohort.measurements(np.array([row]), cohort.info.measurements)[0].tolist()
    named = dict(zip(cohort.info.measurements, told, strict=True))
    values = [
        f"{name} {named[name]:.0f} {described(name).unit}"
        for name in _TOLD
        if np.isfinite(named.get(name, np.nan))
    ]
    return beating(
        cohort.images(name, np.array([row]))[0].numpy(),
        seconds=float(np.median(np.diff(peaks))) if len(peaks) > 1 else 1.0,
        title=capital(one_of(name)),
        caption=". ".join(filter(None, (", ".join(values), "One beat, from the R peak on."))),
    )


DRAWN: Mapping[str, Callable[[Cohort, int], Picture | None]] = {
    "ecg": _ecg,
    "xray": _xray,
    **{name: partial(_cine, name) for name in CINES},
}
"""How modalities are drawn, by name. Reports leave out recordings of other modalities."""


def drawn(
    cohort: Cohort, row: int, *, among: Collection[str] = DRAWN, most: int = 2
) -> dict[str, Picture]:
    """Recordings of a row as pictures, by modality, in the order of ``among``.

    Args:
        among: names in ``DRAWN``.
        most: pictures, at least 1.
    """
    told = cohort.table.row(row, named=True)
    there = [name for name in among if told.get(name) is not None]
    found = {name: DRAWN[name](cohort, row) for name in there[:most]}
    return {name: each for name, each in found.items() if each is not None}
