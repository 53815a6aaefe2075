"""``crossbeat demo``: virtual patients, training, comparison and report in one command."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from jsonargparse import Namespace

from crossbeat.cli.options import at_least, command, note, parse
from crossbeat.files import Json, remove_drafts, require_ours

_MARKS = ("cohort", "cohort.partial", "cohort.request.json", "results.json")
"""Any of these shows that a folder is of a demo."""


@dataclass(frozen=True)
class Demo:
    """A demo.

    Args:
        place: its folder, unless another is named.
        patients: how many, unless it is said.
        plan: what it does and how long it takes, in one sentence.
        script: name of the module whose ``script`` says what is done.
    """

    place: Path
    patients: int
    plan: str
    script: str


DEMOS: Mapping[str, Demo] = {
    "crossbeat": Demo(
        Path("runs/demo"),
        6000,
        "This demo simulates patients, trains an X-ray teacher and ECG models with and without it, "
        "and writes a report. It takes 4 to 10 minutes on two cores.",
        "crossbeat.cli.demo_crossbeat",
    ),
    "ptacl": Demo(
        Path("runs/demo-ptacl"),
        3200,
        "This demo simulates beating hearts, trains ECG models with and without cardiac MRI, and "
        "writes a report. It takes 7 to 15 minutes on two cores.",
        "crossbeat.cli.demo_ptacl",
    ),
}
"""By the recipe that each is about; heavy imports wait until the plan is printed."""


def run(arguments: list[str]) -> None:
    """Simulate, train, compare, report, and answer for one ECG."""
    parser = command("demo", "Simulate patients, train, compare and report in one command.")
    parser.add_argument("--recipe", type=Literal[*DEMOS], default="crossbeat")
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
        "--outside",
        type=int,
        default=None,
        help="labelled X-rays of other patients for the X-ray teacher of crossbeat; "
        "default: twice the patients",
    )
    parser.add_argument(
        "--abundant",
        type=int,
        default=None,
        help="patients with true labels for the limit of crossbeat; default: 9000",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of patients and training")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--preset", type=str, default="demo", help="size of all recipes")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments)
    at_least(options, workers=1)
    demo = DEMOS[options.recipe]
    out = options.out or demo.place
    require_ours(out, marks=_MARKS, what="the folder of a demo")
    remove_drafts(out)
    note(demo.plan)
    results = _played(options, demo, out)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        from crossbeat.report.words import sentence

        print(sentence(results))
    _go_on(out, options.recipe)


def _played(options: Namespace, demo: Demo, out: Path) -> Json:
    from crossbeat.cli.demo_runs import Asked, play
    from crossbeat.recipes.presets import preset_named

    asked = Asked(
        out=out,
        patients=demo.patients if options.patients is None else options.patients,
        outside=options.outside,
        abundant=options.abundant,
        seed=options.seed,
        workers=options.workers,
        preset=preset_named(options.preset),
    )
    return play(asked, import_module(demo.script).script(asked))


def _go_on(out: Path, recipe: str) -> None:
    """Three commands that a reader can run next."""
    from crossbeat.cli.simulate import write_example

    example = write_example(out / "example")
    crossbeat = _called()
    for what, words in (
        ("Open the report:", f"{sys.executable} -m webbrowser {out / 'report.html'}"),
        ("Ask the model about an ECG:", f"{crossbeat} predict {out / recipe} {example}"),
        (
            "Bring your own data:",
            f"{crossbeat} prepare files --table list.csv --findings edema --out cohorts/mine",
        ),
    ):
        note(f"{what}\n  {words}")


def _called() -> str:
    """How the user called this command, so that what is printed can be pasted."""
    given = Path(sys.argv[0])
    if given.name != "crossbeat" or shutil.which("crossbeat") == str(given):
        return "crossbeat"
    return str(given)
