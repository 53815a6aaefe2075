"""Training steps that recipes share: they compute named losses from the parts and a batch.

Settings are bound with ``functools.partial``, so that they are part of the phase's fingerprint.
Contrastive steps gather the batch from all processes.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor, nn

from crossbeat.modalities import EcgModel, Model
from crossbeat.models import Embeddings, embed, told_by_heads
from crossbeat.objectives import (
    HARDNESS,
    POSITIVES,
    agreement,
    alignment,
    clip,
    nt_xent,
    soft_bce,
    where_sure,
)
from crossbeat.objectives.pairs import Pairs
from crossbeat.signal import Ecgs
from crossbeat.targets import Targets
from crossbeat.training import Batch, Source, gather
from crossbeat.views import View

Losses = dict[str, Tensor]
EMBEDDING = "embedding"
"""The frozen teacher's embedding of the other modality."""
TEACHER_PROBABILITY = "teacher_probability"
SOFT_LABELS = "soft_labels"
"""Labels between 0 and 1, of cohorts that keep them; targets are the same ones, rounded."""
SHARED = "shared_"
"""Begins the name of an extra value that says which stored ECG or X-ray a row has."""


def labels(of: Batch | Source) -> Tensor:
    """What cross-entropy learns: soft labels if the cohort keeps them, else the targets."""
    return of.extra.get(SOFT_LABELS, of.targets)


def learn(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: Model,
    targets: Targets,
    view: View | None = None,
) -> Losses:
    """The losses of the heads of a modality: cross-entropy of findings, error of measurements.

    Args:
        view: of ECGs; None uses them unchanged.
    """
    values = batch.of(model.modality) if view is None else view(batch.ecg, generator)
    return of_heads(parts, batch, embed(parts, values, model), model.modality, targets)


def of_heads(
    parts: nn.ModuleDict, batch: Batch, embeddings: Embeddings, name: str, targets: Targets
) -> Losses:
    """The loss of each head of a modality on the targets of a batch."""
    outputs, wanted = gather(told_by_heads(parts, embeddings, name, targets)), gather(labels(batch))
    losses = {
        kind.name: kind.loss(parts[f"{name}_{kind.head}"], outputs[:, columns], wanted[:, columns])
        for kind, _, columns in targets.kinds()
    }
    return losses if len(losses) > 1 else {"loss": next(iter(losses.values()))}


def distil(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    targets: Targets,
    view: View,
    temperature: float,
) -> Losses:
    """Cross-entropy between the findings predicted from the ECG and the teacher's probabilities."""
    embedded = embed(parts, view(batch.ecg, generator), model)
    logits = told_by_heads(parts, embedded, model.modality, targets)
    teacher = gather(batch.extra[TEACHER_PROBABILITY])
    return {"loss": soft_bce(gather(logits), teacher, temperature=temperature)}


def _project(parts: nn.ModuleDict, ecg: Ecgs, model: EcgModel) -> Embeddings:
    return gather(parts["ecg_projection"](embed(parts, ecg, model)))


def contrast_views(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    temperature: float,
) -> Losses:
    """NT-Xent loss of two views of each ECG."""
    ecg = batch.ecg
    one, other = (_project(parts, view(ecg, generator), model) for _ in range(2))
    return {"loss": nt_xent(one, other, temperature=temperature)}


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Settings of supervised contrast with penalised hard negatives; recipes document the ranges.

    Args:
        positives: a name in ``POSITIVES``, or a rule bound to its own settings.
    """

    temperature: float
    positives: str | Callable[[Tensor], Pairs]
    own_pair: float
    hardness: str
    penalty: float
    hard_share: float


@dataclass(frozen=True, kw_only=True)
class Belief:
    """Settings of contrast by the teacher's probabilities; ``Crossbeat`` documents the ranges."""

    contrast: float
    certainty: float
    temperature: float
    hardness: str
    penalty: float
    hard_share: float


Settings = TypeVar("Settings")


def settings_of(kind: type[Settings], recipe: object) -> Settings:
    """Make a record from the settings of a recipe that have the same names."""
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(recipe, name) for name in names})


def _without_shared(pairs: Pairs, batch: Batch) -> Pairs:
    """The pairs, undecided where two rows with one recording would be negatives."""
    for name in sorted(name for name in batch.extra if name.startswith(SHARED)):
        stored = gather(batch.extra[name])
        pairs = pairs.masked_fill((pairs == 0) & (stored[:, None] == stored), torch.nan)
    return pairs


def _contrast(one: Embeddings, other: Embeddings, batch: Batch, settings: Contrast) -> Losses:
    hardness = HARDNESS[settings.hardness](settings.penalty, settings.hard_share)
    positives = settings.positives
    rule = POSITIVES[positives] if isinstance(positives, str) else positives
    loss = alignment(
        one,
        other,
        positives=_without_shared(rule(gather(batch.targets)), batch),
        temperature=settings.temperature,
        own_pair=settings.own_pair,
        hardness=hardness,
    )
    return {"loss": loss}


def align(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    other: str,
    view: View,
    contrast: Contrast,
) -> Losses:
    """Supervised alignment of ECGs with the frozen teacher's embeddings of the other modality.

    Targets are labels, or probabilities if the positives are ``likely``.
    """
    ecg = _project(parts, view(batch.ecg, generator), model)
    seen = gather(parts[f"{other}_projection"](batch.extra[EMBEDDING]))
    return _contrast(ecg, seen, batch, contrast)


def align_pairs(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    other: str,
    view: View,
    temperature: float,
) -> Losses:
    """CLIP loss between ECGs and their own recordings of the other modality, without labels."""
    ecg = _project(parts, view(batch.ecg, generator), model)
    seen = gather(parts[f"{other}_projection"](batch.extra[EMBEDDING]))
    if not any(name.startswith(SHARED) for name in batch.extra):
        return {"loss": clip(ecg, seen, temperature=temperature)}
    pairs = _without_shared(torch.zeros(len(ecg), len(ecg), device=ecg.device), batch)
    return {"loss": alignment(ecg, seen, positives=pairs, temperature=temperature, own_pair=1.0)}


def align_views(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    contrast: Contrast,
) -> Losses:
    """``align`` with a second view of the ECG instead of the other modality."""
    ecg = batch.ecg
    one, other = (_project(parts, view(ecg, generator), model) for _ in range(2))
    return _contrast(one, other, batch, contrast)


def believe(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    other: str,
    targets: Targets,
    view: View,
    belief: Belief,
) -> Losses:
    """Cross-entropy with the targets, and contrast with the other modality where it is certain."""
    embedded = embed(parts, view(batch.ecg, generator), model)
    agree = agreement(gather(batch.extra[TEACHER_PROBABILITY]))
    penalty = HARDNESS[belief.hardness](belief.penalty, belief.hard_share)
    contrast = alignment(
        gather(parts["ecg_projection"](embedded)),
        gather(parts[f"{other}_projection"](batch.extra[EMBEDDING])),
        positives=_without_shared(torch.zeros_like(agree), batch),
        temperature=belief.temperature,
        own_pair=1.0,
        hardness=where_sure(penalty, agree, belief.certainty),
    )
    (learned,) = of_heads(parts, batch, embedded, model.modality, targets).values()
    return {"targets": learned, "contrast": belief.contrast * contrast}
