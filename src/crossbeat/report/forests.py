"""What models reach and by how much they differ: bars, rows with their intervals, and lines.

Needs the extra ``plots``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crossbeat.evaluation import names
from crossbeat.evaluation.results import verdict
from crossbeat.files import Json, ReadJson
from crossbeat.metrics import MEAN
from crossbeat.report.tables import cell, leads, mean_first, titled
from crossbeat.report.theme import (
    BASELINE,
    INK,
    METHOD,
    MUTED,
    RULE,
    SURFACE,
    TEACHER,
    Axes,
    Figure,
    colours,
    new_axes,
    styled,
)
from crossbeat.report.words import label, limit_of, minus, other_modality

_WIDTH, _WIDE, _BARS = 5.6, 8.0, 4.7
_ROW, _GAP = 0.25, 0.4
_BAR_ROW, _THICK = 0.43, 0.34
_CHANCE = {"auroc": (50.0, "50: chance"), "r2": (0.0, "0: no skill")}
"""Where bars begin, in percent, and what that is."""
_PERFECT = 100.0
_OTHER = "#8a8f96"
_ALONG = (6.4, 3.8)
_LETTERS = 50  # that the axis has room for
_CLOSE = 0.07  # of the width
_ROOM = 1.0  # points
_APART = 0.055  # least distance of two labels, of the height
_ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class _Row:
    label: str
    colour: str
    found: ReadJson
    bold: bool = False
    is_limit: bool = False


@styled
def bars(results: ReadJson) -> Figure:
    """The mean of every model in percent; the baseline and the limit cross all bars as lines.

    The teacher and the limit come first, then the models from the best to the worst.
    """
    metric = leads(results)
    start, meaning = _CHANCE[metric]
    rows = list(_rows(results, metric))
    figure, axes = new_axes(_BARS, _BAR_ROW * len(rows) + 0.5)
    values = [100 * row.found["value"] for row in rows if row.found["value"] is not None]
    least = min(start, *(10 * (value // 10) for value in values)) if values else start
    for at, row in enumerate(rows):
        _draw(axes, -float(at), row, least, metric)
    for row in rows:
        if (row.is_limit or row.colour == BASELINE) and row.found["value"] is not None:
            below, above = ([sign * 0.26 - at for at in range(len(rows))] for sign in (-1, 1))
            value = 100 * row.found["value"]
            axes.vlines([value] * len(rows), below, above, color=row.colour, lw=1.2, zorder=3)
    axes.set(xlim=(least, _PERFECT), ylim=(0.42 - len(rows), 0.62), yticks=[])
    axes.set_xlabel(f"mean {titled(metric)} ({meaning}; bold line: 95 % interval)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


def _rows(results: ReadJson, metric: str) -> Iterator[_Row]:
    models = {name: found[MEAN][metric] for name, found in results["models"].items()}
    method, baseline = results["method"], results["baseline"]
    for name in names.TEACHERS:
        if name in models and name not in (method, baseline):
            reads = f" (reads the {other_modality(results)})"
            yield _Row(label(results, name) + reads, TEACHER, models.pop(name))
    limit = limit_of(results)
    if limit is not None:
        yield _Row(f"limit: {names.limit(limit[0]).label}", INK, limit[1], is_limit=True)
    paint = {method: METHOD, baseline: BASELINE}
    for name in sorted(models, key=lambda name: -(models[name]["value"] or 0.0)):
        colour = paint.get(name, _OTHER)
        yield _Row(label(results, name), colour, models[name], bold=name == method)


def _draw(axes: Axes, y: float, row: _Row, least: float, metric: str) -> None:
    ink, weight = (METHOD, "bold") if row.bold else (INK, "normal")
    place: Json = {"xycoords": ("axes fraction", "data"), "va": "center", "size": 10}
    for side, ha, text in ((0, "left", row.label), (1, "right", _text(row.found, metric))):
        axes.annotate(text, (side, y + 0.36), ha=ha, color=ink, weight=weight, **place)
    axes.barh(y, _PERFECT - least, left=least, height=_THICK, color=RULE, alpha=0.45, lw=0)
    value, low, high = _ends(row.found)
    if value is None:
        return
    face = "none" if row.is_limit else row.colour
    axes.barh(y, value - least, left=least, height=_THICK, color=face, edgecolor=row.colour, lw=1)
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=INK, lw=2.2, solid_capstyle="butt", zorder=4)


@styled
def forest(results: ReadJson) -> Figure:
    """The leading metric of every model in percent with its interval, target by target."""
    models, metric, baseline = results["models"], leads(results), results["baseline"]
    paint = colours(models, method=results["method"], baseline=baseline)
    targets = mean_first(results)
    figure, axes = new_axes(_WIDTH, _ROW * len(targets) * (len(models) + 1 + _GAP) + 0.55)
    labels: dict[float, str] = {}
    top = 0.0
    for target in targets:
        _beside(axes, top, _called(target), side=0, weight="bold", colour=INK)
        reference = _ends(models[baseline][target][metric])[0]
        if reference is not None:
            span = [top - 0.6, top - len(models) - 0.4]
            axes.plot([reference] * 2, span, color=paint[baseline], lw=0.9, ls=(0, (2, 2)))
        for at, model in enumerate(models, start=1):
            labels[top - at] = label(results, model)
            found = models[model][target][metric]
            _bar(axes, top - at, found, colour=paint[model], filled=True)
            _beside(axes, top - at, _text(found, metric), side=1, weight="normal", colour=MUTED)
        top -= len(models) + 1 + _GAP
    axes.set_xlabel(f"{titled(metric)} (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


@styled
def differences(results: ReadJson) -> Figure:
    """The method's paired differences from the other models, target by target.

    A teacher is left out: it sees the other modality, and its distance would hide the rest.
    """
    pairs = {
        f"against {label(results, other)}": found
        for one, other, found in _pairs(results)
        if one == results["method"]
    }
    if not pairs:
        raise ValueError("results must have a model beside the method that is not the teacher")
    metric = leads(results)
    groups = {
        _called(target): {pair: found[target][metric] for pair, found in pairs.items()}
        for target in mean_first(results)
    }
    return _differences(groups, metric)


@styled
def comparisons(results: ReadJson) -> Figure:
    """All paired differences of the mean over targets: from the baseline, the method's, others.

    A teacher is left out, as in ``differences``.
    """
    method, baseline, metric = results["method"], results["baseline"], leads(results)
    groups: dict[str, Json] = {
        f"against {label(results, baseline)}": {},
        f"{label(results, method)} against": {},
        "further pairs": {},
    }
    from_baseline, of_method, further = groups.values()
    for one, other, found in _pairs(results):
        labels = label(results, one), label(results, other)
        if other == baseline:
            from_baseline[labels[0]] = found[MEAN][metric]
        elif one == method:
            of_method[labels[1]] = found[MEAN][metric]
        else:
            further[" − ".join(labels)] = found[MEAN][metric]
    filled = {title: rows for title, rows in groups.items() if rows}
    return _differences(filled, metric, width=_WIDE)


def has_differences(results: ReadJson) -> bool:
    """Whether the method was compared with a model that is no teacher: ``differences``."""
    return any(one == results["method"] for one, _, _ in _pairs(results))


def _pairs(results: ReadJson) -> Iterator[tuple[str, str, ReadJson]]:
    for pair, found in results["differences"].items():
        one, other = pair.split(" - ")
        if not {one, other} & set(names.TEACHERS):
            yield one, other, found


def _differences(groups: Mapping[str, ReadJson], metric: str, *, width: float = _WIDTH) -> Figure:
    """Rows of differences under titles; filled where zero is outside."""
    rows = sum(len(each) + 1 + _GAP for each in groups.values())
    figure, axes = new_axes(width, _ROW * rows + 0.55)
    labels: dict[float, str] = {}
    top = 0.0
    for title, group in groups.items():
        _beside(axes, top, title, side=0, weight="bold", colour=INK)
        for at, (name, found) in enumerate(group.items(), start=1):
            labels[top - at] = name
            sign = verdict(found)
            colour = {1: METHOD, -1: BASELINE, 0: MUTED}[sign]
            _bar(axes, top - at, found, colour=colour, filled=sign != 0)
            text = _text(found, metric, signed=True)
            _beside(axes, top - at, text, side=1, weight="normal", colour=MUTED)
        top -= len(group) + 1 + _GAP
    axes.axvline(0, color=INK, lw=1)
    axes.set_xlabel(f"difference in {names.metric(metric)}, points (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


@styled
def along(results: ReadJson) -> Figure:
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
    figure, axes = new_axes(*_ALONG)
    told = titled(metric)
    if are_gains:
        axes.axhline(0, color=INK, lw=1)  # first, so that the axis shows it
        told = f"{names.metric(metric)}, points above {label(first, baseline)}"
    at = _places(axes, [point["at"] for point in points])
    values = [0.0] if are_gains else []
    ends: dict[str, float] = {}
    for model in models:
        part, name = ("differences", f"{model} - {baseline}") if are_gains else ("models", model)
        known = {
            place: found
            for place, point in zip(at, points, strict=True)
            if (found := point[part].get(name, {}).get(MEAN, {}).get(metric))
            and found["value"] is not None
        }
        if known:
            drawn = _line(axes, known, paint[model])
            values += drawn
            ends[model] = drawn[-1]
    low, high = axes.get_ylim()  # intervals get as much room beside the values as these take up
    room = max(_ROOM, max(values) - min(values))
    axes.set_ylim(max(low, min(values) - room), min(high, max(values) + room))
    low, high = axes.get_ylim()
    height = low
    for model, value in sorted(ends.items(), key=lambda item: item[1]):
        height = max(value, height + _APART * (high - low))  # no name hides another
        _beside(axes, height, label(first, model), side=1, weight="normal", colour=paint[model])
    axes.set_xlabel(results["axis"])
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
    ends = sorted(numbers)
    return any(_CLOSE * (ends[-1] - ends[0]) > b - a for a, b in pairwise(ends))


def _line(axes: Axes, known: Mapping[float, ReadJson], colour: str) -> list[float]:
    """A line with its intervals, and its values; a value alone where there is no interval."""
    places = sorted(known)
    values, *both = zip(*(_ends(known[place]) for place in places), strict=True)
    lows, highs = (
        [value if end is None else end for value, end in zip(values, ends, strict=True)]
        for ends in both
    )
    axes.fill_between(places, lows, highs, color=colour, alpha=0.12, lw=0)
    axes.vlines(places, lows, highs, color=colour, lw=1.2, alpha=0.6)
    axes.plot(places, values, "o-", color=colour, ms=5)
    return list(values)


def _called(target: str) -> str:
    return "mean" if target == MEAN else names.plain(target)


def _text(found: ReadJson, metric: str, *, signed: bool = False) -> str:
    return minus(str(cell(found, metric, signed=signed)))


def _ends(found: ReadJson) -> tuple[float | None, float | None, float | None]:
    """Value, low and high in percent."""
    value, low, high = (None if found[end] is None else 100 * found[end] for end in _ENDS)
    return value, low, high


def _bar(axes: Axes, y: float, found: ReadJson, *, colour: str, filled: bool) -> None:
    value, low, high = _ends(found)
    if value is None:
        return
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, lw=2, solid_capstyle="butt")
    face = colour if filled else SURFACE
    axes.plot(value, y, "o", ms=6.5, color=colour, mfc=face, mec=colour, mew=1.5)


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
