"""The figures of results along an axis: what every model gains on the baseline, or reaches.

Needs the extra ``plots``.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from crossbeat.evaluation import names
from crossbeat.evaluation.statistics import MEAN
from crossbeat.report.tables import leads, titled
from crossbeat.report.theme import INK, Axes, Figure, colours, new_axes, styled
from crossbeat.report.words import label

_WIDTH, _HEIGHT = 6.4, 3.8
_LETTERS = 50  # that the axis has room for
_CLOSE = 0.07  # of the width
_ROOM = 1.0  # points
_APART = 0.055
"""Least distance of two labels, as a share of the height."""

Ends = tuple[float, float, float]


def along(results: Mapping[str, Any]) -> Figure:
    """``gains`` where all models are at all points; ``levels`` where a model is not everywhere."""
    first, *others = (set(point["models"]) for point in results["points"])
    return gains(results) if all(models == first for models in others) else levels(results)


@styled
def gains(results: Mapping[str, Any]) -> Figure:
    """The paired difference from the baseline of every model at every point, with its interval.

    The teacher is left out: it sees the other modality, and its distance would hide the rest. So
    would intervals far wider than the values are apart: they run out of the picture.

    Args:
        results: along an axis; the mean of the leading metric over the targets is drawn.
    """
    first = results["points"][0]
    baseline, metric = first["baseline"], leads(first)

    def gain(point: Mapping[str, Any], model: str) -> Ends | None:
        found = point["differences"].get(f"{model} - {baseline}")
        return None if found is None else _points(found[MEAN][metric])

    figure, axes = new_axes(_WIDTH, _HEIGHT)
    axes.axhline(0, color=INK, lw=1)
    _lines(axes, results, gain, values=[0.0])
    against = label(first, baseline)
    axes.set_ylabel(f"{names.metric(metric)}, points above {against}\n(line: 95 % interval)")
    return figure


@styled
def levels(results: Mapping[str, Any]) -> Figure:
    """What every model but the teacher reaches at the points where it was trained.

    Args:
        results: along an axis; the mean of the leading metric over the targets is drawn.
    """
    metric = leads(results["points"][0])

    def level(point: Mapping[str, Any], model: str) -> Ends | None:
        found = point["models"].get(model)
        return None if found is None else _points(found[MEAN][metric])

    figure, axes = new_axes(_WIDTH, _HEIGHT)
    _lines(axes, results, level, values=[])
    axes.set_ylabel(f"{titled(metric)}\n(line: 95 % interval)")
    return figure


def _lines(
    axes: Axes,
    results: Mapping[str, Any],
    of: Callable[[Mapping[str, Any], str], Ends | None],
    *,
    values: list[float],
) -> None:
    """A line for each model with its name.

    Args:
        of: what a model has at a point.
        values: that the picture has to show as well.
    """
    points = results["points"]
    models = list(dict.fromkeys(name for point in points for name in point["models"]))
    fixed = {role: points[0][role] for role in ("method", "baseline")}
    paint = colours(models, **fixed)
    at = _places(axes, [point["at"] for point in points])
    ends: dict[str, tuple[float, float]] = {}
    for model in models:
        found = {place: of(point, model) for place, point in zip(at, points, strict=True)}
        known = {place: ends for place, ends in found.items() if ends is not None}
        if known and model not in names.TEACHERS:
            ends[model] = _line(axes, known, paint[model])
            values += [value for value, _, _ in known.values()]
    _frame(axes, min(values), max(values))
    _label(axes, ends, paint, points[0])
    axes.set_xlabel(results["axis"])


def _places(axes: Axes, points: Sequence[float | str]) -> list[float]:
    """Where the points lie; words and numbers that would hide one another lie side by side."""
    numbers = [point for point in points if isinstance(point, int | float)]
    if len(numbers) == len(points) and min(numbers) > 0 and max(numbers) >= 10 * min(numbers):
        axes.set_xscale("log")
    elif len(numbers) < len(points) or _crowded(numbers):
        shown = [f"{point:g}" if isinstance(point, float) else str(point) for point in points]
        axes.set_xticks(range(len(points)), shown)
        if sum(map(len, shown)) > _LETTERS:
            axes.tick_params(axis="x", labelrotation=35)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment("right")
        return [float(place) for place in range(len(points))]
    axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
    axes.set_xticks([], minor=True)
    return [float(number) for number in numbers]


def _crowded(numbers: Sequence[float]) -> bool:
    """Whether some lie too close together on a scale that shows all of them."""
    ends = sorted(numbers)
    return any(_CLOSE * (ends[-1] - ends[0]) > b - a for a, b in pairwise(ends))


def _points(found: Mapping[str, Any]) -> Ends | None:
    """Value, low and high in points; the value alone where there is no interval."""
    value, low, high = (found[end] for end in ("value", "low", "high"))
    if value is None:
        return None
    return (
        100 * value,
        100 * (value if low is None else low),
        100 * (value if high is None else high),
    )


def _line(axes: Axes, known: Mapping[float, Ends], colour: str) -> tuple[float, float]:
    """A line with its intervals; where it ends."""
    places = sorted(known)
    values, lows, highs = zip(*(known[place] for place in places), strict=True)
    axes.fill_between(places, lows, highs, color=colour, alpha=0.12, lw=0)
    axes.vlines(places, lows, highs, color=colour, lw=1.2, alpha=0.6)
    axes.plot(places, values, "o-", color=colour, ms=5)
    return places[-1], values[-1]


def _frame(axes: Axes, least: float, most: float) -> None:
    """As much room above and below the values as they take up, if intervals want it."""
    low, high = axes.get_ylim()
    room = max(_ROOM, most - least)
    axes.set_ylim(max(low, least - room), min(high, most + room))


def _label(
    axes: Axes,
    ends: Mapping[str, tuple[float, float]],
    paint: Mapping[str, str],
    results: Mapping[str, Any],
) -> None:
    """The name of each line at its end, moved up where it would hide another."""
    low, high = axes.get_ylim()
    apart = _APART * (high - low)
    height = low
    for model, (_, value) in sorted(ends.items(), key=lambda item: item[1][1]):
        height = max(value, height + apart)
        axes.annotate(
            label(results, model),
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            size=9,
            color=paint[model],
        )
