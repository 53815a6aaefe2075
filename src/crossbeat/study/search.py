"""Search for settings: each recipe has equally many candidates, compared on validation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.predictions import Predictions
from crossbeat.files import Json
from crossbeat.study.grid import HEAD, Cell
from crossbeat.study.kept import RECORD, hours_of, predicted, read_said, versions_of
from crossbeat.study.work import Workshop


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for the best settings; every model has the same number of candidates.

    Args:
        question: the question in one sentence.
        cells: the runs; the point of a cell names its candidate.

    Raises:
        ConfigError: models have different numbers of candidates, candidates have different seeds,
            or a candidate has no name or the name of another one.
    """

    question: str
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        named = [(cell.model, cell.point, cell.seed) for cell in self.cells]
        if len(set(named)) < len(named) or any(cell.point is None for cell in self.cells):
            raise ConfigError(
                "a search must have candidates with unique names as points, got no name or the "
                "same name twice; correct the study"
            )
        budgets = {model: len(names) for model, names in self.candidates.items()}
        if len(set(budgets.values())) != 1:
            raise ConfigError(
                "a search must have the same number of candidates for every model, got "
                f"{budgets}; correct the study"
            )
        seeds: dict[str, set[int]] = {}
        for cell in self.cells:
            seeds.setdefault(f"{cell.model} {cell.point}", set()).add(cell.seed)
        first = next(iter(seeds))
        for name, others in seeds.items():
            if others != seeds[first]:
                raise ConfigError(
                    "a search must run every candidate with the same seeds, got "
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
    """The leading metric of every finished candidate on validation, and the best of each model.

    It is the mean over targets and seeds: the AUROC by the labels of the validation split, or R².
    A model has a choice once all its candidates are finished; the first of equal ones is chosen.
    """
    homes = {cell: workshop.home(cell) for cell in search.cells}
    done = [cell for cell, home in homes.items() if (home / RECORD).is_file()]
    if not done:
        raise DataError(f"{workshop.folder} must have finished cells, got none; run the search")
    scores: dict[str, dict[str, list[float]]] = {}
    said = {cell: predicted(read_said(homes[cell])[HEAD]) for cell in done}
    for cell in done:
        reached = _reached(cell, said[cell])
        scores.setdefault(cell.model, {}).setdefault(str(cell.point), []).append(reached)
    means = {
        model: {name: float(np.mean(values)) for name, values in each.items()}
        for model, each in scores.items()
    }
    finished = {cell: homes[cell] for cell in done}
    missing = {cell.model for cell in search.cells if cell not in done}
    return {
        "question": search.question,
        "seeds": sorted({cell.seed for cell in done}),
        "metric": said[done[0]].kind.leads,
        "validation": means,
        "chosen": {
            model: max(each, key=lambda name, each=each: each[name])  # type: ignore[misc]
            for model, each in means.items()
            if model not in missing
        },
        "hours": hours_of(finished),
        "cells": {"finished": len(done), "all": len(search.cells)},
        "versions": versions_of(finished.values()),
    }


def _reached(cell: Cell, said: Predictions) -> float:
    """The leading metric on validation: the mean over targets."""
    targets, outputs = map(torch.from_numpy, (said.val.targets, said.val.outputs))
    values = {
        name: said.kind.score(targets[:, [at]], outputs[:, [at]])
        for at, name in enumerate(said.names)
    }
    undefined = [name for name, value in values.items() if np.isnan(value)]
    if undefined:
        raise DataError(
            f"validation patients must differ in {', '.join(undefined)}, got the same value of all "
            f"of them for {cell.title}; use a larger cohort"
        )
    return float(np.mean(list(values.values())))


def _shown(seeds: set[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))
