"""PTACL: alignment of ECG and cine MRI by patient and in time, then the ECG alone.

The defaults are PTACL; related methods are other settings of the same parts. Only the abstract of
the PTACL paper is known (Selivanov et al., arXiv:2506.20683). It describes alignment of patients,
and alignment of ECG segments with cine frames within a patient without new weights. All other
choices are ours; the recipe's page lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.encoders.heads import projection, tabular_encoder
from crossbeat.errors import ConfigError
from crossbeat.measurements import MEASUREMENTS
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, dim_of, encoder, predicting_parts, seeded
from crossbeat.recipes.cromotex import PAPER_LABELS
from crossbeat.recipes.in_time import (
    SPREAD,
    TABULAR,
    Alignment,
    align_in_time,
    with_frozen_frames,
    with_segments,
    with_shuffled_frames,
)
from crossbeat.recipes.masked import Masking, add_cine_decoder, add_ecg_decoder, masked_start
from crossbeat.recipes.phases import GENTLE, VcgViews, alignment_phase, fine_tuning_phase
from crossbeat.recipes.sources import Goal, without_targets
from crossbeat.recipes.steps import settings_of
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase, Source

IN_STEPS = EcgModel(
    encoder="mmcl-tiny", normalisation="group_z", pool="steps", unit_length=False, hidden=()
)
"""An ECG model whose embedding is the mean of what is aligned in time."""
CINE = OtherModel(modality="cine", encoder="frames-resnet50")

MASKED = Optimisation(learning_rate=1e-3, epochs=100, batch_size=256, warmup_epochs=10.0)
ALIGNMENT = Optimisation(learning_rate=1e-4, epochs=100, batch_size=256, warmup_epochs=10.0)
REGRESSION = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=5.0, patience=10
)


@dataclass(frozen=True, kw_only=True)
class Ptacl:
    """Global and local alignment with cine MRI, then targets from the ECG alone.

    Args:
        measurements: the cardiac measurements that one model predicts: by default volumes of the
            ventricles and the left atrium, ejection fractions, and left ventricular mass.
        findings: the findings that it predicts.
        labels: how to treat uncertain and missing labels of findings.
        views: views of the ECGs during alignment; they must not shift time. None uses unchanged
            ECGs.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities between patients; above 0.
        anchors: an ECG is aligned with the mean over frames (``mean``), with the sum of separate
            projections of the mean and of the spread over the cycle (``cycle``), or with each
            frame (``each``).
        tabular: ``age``, ``sex`` or cardiac measurements with which ECG and cine are also aligned;
            empty for none.
        local_weight: weight of the local loss (lambda); 0 leaves it out.
        local_temperature: divides the cosine similarities between segments and frames; above 0.
        centred: whether to subtract the mean over the cycle from segments and frames.
        correspondence: the ECG segment that is aligned with a frame: a part of the beat in the
            middle (``single_beat``), the mean over all beats at that phase (``phase_pool``), or
            the whole record divided evenly among the frames (``linear``).
        frame_targets: the matching frame alone (``one-hot``), or also its neighbours with lower
            weights (``circular``).
        width: standard deviation of the ``circular`` targets in frames; above 0.
        masking: settings of masked modelling.
        masked_ecg: masked modelling of the ECG encoder as first phase; None leaves it out.
        masked_cine: the same for the cine encoder.
        frozen_cine: whether to freeze the cine encoder during alignment.
        shuffle_pairs: give every ECG the cine of another patient, as a control.
        shuffle_frames: put the frames of every cine in random order, as a control.
        encoder_scale: learning rate of the ECG encoder divided by that of the heads in the
            last phase; above 0.
    """

    measurements: tuple[str, ...] = tuple(MEASUREMENTS)
    findings: tuple[str, ...] = ()
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = IN_STEPS
    cine: OtherModel = CINE
    views: VcgViews | None = GENTLE
    label_views: VcgViews | None = GENTLE
    shared_dim: int = 128
    temperature: float = 0.1
    anchors: Literal["mean", "cycle", "each"] = "mean"
    tabular: tuple[str, ...] = ()
    local_weight: float = 1.0
    local_temperature: float = 0.1
    centred: bool = True
    correspondence: Literal["single_beat", "phase_pool", "linear"] = "phase_pool"
    frame_targets: Literal["one-hot", "circular"] = "circular"
    width: float = 1.0
    masking: Masking = Masking()
    masked_ecg: Optimisation | None = MASKED
    masked_cine: Optimisation | None = MASKED
    frozen_cine: bool = False
    shuffle_pairs: bool = False
    shuffle_frames: bool = False
    alignment: Optimisation = ALIGNMENT
    regression: Optimisation = REGRESSION
    encoder_scale: float = 1.0

    @property
    def targets(self) -> Targets:
        """What the ECG model predicts."""
        return Targets(findings=self.findings, measurements=self.measurements, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed.

        Raises:
            ConfigError: the settings contradict each other or do not fit the cohort.
        """
        if self.local_weight and self.cine.phases:
            raise ConfigError(
                "local_weight must be 0 if the cine encoder reads only some phases, got "
                f"{self.local_weight:g}; set it to 0, or leave cine.phases empty"
            )
        parts = predicting_parts(self.ecg, self.targets, info, seed)
        name = self.cine.modality
        parts[f"{name}_encoder"] = encoder(self.cine, info, seed)
        if self.tabular:
            build = partial(tabular_encoder, 2 * len(self.tabular), self.shared_dim)
            parts["tabular_encoder"] = seeded(seed, "tabular_encoder", build)
        if self.masked_ecg is not None:
            add_ecg_decoder(parts, seed)
        if self.masked_cine is not None:
            add_cine_decoder(parts, info, seed, name)
        if self.anchors == "cycle":
            build_spread = partial(projection, dim_of(parts, name), self.shared_dim)
            parts[SPREAD] = seeded(seed, SPREAD, build_spread)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Masked modelling of both modalities, alignment, regression."""
        goal = Goal(cohort, self.targets, seed)
        yield from masked_start(goal, self)
        yield self._alignment(goal, parts)
        yield fine_tuning_phase(
            goal,
            parts,
            self.ecg,
            self.regression,
            views=self.label_views,
            encoder_scale=self.encoder_scale,
        )

    def _alignment(self, goal: Goal, parts: nn.ModuleDict) -> Phase:
        how, name = settings_of(Alignment, self), self.cine.modality
        paired = goal.shuffled(self.shuffle_pairs, name).sources("ecg", name)
        train, val = (self._with_inputs(goal, parts, without_targets(each)) for each in paired)
        trains = ["ecg_encoder", "ecg_projection", f"{name}_projection"]
        trains += [] if self.frozen_cine else [f"{name}_encoder"]
        trains += [name for name in ("tabular_encoder", SPREAD) if name in parts]
        return alignment_phase(
            goal,
            (train, val),
            self.alignment,
            step=partial(align_in_time, models=(self.ecg, self.cine), how=how),
            views=self.views,
            trains=dict.fromkeys(trains, 1.0),
        )

    def _with_inputs(self, goal: Goal, parts: nn.ModuleDict, source: Source) -> Source:
        """The source with all inputs of the alignment."""
        if self.frozen_cine:
            source = with_frozen_frames(parts, source, self.cine)
        if self.local_weight:
            source = with_segments(parts, source, self.correspondence)
        if self.tabular:
            told = torch.from_numpy(tabular(goal.cohort, self.tabular)[source.rows])
            source = replace(source, extra={**source.extra, TABULAR: told})
        if not self.shuffle_frames:
            return source
        return with_shuffled_frames(source, goal.seed, self.cine.num_frames(goal.cohort.info))


def tabular(cohort: Cohort, columns: tuple[str, ...]) -> Float[np.ndarray, "row told"]:
    """Tabular data of every row: standard scores, then 1 for each known value and 0 otherwise.

    Scores are in standard deviations of the training patients; unknown scores are 0.

    Args:
        columns: ``age``, ``sex``, or cardiac measurements.

    Raises:
        ConfigError: a column is unknown.
    """
    table = cohort.table.select(
        pl.col("age"), pl.col("sex").replace_strict({"F": 0.0, "M": 1.0}, default=None)
    )
    known = cohort.info.measurements
    unknown = [name for name in columns if name not in (*table.columns, *known)]
    if unknown:
        raise ConfigError(
            f"tabular must be of age, sex, {', '.join(known)}, got {', '.join(unknown)}; "
            "set --recipe.tabular"
        )
    rows = np.arange(table.height)
    values = np.stack(
        [
            table[name].cast(pl.Float32).fill_null(np.nan).to_numpy()
            if name in table.columns
            else cohort.measurements(rows, [name])[:, 0].numpy()
            for name in columns
        ],
        axis=1,
    ).astype(np.float64)
    train = values[cohort.rows("train", has=())]
    spread = np.nanstd(train, axis=0)
    scores = (values - np.nanmean(train, axis=0)) / np.where(spread > 0, spread, 1.0)
    told = ~np.isnan(scores)
    return np.hstack([np.where(told, scores, 0.0), told]).astype(np.float32)
