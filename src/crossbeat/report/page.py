"""The pieces of the report in HTML; every text from outside is escaped here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from crossbeat.evaluation.choices import METRICS
from crossbeat.evaluation.report_words import PRIMARY, signed

from crossbeat.evaluation import names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.pictures import Picture
from crossbeat.evaluation.results import verdict

Json = Mapping[str, Any]
Pictures = Mapping[str, Sequence[Picture]]


def require_places(figures: Pictures, places: Sequence[str]) -> None:
    """Pictures stand where a report has a place for them.

    Raises:
        ValueError: a place is unknown.
    """
    unknown = [place for place in figures if place not in places]
    if unknown:
        raise ValueError(f"figures must stand in {', '.join(places)}, got {', '.join(unknown)}")


def document(title: str, body: str) -> str:
    """A self-contained page without scripts.

    Args:
        title: plain text.
        body: HTML.
    """
    style = files("crossbeat.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def section(identity: str, title: str, *parts: str) -> str:
    """A section with its heading; empty if it has no content."""
    body = "".join(parts)
    if not body:
        return ""
    return f'<section id="{escape(identity)}"><h2>{escape(title)}</h2>{body}</section>'


def paragraph(text: str, css: str = "") -> str:
    """A paragraph of plain text; nothing for empty text."""
    return f'<p class="{escape(css)}">{escape(text)}</p>' if text else ""


def bullets(texts: Sequence[str]) -> str:
    """A list of plain texts; nothing for no texts."""
    if not texts:
        return ""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def pictures(shown: Sequence[Picture]) -> str:
    """Pictures side by side as far as the page is wide."""
    wide = [_picture(one, "wide") for one in shown if one.wide]
    small = [one for one in shown if not one.wide]
    if len(small) == 1:
        return "".join(wide) + _picture(small[0], "alone")
    grid = "".join(_picture(one, "") for one in small)
    return "".join(wide) + (f'<div class="grid">{grid}</div>' if grid else "")


def beside(wide: Picture, narrow: Picture) -> str:
    """Two pictures in one line, the first three times as wide; below each other on a phone."""
    return f'<div class="beside">{_picture(wide, "wide")}{_picture(narrow, "")}</div>'


def plain_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text; nothing for no rows.

    Args:
        title: above the table.
        header: of the columns; the first names the rows.
        rows: cells, as many as there are columns.
    """
    if not rows:
        return ""
    cells = [(first, [escape(cell) for cell in rest], False) for first, *rest in rows]
    return _table(title, header[0], header[1:], cells)


def findings_table(
    models: Json, label: Callable[[str], names.Name], *, title: str, heading: str, marked: str
) -> str:
    """The primary metric: a row per model, a column per finding, the mean first.

    Args:
        models: model, finding, metric, estimate.
        label: how a row is called.
        title: above the table.
        heading: of the first column.
        marked: the row that is set off.
    """
    if not models:
        return ""
    findings = _mean_first(models)
    rows = []
    for model, found in models.items():
        cells = [_estimate(found.get(finding, {}).get(PRIMARY)) for finding in findings]
        rows.append((label(model).label, cells, model == marked))
    return _table(title, heading, [_called(name) for name in findings], rows)


def metrics_table(models: Json, *, finding: str, marked: str) -> str:
    """Every metric of every model for one finding.

    Args:
        models: model, finding, metric, estimate.
        finding: one of theirs.
        marked: the row that is set off.
    """
    metrics = [name for name in METRICS if any(name in found[finding] for found in models.values())]
    rows = [
        (
            names.model(model).label,
            [_estimate(found[finding].get(name)) for name in metrics],
            model == marked,
        )
        for model, found in models.items()
    ]
    return _table(_called(finding), "Model", [names.metric(name) for name in metrics], rows)


def differences_table(pairs: Json, title: str) -> str:
    """Differences of the primary metric: a row per model, a column per finding.

    Args:
        pairs: the estimates of each row, named by the model that varies.
        title: what is subtracted from what.
    """
    if not pairs:
        return ""
    findings = _mean_first(pairs)
    rows = [
        (names.model(name).label, [_difference(found[one][PRIMARY]) for one in findings], False)
        for name, found in pairs.items()
    ]
    return _table(title, "Model", [_called(name) for name in findings], rows)


def folded_section(identity: str, title: str, *parts: str) -> str:
    """A section that a reader opens; empty if it has no content."""
    body = "".join(parts)
    if not body:
        return ""
    return (
        f'<section class="folded" id="{escape(identity)}"><details>'
        f"<summary><h2>{escape(title)}</h2></summary>{body}</details></section>"
    )


def folded(title: str, *parts: str) -> str:
    """Parts that a reader opens; open on paper."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def facts(title: str, values: Json) -> str:
    """Names and values, nested names joined by dots; nothing for no values."""
    if not values:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in _flat(values)
    )
    return f"<h3>{escape(title)}</h3>" + _scroll(f'<table class="facts">{rows}</table>')


def _called(finding: str) -> str:
    return "Mean of the findings" if finding == MEAN else names.plain(finding).capitalize()


def _mean_first(models: Json) -> list[str]:
    return sorted(next(iter(models.values())), key=lambda finding: finding != MEAN)


def _picture(shown: Picture, css: str) -> str:
    image = f'<img src="{escape(shown.source)}" alt="{escape(shown.alt)}">'
    caption = f"<b>{escape(shown.title)}</b> {escape(shown.caption)}"
    return f'<figure class="{css}">{_scroll(image)}<figcaption>{caption}</figcaption></figure>'


def _table(
    title: str,
    heading: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str], bool]],
) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (heading, *columns))
    body = "".join(
        f'<tr class="{"marked" if marked else ""}"><th scope="row">{escape(label)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for label, cells, marked in rows
    )
    return f"<h3>{escape(title)}</h3>" + _scroll(
        f'<table aria-label="{escape(title)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _scroll(inner: str) -> str:
    return f'<div class="scroll">{inner}</div>'


def _estimate(found: Json | None) -> str:
    if found is None or found["value"] is None:
        return '<span class="none" title="undefined: a class is absent">–</span>'
    ends = "" if found["low"] is None else f"{100 * found['low']:.1f}–{100 * found['high']:.1f}"
    return _cell(f"{100 * found['value']:.1f}", ends)


def _difference(found: Json) -> str:
    value, ends = signed(found)
    css, sign = {1: ("up", "▲ "), -1: ("down", "▼ "), 0: ("", "")}[verdict(found)]
    return f'<span class="{css}">{_cell(sign + value, ends)}</span>'


def _cell(value: str, ends: str) -> str:
    small = f"<small>{escape(ends)}</small>" if ends else ""
    return escape(value) + small


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(str(item) for item in value)
        else:
            yield f"{prefix}{name}", f"{value:g}" if isinstance(value, float) else str(value)
