"""Train recipes without what each process draws or averages for itself.

As a script with the folders of both cohorts and of the results, it is one of two processes.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from small_recipes import DISTINCT, EVERYTHING, HEARTS, QUIET, small
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.modalities import EcgModel
from crossbeat.recipes.phases import VcgViews
from crossbeat.training import Optimisation, run_phases

CASES = {name: (name, {}) for name in DISTINCT} | {
    f"{name}-everything": (name, EVERYTHING[name]) for name in ("crossbeat", "ptacl")
}
"""Recipes with steps of their own, and two with all that they may leave out by default."""


def without_draws(name: str, changes: dict[str, Any]) -> Any:
    """A small recipe whose views change nothing, without dropout, with steps above rounding."""
    recipe = small(name, **changes)
    still: dict[str, Any] = {}
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if isinstance(value, VcgViews):
            still[field.name] = VcgViews(angle=0.0, scale=1.0, mask=0.0)
        if isinstance(value, EcgModel):
            still[field.name] = replace(value, dropout=0.0)
        if isinstance(value, Optimisation):
            still[field.name] = replace(value, learning_rate=0.03)
    for setting in ("temperature", "local_temperature"):
        if name in HEARTS and hasattr(recipe, setting):
            still[setting] = 1.0  # untrained hearts are alike: 0.1 magnifies rounding
    return replace(recipe, **still)


def without_batch_statistics(parts: nn.Module) -> None:
    for name, child in parts.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(parts, name, nn.GroupNorm(1, child.num_features))
        without_batch_statistics(child)


def first(*shape: int, share: float, generator: torch.Generator) -> Tensor:
    """Hide the first patches instead of random ones."""
    hidden = torch.zeros(shape, dtype=torch.bool)
    hidden[..., : round(share * shape[-1])] = True
    return hidden


@contextmanager
def plain() -> Iterator[None]:
    """Mask the same patches in every process, and take steps in proportion to the gradient.

    The steps of AdamW are the same for twice the gradient, and as long for rounding errors as for
    gradients.
    """
    with ExitStack() as stack:
        for name in ("random_patches", "tubes", "moments"):
            stack.enter_context(patch(f"crossbeat.recipes.masked.{name}", first))
        stack.enter_context(patch("torch.optim.AdamW", torch.optim.SGD))
        yield


def trained(case: str, cohort: Cohort, folder: Path, *, devices: int) -> dict[str, Any]:
    """The weights at the start and at the end, and the history of each phase."""
    recipe = without_draws(*CASES[case])
    parts = recipe.parts(cohort.info, 0)
    without_batch_statistics(parts)
    start = {name: value.clone() for name, value in parts.state_dict().items()}
    phases, settings = recipe.phases(parts, cohort, 0), replace(QUIET, devices=devices)
    with plain():
        records = run_phases(phases, parts, folder, seed=0, trainer=settings)
    history = {record.name: record.history for record in records}
    return {"start": start, "end": parts.state_dict(), "history": history}


def main(tiny: Path, tiny_hearts: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    cohorts = {True: Cohort.open(tiny_hearts), False: Cohort.open(tiny)}
    for case, (name, _) in CASES.items():
        result = trained(case, cohorts[name in HEARTS], folder / "phases", devices=2)
        if torch.distributed.get_rank() == 0:
            torch.save(result, folder / f"{case}.pt")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
