"""What a study of recipes with cine MRI has found: results of whatever cells are finished."""

from collections.abc import Mapping
from typing import Any

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.estimates import Estimates
from crossbeat.evaluation.measured import Measured, compare_measured
from crossbeat.evaluation.names import LATENT
from crossbeat.evaluation.phenotype_compare import compare_phenotypes, estimate_phenotypes
from crossbeat.evaluation.phenotype_results import part
from crossbeat.evaluation.screening import REDUCED, screening
from crossbeat.recipes import HeartRecipe, record
from crossbeat.recipes.record import versions
from crossbeat.study.grid import HEAD, Study
from crossbeat.study.heart_cells import LIMITS, PROBE
from crossbeat.study.kept import hours_of
from crossbeat.study.results import Finished, as_reading, notes_of
from crossbeat.study.work import Workshop

Json = dict[str, Any]
Runs = dict[str, dict[int, Any]]

_SEED = 0


def tells_of_hearts(study: Study) -> bool:
    """Whether a study is about measures of the heart rather than findings."""
    return all(isinstance(cell.recipe, HeartRecipe) for cell in study.cells)


def results_of_hearts(study: Study, workshop: Workshop, *, replicates: int = 1000) -> Json:
    """The results of what is finished.

    Args:
        replicates: number of resamples.

    Raises:
        DataError: there is nothing to compare yet, what a cell left is damaged, or cells of one
            seed have different test patients.
    """
    finished = Finished.of(study, workshop)
    said = _by_name(finished)
    heads = {name: said[HEAD][name] for name in study.models if name in said.get(HEAD, {})}
    if not {study.method, study.baseline} <= set(heads):
        raise DataError(
            f"{workshop.folder} must have finished cells of {study.method!r} and of "
            f"{study.baseline!r}, got {len(finished.homes)} of {len(study.cells)} cells; "
            "run the study further"
        )
    try:
        compared = _all_compared(study, said, heads, replicates)
    except ValueError as error:
        raise DataError(f"the cells of {workshop.folder} do not compare: {error}") from error
    told = {cell.model: cell for cell in reversed(study.cells) if cell in finished.homes}
    plans = {name: record.read_plan(finished.homes[told[name]]) for name in heads}
    return compared | {
        "question": study.question,
        "cohort": record.described(plans[study.baseline]),
        "seeds": sorted({seed for each in heads.values() for seed in each}),
        "settings": {name: plan["settings"] for name, plan in plans.items()},
        "versions": versions(),
        "hours": hours_of(finished.homes),
        "cells": {"finished": len(finished.homes), "all": len(study.cells)},
        "notes": notes_of(finished),
    }


def _by_name(finished: Finished) -> dict[str, Runs]:
    """What models said at each seed, by the name of what they said."""
    found: dict[str, Runs] = {}
    for cell, told in finished.told():
        for name, each in told.items():
            found.setdefault(name, {}).setdefault(cell.model, {})[cell.seed] = each
    return found


def _all_compared(study: Study, said: Mapping[str, Runs], heads: Runs, replicates: int) -> Json:
    whole = _compared(study, heads, replicates)
    latent = said.get(LATENT, {})
    if latent:
        limit: Mapping[int, Estimates] = next(iter(latent.values()))
        whole["limits"] = {LATENT: estimate_phenotypes(limit, seed=_SEED, replicates=replicates)}
    probes = said.get(PROBE, {})
    if {study.method, study.baseline} <= set(probes):
        read = _compared(study, probes, replicates)
        whole["readings"] = {PROBE: as_reading(read, PROBE, study.baseline)}
    if set(REDUCED) <= set(next(iter(heads[study.baseline].values())).phenotypes):
        low = {name: {s: screening(e) for s, e in each.items()} for name, each in heads.items()}
        whole["screening"] = compare(
            low,
            method=study.method,
            baseline=study.baseline,
            seed=_SEED,
            replicates=replicates,
        )
    for name, limits in LIMITS.items():
        if name in said:
            whole |= _measured(study, said, name, limits, replicates)
    return whole


def _compared(study: Study, runs: Mapping[str, Mapping[int, Estimates]], replicates: int) -> Json:
    return compare_phenotypes(
        runs,
        method=study.method,
        baseline=study.baseline,
        seed=_SEED,
        replicates=replicates,
        extra=[pair for pair in study.differences if set(pair) <= set(runs)],
    )


def _measured(
    study: Study, said: Mapping[str, Runs], name: str, limits: tuple[str, ...], replicates: int
) -> Json:
    def told(runs: Mapping[str, Mapping[int, Measured]]) -> Json:
        return compare_measured(
            runs,
            method=study.method,
            baseline=study.baseline,
            seed=_SEED,
            replicates=replicates,
            extra=[pair for pair in study.differences if set(pair) <= set(runs)],
        )

    reached: Json = {}
    for limit in limits:
        runs = next(iter(said[f"{name} {limit}"].values()))
        reached[limit] = told({limit: runs})["models"][limit]
    return part(name, told(said[name]), reached)
