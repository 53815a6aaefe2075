"""Tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with a title; as wide as it needs to be where the output is a file."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "default", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    console.print(table)


def percent(estimate: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """A fraction with its interval, in percent.

    Args:
        estimate: value, low and high; fractions, None where undefined.
        signed: whether a plus sign is shown.
    """
    if estimate is None or estimate["value"] is None:
        return "not defined"
    sign = "+" if signed else ""
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if low is None or high is None:
        return f"{100 * value:{sign}.1f}"
    return f"{100 * value:{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"
