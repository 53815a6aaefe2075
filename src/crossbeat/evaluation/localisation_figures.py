"""Figures of which part of the ECG answers to which moment of the heart.

Needs the extra ``plots``.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from crossbeat.evaluation.theme import INK, METHOD, MUTED, RULE, Axes, Figure, new_axes, styled
from crossbeat.signal import Ecg

_SIDE = 3.8
_ROW = 1.35
_WIDTH = 8.4
_STRONGEST = 0.6
_DRAWN = 250.0
"""Samples per second of a drawn signal: more are not seen, and make a page heavy."""


@styled
def frame_by_segment(found: Float[np.ndarray, "segment frame"]) -> Figure:
    """How similar every segment is to every frame; the dashed line is where they belong together.

    Args:
        found: cosines, of one patient or a mean over patients.
    """
    segments, frames = found.shape
    figure, axes = new_axes(_SIDE + 0.7, _SIDE)
    shown = axes.imshow(
        found, cmap="cividis", origin="lower", extent=(0, 1, 0, 1), interpolation="nearest"
    )
    axes.plot([0, 1], [0, 1], color="white", lw=1, ls=(0, (4, 4)))
    axes.grid(visible=False)
    axes.set(
        xlabel=f"phase of the cine's {frames} frames",
        ylabel=f"phase of the ECG's {segments} segments",
        xticks=(0, 0.5, 1),
        yticks=(0, 0.5, 1),
    )
    bar = figure.colorbar(shown, ax=axes, shrink=0.8, pad=0.03)
    bar.set_label("cosine", color=MUTED)
    bar.outline.set_visible(False)
    return figure


@styled
def answering_strips(
    ecg: Ecg,
    lead: str,
    cine: UInt8[np.ndarray, "frame height width"],
    frames: Sequence[int],
    answers: Float[np.ndarray, "shown step"],
) -> Figure:
    """Frames of a cine, and beside each the ECG, coloured where it answers to that frame.

    The colour runs from the least to the strongest answer; a step without one stays blank.

    Args:
        ecg: millivolts.
        lead: which of its leads is drawn.
        cine: of the same patient; 0 black to 255 white.
        frames: which of its frames are shown.
        answers: how strongly each step of the record answers to each of these frames, at equal
            spacing; NaN where a step is in no segment.

    Raises:
        ValueError: there are not as many answers as frames.
    """
    if len(answers) != len(frames) or not frames:
        raise ValueError(f"each frame must have its answers, got {len(frames)} and {len(answers)}")
    figure = Figure(figsize=(_WIDTH, _ROW * len(frames) + 0.35), layout="constrained")
    grid = figure.add_gridspec(len(frames), 2, width_ratios=(1, 6.2))
    trace = ecg.values[ecg.leads.index(lead)]
    for row, (frame, answer) in enumerate(zip(frames, answers, strict=True)):
        picture = figure.add_subplot(grid[row, 0])
        picture.imshow(cine[frame], cmap="gray", vmin=0, vmax=255)
        picture.set_title(f"phase {frame / len(cine):.2f}", size=9, color=MUTED)
        picture.axis("off")
        axes = figure.add_subplot(grid[row, 1])
        _strip(axes, trace, ecg.fs, answer)
        axes.set_ylabel(f"{lead} (mV)")
        if row < len(frames) - 1:
            axes.set_xticklabels([])
        else:
            axes.set_xlabel("seconds")
    return figure


def _strip(axes: Axes, trace: np.ndarray, fs: float, answer: np.ndarray) -> None:
    seconds = len(trace) / fs
    every = max(1, round(fs / _DRAWN))
    time = np.arange(len(trace)) / fs
    axes.plot(time[::every], trace[::every], color=INK, lw=0.9, zorder=2)
    low, high = float(trace.min()), float(trace.max())
    margin = 0.12 * (high - low or 1.0)
    span = (low - margin, high + margin)
    axes.imshow(
        _colours(answer)[None],
        extent=(0, seconds, *span),
        aspect="auto",
        interpolation="nearest",
        zorder=1,
    )
    axes.set(xlim=(0, seconds), ylim=span)
    axes.grid(visible=False)
    axes.spines[:].set_color(RULE)


def _colours(answer: np.ndarray) -> Float[np.ndarray, "step 4"]:
    """Blue, the stronger the answer the less transparent."""
    known = ~np.isnan(answer)
    strength = np.zeros(len(answer))
    if known.any():
        low, high = answer[known].min(), answer[known].max()
        strength[known] = (answer[known] - low) / (high - low or 1.0)
    red, green, blue = (int(METHOD[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return np.column_stack([np.full((len(answer), 3), (red, green, blue)), _STRONGEST * strength])
