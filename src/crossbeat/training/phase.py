"""Define a phase: its data, its step, the parts that it trains and the choice of the best epoch."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
from crossbeat.files import Json
from crossbeat.modalities import Values
from crossbeat.signal import Ecgs
from crossbeat.training.fingerprint import describe


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The data of some rows of a cohort, as a step receives them.

    Args:
        inputs: the recordings by modality, in their units, of the modalities that the source reads.
        targets: 0 to 1 for each finding, a number for each measurement; NaN where it is to be
            ignored.
        extra: further values per row, such as a frozen teacher's embeddings.
    """

    inputs: Mapping[str, Values]
    targets: Float[Tensor, "batch target"]
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def ecg(self) -> Ecgs:
        """The ECGs.

        Raises:
            ValueError: the source does not read ECGs.
        """
        found = self.of("ecg")
        assert isinstance(found, Ecgs)
        return found

    def of(self, modality: str) -> Values:
        """The recordings of a modality.

        Raises:
            ValueError: the source does not read it.
        """
        if modality not in self.inputs:
            raise ValueError(f"this step needs {modality}; let the phase's source read it")
        return self.inputs[modality]

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(
            inputs={name: _moved(values, device) for name, values in self.inputs.items()},
            targets=self.targets.to(device, non_blocking=True),
            extra={name: value.to(device) for name, value in self.extra.items()},
        )


def _moved(values: Values, device: torch.device) -> Values:
    if isinstance(values, Ecgs):
        return dataclasses.replace(values, values=values.values.to(device, non_blocking=True))
    return values.to(device, non_blocking=True)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of a cohort, the modalities to read, and their targets.

    Steps and scores see its batches and targets only: ``fingerprint`` rests on that.

    Args:
        rows: indices into the cohort's table.
        reads: the modalities that a batch carries.
        targets: as in ``Batch``, one row for each of ``rows``.
        extra: as in ``Batch``, one row for each of ``rows``.
    """

    cohort: Cohort
    rows: Int64[np.ndarray, " row"]
    reads: tuple[str, ...]
    targets: Float[Tensor, "row target"]
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {"targets": len(self.targets)} | {k: len(v) for k, v in self.extra.items()}
        wrong = {name: length for name, length in lengths.items() if length != len(self.rows)}
        if wrong:
            raise ValueError(f"a source of {len(self.rows)} rows got lengths {wrong}")

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: Int64[np.ndarray, " batch"]) -> Batch:
        """The batch of some positions in ``rows``."""
        rows = self.rows[positions]
        at = torch.from_numpy(positions)
        return Batch(
            inputs={name: self.cohort.read(name, rows) for name in self.reads},
            targets=self.targets[at],
            extra={name: value[at] for name, value in self.extra.items()},
        )

    def batches(self, size: int) -> Iterator[Batch]:
        """All rows in order, in batches of at most ``size``; for scoring."""
        positions = np.arange(len(self), dtype=np.int64)
        for at in range(0, len(self), size):
            yield self.batch(positions[at : at + size])

    def splits(self) -> set[str]:
        """The splits that the rows belong to."""
        return set(self.cohort.table["split"].gather(self.rows.tolist()).to_list())

    def fingerprint(self) -> object:
        """A digest of the data that training sees through this source, and nothing else.

        So a phase without labels is the same phase on cohorts that differ in their labels.
        """
        return describe(
            {name: self.cohort.contents(name, self.rows) for name in self.reads}
            | {
                "targets": self.targets,
                "extra": self.extra,
                "reads": sorted(self.reads),
                "splits": self.splits(),
            }
        )


Step = Callable[[nn.ModuleDict, Batch, torch.Generator], dict[str, Tensor]]
"""The named losses of a batch; their sum is minimised."""

Score = Callable[[nn.ModuleDict, Source], dict[str, float]]
"""Named values of the parts on the validation source, in eval mode, without gradients."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How the best epoch is chosen, on validation data.

    Args:
        score: computes named values; every one is recorded.
        metric: the name of the value that chooses.
        higher_is_better: the direction of that value.
        patience: epochs without improvement before the phase stops, at least 1; None: never.
    """

    score: Score
    metric: str
    higher_is_better: bool
    patience: int | None = None


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """AdamW with a linear warm-up and a cosine decay, both in epochs and updated every step.

    Args:
        learning_rate: the peak, above 0.
        weight_decay: decoupled, at least 0.
        epochs: at least 1.
        batch_size: samples over all processes for one forward pass, at least 1.
        warmup_epochs: from ``edge`` times the peak up to the peak.
        decay_epochs: epoch at which the cosine has come down to ``edge`` times the peak; at
            most ``epochs`` for a full decay.
        edge: share of the peak where the schedule starts and ends, 0 to 1.
        clip_norm: greatest norm of the gradient, above 0.
        accumulate: batches whose gradients are added up before one update, at least 1.
        average: decay of a running average of the weights, 0 to below 1; where it is above 0,
            the average is what is scored and kept. Early on it forgets faster: after n updates
            the decay is at most (1 + n) / (10 + n).
        patience: see ``Choice``.

    Raises:
        ConfigError: a setting is out of its range.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    weight_decay: float = 1e-5
    warmup_epochs: float = 0.0
    decay_epochs: float | None = None
    edge: float = 0.1
    clip_norm: float = 2.5
    accumulate: int = 1
    average: float = 0.0
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}; raise it")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}; raise it")
        if not 0 <= self.average < 1:
            raise ConfigError(
                f"average must be 0 or more and below 1, got {self.average}; change it"
            )

    def factor(self, epoch: float) -> float:
        """The share of the peak learning rate at a time in epochs."""
        if epoch < self.warmup_epochs:
            return self.edge + (1 - self.edge) * epoch / self.warmup_epochs
        end = self.epochs if self.decay_epochs is None else self.decay_epochs
        progress = min(1.0, (epoch - self.warmup_epochs) / max(end - self.warmup_epochs, 1e-9))
        return self.edge + (1 - self.edge) * 0.5 * (1 + float(np.cos(np.pi * progress)))


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of training.

    Args:
        name: unique within a recipe.
        train: rows of the training split.
        val: rows of the validation split.
        step: a function at module level, or a partial of one; its settings are part of the
            phase's fingerprint.
        trains: the parts that are trained, each with the factor on its learning rate.
        frozen: the parts that the step uses as they are: no gradients, eval mode.
        weights: how often each row is drawn, at least 0; None: every row once an epoch.
    """

    name: str
    train: Source
    val: Source
    step: Step
    trains: Mapping[str, float]
    choice: Choice
    optimisation: Optimisation
    frozen: tuple[str, ...] = ()
    weights: Float[np.ndarray, " row"] | None = None

    def __post_init__(self) -> None:
        for source, split in ((self.train, "train"), (self.val, "val")):
            if source.splits() - {split}:
                raise ValueError(
                    f"phase {self.name!r} must train on split train and choose on split val, "
                    f"got rows of {sorted(source.splits())} as {split}"
                )

    def uses(self) -> tuple[str, ...]:
        return (*self.trains, *self.frozen)

    def settings(self) -> Json:
        """Everything but the data and the functions, for records."""
        return {
            "name": self.name,
            "trains": dict(self.trains),
            "frozen": list(self.frozen),
            "optimisation": dataclasses.asdict(self.optimisation),
            "chosen_by": self.choice.metric,
            "patients": {"train": len(self.train), "val": len(self.val)},
        }


def derive_seed(*parts: str | int) -> int:
    """A seed of 63 bits that depends on every part."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
