"""``crossbeat show RECIPE``."""

import json

from crossbeat.cli.options import command, note, parse
from crossbeat.cli.tables import print_table
from crossbeat.files import Json


def run(arguments: list[str]) -> None:
    """Show the settings of a recipe."""
    parser = command("show", "Show the settings of a recipe.")
    parser.add_argument("recipe", type=str, help="a name that 'crossbeat recipes' lists")
    parser.add_argument("--preset", type=str, default="published", help="published or demo")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parse(parser, arguments)
    from crossbeat.recipes import SUMMARIES
    from crossbeat.recipes.presets import preset_named
    from crossbeat.recipes.settings import recipe_named, to_plain

    recipe = preset_named(options.preset)(recipe_named(options.recipe))
    settings = to_plain(recipe)
    if options.json:
        print(json.dumps(settings, indent=1))
        return
    rows = [[name, value] for name, value in _flat(settings, "")]
    print_table(f"{options.recipe}: {SUMMARIES[options.recipe]}", ["setting", "value"], rows)
    note(f"crossbeat train {options.recipe} --help explains each setting")


def _flat(settings: Json, prefix: str) -> list[tuple[str, str]]:
    rows = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", _text(value)))
    return rows


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
