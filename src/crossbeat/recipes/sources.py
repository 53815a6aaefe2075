"""Training data of recipes: rows of a cohort with labels and outputs of a frozen teacher."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import LabelPolicy
from crossbeat.data.sources.matched import shuffled
from crossbeat.data.splits import Split
from crossbeat.errors import ConfigError
from crossbeat.objectives import blend
from crossbeat.recipes.networks import EcgModel, XrayModel, ecg_logits, embed_xray, xray_logits
from crossbeat.recipes.outputs import frozen_outputs
from crossbeat.recipes.scores import over_batches
from crossbeat.recipes.steps import SHARED, SOFT_LABELS, XRAY_EMBEDDING, labels
from crossbeat.training import Batch, Source


def require_targets(
    called: str, wanted: Sequence[str], known: Sequence[str], cohort: Cohort
) -> None:
    """Check that a cohort has the targets that a recipe predicts.

    Args:
        called: kind of the targets; also the recipe's setting that lists them.
        wanted: targets of the recipe.
        known: targets of the cohort.

    Raises:
        ConfigError: the cohort lacks a target, or the recipe has no targets.
    """
    name = cohort.info.name
    if not known:
        raise ConfigError(f"cohort {name!r} must have {called}, got none; choose another cohort")
    unknown = [each for each in wanted if each not in known]
    if unknown or not wanted:
        raise ConfigError(
            f"{called} must be of {', '.join(known)}, which cohort {name!r} has, got "
            f"{', '.join(unknown) or 'none'}; say --recipe.{called} {','.join(known)} or some of "
            "them, or choose another cohort"
        )


@dataclass(frozen=True)
class Goal:
    """A cohort with the findings that a recipe predicts.

    Args:
        findings: the columns of every target.
        policy: how to treat uncertain and missing labels.
        seed: seed of everything random in the recipe.
    """

    cohort: Cohort
    findings: tuple[str, ...]
    policy: LabelPolicy
    seed: int

    def __post_init__(self) -> None:
        require_targets("findings", self.findings, self.cohort.info.findings, self.cohort)

    def source(self, split: Split, reads: tuple[str, ...], *, labelled: bool) -> Source:
        """All rows of a split that have the inputs ``reads``, with labels as targets.

        Args:
            labelled: leave out rows without any known label.
        """
        rows = self.cohort.rows(split, has=reads)
        targets = self.cohort.labels(rows, self.findings, self.policy)
        if labelled:
            known = ~targets.isnan().all(dim=1)
            rows, targets = rows[known.numpy()], targets[known]
        if not len(rows):
            wanted = " and ".join((*reads, "a label") if labelled else reads)
            raise ConfigError(
                f"cohort {self.cohort.info.name!r} must have rows with {wanted} in "
                f"split {split}, got none; choose another cohort or recipe"
            )
        soft = self.cohort.soft_labels(rows, self.findings, targets)
        return Source(
            cohort=self.cohort,
            rows=rows,
            reads=reads,
            targets=targets,
            extra={} if soft is None else {SOFT_LABELS: soft},
        )

    def sources(self, *reads: str, labelled: bool = False) -> tuple[Source, Source]:
        """The training and the validation source."""
        train, val = (self.source(split, reads, labelled=labelled) for split in ("train", "val"))
        return train, val

    def shuffled(self, shuffle: bool) -> "Goal":
        """If ``shuffle``, pair ECGs and X-rays at random within each split."""
        return replace(self, cohort=shuffled(self.cohort, self.seed)) if shuffle else self


def taught_by(source: Source, believed: Tensor, *, trust: float) -> Source:
    """The source with means of its labels and of probabilities as targets.

    Args:
        believed: probabilities [row, finding].
        trust: weight of the probabilities, 0 to 1.
    """
    targets = blend(believed, labels(source), trust=trust)
    return replace(source, targets=targets, extra=_without_soft_labels(source))


def _without_soft_labels(source: Source) -> dict[str, Tensor]:
    return {name: each for name, each in source.extra.items() if name != SOFT_LABELS}


def without_targets(source: Source) -> Source:
    """The source without labels, for phases that must not use them."""
    none = torch.full((len(source), 0), torch.nan)
    return replace(source, targets=none, extra=_without_soft_labels(source))


def once(source: Source) -> Source:
    """The source without rows that repeat an earlier one in signals and labels.

    A cohort has one row for each pair. An ECG with several X-rays, or an X-ray with several ECGs,
    would count several times in a phase that reads only one of the two, and be its own negative.
    """
    signals = [_stored(source, name) for name in source.reads]
    seen = np.column_stack([*signals, labels(source).nan_to_num(-1.0).numpy()])
    first = np.sort(np.unique(seen, axis=0, return_index=True)[1])
    if len(first) == len(source):
        return source
    at = torch.from_numpy(first)
    extra = {name: values[at] for name, values in source.extra.items()}
    return replace(source, rows=source.rows[first], targets=source.targets[at], extra=extra)


def with_shared(source: Source, *names: str) -> Source:
    """Tell the steps which rows share a signal, so that they are no negatives of each other.

    A source without such rows stays as it is.

    Args:
        names: the signals that are compared: ``ecg``, ``xray``.
    """
    stored = {f"{SHARED}{name}": torch.from_numpy(_stored(source, name)) for name in names}
    shared = {key: ids for key, ids in stored.items() if len(ids.unique()) < len(ids)}
    return replace(source, extra={**source.extra, **shared}) if shared else source


def _stored(source: Source, name: str) -> Int64[np.ndarray, " row"]:
    """Which stored signal each row has."""
    return source.cohort.table[name].to_numpy()[source.rows].astype(np.int64)


def batch_ecg_logits(parts: nn.ModuleDict, batch: Batch, *, model: EcgModel) -> Tensor:
    """The logits of a batch's ECGs."""
    assert batch.ecg is not None
    return ecg_logits(parts, batch.ecg, model)


def batch_xray_logits(parts: nn.ModuleDict, batch: Batch, *, model: XrayModel) -> Tensor:
    """The logits of a batch's X-rays."""
    assert batch.xray is not None
    return xray_logits(parts, batch.xray, model)


def batch_xray_embeddings(parts: nn.ModuleDict, batch: Batch, *, model: XrayModel) -> Tensor:
    """The embeddings of a batch's X-rays."""
    assert batch.xray is not None
    return embed_xray(parts, batch.xray, model)


def paired_sources(
    goal: Goal,
    parts: nn.ModuleDict,
    model: XrayModel,
    *,
    shuffle: bool,
    labelled: bool = False,
) -> tuple[Source, Source]:
    """Rows with both modalities; X-rays are replaced by the frozen teacher's embeddings.

    Args:
        shuffle: give every ECG the X-ray of a random other patient of its split, as a control.
        labelled: leave out rows without any known label.
    """
    sources = goal.shuffled(shuffle).sources("ecg", "xray", labelled=labelled)
    train, val = (
        with_shared(
            with_teacher(source, XRAY_EMBEDDING, teacher_embeddings(parts, source, model)),
            *("ecg", "xray"),
        )
        for source in sources
    )
    return train, val


def with_teacher(source: Source, name: str, values: Tensor) -> Source:
    """Replace the X-rays of a source by outputs of the frozen teacher."""
    reads = tuple(read for read in source.reads if read != "xray")
    return replace(source, reads=reads, extra={**source.extra, name: values})


def teacher_embeddings(parts: nn.ModuleDict, source: Source, model: XrayModel) -> Tensor:
    """The frozen teacher's embedding of every X-ray of a source."""
    value = partial(batch_xray_embeddings, model=model)
    return frozen_outputs(parts, ("xray_encoder",), source, "xray", value)


def teacher_logits(
    parts: nn.ModuleDict, source: Source, model: XrayModel
) -> Float[Tensor, "row finding"]:
    """The frozen teacher's log-odds of every X-ray of a source, from its embeddings."""
    embeddings = teacher_embeddings(parts, source, model)
    said = replace(source, reads=(), extra={XRAY_EMBEDDING: embeddings})
    return over_batches(parts, said, partial(_classified, parts))


def _classified(parts: nn.ModuleDict, batch: Batch) -> Tensor:
    return parts["xray_classifier"](batch.extra[XRAY_EMBEDDING])
