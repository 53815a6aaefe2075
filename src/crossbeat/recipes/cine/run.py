"""What a trained model tells of the heart, and the embeddings by which patients are found."""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.recipes import HeartRecipe, scores
from crossbeat.recipes.cine.networks import cine_frames, ecg_steps, pooled
from crossbeat.recipes.cine.phases import batch_cine_phenotypes, batch_ecg_phenotypes
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.training import Batch, Source

_AT_ONCE = 64


def estimates(run: Run, cohort: Cohort, *, test: Cohort | None = None) -> Estimates:
    """The run's estimates on validation and on test: by the ECG alone, or a teacher by the cine.

    Args:
        test: whose test split it is; by default the same cohort's.

    Raises:
        ConfigError: the run's model does not tell measures of the heart.
    """
    phenotypes = _recipe(run).phenotypes
    held = test or cohort
    return Estimates(
        phenotypes,
        val=_estimated(run, cohort, evaluation_rows(cohort, "val")),
        test=_estimated(run, held, evaluation_rows(held, "test")),
    )


def _recipe(run: Run) -> HeartRecipe:
    if isinstance(run.recipe, HeartRecipe):
        return run.recipe
    raise ConfigError(
        f"run {run.folder} must tell measures of the heart, got recipe {run.name!r}; "
        "name a run of a recipe with cine MRI"
    )


def _estimated(run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Estimated:
    names = _recipe(run).phenotypes
    recipe: object = run.recipe
    reads, value = (
        ("ecg", partial(batch_ecg_phenotypes, model=recipe.ecg))  # type: ignore[attr-defined]
        if "ecg_regressor" in run.parts
        else ("cine", batch_cine_phenotypes)
    )
    source = _source(cohort, rows, reads)
    told = scores.over_batches(
        run.parts, source, lambda batch: value(run.parts, batch), size=_AT_ONCE
    )
    return Estimated(
        cohort.phenotypes(rows, names).double().numpy(),
        told.double().numpy(),
        np.asarray(cohort.patients(rows)),
    )


def shared_embeddings(
    run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]
) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row dim"]]:
    """ECGs and cines of some rows in the space where they were aligned.

    Raises:
        ConfigError: the run aligned nothing.
    """
    if not {"ecg_projection", "cine_projection"} <= set(run.parts):
        raise ConfigError(
            f"run {run.folder} must have aligned ECGs with cines, got recipe {run.name!r}"
        )
    recipe: object = run.recipe
    source = _source(cohort, rows, "ecg", "cine")

    def embed(batch: Batch) -> Tensor:
        assert batch.ecg is not None
        assert batch.cine is not None
        steps = ecg_steps(run.parts, batch.ecg, recipe.ecg)  # type: ignore[attr-defined]
        ecg = run.parts["ecg_projection"](pooled(steps))
        cine = run.parts["cine_projection"](pooled(cine_frames(run.parts, batch.cine)))
        return torch.stack([ecg, cine], dim=1)

    both = scores.over_batches(run.parts, source, embed, size=_AT_ONCE)
    return both[:, 0], both[:, 1]


def _source(cohort: Cohort, rows: Int64[np.ndarray, " row"], *reads: str) -> Source:
    return Source(cohort=cohort, rows=rows, reads=reads, targets=torch.zeros(len(rows), 0))
