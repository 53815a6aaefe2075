"""Predictions of a trained model with cine MRI, and its embeddings for retrieval."""

from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Shaped
from torch import Tensor

from crossbeat.beats import Rule
from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.localisation import localise, similarities
from crossbeat.evaluation.measured import Measured
from crossbeat.evaluation.retrieval import Items, Retrieved, retrieve
from crossbeat.evaluation.ridge import Described, fit_ridge
from crossbeat.recipes import HeartRecipe, scores
from crossbeat.recipes.cine.networks import SPREAD, Anchors, ecg_steps, pooled_ecg
from crossbeat.recipes.cine.phases import batch_cine_measurements, batch_ecg_measurements
from crossbeat.recipes.cine.sources import with_frozen_frames, with_segments
from crossbeat.recipes.cine.steps import anchors_of, frames_of, moments, segments_of
from crossbeat.recipes.run import Run, evaluation_rows, held_out_rows
from crossbeat.training import Batch, Source

_AT_ONCE = 64


def estimates(run: Run, cohort: Cohort, *, test: Cohort | None = None) -> Estimates:
    """The run's estimates on validation and test, from the ECG alone or, for a teacher, the cine.

    Args:
        test: the cohort whose test split is used; by default ``cohort``.

    Raises:
        ConfigError: the run's model does not predict cardiac measurements.
        DataError: the run learned from a patient of the test split.
    """
    measurements = _recipe(run).measurements
    held = test or cohort
    return Estimates(
        measurements,
        val=_estimated(run, cohort, evaluation_rows(cohort, "val")),
        test=_estimated(run, held, held_out_rows(run, held)),
    )


def _recipe(run: Run) -> HeartRecipe:
    if isinstance(run.recipe, HeartRecipe):
        return run.recipe
    raise ConfigError(
        f"run {run.folder} must predict cardiac measurements, got recipe {run.name!r}; "
        "give a run of a recipe with cine MRI"
    )


def _estimated(run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Estimated:
    names = _recipe(run).measurements
    recipe: Any = run.recipe
    reads, value = (
        ("ecg", partial(batch_ecg_measurements, model=recipe.ecg))
        if "ecg_regressor" in run.parts
        else ("cine", partial(batch_cine_measurements, model=recipe.cine))
    )
    source = _source(cohort, rows, reads)
    told = scores.over_batches(
        run.parts, source, lambda batch: value(run.parts, batch), size=_AT_ONCE
    )
    return Estimated(_measures(cohort, rows, names), told.double().numpy(), _patients(cohort, rows))


def probed(run: Run, cohort: Cohort, *, test: Cohort | None = None) -> Estimates:
    """Estimates of a linear probe of the run's ECG encoder.

    The probe is trained on the training patients who have measurements.

    Args:
        test: the cohort whose test split is used; by default ``cohort``.

    Raises:
        ConfigError: the run's model does not predict cardiac measurements, or has no ECG encoder.
        DataError: the run learned from a patient of the test split.
    """
    names, held = _recipe(run).measurements, test or cohort
    rows = {split: evaluation_rows(cohort, split) for split in ("train", "val")}
    found = {
        split: Described(ecg_embeddings(run, cohort, each), _measures(cohort, each, names))
        for split, each in rows.items()
    }
    probe = fit_ridge(found["train"], found["val"])
    asked = held_out_rows(run, held)
    val = found["val"]
    return Estimates(
        names,
        val=Estimated(val.measures, probe.estimate(val.features), _patients(cohort, rows["val"])),
        test=Estimated(
            _measures(held, asked, names),
            probe.estimate(ecg_embeddings(run, held, asked)),
            _patients(held, asked),
        ),
    )


def ecg_embeddings(
    run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]
) -> Float64[np.ndarray, "row dim"]:
    """The embedding of each ECG, which is the input of the regressor.

    Raises:
        ConfigError: the run has no ECG encoder.
    """
    if "ecg_encoder" not in run.parts:
        raise ConfigError(f"run {run.folder} must have an ECG encoder, got recipe {run.name!r}")
    recipe: Any = run.recipe

    def embed(batch: Batch) -> Tensor:
        assert batch.ecg is not None
        return pooled_ecg(ecg_steps(run.parts, batch.ecg, recipe.ecg), recipe.ecg)

    source = _source(cohort, rows, "ecg")
    return scores.over_batches(run.parts, source, embed, size=_AT_ONCE).double().numpy()


def searched(run: Run, cohort: Cohort) -> Retrieved:
    """Search for the test patients' cines with their ECGs in the shared space.

    Raises:
        ConfigError: the run did not align ECGs with cines.
        DataError: the run learned from a patient of the test split.
    """
    names, rows = _recipe(run).measurements, held_out_rows(run, cohort)
    measures, patients = _measures(cohort, rows, names), _patients(cohort, rows)
    ecg, cine = (each.double().numpy() for each in shared_embeddings(run, cohort, rows))
    return retrieve(Items(ecg, measures, patients), Items(cine, measures, patients), names)


def has_moments(run: Run) -> bool:
    """Whether the run aligned cines and encodes every frame separately, as localisation needs."""
    if "cine_projection" not in run.parts:
        return False
    recipe: Any = run.recipe
    return not recipe.cine.phases and bool(run.parts["cine_encoder"].per_frame)


def localised(run: Run, cohort: Cohort) -> Measured:
    """How well segments of test ECGs match the frames of their cines.

    Raises:
        ConfigError: the run did not align ECGs with cines.
        DataError: the run learned from a patient of the test split.
    """
    rows = held_out_rows(run, cohort)
    return localise(moments_alike(run, cohort, rows), _patients(cohort, rows))


def moments_alike(
    run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]
) -> Float[np.ndarray, "row segment frame"]:
    """Cosine similarity of every ECG segment with every frame of its cine; NaN without beats.

    Raises:
        ConfigError: the run did not align ECGs with cines.
    """
    recipe = _aligned(run)
    source = _with_frames(run, _source(cohort, rows, "ecg", "cine"))
    source = with_segments(run.parts, source, rule_of(run))

    def compare(batch: Batch) -> Tensor:
        assert batch.ecg is not None
        steps = ecg_steps(run.parts, batch.ecg, recipe.ecg)
        segments = run.parts["ecg_projection"](segments_of(batch, steps))
        frames = run.parts["cine_projection"](frames_of(run.parts, batch, recipe.cine))
        alike = (moments(each, centred=recipe.centred) for each in (segments, frames))
        return torch.from_numpy(similarities(*alike))

    return scores.over_batches(run.parts, source, compare, size=_AT_ONCE).numpy()


def rule_of(run: Run) -> Rule:
    """The rule that assigns ECG segments to frames in the run."""
    rule: Rule = getattr(run.recipe, "correspondence", "phase_pool")
    return rule


def _aligned(run: Run) -> Any:
    if not {"ecg_projection", "cine_projection"} <= set(run.parts):
        raise ConfigError(
            f"run {run.folder} must have aligned ECGs with cines, got recipe {run.name!r}; "
            "give a run of a recipe that does"
        )
    return run.recipe


def _measures(
    cohort: Cohort, rows: Int64[np.ndarray, " row"], names: tuple[str, ...]
) -> Float64[np.ndarray, "row measurement"]:
    return cohort.measurements(rows, names).double().numpy()


def _patients(cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Shaped[np.ndarray, " row"]:
    return np.asarray(cohort.patients(rows))


def shared_embeddings(
    run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]
) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row dim"]]:
    """Embeddings of ECGs and cines in the shared space.

    Raises:
        ConfigError: the run did not align ECGs with cines.
    """
    recipe = _aligned(run)
    source = _with_frames(run, _source(cohort, rows, "ecg", "cine"))
    how: Anchors = "cycle" if SPREAD in run.parts else "mean"

    def embed(batch: Batch) -> Tensor:
        assert batch.ecg is not None
        steps = ecg_steps(run.parts, batch.ecg, recipe.ecg)
        ecg = run.parts["ecg_projection"](pooled_ecg(steps, recipe.ecg))
        cine = anchors_of(run.parts, frames_of(run.parts, batch, recipe.cine), how)[0]
        return torch.stack([ecg, cine], dim=1)

    both = scores.over_batches(run.parts, source, embed, size=_AT_ONCE)
    return both[:, 0], both[:, 1]


def _with_frames(run: Run, source: Source) -> Source:
    """Replace cines by the tokens of a frozen cine encoder, because several models use them."""
    recipe: Any = run.recipe
    return with_frozen_frames(run.parts, source, recipe.cine) if recipe.frozen_cine else source


def _source(cohort: Cohort, rows: Int64[np.ndarray, " row"], *reads: str) -> Source:
    return Source(cohort=cohort, rows=rows, reads=reads, targets=torch.zeros(len(rows), 0))
