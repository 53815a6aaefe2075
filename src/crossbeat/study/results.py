"""Results of predictions: what models reach, by how much they differ, and the limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare, compare_measured, estimate
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.evaluation.predictions import REDUCED, Predictions, Scored, screening
from crossbeat.evaluation.results import OWN_PATIENTS, cautions, part
from crossbeat.files import Json
from crossbeat.recipes import record
from crossbeat.study.grid import HEAD, Cell, Point, Study, groups, in_order, place
from crossbeat.study.kept import RECORD, Said, hours_of, predicted, read_said, versions_of
from crossbeat.study.said import LIMITS
from crossbeat.study.work import Workshop
from crossbeat.targets import SECOND

Runs = dict[str, dict[int, Said]]
"""What models say, by model and seed."""

_ALONE = (*LIMITS, *(f"{name} {limit}" for name, limits in LIMITS.items() for limit in limits))
"""What is measured patient by patient, and its reference values."""


@dataclass(frozen=True)
class Comparison:
    """The models to compare, and how: whether runs of one seed belong together."""

    method: str
    baseline: str
    extra: tuple[tuple[str, str], ...] = ()
    replicates: int = 1000
    seed: int = 0
    by_seed: bool = True

    def of(self, compare: Callable[..., Json], runs: Mapping[str, Mapping[int, Said]]) -> Json:
        """The models and their differences, computed by one of the functions that compare runs."""
        given: Mapping[str, Mapping[int, Said] | Sequence[Said]] = runs
        if not self.by_seed and compare is not compare_measured:
            given = {name: list(each.values()) for name, each in runs.items()}
        return compare(
            given,
            method=self.method if self.method in runs else self.baseline,
            baseline=self.baseline,
            seed=self.seed,
            replicates=self.replicates,
            extra=[pair for pair in self.extra if set(pair) <= set(runs)],
        )

    def alone(self, compare: Callable[..., Json], runs: Mapping[int, Said]) -> Json:
        """What one model reaches, or a reference that is not a model, without a comparison."""
        return estimate(runs, seed=self.seed, replicates=self.replicates, by=compare)


def compared(said: Mapping[str, Runs], how: Comparison, limits: Sequence[str] = ()) -> Json:
    """All parts of the results from what models say, by head or reading, model and seed."""
    left = {name: dict(runs) for name, runs in said.items()}
    whole_heads = left.pop(HEAD)
    heads = {name: runs for name, runs in whole_heads.items() if name not in limits}
    whole = how.of(compare, heads)
    told = {name: next(iter(left.pop(name).values())) for name in (LATENT, RATE) if name in left}
    told |= {name: whole_heads[name] for name in limits if name in whole_heads}
    if told:
        whole["limits"] = {name: how.alone(compare, runs) for name, runs in told.items()}
    for part_of in SECOND:  # of models that predict targets of several kinds
        if part_of in left:
            whole[part_of] = how.of(compare, left.pop(part_of))
    low = _screened(heads, how)
    measured = {name: left.pop(name) for name in _ALONE if name in left}
    readings = {
        name: _reading({m: each for m, each in runs.items() if m not in limits}, name, how)
        for name, runs in left.items()
    }
    whole |= {"readings": readings} if readings else {}
    whole |= {"screening": low} if low else {}
    for name, references in LIMITS.items():
        if name in measured:
            reached = {
                each: how.alone(compare_measured, next(iter(measured[f"{name} {each}"].values())))
                for each in references
            }
            whole |= part(name, how.of(compare_measured, measured[name]), reached)
    return whole


def _screened(heads: Runs, how: Comparison) -> Json:
    """Whether measurements are below their thresholds, as findings; nothing without any."""
    first = predicted(next(iter(heads[how.baseline].values())))
    if not set(REDUCED) <= set(first.names):
        return {}
    low = {
        name: {seed: screening(predicted(each)) for seed, each in runs.items()}
        for name, runs in heads.items()
    }
    return how.of(compare, low)


def _reading(runs: Runs, name: str, how: Comparison) -> Json:
    """The models of a reading; they are compared if the baseline has this reading."""
    if how.baseline in runs:
        found = how.of(compare, runs)
    else:
        found = {
            "models": {m: how.alone(compare, each) for m, each in runs.items()},
            "differences": {},
        }
    return {
        "models": {f"{model}, {name}": each for model, each in found["models"].items()},
        "differences": {
            " - ".join(f"{model}, {name}" for model in pair.split(" - ")): each
            for pair, each in found["differences"].items()
            if not pair.startswith(f"{how.baseline} - ")
        },
    }


@dataclass(frozen=True)
class Finished:
    """The finished cells of a study."""

    study: Study
    homes: Mapping[Cell, Path]

    @classmethod
    def of(cls, study: Study, workshop: Workshop) -> "Finished":
        """Find the cells that are finished now."""
        homes = {cell: workshop.home(cell) for cell in study.cells}
        return cls(study, {c: home for c, home in homes.items() if (home / RECORD).is_file()})

    def said(self, point: Point) -> dict[str, Runs]:
        """What models say at a point, by the name of the head or reading.

        A model is included at a seed once all its cells for that seed are finished.
        """
        found: dict[str, Runs] = {}
        for (model, _, seed), cells in groups(self.study.at(point)).items():
            if all(cell in self.homes for cell in cells):
                parts = [read_said(self.homes[cell]) for cell in cells]
                for name in in_order(parts):
                    several = [part[name] for part in parts if name in part]
                    merged = merge(several, self.study.told(name))
                    found.setdefault(name, {}).setdefault(model, {})[seed] = merged
        return found


def merge(parts: Sequence[Said], targets: Sequence[str]) -> Said:
    """Merge what the cells that form one model say; their targets differ."""
    first = parts[0]
    if not isinstance(first, Predictions):
        return first
    several = [each for each in parts if isinstance(each, Predictions)]
    told = [name for each in several for name in each.names]
    order = [told.index(name) for name in targets if name in told]
    splits: dict[str, Scored] = {}
    for split in ("val", "test"):
        scored: list[Scored] = [getattr(each, split) for each in several]
        if any(not np.array_equal(each.patients, scored[0].patients) for each in scored):
            raise ValueError("cells that form one model must have the same patients")
        splits[split] = Scored(
            np.hstack([each.targets for each in scored])[:, order],
            np.hstack([each.outputs for each in scored])[:, order],
            scored[0].patients,
        )
    return Predictions(first.kind, tuple(told[at] for at in order), **splits)


def results_of(finished: Finished, *, replicates: int = 1000) -> Json:
    """The results of the finished cells, along the axis if there is one."""
    study = finished.study
    at = {point: _at(finished, point, replicates) for point in study.points}
    found = {point: results for point, results in at.items() if results is not None}
    if not found:
        raise DataError(
            f"the study must have finished cells of {study.method!r} and of "
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
    study, said = finished.study, finished.said(point)
    named = (*study.models, *study.limits)
    heads = {name: said[HEAD][name] for name in named if name in said.get(HEAD, {})}
    if not {study.method, study.baseline} <= set(heads):
        return None
    how = Comparison(study.method, study.baseline, study.differences, replicates)
    try:
        found = compared({**said, HEAD: heads}, how, study.limits)
        _check_limits({name: heads.get(name, {}) for name in study.limits}, heads[study.baseline])
    except ValueError as error:
        raise DataError(f"the cells{place(point)} cannot be compared: {error}") from error
    told = {cell.model: cell for cell in reversed(study.at(point)) if cell in finished.homes}
    plans = {name: record.read_plan(finished.homes[told[name]]) for name in heads}
    runs = (each for name, each in heads.items() if name not in study.limits)
    return (
        {"limits": {}, "readings": {}}
        | found
        | {
            "cohort": record.described(plans[study.baseline]),
            "seeds": sorted({seed for each in runs for seed in each}),
            "settings": {name: plan["settings"] for name, plan in plans.items()},
        }
    )


def _check_limits(limits: Mapping[str, Mapping[int, Said]], baseline: Mapping[int, Said]) -> None:
    for name, runs in limits.items():
        for seed in runs.keys() & baseline.keys():
            one, other = (predicted(each[seed]).test.patients for each in (runs, baseline))
            if not np.array_equal(one, other):
                raise ValueError(f"limit {name} must have the same test samples as the baseline")


def notes_of(finished: Finished, absent: Sequence[Point] = ()) -> list[str]:
    """Notes for readers of the results."""
    study = finished.study
    missing = len(study.cells) - len(finished.homes)
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
