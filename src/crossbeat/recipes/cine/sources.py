"""What recipes with cine MRI train on: rows of a cohort with measures of the heart."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import nn

from crossbeat.beats import Rule, correspondence, r_peaks
from crossbeat.data.cohort import Cohort
from crossbeat.data.matched import shuffled
from crossbeat.data.splits import Split
from crossbeat.encoders.heads import Regressor
from crossbeat.errors import ConfigError
from crossbeat.recipes.cine.kept_tokens import frame_tokens
from crossbeat.recipes.cine.networks import CineModel, num_steps
from crossbeat.recipes.sources import require_targets
from crossbeat.signal import Ecg
from crossbeat.training import Source

FRAMES = "cine_frames"
"""Tokens of a frozen cine encoder, in the place of cines."""

ORDER = "frame_order"
"""Which frame stands at which place."""

TABULAR = "tabular"
"""What a table tells of the patient, as standard scores, and whether it does."""

SEGMENTS = "segments"
"""Which steps of the ECG make up the segment that answers to each frame."""

_AT_ONCE = 512


@dataclass(frozen=True)
class HeartGoal:
    """A cohort with the measures of the heart that a recipe wants to tell.

    Args:
        phenotypes: the columns of every target.
        seed: of everything random in the recipe.

    Raises:
        ConfigError: the cohort lacks one of them, or none is wanted.
    """

    cohort: Cohort
    phenotypes: tuple[str, ...]
    seed: int

    def __post_init__(self) -> None:
        require_targets("phenotypes", self.phenotypes, self.cohort.info.phenotypes, self.cohort)

    def source(self, split: Split, reads: tuple[str, ...], *, measured: bool) -> Source:
        """All rows of a split that have what is read, with the measures as targets.

        Args:
            measured: leave out rows without any measure; else there are no targets at all.
        """
        rows = self.cohort.rows(split, has=reads)
        targets = self.cohort.phenotypes(rows, self.phenotypes)
        if measured:
            known = ~targets.isnan().all(dim=1)
            rows, targets = rows[known.numpy()], targets[known]
        else:
            targets = targets[:, :0]
        if not len(rows):
            wanted = " and ".join((*reads, "a phenotype") if measured else reads)
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
        """The same with ECGs and cines paired at random within each split, if asked for."""
        if not shuffle:
            return self
        return replace(self, cohort=shuffled(self.cohort, self.seed, "cine"))

    def tabular(self, columns: tuple[str, ...]) -> Float[np.ndarray, "row told"]:
        """What the table tells of every row: standard scores, then 1 where a value is known.

        Scores are in standard deviations of the training patients; unknown ones are 0.

        Args:
            columns: ``age``, ``sex``, or measures of the heart.

        Raises:
            ConfigError: a column is none of these.
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
                else self.cohort.phenotypes(rows, [name])[:, 0].numpy()
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
        """The measures of the heart that the cohort has."""
        return self.cohort.info.phenotypes

    def scale(self, regressor: nn.Module) -> None:
        """Tell a regressor mean and spread of the training patients' measures."""
        assert isinstance(regressor, Regressor)
        rows = self.cohort.rows("train", has=())
        measured = self.cohort.phenotypes(rows, self.phenotypes).double().numpy()
        spread = np.nanstd(measured, axis=0)
        if not (spread > 0).all():
            flat = [name for name, each in zip(self.phenotypes, spread, strict=True) if not each]
            raise ConfigError(
                f"phenotypes of training patients must differ, got one value of {', '.join(flat)}; "
                "leave it out, or choose a larger cohort"
            )
        center = torch.from_numpy(np.nanmean(measured, axis=0))
        regressor.scale(center.float(), torch.from_numpy(spread).float())


def with_frozen_frames(parts: nn.ModuleDict, source: Source, model: CineModel) -> Source:
    """The source without its cines, with the frozen encoder's tokens of each frame instead.

    As the encoder is frozen and sees cines without random views, computing this once is exact.
    """
    tokens = frame_tokens(parts, source, model)
    reads = tuple(name for name in source.reads if name != "cine")
    return replace(source, reads=reads, extra={**source.extra, FRAMES: tokens})


def with_shuffled_frames(source: Source, seed: int, num_frames: int) -> Source:
    """The source with the frames of every patient in an order of its own: a control."""
    random = np.random.default_rng(seed)
    frames = np.tile(np.arange(num_frames), (len(source), 1))
    order = torch.from_numpy(random.permuted(frames, axis=1))
    return replace(source, extra={**source.extra, ORDER: order})


def with_tabular(source: Source, told: Float[np.ndarray, "row told"]) -> Source:
    """The source with what the table tells of each patient.

    Args:
        told: of every row of the cohort, as ``HeartGoal.tabular`` gives it.
    """
    extra = {**source.extra, TABULAR: torch.from_numpy(told[source.rows])}
    return replace(source, extra=extra)


def with_segments(parts: nn.ModuleDict, source: Source, rule: Rule) -> Source:
    """The source with the steps of each ECG that answer to each frame of its cine."""
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
