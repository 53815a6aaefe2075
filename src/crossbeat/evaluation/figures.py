"""Figures of a study; each function draws one and returns it.

Needs the extra ``plots``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from crossbeat.evaluation import names
from crossbeat.evaluation.choices import choose
from crossbeat.evaluation.curves import calibration_points, roc_points
from crossbeat.evaluation.predictions import Predictions
from crossbeat.evaluation.report_words import signed
from crossbeat.evaluation.results import verdict
from crossbeat.evaluation.theme import (
    BASELINE,
    INK,
    METHOD,
    MUTED,
    OTHERS,
    RULE,
    SURFACE,
    Axes,
    Figure,
    colours,
    new_axes,
    styled,
)

_WIDTH = 5.0
_SMALL = 3.6
_ROW = 0.25
_GAP = 0.4


@styled
def forest(results: Mapping[str, Any], *, metric: str = "auroc") -> Figure:
    """A metric of every model with its interval, finding by finding.

    Args:
        results: as ``compare`` returns them.
        metric: one of the metrics of the results.
    """
    models = results["models"]
    paint = colours(models, method=results["method"], baseline=results["baseline"])
    findings = _mean_first(models[results["baseline"]])
    figure, axes = _rows_figure(len(findings) * (len(models) + 1 + _GAP))
    labels: dict[float, str] = {}
    top = 0.0
    for finding in findings:
        _heading(axes, top, finding)
        reference = models[results["baseline"]][finding][metric]["value"]
        if reference is not None:
            span = [top - 0.6, top - len(models) - 0.4]
            axes.plot(
                [reference] * 2, span, color=paint[results["baseline"]], lw=0.9, ls=(0, (2, 2))
            )
        for at, model in enumerate(models, start=1):
            labels[top - at] = names.model(model).label
            found = models[model][finding][metric]
            _bar(axes, top - at, found, colour=paint[model], filled=True)
            _value(axes, top - at, _with_interval(found))
        top -= len(models) + 1 + _GAP
    axes.set_xlabel(f"{names.metric(metric)} (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


@styled
def differences(results: Mapping[str, Any], *, metric: str = "auroc") -> Figure:
    """The method's paired differences from the other models; filled where zero is outside.

    The teacher is left out: it sees the other modality, and its distance would hide the rest.

    Args:
        results: as ``compare`` returns them.
        metric: one of the metrics of the results.
    """
    start = f"{results['method']} - "
    pairs = {
        pair.removeprefix(start): found
        for pair, found in results["differences"].items()
        if pair.startswith(start) and not pair.endswith(" - teacher")
    }
    findings = _mean_first(next(iter(pairs.values())))
    figure, axes = _rows_figure(len(findings) * (len(pairs) + 1 + _GAP))
    labels: dict[float, str] = {}
    top = 0.0
    for finding in findings:
        _heading(axes, top, finding)
        for at, (other, found) in enumerate(pairs.items(), start=1):
            labels[top - at] = f"against {names.model(other).label}"
            points = {end: _times_100(found[finding][metric][end]) for end in _ENDS}
            sign = verdict(points)
            colour = {1: METHOD, -1: BASELINE, 0: MUTED}[sign]
            _bar(axes, top - at, points, colour=colour, filled=sign != 0)
            _value(axes, top - at, _signed(found[finding][metric]))
        top -= len(pairs) + 1 + _GAP
    axes.axvline(0, color=INK, lw=1)
    axes.set_xlabel(f"difference in {names.metric(metric)}, points (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


@styled
def roc(predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]) -> Figure:
    """ROC curves of several models on one finding.

    Args:
        predictions: one run per model.
        finding: one of theirs.
        paint: the colour of each model.
    """
    figure, axes = _square("false positive rate", "true positive rate")
    for model, run in predictions.items():
        column = run.findings.index(finding)
        points = roc_points(run.test.targets[:, column], run.test.scores[:, column])
        axes.plot(*points, color=paint[model], label=names.model(model).label)
    axes.legend(loc="lower right", handlelength=1.4)
    return figure


@styled
def calibration(
    predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]
) -> Figure:
    """Calibration curves on the test split, calibrated on validation.

    Args:
        predictions: one run per model.
        finding: one of theirs.
        paint: the colour of each model.
    """
    figure, axes = _square("calibrated probability", "share with the finding")
    for model, run in predictions.items():
        column = run.findings.index(finding)
        choice = choose(run.val)[column]
        probabilities = choice.calibration.probability(run.test.scores[:, column])
        mean, share, low, high = calibration_points(run.test.targets[:, column], probabilities)
        axes.vlines(mean, low, high, color=paint[model], lw=1.2, alpha=0.45)
        axes.plot(mean, share, "o-", color=paint[model], ms=4, label=names.model(model).label)
    axes.legend(loc="upper left", handlelength=1.4)
    return figure


@styled
def embedding(
    points: Float[np.ndarray, "point 2"],
    targets: Float[np.ndarray, " point"],
    *,
    finding: str,
    kinds: Sequence[str] = (),
) -> Figure:
    """A map of embeddings, coloured by a finding.

    Args:
        points: places on the map.
        targets: 1 positive, 0 negative, NaN unknown (not drawn).
        finding: what ``targets`` say.
        kinds: the modality of each point, drawn in different shapes; by default all are alike.
    """
    figure, axes = new_axes(_SMALL, _SMALL + 0.35)
    kind = np.array(kinds if len(kinds) else [""] * len(points))
    handles = []
    for value, colour, label in ((0, OTHERS[1], "without"), (1, BASELINE, "with")):
        for marker, name in zip("o^sD", np.unique(kind).tolist(), strict=False):
            chosen = points[(targets == value) & (kind == name)]
            text = " ".join(filter(None, (name, label, names.plain(finding))))
            line = Line2D(
                chosen[:, 0], chosen[:, 1], ls="", marker=marker, color=colour, label=text
            )
            line.set(markersize=4.5, mew=0, alpha=0.75, rasterized=True)
            axes.add_line(line)
            handles.append(Line2D([], [], ls="", marker=marker, color=colour, label=text))
    axes.autoscale_view()
    columns = 2 if len(handles) == 2 else 1
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_color(RULE)
    axes.spines[:].set_visible(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handletextpad=0.1)
    return figure


@styled
def training(curves: Mapping[str, Sequence[float]], *, label: str, chosen: int = 0) -> Figure:
    """Curves over the epochs of a phase.

    Args:
        curves: one value per epoch.
        label: what the values are.
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


_ENDS = ("value", "low", "high")


def _mean_first(findings: Mapping[str, Any]) -> list[str]:
    return sorted(findings, key=lambda finding: finding != "mean")


def _rows_figure(rows: float) -> tuple[Figure, Axes]:
    return new_axes(_WIDTH, _ROW * rows + 0.55)


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure, axes = new_axes(_SMALL, _SMALL)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xticks=ticks, yticks=ticks)
    return figure, axes


def _heading(axes: Axes, y: float, finding: str) -> None:
    text = "mean of the findings" if finding == "mean" else names.plain(finding)
    _beside(axes, y, text, side=0, weight="bold", colour=INK)


def _bar(axes: Axes, y: float, found: Mapping[str, Any], *, colour: str, filled: bool) -> None:
    if found["value"] is None:
        return
    if found["low"] is not None:
        axes.plot([found["low"], found["high"]], [y, y], color=colour, lw=2, solid_capstyle="butt")
    face = colour if filled else SURFACE
    axes.plot(found["value"], y, "o", ms=6.5, color=colour, mfc=face, mec=colour, mew=1.5)


def _value(axes: Axes, y: float, text: str) -> None:
    _beside(axes, y, text, side=1, weight="normal", colour=MUTED)


def _beside(axes: Axes, y: float, text: str, *, side: int, weight: str, colour: str) -> None:
    """Text beside a row: left of the plot (side 0) or right of it (side 1)."""
    axes.annotate(
        text,
        (side, y),
        xycoords=("axes fraction", "data"),
        xytext=(8 if side else -3.5, 0),
        textcoords="offset points",
        ha="left" if side else "right",
        va="center",
        size=9,
        weight=weight,
        color=colour,
    )


def _finish_rows(axes: Axes, labels: Mapping[float, str], bottom: float) -> None:
    axes.set_yticks(list(labels), list(labels.values()), color=INK)
    axes.set_ylim(bottom + _GAP + 0.4, 0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _with_interval(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "undefined"
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def _signed(found: Mapping[str, Any]) -> str:
    value, ends = signed(found)
    return f"{value} ({ends})" if ends else value


def _times_100(value: float | None) -> float | None:
    return None if value is None else 100 * value
