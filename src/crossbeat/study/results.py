"""Results of the finished cells of a study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crossbeat.errors import DataError
from crossbeat.evaluation.cautions import OWN_PATIENTS, cautions
from crossbeat.evaluation.compare import compare, estimate
from crossbeat.evaluation.estimates import Estimates
from crossbeat.evaluation.names import LATENT
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.recipes import record
from crossbeat.study.grid import HEAD, Cell, Point, Study, groups, in_order, place
from crossbeat.study.kept import RECORD, hours_of, read_said, versions_of
from crossbeat.study.work import Workshop

Json = dict[str, Any]
Said = dict[str, dict[int, Predictions]]
"""Predictions by model and seed."""

_SEED = 0


@dataclass(frozen=True)
class Finished:
    """The finished cells of a study.

    Args:
        homes: the folder of each finished cell.
    """

    study: Study
    homes: Mapping[Cell, Path]

    @classmethod
    def of(cls, study: Study, workshop: Workshop) -> "Finished":
        """Find the cells that are finished now."""
        homes = {cell: workshop.home(cell) for cell in study.cells}
        return cls(study, {c: home for c, home in homes.items() if (home / RECORD).is_file()})

    def said(self, point: Point) -> dict[str, Said]:
        """The predictions at a point, by the name of the head or reading.

        A model is included at a seed once all its cells for that seed are finished.
        """
        found: dict[str, Said] = {}
        for (model, _, seed), cells in groups(self.study.at(point)).items():
            if all(cell in self.homes for cell in cells):
                parts = [read_said(self.homes[cell]) for cell in cells]
                for name in in_order(parts):
                    told = self.study.told(name)
                    merged = merge([part[name] for part in parts if name in part], told)
                    found.setdefault(name, {}).setdefault(model, {})[seed] = merged
        return found

    def told(self) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """Each finished cell with its predictions by name."""
        for cell, home in self.homes.items():
            yield cell, read_said(home)

    def missing(self) -> int:
        """The number of cells that are not finished."""
        return len(self.study.cells) - len(self.homes)


def merge(parts: Sequence[Predictions], findings: Sequence[str]) -> Predictions:
    """Merge the predictions of the cells that form one model; their findings differ.

    Args:
        findings: findings of all parts, in the order of the columns.

    Raises:
        ValueError: the parts have different patients.
    """
    told = [finding for part in parts for finding in part.findings]
    order = [told.index(finding) for finding in findings]
    splits: dict[str, Scored] = {}
    for split in ("val", "test"):
        scored: list[Scored] = [getattr(part, split) for part in parts]
        if any(not np.array_equal(each.patients, scored[0].patients) for each in scored):
            raise ValueError("cells that form one model must have the same patients")
        splits[split] = Scored(
            np.hstack([each.targets for each in scored])[:, order],
            np.hstack([each.scores for each in scored])[:, order],
            scored[0].patients,
        )
    return Predictions(tuple(findings), **splits)


def results_of(study: Study, workshop: Workshop, *, replicates: int = 1000) -> Json:
    """The results of the finished cells, along the axis if there is one.

    Args:
        replicates: number of bootstrap samples.

    Raises:
        DataError: there is nothing to compare yet, a file of a cell is damaged, or cells of one
            seed have different test patients.
    """
    finished = Finished.of(study, workshop)
    at = {point: _at(finished, point, replicates) for point in study.points}
    found = {point: results for point, results in at.items() if results is not None}
    if not found:
        raise DataError(
            f"{workshop.folder} must have finished cells of {study.method!r} and of "
            f"{study.baseline!r}, got {len(finished.homes)} of {len(study.cells)} cells; "
            "run the study to the end"
        )
    whole: Json = {
        "question": study.question,
        "versions": versions_of(finished.homes.values()),
        "hours": hours_of(finished.homes),
        "cells": {"finished": len(finished.homes), "all": len(study.cells)},
        "notes": [
            *notes_of(finished, [point for point in at if point not in found]),
            *dict.fromkeys(text for each in found.values() for text in cautions(each)),
        ],
    }
    if not study.axis:
        return whole | found[None]
    return whole | {
        "axis": study.axis,
        "points": [{"at": point} | results for point, results in found.items()],
    }


def _at(finished: Finished, point: Point, replicates: int) -> Json | None:
    """The results at a point; None if the method or the baseline has no finished seed."""
    study = finished.study
    said = finished.said(point)
    heads = said.pop(HEAD, {})
    latent = said.pop(LATENT, {})
    runs = {name: heads[name] for name in study.models if name in heads}
    if not {study.method, study.baseline} <= set(runs):
        return None
    limits = {name: heads[name] for name in study.limits if name in heads}
    if latent:
        limits = {LATENT: next(iter(latent.values()))} | limits
    try:
        compared = _compared(runs, study, replicates)
        check_limits(limits, runs[study.baseline])
    except ValueError as error:
        raise DataError(f"the cells{place(point)} cannot be compared: {error}") from error
    told = {cell.model: cell for cell in reversed(study.at(point)) if cell in finished.homes}
    plans = {name: record.read_plan(finished.homes[told[name]]) for name in heads}
    return compared | {
        "cohort": record.described(plans[study.baseline]),
        "seeds": sorted({seed for each in runs.values() for seed in each}),
        "settings": {name: plan["settings"] for name, plan in plans.items()},
        "limits": {name: _estimate(each, replicates) for name, each in limits.items()},
        "readings": _readings(said, study, replicates),
    }


def check_limits(
    limits: Mapping[str, Mapping[int, Predictions | Estimates]],
    baseline: Mapping[int, Predictions | Estimates],
) -> None:
    """Check that the limits and the baseline have the same test patients.

    Args:
        limits: predictions of each limit by seed.
        baseline: predictions of the baseline by seed.

    Raises:
        ValueError: the test patients of a seed differ.
    """
    for name, runs in limits.items():
        for seed in runs.keys() & baseline.keys():
            if not np.array_equal(runs[seed].test.patients, baseline[seed].test.patients):
                raise ValueError(f"limit {name} must have the same test samples as the baseline")


def _readings(said: Mapping[str, Said], study: Study, replicates: int) -> Json:
    """The models of each reading; they are compared if the baseline has this reading."""
    found: Json = {}
    for name, runs in said.items():
        compared: Json
        if study.baseline in runs:
            compared = _compared(runs, study, replicates)
        else:
            models = {model: _estimate(each, replicates) for model, each in runs.items()}
            compared = {"models": models, "differences": {}}
        found[name] = as_reading(compared, name, study.baseline)
    return found


def as_reading(compared: Json, name: str, baseline: str) -> Json:
    """Add the name of a reading to the names of models and differences.

    Args:
        name: name of the reading.
        baseline: the model whose own differences are left out.
    """
    return {
        "models": {f"{model}, {name}": each for model, each in compared["models"].items()},
        "differences": {
            " - ".join(f"{model}, {name}" for model in pair.split(" - ")): each
            for pair, each in compared["differences"].items()
            if not pair.startswith(f"{baseline} - ")
        },
    }


def _compared(runs: Said, study: Study, replicates: int) -> Json:
    return compare(
        runs,
        method=study.method if study.method in runs else study.baseline,
        baseline=study.baseline,
        seed=_SEED,
        replicates=replicates,
        extra=[pair for pair in study.differences if set(pair) <= set(runs)],
    )


def _estimate(runs: Mapping[int, Predictions], replicates: int) -> Json:
    return estimate(runs, seed=_SEED, replicates=replicates)


def notes_of(finished: Finished, absent: Sequence[Point] = ()) -> list[str]:
    """Notes for readers of the results.

    Args:
        absent: points of the axis where nothing can be compared.
    """
    study, missing = finished.study, finished.missing()
    notes = []
    if study.own_patients:
        notes.append(OWN_PATIENTS)
    if missing:
        notes.append(
            f"Unfinished: {missing} of {len(study.cells)} cells are missing; every comparison uses "
            "the seeds that both of its models have."
        )
    if absent and study.axis:
        shown = ", ".join(str(point) for point in absent)
        notes.append(f"Left out because nothing can be compared there yet: {study.axis} {shown}.")
    return notes
