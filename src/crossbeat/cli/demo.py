"""``crossbeat demo``: the whole way on virtual patients, in some minutes on two cores."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbeat.cli.demo_hearts import heart_demo, print_by_model
from crossbeat.cli.demo_runs import Asked
from crossbeat.cli.demo_xray import ABUNDANT, xray_demo
from crossbeat.cli.examples import write_example
from crossbeat.cli.options import command, note, parse
from crossbeat.cli.tables import print_models
from crossbeat.errors import ConfigError, suggestion
from crossbeat.recipes.presets import preset_named

Results = dict[str, Any]


@dataclass(frozen=True)
class Demo:
    """A demo.

    Args:
        place: its folder, unless another is named.
        patients: how many, unless it is said: what two cores make something of in some minutes.
        make: trains, writes everything and gives the results.
        tell: prints them.
    """

    place: Path
    patients: int
    make: Callable[[Asked], Results]
    tell: Callable[[Results], None]


DEMOS: Mapping[str, Demo] = {
    "cromotex": Demo(Path("runs/demo"), 6000, xray_demo, print_models),
    "ptacl": Demo(Path("runs/demo-ptacl"), 3200, heart_demo, print_by_model),
}
"""By the recipe that each is about."""


def run(arguments: list[str]) -> None:
    """Simulate, train, compare, report, and answer for one ECG."""
    parser = command("demo", "The whole way on virtual patients: train, compare, report.")
    parser.add_argument("--recipe", type=str, default="cromotex", help=" or ".join(DEMOS))
    places = ", ".join(f"{demo.place} ({name})" for name, demo in DEMOS.items())
    parser.add_argument("--out", type=Path, default=None, help=f"default: {places}")
    numbers = ", ".join(f"{demo.patients} ({name})" for name, demo in DEMOS.items())
    parser.add_argument(
        "--patients",
        type=int,
        default=None,
        help=f"half of them are for training; default: {numbers}",
    )
    parser.add_argument(
        "--abundant",
        type=int,
        default=None,
        help=f"patients for the limits of cromotex; default: {ABUNDANT}",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--preset", type=str, default="demo")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments)
    demo = _demo_of(options.recipe)
    out = options.out or demo.place
    asked = Asked(
        out=out,
        patients=demo.patients if options.patients is None else options.patients,
        abundant=options.abundant,
        seed=options.seed,
        workers=options.workers,
        preset=preset_named(options.preset),
    )
    results = demo.make(asked)
    example = write_example(out / "example")
    note(f"now try: crossbeat predict {out / options.recipe} {example}")
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        demo.tell(results)
    note(f"report: {out / 'report.html'}")
    note(f"results: {out / 'results.json'}")
    note(f"model: {out / options.recipe / 'model'}")


def _demo_of(recipe: str) -> Demo:
    if recipe not in DEMOS:
        raise ConfigError(
            f"--recipe must be one of {', '.join(DEMOS)}, got {recipe!r}"
            f"{suggestion(recipe, DEMOS)}; crossbeat train takes every recipe"
        )
    return DEMOS[recipe]
