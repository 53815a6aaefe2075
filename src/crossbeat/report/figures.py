"""Figures of a study; each function draws one and returns it.

Needs the extra ``plots``.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int64, UInt8
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from crossbeat.evaluation import names
from crossbeat.evaluation.intervals import Interval
from crossbeat.evaluation.predictions import Predictions, choose
from crossbeat.evaluation.statistics import agreement
from crossbeat.files import Json
from crossbeat.metrics import MEASUREMENT_METRICS, calibration_points, roc_points
from crossbeat.report.theme import (
    BASELINE,
    INK,
    METHOD,
    MUTED,
    OTHERS,
    RULE,
    SURFACE,
    Axes,
    Figure,
    new_axes,
    styled,
)
from crossbeat.report.words import minus
from crossbeat.signal import Ecg
from crossbeat.targets import described

_SMALL = 3.6
_STRIP_WIDTH, _STRIP_HEIGHT = 8.4, 1.35
_STRONGEST = 0.6
_DRAWN = 250.0
"""Samples per second of a drawn signal: more are not seen, and make a page heavy."""


@styled
def roc(predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]) -> Figure:
    """ROC curves of several models on one finding."""
    figure, axes = _square("false positive rate", "true positive rate")
    for model, run in predictions.items():
        column = run.names.index(finding)
        points = roc_points(run.test.targets[:, column], run.test.outputs[:, column])
        axes.plot(*points, color=paint[model], label=model)
    axes.legend(loc="lower right", handlelength=1.4)
    return figure


@styled
def calibration(
    predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]
) -> Figure:
    """Calibration curves on the test split, calibrated on validation."""
    figure, axes = _square("calibrated probability", "share with the finding")
    for model, run in predictions.items():
        column = run.names.index(finding)
        choice = choose(run.val)[column]
        probabilities = choice.calibration.probability(run.test.outputs[:, column])
        mean, share, low, high = calibration_points(run.test.targets[:, column], probabilities)
        axes.vlines(mean, low, high, color=paint[model], lw=1.2, alpha=0.45)
        axes.plot(mean, share, "o-", color=paint[model], ms=4, label=model)
    axes.legend(loc="upper left", handlelength=1.4)
    return figure


@styled
def embedding(
    points: Float[np.ndarray, "point 2"], targets: Float[np.ndarray, " point"], *, finding: str
) -> Figure:
    """A map of embeddings, coloured by a finding.

    Args:
        targets: 1 positive, 0 negative, NaN unknown (not drawn).
    """
    figure, axes = new_axes(_SMALL, _SMALL + 0.35)
    handles = []
    for value, colour, word in ((0, OTHERS[1], "without"), (1, BASELINE, "with")):
        chosen = points[targets == value]
        look: Json = {
            "ls": "",
            "marker": "o",
            "color": colour,
            "label": f"{word} {names.plain(finding)}",
        }
        line = Line2D(chosen[:, 0], chosen[:, 1], **look)
        line.set(markersize=4.5, mew=0, alpha=0.75, rasterized=True)
        axes.add_line(line)
        handles.append(Line2D([], [], **look))
    axes.autoscale_view()
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_color(RULE)
    axes.spines[:].set_visible(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.1)
    return figure


@styled
def training(curves: Mapping[str, Sequence[float]], *, label: str, chosen: int = 0) -> Figure:
    """Curves over the epochs of a phase.

    Args:
        chosen: the epoch whose weights were kept, counted from 1; 0 if none was.
    """
    figure, axes = new_axes(_SMALL, 2.6)
    for colour, (name, values) in zip((METHOD, BASELINE, *OTHERS), curves.items(), strict=False):
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, color=colour, label=names.plain(name))
        if 0 < chosen <= len(values):
            axes.plot(chosen, values[chosen - 1], "o", color=colour, mec=SURFACE, ms=7)
    axes.set(xlabel="epoch" + (" (dot: kept)" if chosen else ""), ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@styled
def scatter(run: Predictions, measurement: str, *, colour: str = METHOD) -> Figure:
    """The estimate of every test row against the truth, with the line of equality."""
    truth, estimate, _ = _known(run, measurement)
    figure, axes = new_axes(_SMALL, _SMALL)
    _points(axes, truth, estimate, colour)
    low, high = min(truth.min(), estimate.min()), max(truth.max(), estimate.max())
    margin = 0.04 * (high - low)
    span = (low - margin, high + margin)
    axes.plot(span, span, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    called, unit = _with_unit(measurement), described(measurement).unit
    axes.set(xlabel=f"measured {called}", ylabel=f"estimated {called}", xlim=span, ylim=span)
    axes.set_aspect("equal")
    once = np.ones((1, len(truth)))
    told = {name: metric(truth, estimate, once)[0] for name, metric in MEASUREMENT_METRICS.items()}
    text = f"R² {told['r2']:.2f}\nr {told['pearson']:.2f}\nMAE {told['mae']:.1f} {unit}".rstrip()
    axes.text(0.04, 0.97, minus(text), transform=axes.transAxes, va="top", size=9)
    return figure


@styled
def bland_altman(run: Predictions, measurement: str, *, colour: str = METHOD) -> Figure:
    """The error of every test row against the mean of estimate and truth.

    Lines are the bias and the limits of agreement, bands their 95 % intervals over patients.

    Source: Bland and Altman 1986 (Lancet 327:307).
    """
    truth, estimate, patients = _known(run, measurement)
    lower, bias, upper = agreement(truth, estimate, patients, seed=0)
    figure, axes = new_axes(4.6, _SMALL)
    _points(axes, (truth + estimate) / 2, estimate - truth, colour)
    axes.axhline(0, color=RULE, lw=1)
    for name, each, ink in (
        ("+1.96 SD", upper, MUTED),
        ("bias", bias, INK),
        ("−1.96 SD", lower, MUTED),
    ):
        _level(axes, name, each, ink)
    called = _with_unit(measurement)
    axes.set(xlabel=f"mean of measured and estimated {called}", ylabel="estimated − measured")
    return figure


@styled
def frame_by_segment(found: Float[np.ndarray, "segment frame"]) -> Figure:
    """How similar segments and frames are; the dashed line is where they belong together."""
    segments, frames = found.shape
    figure, axes = new_axes(4.5, 3.8)
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
        cine: of the same patient; 0 black to 255 white.
        frames: which of its frames are shown.
        answers: how strongly each step of the record answers to each of these frames, at equal
            spacing; NaN where a step is in no segment.

    Raises:
        ValueError: there are not as many answers as frames.
    """
    if len(answers) != len(frames) or not frames:
        raise ValueError(f"each frame must have its answers, got {len(frames)} and {len(answers)}")
    figure = Figure(
        figsize=(_STRIP_WIDTH, _STRIP_HEIGHT * len(frames) + 0.35), layout="constrained"
    )
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


def embedding_map(
    features: Float[np.ndarray, "sample dim"],
    *,
    seed: int,
    most: int = 1500,
    perplexity: float = 30.0,
) -> tuple[Float[np.ndarray, "point 2"], Int64[np.ndarray, " point"]]:
    """t-SNE of at most ``most`` samples, started from their principal components: places and rows.

    Neighbours on the map are neighbours among the embeddings (by cosine distance); distances
    between far groups, and the sizes of groups, mean nothing.

    Args:
        seed: picks the samples and fixes the map.
        most: samples drawn, at least 8.
        perplexity: effective number of neighbours; lowered to a third of the samples.

    Raises:
        ValueError: fewer than 8 samples would be drawn.

    Source: van der Maaten and Hinton 2008.
    """
    count = min(most, len(features))
    if count < 8:
        raise ValueError(f"a map needs at least 8 samples, got {count}")
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(features))[:count])
    drawn = features[rows].astype(np.float64)
    unit = drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-12)
    width = min(50, unit.shape[1], count)
    reduced = PCA(width, random_state=seed).fit_transform(unit)
    tsne = TSNE(perplexity=min(perplexity, count / 3), init="pca", random_state=seed)
    with threadpool_limits(1):  # threads that wait for each other cost more than they save
        return tsne.fit_transform(reduced), rows


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure, axes = new_axes(_SMALL, _SMALL)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xticks=ticks, yticks=ticks)
    return figure, axes


def _with_unit(measurement: str) -> str:
    unit = described(measurement).unit
    return f"{measurement} ({unit})" if unit else measurement


def _known(run: Predictions, measurement: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, estimate and patient of the test rows whose truth is known."""
    column = run.names.index(measurement)
    known = ~np.isnan(run.test.targets[:, column])
    if not known.any():
        raise ValueError(f"{measurement} must be known for a test row, got none")
    test = run.test
    return test.targets[known, column], test.outputs[known, column], test.patients[known]


def _points(axes: Axes, across: np.ndarray, up: np.ndarray, colour: str) -> None:
    alpha = float(np.clip(40 / np.sqrt(len(across)), 0.15, 0.7))
    axes.plot(across, up, "o", color=colour, ms=3.2, mew=0, alpha=alpha, rasterized=True)


def _level(axes: Axes, name: str, found: Interval, colour: str) -> None:
    if found.value is None:
        return
    if found.low is not None and found.high is not None:
        axes.axhspan(found.low, found.high, color=colour, alpha=0.12, lw=0)
    axes.axhline(found.value, color=colour, lw=1.2, ls="-" if name == "bias" else (0, (4, 2)))
    axes.annotate(
        f"{name}\n{found.value:+.1f}".replace("-", "−"),
        (1, found.value),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        size=8.5,
        color=colour,
    )


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
