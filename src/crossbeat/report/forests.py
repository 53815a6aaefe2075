"""Forest plots: models or pairs of them in rows, each with its interval.

Needs the extra ``plots``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from crossbeat.evaluation.report_words import signed
from crossbeat.evaluation.theme import (
    BASELINE,
    INK,
    METHOD,
    MUTED,
    SURFACE,
    Axes,
    Figure,
    colours,
    new_axes,
    styled,
)

from crossbeat.evaluation import names
from crossbeat.evaluation.results import verdict

_WIDTH, _WIDE = 5.0, 8.0
_ROW = 0.25
_GAP = 0.4


@styled
def forest(results: Mapping[str, Any], *, metric: str = "auroc") -> Figure:
    """A metric of every model in percent with its interval, finding by finding.

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
        _heading(axes, top, _called(finding))
        reference = _times_100(models[results["baseline"]][finding][metric]["value"])
        if reference is not None:
            span = [top - 0.6, top - len(models) - 0.4]
            axes.plot(
                [reference] * 2, span, color=paint[results["baseline"]], lw=0.9, ls=(0, (2, 2))
            )
        for at, model in enumerate(models, start=1):
            labels[top - at] = names.model(model).label
            found = models[model][finding][metric]
            points = {end: _times_100(found[end]) for end in _ENDS}
            _bar(axes, top - at, points, colour=paint[model], filled=True)
            _value(axes, top - at, _with_interval(found))
        top -= len(models) + 1 + _GAP
    axes.set_xlabel(f"{names.metric(metric)} in percent (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


@styled
def differences(results: Mapping[str, Any], *, metric: str = "auroc") -> Figure:
    """The method's paired differences from the other models, finding by finding.

    The teacher is left out: it sees the other modality, and its distance would hide the rest.

    Args:
        results: as ``compare`` returns them.
        metric: one of the metrics of the results.

    Raises:
        ValueError: the method is compared with nothing but the teacher.
    """
    pairs = {
        f"against {names.model(other).label}": found
        for one, other, found in _pairs(results)
        if one == results["method"]
    }
    if not pairs:
        raise ValueError("results must have a model beside the method that is not the teacher")
    findings = _mean_first(next(iter(pairs.values())))
    groups = {
        _called(finding): {pair: found[finding][metric] for pair, found in pairs.items()}
        for finding in findings
    }
    return _differences(groups, names.metric(metric))


@styled
def comparisons(
    results: Mapping[str, Any], *, metric: str = "auroc", called: names.Called = names
) -> Figure:
    """All paired differences of the mean over findings: from the baseline, the method's, others.

    The teacher is left out, as in ``differences``.

    Args:
        results: as ``compare`` or ``compare_measurements`` returns them.
        metric: one of the metrics of the results.
        called: ``names`` or ``measurement_names``.
    """
    method, baseline = results["method"], results["baseline"]
    groups: dict[str, dict[str, Any]] = {
        f"against {called.model(baseline).label}": {},
        f"{called.model(method).label} against": {},
        "further pairs": {},
    }
    from_baseline, of_method, further = groups.values()
    for one, other, found in _pairs(results):
        labels = called.model(one).label, called.model(other).label
        if other == baseline:
            from_baseline[labels[0]] = found["mean"][metric]
        elif one == method:
            of_method[labels[1]] = found["mean"][metric]
        else:
            further[" − ".join(labels)] = found["mean"][metric]
    filled = {title: rows for title, rows in groups.items() if rows}
    return _differences(filled, called.metric(metric), width=_WIDE)


def _pairs(results: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Both models of every pair without the teacher, and what they differ by."""
    for pair, found in results["differences"].items():
        one, other = pair.split(" - ")
        if "teacher" not in (one, other):
            yield one, other, found


def _differences(
    groups: Mapping[str, Mapping[str, Any]], measure: str, *, width: float = _WIDTH
) -> Figure:
    """Rows of differences under titles; filled where zero is outside."""
    figure, axes = _rows_figure(sum(len(rows) + 1 + _GAP for rows in groups.values()), width)
    labels: dict[float, str] = {}
    top = 0.0
    for title, rows in groups.items():
        _heading(axes, top, title)
        for at, (label, found) in enumerate(rows.items(), start=1):
            labels[top - at] = label
            points = {end: _times_100(found[end]) for end in _ENDS}
            sign = verdict(points)
            colour = {1: METHOD, -1: BASELINE, 0: MUTED}[sign]
            _bar(axes, top - at, points, colour=colour, filled=sign != 0)
            _value(axes, top - at, _signed(found))
        top -= len(rows) + 1 + _GAP
    axes.axvline(0, color=INK, lw=1)
    axes.set_xlabel(f"difference in {measure}, points (line: 95 % interval)")
    _finish_rows(axes, labels, top)
    return figure


_ENDS = ("value", "low", "high")


def _mean_first(findings: Mapping[str, Any]) -> list[str]:
    return sorted(findings, key=lambda finding: finding != "mean")


def _rows_figure(rows: float, width: float = _WIDTH) -> tuple[Figure, Axes]:
    return new_axes(width, _ROW * rows + 0.55)


def _called(finding: str) -> str:
    return "mean of the findings" if finding == "mean" else names.plain(finding)


def _heading(axes: Axes, y: float, text: str) -> None:
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
        return f"{100 * found['value']:.1f}"
    return f"{100 * found['value']:.1f} ({100 * found['low']:.1f}–{100 * found['high']:.1f})"


def _signed(found: Mapping[str, Any]) -> str:
    value, ends = signed(found)
    return f"{value} ({ends})" if ends else value


def _times_100(value: float | None) -> float | None:
    return None if value is None else 100 * value
