"""The first picture of a report: every model as a bar, with its interval.

Needs the extra ``plots``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crossbeat.evaluation import names
from crossbeat.evaluation.report_words import limit_of
from crossbeat.evaluation.theme import (
    BASELINE,
    INK,
    METHOD,
    RULE,
    TEACHER,
    Axes,
    Figure,
    new_axes,
    styled,
)

_WIDTH = 4.7
_ROW = 0.43
_THICK = 0.34
_CHANCE, _PERFECT = 50.0, 100.0
_OTHER, _TEACHER_NAME = "#8a8f96", "teacher"


@dataclass(frozen=True)
class _Row:
    label: str
    colour: str
    found: Mapping[str, float | None]
    bold: bool = False
    is_limit: bool = False


@styled
def bars(results: Mapping[str, Any]) -> Figure:
    """The mean AUROC of every model in percent; the baseline and the limit cross all bars as lines.

    The teacher and the limit come first, then the models from the best to the worst.

    Args:
        results: as ``compare`` returns them.
    """
    rows = list(_rows(results))
    figure, axes = new_axes(_WIDTH, _ROW * len(rows) + 0.5)
    lows = [100 * row.found["value"] for row in rows if row.found["value"] is not None]
    least = min(_CHANCE, *(10 * (low // 10) for low in lows)) if lows else _CHANCE
    for at, row in enumerate(rows):
        _draw(axes, -float(at), row, least)
    references = [row for row in rows if row.is_limit or row.colour == BASELINE]
    for row in references:
        if row.found["value"] is not None:
            below, above = ([sign * 0.26 - at for at in range(len(rows))] for sign in (-1, 1))
            value = 100 * row.found["value"]
            axes.vlines([value] * len(rows), below, above, color=row.colour, lw=1.2, zorder=3)
    axes.set(xlim=(least, _PERFECT), ylim=(0.42 - len(rows), 0.62), yticks=[])
    axes.set_xlabel("mean AUROC in percent (50: chance; bold line: 95 % interval)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


def _rows(results: Mapping[str, Any]) -> Iterator[_Row]:
    models = {name: found["mean"]["auroc"] for name, found in results["models"].items()}
    limit = limit_of(results)
    if _TEACHER_NAME in models and _TEACHER_NAME not in (results["method"], results["baseline"]):
        yield _Row(
            f"{names.model(_TEACHER_NAME).label} (reads the X-ray)", TEACHER, models.pop("teacher")
        )
    if limit is not None:
        name, found = limit
        yield _Row(f"limit: {names.limit(name).label}", INK, found, is_limit=True)
    paint = {results["method"]: METHOD, results["baseline"]: BASELINE}
    for name in sorted(models, key=lambda name: -(models[name]["value"] or 0.0)):
        colour = paint.get(name, _OTHER)
        yield _Row(names.model(name).label, colour, models[name], bold=name == results["method"])


def _draw(axes: Axes, y: float, row: _Row, least: float) -> None:
    weight, ink = ("bold", METHOD) if row.bold else ("normal", INK)
    above = y + 0.36
    place: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "va": "center",
        "size": 10,
        "weight": weight,
    }
    axes.annotate(row.label, (0, above), ha="left", color=ink, **place)
    axes.annotate(_text(row.found), (1, above), ha="right", color=ink, **place)
    value, low, high = (
        None if row.found[end] is None else 100 * float(row.found[end] or 0.0)
        for end in ("value", "low", "high")
    )
    axes.barh(y, _PERFECT - least, left=least, height=_THICK, color=RULE, alpha=0.45, lw=0)
    if value is None:
        return
    face = "none" if row.is_limit else row.colour
    axes.barh(y, value - least, left=least, height=_THICK, color=face, edgecolor=row.colour, lw=1)
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=INK, lw=2.2, solid_capstyle="butt", zorder=4)


def _text(found: Mapping[str, float | None]) -> str:
    if found["value"] is None:
        return "undefined"
    if found["low"] is None or found["high"] is None:
        return f"{100 * found['value']:.1f}"
    return f"{100 * found['value']:.1f} ({100 * found['low']:.1f}–{100 * found['high']:.1f})"
