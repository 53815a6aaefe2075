"""Training data of recipes with cine MRI: rows of a cohort with cardiac measurements."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.beats import Rule, correspondence, r_peaks
from crossbeat.data.cohort import CineColumn, Cohort
from crossbeat.data.sources.matched import shuffled
from crossbeat.data.splits import Split
from crossbeat.encoders.heads import Regressor
from crossbeat.errors import ConfigError
from crossbeat.recipes.cine.networks import CineModel, cine_frames, num_steps
from crossbeat.recipes.outputs import frozen_outputs
from crossbeat.recipes.sources import require_targets
from crossbeat.signal import Ecg
from crossbeat.training import Batch, Source

FRAMES = "cine_frames"
"""Tokens of a frozen cine encoder, used instead of cines."""

ORDER = "frame_order"
"""The order of the frames."""

TABULAR = "tabular"
"""Standard scores of the patient's tabular data, and whether each value is known."""

SEGMENTS = "segments"
"""Weights of the ECG time steps in the segment that belongs to each frame."""

_AT_ONCE = 512
_CINES_AT_ONCE = 64


@dataclass(frozen=True)
class HeartGoal:
    """A cohort with the cardiac measurements that a recipe predicts.

    Args:
        measurements: the columns of every target.
        seed: seed of everything random in the recipe.

    Raises:
        ConfigError: the cohort lacks a measurement, or the recipe has none.
    """

    cohort: Cohort
    measurements: tuple[str, ...]
    seed: int

    def __post_init__(self) -> None:
        require_targets(
            "measurements", self.measurements, self.cohort.info.measurements, self.cohort
        )

    def source(self, split: Split, reads: tuple[str, ...], *, measured: bool) -> Source:
        """All rows of a split that have the inputs ``reads``, with measurements as targets.

        Args:
            measured: leave out rows without any measurement. If false, there are no targets.
        """
        rows = self.cohort.rows(split, has=reads)
        targets = self.cohort.measurements(rows, self.measurements)
        if measured:
            known = ~targets.isnan().all(dim=1)
            rows, targets = rows[known.numpy()], targets[known]
        else:
            targets = targets[:, :0]
        if not len(rows):
            wanted = " and ".join((*reads, "a measurement") if measured else reads)
            raise ConfigError(
                f"cohort {self.cohort.info.name!r} must have rows with {wanted} in split {split}, "
                "got none; choose another cohort or recipe"
            )
        return Source(cohort=self.cohort, rows=rows, reads=reads, targets=targets)

    def sources(self, *reads: str, measured: bool) -> tuple[Source, Source]:
        """The training and the validation source."""
        train, val = (self.source(split, reads, measured=measured) for split in ("train", "val"))
        return train, val

    def shuffled(self, shuffle: bool) -> "HeartGoal":
        """If ``shuffle``, pair ECGs and cines at random within each split."""
        if not shuffle:
            return self
        return replace(self, cohort=shuffled(self.cohort, self.seed, "cine"))

    def tabular(self, columns: tuple[str, ...]) -> Float[np.ndarray, "row told"]:
        """Tabular data of every row: standard scores, then 1 for each known value and 0 otherwise.

        Scores are in standard deviations of the training patients; unknown scores are 0.

        Args:
            columns: ``age``, ``sex``, or cardiac measurements.

        Raises:
            ConfigError: a column is unknown.
        """
        table = self.cohort.table.select(
            pl.col("age"), pl.col("sex").replace_strict({"F": 0.0, "M": 1.0}, default=None)
        )
        unknown = [name for name in columns if name not in (*table.columns, *self.known)]
        if unknown:
            raise ConfigError(
                f"tabular must be of age, sex, {', '.join(self.known)}, got "
                f"{', '.join(unknown)}; set --recipe.tabular"
            )
        rows = np.arange(table.height)
        values = np.stack(
            [
                table[name].cast(pl.Float32).fill_null(np.nan).to_numpy()
                if name in table.columns
                else self.cohort.measurements(rows, [name])[:, 0].numpy()
                for name in columns
            ],
            axis=1,
        ).astype(np.float64)
        train = values[self.cohort.rows("train", has=())]
        spread = np.nanstd(train, axis=0)
        scores = (values - np.nanmean(train, axis=0)) / np.where(spread > 0, spread, 1.0)
        known = ~np.isnan(scores)
        return np.hstack([np.where(known, scores, 0.0), known]).astype(np.float32)

    @property
    def known(self) -> tuple[str, ...]:
        """The cardiac measurements that the cohort has."""
        return self.cohort.info.measurements

    def scale(self, regressor: nn.Module) -> None:
        """Set a regressor's mean and spread from the training patients' measurements."""
        assert isinstance(regressor, Regressor)
        rows = self.cohort.rows("train", has=())
        measured = self.cohort.measurements(rows, self.measurements).double().numpy()
        spread = np.nanstd(measured, axis=0)
        if not (spread > 0).all():
            flat = [name for name, each in zip(self.measurements, spread, strict=True) if not each]
            raise ConfigError(
                f"measurements of training patients must differ, got one value of {', '.join(flat)}; "
                "leave it out, or choose a larger cohort"
            )
        center = torch.from_numpy(np.nanmean(measured, axis=0))
        regressor.scale(center.float(), torch.from_numpy(spread).float())


def frame_tokens(
    parts: nn.ModuleDict, source: Source, model: CineModel, *, column: CineColumn = "cine"
) -> Float[Tensor, "row frame dim"]:
    """The tokens that a frozen encoder makes of every cine of a source.

    Args:
        parts: networks with the encoder of these cines.
    """
    value = partial(_batch_tokens, model=model, column=column)
    used = (f"{column}_encoder",)
    return frozen_outputs(parts, used, source, column, value, size=_CINES_AT_ONCE)


def _batch_tokens(
    parts: nn.ModuleDict, batch: Batch, *, model: CineModel, column: CineColumn
) -> Tensor:
    cine = batch.cine if column == "cine" else batch.cine_long
    assert cine is not None
    return cine_frames(parts, cine, model, column)


def with_frozen_frames(parts: nn.ModuleDict, source: Source, model: CineModel) -> Source:
    """Replace the cines of a source by the frozen encoder's tokens.

    They are computed only once. This is exact because the encoder is frozen and reads cines without
    random views.
    """
    tokens = frame_tokens(parts, source, model)
    reads = tuple(name for name in source.reads if name != "cine")
    return replace(source, reads=reads, extra={**source.extra, FRAMES: tokens})


def with_shuffled_frames(source: Source, seed: int, num_frames: int) -> Source:
    """Put the frames of every patient in a random order, as a control."""
    random = np.random.default_rng(seed)
    frames = np.tile(np.arange(num_frames), (len(source), 1))
    order = torch.from_numpy(random.permuted(frames, axis=1))
    return replace(source, extra={**source.extra, ORDER: order})


def with_tabular(source: Source, told: Float[np.ndarray, "row told"]) -> Source:
    """Add the tabular data of each patient to the source.

    Args:
        told: tabular data of every row of the cohort from ``HeartGoal.tabular``.
    """
    extra = {**source.extra, TABULAR: torch.from_numpy(told[source.rows])}
    return replace(source, extra=extra)


def with_segments(parts: nn.ModuleDict, source: Source, rule: Rule) -> Source:
    """Add the ECG time steps that belong to each frame of the cine to the source."""
    info = source.cohort.info
    segments = np.stack(
        [
            correspondence(
                r_peaks(ecg),
                rule=rule,
                segments=info.frames,
                steps=num_steps(parts, info),
                seconds=info.seconds,
            )
            for ecg in _ecgs(source)
        ]
    )
    return replace(source, extra={**source.extra, SEGMENTS: torch.from_numpy(segments)})


def _ecgs(source: Source) -> list[Ecg]:
    found = []
    for batch in replace(source, reads=("ecg",), extra={}).batches(_AT_ONCE):
        assert batch.ecg is not None
        leads, fs = batch.ecg.leads, batch.ecg.fs
        found += [Ecg(values, leads, fs) for values in batch.ecg.values.numpy()]
    return found
