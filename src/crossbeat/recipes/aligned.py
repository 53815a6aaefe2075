"""What a run has aligned: a shared space of two modalities, and segments with frames."""

from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from crossbeat.beats import Rule
from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
from crossbeat.evaluation.localisation import localise, similarities
from crossbeat.evaluation.predictions import Measured
from crossbeat.evaluation.retrieval import Items, Retrieved, retrieve
from crossbeat.modalities import OtherModel
from crossbeat.models import embed, embedded, moments
from crossbeat.recipes import models_in
from crossbeat.recipes.in_time import (
    SPREAD,
    anchors_of,
    centred_moments,
    frames_of,
    segments_of,
    with_frozen_frames,
    with_segments,
)
from crossbeat.recipes.run import Rows, Run, ecg_model, held_out_rows, names_of, source_of
from crossbeat.recipes.scores import over_batches
from crossbeat.targets import MEASUREMENT
from crossbeat.training import Batch

_AT_ONCE = 64


@runtime_checkable
class AlignsInTime(Protocol):
    """A recipe with settings of alignment in time."""

    @property
    def correspondence(self) -> Rule: ...
    @property
    def centred(self) -> bool: ...


def other_model(run: Run) -> OtherModel:
    """The network of the modality with which a run aligned ECGs.

    Raises:
        ConfigError: it aligned none.
    """
    for name, model in models_in(run.recipe).items():
        if isinstance(model, OtherModel) and f"{name}_projection" in run.parts:
            return model
    raise ConfigError(
        f"run {run.folder} must have aligned ECGs with another modality, got recipe {run.name!r}; "
        "give a run of a recipe that does"
    )


def searched(run: Run, cohort: Cohort) -> Retrieved:
    """Search for the test patients' other recordings with their ECGs in the shared space.

    Raises:
        ConfigError: the run aligned ECGs with no other modality, or predicts no measurements.
        DataError: the run learned from a patient of the test split.
    """
    names, rows = names_of(run, MEASUREMENT), held_out_rows(run, cohort)
    measured = cohort.measurements(rows, names).double().numpy()
    patients = np.asarray(cohort.patients(rows))
    ecg, other = (each.double().numpy() for each in shared_embeddings(run, cohort, rows))
    return retrieve(Items(ecg, measured, patients), Items(other, measured, patients), names)


def shared_embeddings(
    run: Run, cohort: Cohort, rows: Rows
) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row dim"]]:
    """Embeddings of ECGs and of the other modality in the shared space.

    Raises:
        ConfigError: the run aligned ECGs with no other modality.
    """
    ecg, other = ecg_model(run), other_model(run)
    name = other.modality

    def project(batch: Batch) -> Tensor:
        told = run.parts["ecg_projection"](embed(run.parts, batch.ecg, ecg))
        if SPREAD in run.parts:
            frames = frames_of(run.parts, batch, other)
            seen = anchors_of(run.parts, frames, other, "cycle")[0]
        else:
            seen = run.parts[f"{name}_projection"](embedded(run.parts, batch, model=other))
        return torch.stack([told, seen], dim=1)

    both = over_batches(run.parts, source_of(cohort, rows, "ecg", name), project, size=_AT_ONCE)
    return both[:, 0], both[:, 1]


def has_moments(run: Run) -> bool:
    """Whether the run aligned cines and encodes every frame separately, as localisation needs."""
    try:
        other = other_model(run)
    except ConfigError:
        return False
    encoder = run.parts[f"{other.modality}_encoder"]
    return not other.phases and bool(getattr(encoder, "per_frame", False))


def localised(run: Run, cohort: Cohort) -> Measured:
    """How well segments of test ECGs match the frames of their cines.

    Raises:
        ConfigError: the run did not align ECGs with cines.
        DataError: the run learned from a patient of the test split.
    """
    rows = held_out_rows(run, cohort)
    return localise(moments_alike(run, cohort, rows), np.asarray(cohort.patients(rows)))


def moments_alike(run: Run, cohort: Cohort, rows: Rows) -> Float[np.ndarray, "row segment frame"]:
    """Cosine similarity of every ECG segment with every frame of its cine; NaN without beats.

    Raises:
        ConfigError: the run did not align ECGs with cines.
    """
    ecg, other = ecg_model(run), other_model(run)
    source = source_of(cohort, rows, "ecg", other.modality)
    source = with_frozen_frames(run.parts, source, other)
    source = with_segments(run.parts, source, rule_of(run))
    project = run.parts[f"{other.modality}_projection"]

    def compare(batch: Batch) -> Tensor:
        steps = moments(run.parts, batch.ecg, ecg)
        segments = run.parts["ecg_projection"](segments_of(batch, steps))
        frames = project(frames_of(run.parts, batch, other))
        alike = map(partial(centred_moments, centred=_centred(run)), (segments, frames))
        return torch.from_numpy(similarities(*alike))

    return over_batches(run.parts, source, compare, size=_AT_ONCE).numpy()


def rule_of(run: Run) -> Rule:
    """The rule that assigns ECG segments to frames in the run."""
    return run.recipe.correspondence if isinstance(run.recipe, AlignsInTime) else "phase_pool"


def _centred(run: Run) -> bool:
    return run.recipe.centred if isinstance(run.recipe, AlignsInTime) else True
