"""Validation scores that choose the best epoch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from crossbeat.metrics import auroc
from crossbeat.objectives import bce
from crossbeat.recipes.steps import labels
from crossbeat.training import Batch, Source
from crossbeat.training.phase import Step

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


def mean_auroc(targets: Tensor, logits: Tensor) -> float:
    """The mean AUROC of the findings that have both classes; NaN if no finding has."""
    one = np.ones((1, len(targets)))
    values = [
        auroc(targets[:, i].numpy(), logits[:, i].double().numpy(), one)[0]
        for i in range(targets.shape[1])
    ]
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def classification(
    parts: nn.ModuleDict,
    source: Source,
    *,
    logits: Callable[[nn.ModuleDict, Batch], Tensor],
) -> dict[str, float]:
    """The mean AUROC over the findings and the cross-entropy."""
    values = over_batches(parts, source, lambda batch: logits(parts, batch))
    return {
        "auroc": mean_auroc(source.targets, values),
        "loss": float(bce(values, labels(source))),
    }


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
