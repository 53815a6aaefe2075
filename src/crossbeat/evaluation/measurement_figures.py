"""Figures of estimated measurements; each function draws one and returns it.

Needs the extra ``plots``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation.agreement import agreement
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.estimates import Estimates
from crossbeat.evaluation.intervals import Interval
from crossbeat.evaluation.regression import REGRESSION
from crossbeat.evaluation.theme import (
    INK,
    METHOD,
    MUTED,
    RULE,
    TEACHER,
    Axes,
    Figure,
    colours,
    new_axes,
    styled,
)

_SIDE = 3.6
_WIDTH = 6.4
_STEP = 0.14
"""Height of one model in a row, inches."""


@styled
def scatter(run: Estimates, measurement: str, *, colour: str = METHOD) -> Figure:
    """The estimate of every test row against the truth, with the line of equality.

    Args:
        run: of one model.
        measurement: one of its measurements.
        colour: of the points.
    """
    truth, estimate, _ = _known(run, measurement)
    figure, axes = new_axes(_SIDE, _SIDE)
    _points(axes, truth, estimate, colour)
    low, high = min(truth.min(), estimate.min()), max(truth.max(), estimate.max())
    margin = 0.04 * (high - low)
    span = (low - margin, high + margin)
    axes.plot(span, span, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    called = _with_unit(measurement, names.measurement(measurement).unit)
    axes.set(xlabel=f"measured {called}", ylabel=f"estimated {called}", xlim=span, ylim=span)
    axes.set_aspect("equal")
    once = np.ones((1, len(truth)))
    told = {name: metric(truth, estimate, once)[0] for name, metric in REGRESSION.items()}
    unit = names.measurement(measurement).unit
    lines = [
        f"R² {told['r2']:.2f}",
        f"r {told['pearson']:.2f}",
        f"MAE {told['mae']:.1f} {unit}".rstrip(),
    ]
    axes.text(0.04, 0.97, "\n".join(lines), transform=axes.transAxes, va="top", size=9)
    return figure


@styled
def bland_altman(run: Estimates, measurement: str, *, colour: str = METHOD) -> Figure:
    """The error of every test row against the mean of estimate and truth.

    Lines are the bias and the limits of agreement, bands their 95 % intervals over patients.

    Args:
        run: of one model.
        measurement: one of its measurements.
        colour: of the points.

    Source: Bland and Altman 1986 (Lancet 327:307).
    """
    truth, estimate, patients = _known(run, measurement)
    found = agreement(truth, estimate, patients, seed=0)
    figure, axes = new_axes(4.6, _SIDE)
    _points(axes, (truth + estimate) / 2, estimate - truth, colour)
    axes.axhline(0, color=RULE, lw=1)
    for name, each, ink in (
        ("+1.96 SD", found.upper, MUTED),
        ("bias", found.bias, INK),
        ("−1.96 SD", found.lower, MUTED),
    ):
        _level(axes, name, each, ink)
    called = _with_unit(measurement, names.measurement(measurement).unit)
    axes.set(xlabel=f"mean of measured and estimated {called}", ylabel="estimated − measured")
    return figure


@styled
def measurement_forest(results: Mapping[str, Any], *, metric: str = "r2") -> Figure:
    """A metric of every model with its interval, measurement by measurement.

    Args:
        results: as ``compare_measurements`` returns them.
        metric: one of the metrics of the results.
    """
    models = results["models"]
    paint = _paint(results)
    label = f"{names.metric(metric)} (line: 95 % interval)"
    return _rows(models, {name: names.model(name).label for name in models}, paint, metric, label)


@styled
def measurement_differences(results: Mapping[str, Any], *, metric: str = "r2") -> Figure:
    """How much better the method is than every other model, with its interval.

    A teacher is left out where there are others: its distance would hide the rest.

    Args:
        results: as ``compare_measurements`` returns them.
        metric: one of the metrics of the results.
    """
    method = results["method"]
    paint = _paint(results)
    pairs = {
        pair.removeprefix(f"{method} - "): found
        for pair, found in results["differences"].items()
        if pair.startswith(f"{method} - ")
    }
    students = {name: found for name, found in pairs.items() if name not in names.TEACHERS}
    pairs = students or pairs
    labels = {name: f"against {names.model(name).label}" for name in pairs}
    label = f"difference in {names.metric(metric)} (line: 95 % interval)"
    figure = _rows(pairs, labels, paint, metric, label)
    figure.axes[0].axvline(0, color=INK, lw=1)
    return figure


def _paint(results: Mapping[str, Any]) -> dict[str, str]:
    """The colour of each model; that of a teacher is the same in every study."""
    paint = colours(results["models"], method=results["method"], baseline=results["baseline"])
    return {name: TEACHER if name in names.TEACHERS else each for name, each in paint.items()}


def _rows(
    found: Mapping[str, Any],
    labels: Mapping[str, str],
    paint: Mapping[str, str],
    metric: str,
    xlabel: str,
) -> Figure:
    """A row per measurement, the mean first, with a line per model, and a legend of the models."""
    columns = sorted(next(iter(found.values())), key=lambda name: name != MEAN)
    tall = _STEP * (len(found) + 1.5)
    figure, axes = new_axes(_WIDTH, tall * len(columns) + 1.0)
    for at, column in enumerate(columns):
        for place, (name, told) in enumerate(found.items()):
            y = -at * tall - (place - (len(found) - 1) / 2) * _STEP
            _estimate(axes, y, told[column][metric], paint[name])
    for name, label in labels.items():
        axes.plot([], [], "o-", color=paint[name], ms=4.5, label=label)
    for at in range(1, len(columns)):
        axes.axhline((0.5 - at) * tall, color=RULE, lw=0.7)
    axes.set_yticks(
        [-at * tall for at in range(len(columns))],
        [_called(column, metric) for column in columns],
        color=INK,
    )
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim((0.5 - len(columns)) * tall, 0.5 * tall)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(xlabel)
    figure.legend(loc="outside lower center", ncols=3, handlelength=1.4)
    return figure


def _estimate(axes: Axes, y: float, told: Mapping[str, Any], colour: str) -> None:
    if told["value"] is None:
        return
    if told["low"] is not None:
        axes.plot([told["low"], told["high"]], [y, y], color=colour, lw=1.6, solid_capstyle="butt")
    axes.plot(told["value"], y, "o", color=colour, ms=4.5, mew=0)


def _called(column: str, metric: str) -> str:
    if metric != "mae":
        return column
    return _with_unit(
        column, names.DEVIATIONS if column == MEAN else names.measurement(column).unit
    )


def _with_unit(called: str, unit: str) -> str:
    return f"{called} ({unit})" if unit else called


def _known(run: Estimates, measurement: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, estimate and patient of the test rows whose truth is known."""
    column = run.measurements.index(measurement)
    known = ~np.isnan(run.test.truth[:, column])
    if not known.any():
        raise ValueError(f"{measurement} must be known for a test row, got none")
    test = run.test
    return test.truth[known, column], test.estimate[known, column], test.patients[known]


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
