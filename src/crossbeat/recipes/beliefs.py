"""Calibrated probabilities of the frozen teacher for every pair."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from crossbeat.errors import DataError
from crossbeat.metrics import Calibration, platt
from crossbeat.modalities import EcgModel, Model, modality
from crossbeat.recipes.sources import Goal, own_outputs, paired_sources, taught_by, teacher_outputs
from crossbeat.recipes.steps import TEACHER_PROBABILITY, labels
from crossbeat.training import Source


def believed_sources(
    goal: Goal, parts: nn.ModuleDict, other: Model, *, trust: float, shuffle: bool
) -> tuple[Source, Source]:
    """All pairs with the teacher's embedding and calibrated probabilities of each recording.

    Training targets are weighted means of these probabilities and the labels. Validation targets
    are the labels.

    The probabilities are calibrated by Platt scaling on the recordings and labels of the
    validation patients.

    Args:
        trust: weight of the teacher in the target of a labelled pair, 0 to 1.
        shuffle: pair every ECG with another patient, see ``paired_sources``.

    Raises:
        DataError: a finding has only one class among the validation labels.
    """
    calibrations = _calibrations(goal, parts, other)
    train, val = (
        _with_beliefs(goal, source, parts, other, calibrations)
        for source in paired_sources(goal, parts, other, shuffle=shuffle)
    )
    return taught_by(train, train.extra[TEACHER_PROBABILITY], trust=trust), val


def self_taught_sources(
    goal: Goal, parts: nn.ModuleDict, model: EcgModel, taught: Source, *, own: float
) -> tuple[Source, Source]:
    """All ECGs; targets are weighted means of the model's own probabilities and earlier targets.

    Args:
        taught: rows with targets; the targets of other ECGs are the model's own probabilities.
        own: weight of the model's own probability if there is a target, 0 to 1; with 0, other
            ECGs are not used.
    """
    train = goal.source("train", ("ecg",), labelled=False)
    val = goal.source("val", ("ecg",), labelled=True)
    said = own_outputs(parts, train, model, goal.targets).sigmoid()
    targets = torch.full_like(train.targets, torch.nan)
    targets[torch.from_numpy(np.searchsorted(train.rows, taught.rows))] = labels(taught)
    return taught_by(replace(train, targets=targets, extra={}), said, trust=own), val


def _calibrations(goal: Goal, parts: nn.ModuleDict, other: Model) -> tuple[Calibration, ...]:
    source = goal.source("val", (other.modality,), labelled=True)
    logits = teacher_outputs(parts, source, other, goal.targets).double().numpy()
    found = tuple(
        platt(targets, scores)
        for targets, scores in zip(source.targets.double().numpy().T, logits.T, strict=True)
    )
    for finding, calibration in zip(goal.targets.findings, found, strict=True):
        if np.isnan(calibration.slope):
            raise DataError(
                f"validation {modality(other.modality).label} must have positives and negatives of "
                f"{finding}, got one class; use a larger cohort or leave the finding out of "
                "--recipe.findings"
            )
    return found


def _with_beliefs(
    goal: Goal,
    source: Source,
    parts: nn.ModuleDict,
    other: Model,
    calibrations: tuple[Calibration, ...],
) -> Source:
    logits = teacher_outputs(parts, source, other, goal.targets).double().numpy()
    columns = zip(calibrations, logits.T, strict=True)
    chances = np.stack([each.probability(scores) for each, scores in columns], axis=1)
    believed = torch.from_numpy(chances).float()
    return replace(source, extra={**source.extra, TEACHER_PROBABILITY: believed})
