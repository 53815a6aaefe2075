"""Tables on the terminal."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossbeat.files import Json


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, below its title if it has one; of a fixed width if this is no terminal."""
    table = Table()
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "default", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    if title:
        console.print(Text(title, style="italic"))
    console.print(table)


def show(results: Json, *, as_json: bool, own_patients: bool = False) -> None:
    """Print what models reach and their paired differences, as tables or as JSON.

    Args:
        own_patients: whether every seed has its own patients.
    """
    if as_json:
        print(json.dumps(results, indent=1))
        return
    from crossbeat.report.tables import sheets

    for sheet in sheets(results, own_patients=own_patients):
        print_table(sheet.title, sheet.header, sheet.texts())
