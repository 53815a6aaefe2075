"""``crossbeat study NAME``: a grid of runs as one job that can be stopped, resumed and shared."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crossbeat.cli.options import at_least, command, note, parse
from crossbeat.cli.tables import print_table, show
from crossbeat.errors import ConfigError
from crossbeat.evaluation import names
from crossbeat.evaluation.results import write_results
from crossbeat.files import Json, ReadJson, remove_drafts, require_ours, write_whole
from crossbeat.report.tables import candidates, markdown, markdown_candidates
from crossbeat.study.grid import Study
from crossbeat.study.kept import read_record
from crossbeat.study.load import path_of, study_named
from crossbeat.study.results import Finished, results_of
from crossbeat.study.search import Search, choices_of
from crossbeat.study.work import Workshop
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task, share


def run(arguments: list[str]) -> None:
    """Run the missing cells of a study, then report the finished cells."""
    parser = command(
        "study", "Run the cells of a study that are not finished yet, then write the report."
    )
    parser.add_argument("name", type=str, help="name of a file in studies/, or path of a .py file")
    parser.add_argument(
        "--out", type=Path, default=None, help="folder of the study; default: runs/studies/NAME"
    )
    parser.add_argument(
        "--shared",
        type=Path,
        default=None,
        help="folder of the cohorts and phases that studies share; default: shared, next to --out",
    )
    parser.add_argument(
        "--workers", type=int, default=min(2, os.cpu_count() or 1), help="number of processes"
    )
    parser.add_argument(
        "--small", action="store_true", help="use small settings, only to check that it runs"
    )
    parser.add_argument(
        "--report_only", action="store_true", help="train nothing; report the finished cells"
    )
    parser.add_argument("--trainer", type=TrainerSettings, default=TrainerSettings())
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments, {"trainer": "TrainerSettings"})
    at_least(options, workers=1)
    study = study_named(options.name, small=options.small)
    called = path_of(options.name).stem + ("-small" if options.small else "")
    out = options.out or Path("runs/studies") / called
    trainer = replace(options.trainer, progress=options.trainer.progress and options.workers == 1)
    shared = options.shared or out.parent / "shared"
    require_ours(out, marks=("cells", "results.json"), what="the folder of a study")
    for place in (out, shared):
        remove_drafts(place)
    workshop = Workshop(folder=out, shared=shared, trainer=trainer)
    if not options.report_only:
        _run(workshop.tasks(study.cells), options.workers)
    if isinstance(study, Search):
        _report_search(choices_of(study, workshop), out, as_json=options.json)
    else:
        results = results_of(Finished.of(study, workshop))
        _report(results, study, out, as_json=options.json)


def _run(tasks: Sequence[Task], workers: int) -> None:
    left = [task for task in tasks if not task.is_done()]
    before, started = len(tasks) - len(left), time.monotonic()
    note(f"{before} of {len(tasks)} cells are finished")
    for count, task in enumerate(share(left, workers=workers), start=1):
        each = (time.monotonic() - started) / count
        more = len(left) - count
        seconds = read_record(task.result.parent)["seconds"]
        note(
            f"finished {before + count} of {len(tasks)}: {task.name} ({seconds:.0f} s)"
            + (f"; about {_duration(each * more)} left" if more else "")
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _report(results: Json, study: Study, out: Path, *, as_json: bool) -> None:
    write_results(out / "results.json", results)
    write_whole(out / "table.md", "\n".join(markdown(results)) + "\n")
    _draw(results, out / "figure.png")
    show(results, as_json=as_json, own_patients=study.own_patients)
    for text in results["notes"]:
        note(text)
    note(f"results: {out / 'results.json'}")


def _report_search(found: ReadJson, out: Path, *, as_json: bool) -> None:
    write_whole(out / "results.json", json.dumps(found, indent=1) + "\n")
    write_whole(out / "table.md", "\n".join(markdown_candidates(found)) + "\n")
    if as_json:
        print(json.dumps(found, indent=1))
        return
    rows = [[*told, "chosen" * chosen] for *told, chosen in candidates(found)]
    metric = names.metric(found["metric"])
    header = ["model", "candidate", metric, ""]
    print_table(f"Validation {metric} in percent, mean over targets", header, rows)
    note(f"results: {out / 'results.json'}")


def _draw(results: ReadJson, path: Path) -> None:
    try:
        from crossbeat.report.forests import (
            along,
            comparisons,  # need the extra plots
        )
    except ConfigError as error:
        note(f"no figure: {error}")
        return
    figure = along(results) if "points" in results else comparisons(results)
    write_whole(path, lambda file: figure.savefig(file, format="png", dpi=110, facecolor="white"))
