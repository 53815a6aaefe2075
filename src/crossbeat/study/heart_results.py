"""Results of the finished cells of a study of recipes with cine MRI."""

from typing import Any

from crossbeat.errors import DataError
from crossbeat.evaluation.cautions import cautions
from crossbeat.recipes import HeartRecipe, record
from crossbeat.study.grid import HEAD, Study
from crossbeat.study.heart_compare import Comparison, Runs, compared_hearts
from crossbeat.study.kept import hours_of, versions_of
from crossbeat.study.results import Finished, check_limits, notes_of

Json = dict[str, Any]


def is_of_hearts(study: Study) -> bool:
    """Whether the recipes of a study predict cardiac measurements rather than findings."""
    return all(isinstance(cell.recipe, HeartRecipe) for cell in study.cells)


def results_of_hearts(finished: Finished, *, replicates: int = 1000) -> Json:
    """The results of the finished cells of a study.

    Args:
        replicates: number of bootstrap samples.

    Raises:
        DataError: there is nothing to compare yet, a file of a cell is damaged, or cells of one
            seed have different test patients.
    """
    study = finished.study
    said = _by_name(finished)
    named = (*study.models, *study.limits)
    heads = {name: said[HEAD][name] for name in named if name in said.get(HEAD, {})}
    if not {study.method, study.baseline} <= set(heads):
        raise DataError(
            f"the study must have finished cells of {study.method!r} and of {study.baseline!r}, "
            f"got {len(finished.homes)} of {len(study.cells)} cells; run the study to the end"
        )
    how = Comparison(study.method, study.baseline, study.differences, replicates)
    try:
        compared = compared_hearts({**said, HEAD: heads}, how, study.limits)
        check_limits({name: heads.get(name, {}) for name in study.limits}, heads[study.baseline])
    except ValueError as error:
        raise DataError(f"the cells of the study cannot be compared: {error}") from error
    told = {cell.model: cell for cell in reversed(study.cells) if cell in finished.homes}
    plans = {name: record.read_plan(finished.homes[told[name]]) for name in heads}
    return compared | {
        "question": study.question,
        "cohort": record.described(plans[study.baseline]),
        "seeds": sorted({seed for each in heads.values() for seed in each}),
        "settings": {name: plan["settings"] for name, plan in plans.items()},
        "versions": versions_of(finished.homes.values()),
        "hours": hours_of(finished.homes),
        "cells": {"finished": len(finished.homes), "all": len(study.cells)},
        "notes": [*notes_of(finished), *cautions(compared)],
    }


def _by_name(finished: Finished) -> dict[str, Runs]:
    """Predictions of each model at each seed, by the name of the head or reading."""
    found: dict[str, Runs] = {}
    for cell, told in finished.told():
        for name, each in told.items():
            found.setdefault(name, {}).setdefault(cell.model, {})[cell.seed] = each
    return found
