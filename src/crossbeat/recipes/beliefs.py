"""Calibrated probabilities of the frozen X-ray teacher for every pair."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from crossbeat.errors import DataError
from crossbeat.evaluation.calibration import Calibration, platt
from crossbeat.recipes.networks import EcgModel, XrayModel
from crossbeat.recipes.outputs import frozen_outputs
from crossbeat.recipes.sources import (
    Goal,
    batch_ecg_logits,
    paired_sources,
    taught_by,
    teacher_logits,
)
from crossbeat.recipes.steps import TEACHER_PROBABILITY, labels
from crossbeat.training import Source


def believed_sources(
    goal: Goal, parts: nn.ModuleDict, model: XrayModel, *, trust: float, shuffle: bool
) -> tuple[Source, Source]:
    """All pairs with the teacher's embedding and calibrated probabilities of each X-ray.

    Training targets are weighted means of these probabilities and the labels. Validation targets
    are the labels.

    The probabilities are calibrated by Platt scaling on the X-rays and labels of the validation
    patients.

    Args:
        trust: weight of the teacher in the target of a labelled pair, 0 to 1.
        shuffle: give every ECG the X-ray of another patient, see ``paired_sources``.

    Raises:
        DataError: a finding has only one class among the validation labels.
    """
    calibrations = _calibrations(goal, parts, model)
    train, val = (
        _with_beliefs(source, parts, model, calibrations)
        for source in paired_sources(goal, parts, model, shuffle=shuffle)
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
    own_parts, value = ("ecg_encoder", "ecg_classifier"), partial(batch_ecg_logits, model=model)
    said = frozen_outputs(parts, own_parts, train, "ecg", value).sigmoid()
    targets = torch.full_like(train.targets, torch.nan)
    targets[torch.from_numpy(np.searchsorted(train.rows, taught.rows))] = labels(taught)
    return taught_by(replace(train, targets=targets, extra={}), said, trust=own), val


def _calibrations(goal: Goal, parts: nn.ModuleDict, model: XrayModel) -> tuple[Calibration, ...]:
    source = goal.source("val", ("xray",), labelled=True)
    logits = teacher_logits(parts, source, model).double().numpy()
    found = tuple(
        platt(targets, scores)
        for targets, scores in zip(source.targets.double().numpy().T, logits.T, strict=True)
    )
    for finding, calibration in zip(goal.findings, found, strict=True):
        if np.isnan(calibration.slope):
            raise DataError(
                f"validation X-rays must have positives and negatives of {finding}, got one "
                "class; use a larger cohort or leave the finding out of --recipe.findings"
            )
    return found


def _with_beliefs(
    source: Source,
    parts: nn.ModuleDict,
    model: XrayModel,
    calibrations: tuple[Calibration, ...],
) -> Source:
    logits = teacher_logits(parts, source, model).double().numpy()
    columns = zip(calibrations, logits.T, strict=True)
    chances = np.stack([each.probability(scores) for each, scores in columns], axis=1)
    believed = torch.from_numpy(chances).float()
    return replace(source, extra={**source.extra, TEACHER_PROBABILITY: believed})
