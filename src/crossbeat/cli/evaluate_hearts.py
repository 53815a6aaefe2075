"""``crossbeat evaluate RUN...`` for runs that predict cardiac measurements."""

import json
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import Tested
from crossbeat.cli.options import note
from crossbeat.errors import ConfigError
from crossbeat.evaluation.cautions import cautions
from crossbeat.evaluation.measurement_report import write_measurement_report
from crossbeat.evaluation.measurement_results import write_measurement_results
from crossbeat.evaluation.measurement_tables import print_sheets, sheets
from crossbeat.evaluation.results import external_notes
from crossbeat.recipes.record import versions
from crossbeat.study.heart_cells import said_of_heart
from crossbeat.study.heart_compare import Comparison, Runs, compared_hearts

Results = dict[str, Any]


def evaluate_hearts(
    tested: Tested, *, out: Path, report: Path | None, seed: int, as_json: bool
) -> None:
    """Evaluate runs on the test split, compare them with the first, and write the results.

    Args:
        tested: of the runs, the first recipe is the baseline, the second recipe is the method.
        out: file of the results.
        report: file of the HTML report; None for no report.
        seed: seed of the bootstrap.
    """
    results = _results(tested, seed)
    write_measurement_results(out, results)
    tested.record_metrics(results["models"])
    if report is not None:
        if len(results["models"]) < 2:
            raise ConfigError("--report must have two recipes to compare, got one; name more runs")
        from crossbeat.cli.heart_illustrations import illustrate_hearts  # needs the extra plots

        method = next(run for run in tested.runs if run.name == results["method"])
        write_measurement_report(report, results, illustrate_hearts(results, method, tested.cohort))
        note(f"report: {report}")
    if as_json:
        print(json.dumps(results, indent=1))
    else:
        print_sheets(sheets(results))
    for text in results["notes"]:
        note(text)
    note(f"results: {out}")


def _results(tested: Tested, seed: int) -> Results:
    said: dict[str, Runs] = {}
    cohort = tested.cohort
    for number, (run, own) in enumerate(zip(tested.runs, tested.own, strict=True)):
        virtual = all(each.info.name.startswith("virtual") for each in (own, cohort))
        told = said_of_heart(run, own, cohort, latent_limit=virtual and not number)
        for name, each in told.items():
            said.setdefault(name, {}).setdefault(run.name, {})[run.seed] = each
    names = list(dict.fromkeys(run.name for run in tested.runs))
    compared = compared_hearts(said, Comparison(names[:2][-1], names[0], seed=seed))
    cohorts = tested.in_results()
    return compared | {
        **cohorts,
        "seeds": sorted({run.seed for run in tested.runs}),
        "versions": versions(),
        "settings": {run.name: run.plan["settings"] for run in tested.runs},
        "notes": [*external_notes(cohorts), *cautions(compared)],
    }
