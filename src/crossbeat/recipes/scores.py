"""Validation scores that choose the best epoch."""

from collections.abc import Callable
from functools import partial
from math import isnan

import numpy as np
import torch
from torch import Tensor, nn

from crossbeat.errors import DataError
from crossbeat.modalities import Model, modality
from crossbeat.models import predict
from crossbeat.recipes.steps import labels
from crossbeat.targets import Targets
from crossbeat.training import Batch, Source
from crossbeat.training.phase import Step

SEVERAL = "score"
"""The mean of the leading metrics where a model predicts targets of several kinds."""

_BATCH = 512


def over_batches(
    parts: nn.ModuleDict, source: Source, value: Callable[[Batch], Tensor], *, size: int = _BATCH
) -> Tensor:
    """Compute a value for every row of a source, without gradients and in eval mode.

    Args:
        value: function of a batch on the device of the parts; returns one row for each sample.
        size: samples in a batch, at least 1.

    Raises:
        DataError: a file that the source reads is not what was built.
    """
    for column in source.reads:
        source.cohort.verify_signals(column)
    device = next(parts.parameters()).device
    modes = {name: part.training for name, part in parts.items()}
    parts.eval()
    with torch.no_grad():
        values = [value(batch.to(device)).cpu() for batch in source.batches(size)]
    for name, mode in modes.items():
        parts[name].train(mode)
    return torch.cat(values)


def of_targets(
    parts: nn.ModuleDict, source: Source, *, model: Model, targets: Targets
) -> dict[str, float]:
    """How well the heads of a modality predict: the leading metric of each kind, and the loss.

    Where there are targets of several kinds, ``score`` is the mean of their leading metrics.

    Raises:
        DataError: the rows cannot show how well a kind is predicted.
    """
    value = partial(predict, parts, model=model, targets=targets)
    outputs = over_batches(parts, source, value, size=modality(model.modality).at_once)
    wanted = labels(source)
    scores: dict[str, float] = {}
    loss = 0.0
    for kind, names, columns in targets.kinds():
        head = parts[f"{model.modality}_{kind.head}"]
        device = next(head.parameters()).device
        scores[kind.leads] = kind.score(source.targets[:, columns], outputs[:, columns])
        if isnan(scores[kind.leads]) and outputs.isfinite().all():
            raise DataError(
                f"validation patients must have different values of {' or '.join(names)}, by which "
                "the best epoch is chosen, got one value or none; choose other "
                f"{kind.plural}, or a cohort with more validation patients"
            )
        told, known = (each[:, columns].to(device) for each in (outputs, wanted))
        loss += float(kind.loss(head, told, known))
    return (
        scores
        | ({SEVERAL: float(np.mean([*scores.values()]))} if len(scores) > 1 else {})
        | {"loss": loss}
    )


def step_loss(parts: nn.ModuleDict, source: Source, *, step: Step, size: int) -> dict[str, float]:
    """The mean loss of a step over full batches; the random views are the same at every epoch.

    Args:
        size: samples in a batch; a smaller last batch is left out, because contrastive losses of
            different batch sizes cannot be compared.
    """
    generator = torch.Generator().manual_seed(0)
    device = next(parts.parameters()).device
    totals = []
    for batch in source.batches(min(size, len(source))):
        if len(batch.targets) == min(size, len(source)):
            losses = step(parts, batch.to(device), generator)
            totals.append(float(sum(losses.values(), start=torch.zeros((), device=device))))
    return {"loss": float(np.mean(totals))}
