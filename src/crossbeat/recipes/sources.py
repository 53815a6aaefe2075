"""Training data of recipes: rows of a cohort with targets and outputs of a frozen teacher."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.matched import shuffled
from crossbeat.data.splits import Split
from crossbeat.errors import ConfigError
from crossbeat.modalities import EcgModel, Model, modality
from crossbeat.models import embedded, predict, told_by_heads
from crossbeat.objectives import blend
from crossbeat.recipes.outputs import frozen_outputs
from crossbeat.recipes.scores import over_batches
from crossbeat.recipes.steps import EMBEDDING, SHARED, SOFT_LABELS, labels
from crossbeat.targets import Targets
from crossbeat.training import Batch, Source


@dataclass(frozen=True)
class Goal:
    """A cohort with the targets that a recipe predicts.

    Args:
        seed: seed of everything random in the recipe.

    Raises:
        ConfigError: the cohort lacks a target, or the recipe has none.
    """

    cohort: Cohort
    targets: Targets
    seed: int

    def __post_init__(self) -> None:
        self.targets.require_in(self.cohort)

    def source(self, split: Split, reads: tuple[str, ...], *, labelled: bool) -> Source:
        """All rows of a split that have the inputs ``reads``, with their targets.

        Args:
            labelled: leave out rows without any known target.
        """
        rows = self.cohort.rows(split, has=reads)
        targets = self.targets.values(self.cohort, rows)
        if labelled:
            known = ~targets.isnan().all(dim=1)
            rows, targets = rows[known.numpy()], targets[known]
        if not len(rows):
            wanted = " and ".join((*reads, "a label") if labelled else reads)
            raise ConfigError(
                f"cohort {self.cohort.info.name!r} must have rows with {wanted} in "
                f"split {split}, got none; choose another cohort or recipe"
            )
        findings = self.targets.findings
        firm, numbers = targets.tensor_split((len(findings),), dim=1)
        soft = self.cohort.soft_labels(rows, findings, firm)
        return Source(
            cohort=self.cohort,
            rows=rows,
            reads=reads,
            targets=targets,
            extra={} if soft is None else {SOFT_LABELS: torch.cat([soft, numbers], dim=1)},
        )

    def sources(self, *reads: str, labelled: bool = False) -> tuple[Source, Source]:
        """The training and the validation source."""
        train, val = (self.source(split, reads, labelled=labelled) for split in ("train", "val"))
        return train, val

    def shuffled(self, shuffle: bool, name: str) -> "Goal":
        """If ``shuffle``, pair ECGs and another modality at random within each split."""
        return replace(self, cohort=shuffled(self.cohort, self.seed, name)) if shuffle else self

    def begin(self, parts: nn.ModuleDict, name: str) -> None:
        """Set the heads of a modality to the targets of the training patients."""
        rows = self.cohort.rows("train", has=())
        for kind, names, _ in self.targets.kinds():
            values = kind.values(self.cohort, rows, names, self.targets.labels)
            kind.begin(parts[f"{name}_{kind.head}"], values, names)


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
        names: the modalities that are compared.
    """
    stored = {f"{SHARED}{name}": torch.from_numpy(_stored(source, name)) for name in names}
    shared = {key: ids for key, ids in stored.items() if len(ids.unique()) < len(ids)}
    return replace(source, extra={**source.extra, **shared}) if shared else source


def _stored(source: Source, name: str) -> Int64[np.ndarray, " row"]:
    """Which stored signal each row has."""
    return source.cohort.table[name].to_numpy()[source.rows].astype(np.int64)


def paired_sources(
    goal: Goal,
    parts: nn.ModuleDict,
    other: Model,
    *,
    shuffle: bool,
    labelled: bool = False,
) -> tuple[Source, Source]:
    """Rows with the ECG and another modality, which the frozen teacher's embeddings replace.

    Args:
        shuffle: pair every ECG with a random other patient of its split, as a control.
        labelled: leave out rows without any known label.
    """
    reads = ("ecg", other.modality)
    sources = goal.shuffled(shuffle, other.modality).sources(*reads, labelled=labelled)
    train, val = (
        with_shared(
            with_teacher(source, other, EMBEDDING, teacher_embeddings(parts, source, other)), *reads
        )
        for source in sources
    )
    return train, val


def with_teacher(source: Source, other: Model, name: str, values: Tensor) -> Source:
    """Replace a modality of a source by outputs of its frozen teacher."""
    reads = tuple(read for read in source.reads if read != other.modality)
    return replace(source, reads=reads, extra={**source.extra, name: values})


def teacher_embeddings(parts: nn.ModuleDict, source: Source, other: Model) -> Tensor:
    """The frozen teacher's embedding of every recording of a source."""
    name, value = other.modality, partial(embedded, model=other)
    size = modality(name).at_once
    return frozen_outputs(parts, (f"{name}_encoder",), source, name, value, size=size)


def teacher_outputs(
    parts: nn.ModuleDict, source: Source, other: Model, targets: Targets
) -> Float[Tensor, "row target"]:
    """What the frozen teacher predicts for every recording of a source, from its embeddings."""
    embeddings = teacher_embeddings(parts, source, other)
    said = replace(source, reads=(), extra={EMBEDDING: embeddings})

    def told(batch: Batch) -> Tensor:
        return told_by_heads(parts, batch.extra[EMBEDDING], other.modality, targets)

    return over_batches(parts, said, told)


def own_outputs(
    parts: nn.ModuleDict, source: Source, model: EcgModel, targets: Targets
) -> Float[Tensor, "row target"]:
    """What the ECG model itself, as it is now, predicts for every ECG of a source."""
    used = ("ecg_encoder", *(f"ecg_{kind.head}" for kind, _, _ in targets.kinds()))
    value = partial(predict, model=model, targets=targets)
    return frozen_outputs(parts, used, source, "ecg", value)
