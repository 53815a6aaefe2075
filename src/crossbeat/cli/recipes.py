"""``crossbeat recipes``."""

import json

from crossbeat.cli.options import command, parse


def run(arguments: list[str]) -> None:
    """List the recipes."""
    parser = command("recipes", "List the recipes.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parse(parser, arguments)
    from crossbeat.recipes import SUMMARIES

    if options.json:
        print(json.dumps(SUMMARIES, indent=1))
        return
    from crossbeat.cli.tables import print_table

    print_table("Recipes", ["recipe", "summary"], [list(row) for row in SUMMARIES.items()])
