"""A search for settings: candidates of every recipe on the same budget, chosen on validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.metrics import auroc
from crossbeat.evaluation.predictions import Predictions
from crossbeat.recipes.record import versions
from crossbeat.study.grid import HEAD, Cell
from crossbeat.study.kept import RECORD, hours_of, read_said
from crossbeat.study.work import Workshop

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which settings recipes should have: every model has the same number of candidates.

    Args:
        question: one sentence.
        cells: the point of a cell names the candidate.

    Raises:
        ConfigError: models have different budgets, candidates have different seeds, or a
            candidate comes twice or has no name.
    """

    question: str
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        named = [(cell.model, cell.point, cell.seed) for cell in self.cells]
        if len(set(named)) < len(named) or any(cell.point is None for cell in self.cells):
            raise ConfigError(
                "a search must have candidates with names of their own as points, got one without "
                "or the same twice; correct the study"
            )
        budgets = {model: len(names) for model, names in self.candidates.items()}
        if len(set(budgets.values())) != 1:
            raise ConfigError(
                "a search must have as many candidates for one model as for another, got "
                f"{budgets}; correct the study"
            )
        seeds: dict[str, set[int]] = {}
        for cell in self.cells:
            seeds.setdefault(f"{cell.model} {cell.point}", set()).add(cell.seed)
        first = next(iter(seeds))
        for name, others in seeds.items():
            if others != seeds[first]:
                raise ConfigError(
                    "a search must have every candidate on the same seeds, got "
                    f"{first} on {_shown(seeds[first])} and {name} on {_shown(others)}; "
                    "correct the study"
                )

    @property
    def candidates(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the candidates of each model, in the order of the cells."""
        found: dict[str, dict[str, None]] = {}
        for cell in self.cells:
            found.setdefault(cell.model, {})[str(cell.point)] = None
        return {model: tuple(names) for model, names in found.items()}


def choices_of(search: Search, workshop: Workshop) -> Json:
    """The validation AUROC of every finished candidate, and the best of each model.

    The AUROC is the mean over findings and seeds, by the labels of the validation split. A model
    is decided when all of its candidates are finished; the first of equals wins.

    Raises:
        DataError: nothing is finished yet, what a cell left is damaged, or a finding has one
            class only among the validation labels.
    """
    homes = {cell: workshop.home(cell) for cell in search.cells}
    done = [cell for cell, home in homes.items() if (home / RECORD).is_file()]
    if not done:
        raise DataError(f"{workshop.folder} must have finished cells, got none; run it further")
    scores: dict[str, dict[str, list[float]]] = {}
    for cell in done:
        reached = _mean_auroc(cell, read_said(homes[cell])[HEAD])
        scores.setdefault(cell.model, {}).setdefault(str(cell.point), []).append(reached)
    means = {
        model: {name: float(np.mean(values)) for name, values in each.items()}
        for model, each in scores.items()
    }
    missing = {cell.model for cell in search.cells if cell not in done}
    return {
        "question": search.question,
        "seeds": sorted({cell.seed for cell in done}),
        "validation": means,
        "chosen": {
            model: max(each, key=lambda name, each=each: each[name])  # type: ignore[misc]
            for model, each in means.items()
            if model not in missing
        },
        "hours": hours_of({cell: homes[cell] for cell in done}),
        "cells": {"finished": len(done), "all": len(search.cells)},
        "versions": versions(),
    }


def _mean_auroc(cell: Cell, said: Predictions) -> float:
    once = np.ones((1, len(said.val.targets)))
    columns = zip(said.findings, said.val.targets.T, said.val.scores.T, strict=True)
    values = {name: auroc(targets, scores, once)[0] for name, targets, scores in columns}
    undefined = [name for name, value in values.items() if np.isnan(value)]
    if undefined:
        raise DataError(
            f"validation patients must have positives and negatives of {', '.join(undefined)}, "
            f"got one class for {cell.title}; use a larger cohort"
        )
    return float(np.mean(list(values.values())))


def _shown(seeds: set[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))
