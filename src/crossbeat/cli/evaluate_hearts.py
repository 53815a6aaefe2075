"""``crossbeat evaluate RUN...`` for runs that predict cardiac measurements."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crossbeat.cli.options import note
from crossbeat.data.cohort import Cohort
from crossbeat.deploy import record_metrics
from crossbeat.errors import ConfigError
from crossbeat.evaluation.cautions import cautions
from crossbeat.evaluation.phenotype_report import write_phenotype_report
from crossbeat.evaluation.phenotype_results import write_phenotype_results
from crossbeat.evaluation.phenotype_tables import print_sheets, sheets
from crossbeat.recipes.record import described, versions
from crossbeat.recipes.run import Run
from crossbeat.study.heart_cells import said_of_heart
from crossbeat.study.heart_compare import Comparison, Runs, compared_hearts

Results = dict[str, Any]


def evaluate_hearts(
    runs: Sequence[Run], cohort: Cohort, *, out: Path, report: Path | None, seed: int, as_json: bool
) -> None:
    """Evaluate runs on the test split, compare them with the first, and write the results.

    Args:
        runs: the first recipe is the baseline, the second recipe is the method.
        out: file of the results.
        report: file of the HTML report; None for no report.
        seed: seed of the bootstrap.
    """
    results = _results(runs, cohort, seed)
    write_phenotype_results(out, results)
    for run in runs:
        if (run.folder / "model").is_dir():
            record_metrics(run.folder / "model", results["models"][run.name])
    if report is not None:
        if len(results["models"]) < 2:
            raise ConfigError("--report must have two recipes to compare, got one; name more runs")
        from crossbeat.cli.heart_illustrations import illustrate_hearts  # needs the extra plots

        method = next(run for run in runs if run.name == results["method"])
        write_phenotype_report(report, results, illustrate_hearts(results, method, cohort))
        note(f"report: {report}")
    if as_json:
        print(json.dumps(results, indent=1))
    else:
        print_sheets(sheets(results))
    for text in results["notes"]:
        note(text)
    note(f"results: {out}")


def _results(runs: Sequence[Run], cohort: Cohort, seed: int) -> Results:
    said: dict[str, Runs] = {}
    virtual = cohort.info.name.startswith("virtual")
    for number, run in enumerate(runs):
        told = said_of_heart(run, cohort, cohort, latent_limit=virtual and not number)
        for name, each in told.items():
            said.setdefault(name, {}).setdefault(run.name, {})[run.seed] = each
    names = list(dict.fromkeys(run.name for run in runs))
    compared = compared_hearts(said, Comparison(names[:2][-1], names[0], seed=seed))
    return compared | {
        "cohort": described(runs[0].plan),
        "seeds": sorted({run.seed for run in runs}),
        "versions": versions(),
        "settings": {run.name: run.plan["settings"] for run in runs},
        "notes": cautions(compared),
    }
