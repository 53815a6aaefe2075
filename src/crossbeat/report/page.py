"""The pieces of a page in HTML; every text from outside is escaped here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

from crossbeat.files import ReadJson
from crossbeat.report.tables import Cell, Sheet
from crossbeat.report.theme import Picture
from crossbeat.report.words import minus

_MARKS = {1: ("up", "▲ "), -1: ("down", "▼ "), 0: ("", "")}


def document(title: str, body: str) -> str:
    """A self-contained page without scripts."""
    style = files("crossbeat.report").joinpath("page.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def section(identity: str, title: str, parts: Iterable[str], *, is_folded: bool = False) -> str:
    """A section with its heading; empty if it has no content."""
    body = "".join(parts)
    if not body:
        return ""
    heading = f"<h2>{escape(title)}</h2>"
    if is_folded:
        inner = f"<details><summary>{heading}</summary>{body}</details>"
        return f'<section class="folded" id="{escape(identity)}">{inner}</section>'
    return f'<section id="{escape(identity)}">{heading}{body}</section>'


def folded(title: str, *parts: str) -> str:
    """Parts that a reader opens; open on paper."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


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
    wide = "".join(_picture(one, "wide") for one in shown if one.wide)
    small = [one for one in shown if not one.wide]
    if len(small) == 1:
        return wide + _picture(small[0], "alone")
    grid = "".join(_picture(one, "") for one in small)
    return wide + (f'<div class="grid">{grid}</div>' if grid else "")


def beside(wide: Picture, narrow: Picture) -> str:
    """Two pictures in one line, the first three times as wide; below each other on a phone."""
    return f'<div class="beside">{_picture(wide, "wide")}{_picture(narrow, "")}</div>'


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text; nothing for no rows."""
    cells = [(first, "".join(f"<td>{escape(each)}</td>" for each in rest)) for first, *rest in rows]
    return _table(title, header, cells)


def sheet_table(sheet: Sheet, *, marked: str = "") -> str:
    """A table with each interval below its value, a row set off; nothing for one without cells."""
    rows = [(name, "".join(map(_cell, cells))) for name, cells in sheet.rows]
    return _table(sheet.title, sheet.header, rows, marked)


def _table(
    title: str, header: Sequence[str], rows: Sequence[tuple[str, str]], marked: str = ""
) -> str:
    if not rows or len(header) < 2:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr class="{"marked" * (name == marked)}"><th scope="row">{escape(name)}</th>{cells}</tr>'
        for name, cells in rows
    )
    return f"<h3>{escape(title)}</h3>" + _scroll(
        f'<table aria-label="{escape(title)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def facts(title: str, values: ReadJson) -> str:
    """Names and values, nested names joined by dots; nothing for no values."""
    if not values:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in _flat(values)
    )
    return f"<h3>{escape(title)}</h3>" + _scroll(f'<table class="facts">{rows}</table>')


def _cell(cell: Cell) -> str:
    css, mark = _MARKS[cell.better]
    small = f"<small>{escape(minus(cell.ends))}</small>" if cell.ends else ""
    return f'<td><span class="{css}">{mark}{escape(minus(cell.value))}{small}</span></td>'


def _picture(shown: Picture, css: str) -> str:
    image = f'<img src="{escape(shown.source)}" alt="{escape(shown.alt)}">'
    caption = f"<b>{escape(shown.title)}</b> {escape(shown.caption)}"
    return f'<figure class="{css}">{_scroll(image)}<figcaption>{caption}</figcaption></figure>'


def _scroll(inner: str) -> str:
    return f'<div class="scroll">{inner}</div>'


def _flat(values: ReadJson, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(str(item) for item in value)
        else:
            yield f"{prefix}{name}", f"{value:g}" if isinstance(value, float) else str(value)
