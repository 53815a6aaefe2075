"""The figures of results along an axis: what every model gains on the baseline, or reaches.

Needs the extra ``plots``.
"""

from collections.abc import Mapping, Sequence
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


@styled
def along(results: Mapping[str, Any]) -> Figure:
    """What every model gains on the baseline at every point, or reaches, with its interval.

    Gains are paired differences. They are drawn where all models are at all points; if a model is
    missing at some, its level is drawn where it is. A teacher is left out: it sees the other
    modality, and its distance would hide the rest. So would intervals far wider than the values are
    apart: they run out of the picture.
    """
    points, first = results["points"], results["points"][0]
    baseline, metric = first["baseline"], leads(first)
    there = [[name for name in point["models"] if name not in names.TEACHERS] for point in points]
    are_gains = all(set(each) == set(there[0]) for each in there)
    models = dict.fromkeys(name for each in there for name in each)
    paint = colours(models, method=first["method"], baseline=baseline)
    figure, axes = new_axes(_WIDTH, _HEIGHT)
    at = _places(axes, [point["at"] for point in points])
    values = [0.0] if are_gains else []
    ends: dict[str, tuple[float, float]] = {}
    for model in models:
        part, name = ("differences", f"{model} - {baseline}") if are_gains else ("models", model)
        known = {
            place: found
            for place, point in zip(at, points, strict=True)
            if (found := _points(point[part].get(name, {}).get(MEAN, {}).get(metric))) is not None
        }
        if known:
            ends[model] = _line(axes, known, paint[model])
            values += [value for value, _, _ in known.values()]
    _frame(axes, min(values), max(values))
    _label(axes, ends, paint, first)
    axes.set_xlabel(results["axis"])
    told = titled(metric)
    if are_gains:
        axes.axhline(0, color=INK, lw=1)
        told = f"{names.metric(metric)}, points above {label(first, baseline)}"
    axes.set_ylabel(f"{told}\n(line: 95 % interval)")
    return figure


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


def _points(found: Mapping[str, Any] | None) -> Ends | None:
    """Value, low and high in points; the value alone where there is no interval."""
    if found is None or found["value"] is None:
        return None
    value, low, high = (found[end] for end in ("value", "low", "high"))
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
