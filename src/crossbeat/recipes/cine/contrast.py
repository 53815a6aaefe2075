"""Alignment of ECG and cine MRI by patient and in time, then measurements from the ECG alone.

The defaults are PTACL; related methods are other settings of the same parts. Only the abstract of
the PTACL paper is known (Selivanov et al., arXiv:2506.20683). It describes alignment of patients,
and alignment of ECG segments with cine frames within a patient without new weights. All other
choices are ours; the recipe's page lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from torch import nn

from crossbeat import measurements
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.encoders.heads import projection, tabular_encoder
from crossbeat.errors import ConfigError
from crossbeat.recipes.cine.masked import (
    Masking,
    add_cine_decoder,
    add_ecg_decoder,
    masked_start,
)
from crossbeat.recipes.cine.networks import SPREAD, CineModel, cine_encoder, ecg_parts
from crossbeat.recipes.cine.phases import heart_alignment_phase, regression_phase
from crossbeat.recipes.cine.sources import HeartGoal
from crossbeat.recipes.cine.steps import Alignment
from crossbeat.recipes.networks import EcgModel, add_projections, seeded
from crossbeat.recipes.phases import VcgViews
from crossbeat.recipes.steps import settings_of
from crossbeat.training import Optimisation, Phase

MEASUREMENTS = tuple(measurements.MEASUREMENTS)
"""Volumes of the ventricles and the left atrium, ejection fractions, and left ventricular mass."""

HEART_VIEWS = VcgViews(angle=15.0, scale=1.15, mask=0.1)
HEART_ECG = EcgModel(encoder="mmcl-tiny", normalisation="group_z", unit_length=False, hidden=())

MASKED = Optimisation(learning_rate=1e-3, epochs=100, batch_size=256, warmup_epochs=10.0)
ALIGNMENT = Optimisation(learning_rate=1e-4, epochs=100, batch_size=256, warmup_epochs=10.0)
REGRESSION = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=5.0, patience=10
)


@dataclass(frozen=True, kw_only=True)
class HeartContrast:
    """Global and local alignment with cine MRI, then measurements from the ECG alone.

    Args:
        measurements: the cardiac measurements that one model predicts.
        views: views of the ECGs during alignment; they must not shift time. None uses unchanged
            ECGs.
        label_views: views of the ECGs while measurements are learned; None uses unchanged ECGs.
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
        targets: the matching frame alone (``one-hot``), or also its neighbours with lower weights
            (``circular``).
        width: standard deviation of the ``circular`` targets in frames; above 0.
        masking: settings of masked modelling.
        masked_ecg: masked modelling of the ECG encoder as first phase; None leaves it out.
        masked_cine: the same for the cine encoder.
        frozen_cine: whether to freeze the cine encoder during alignment.
        shuffle_pairs: give every ECG the cine of another patient, as a control.
        shuffle_frames: put the frames of every cine in random order, as a control.
        encoder_scale: learning rate of the ECG encoder divided by that of the regressor in the
            last phase; above 0.
    """

    measurements: tuple[str, ...] = MEASUREMENTS
    ecg: EcgModel = HEART_ECG
    cine: CineModel = CineModel()
    views: VcgViews | None = HEART_VIEWS
    label_views: VcgViews | None = HEART_VIEWS
    shared_dim: int = 128
    temperature: float = 0.1
    anchors: Literal["mean", "cycle", "each"] = "mean"
    tabular: tuple[str, ...] = ()
    local_weight: float = 1.0
    local_temperature: float = 0.1
    centred: bool = True
    correspondence: Literal["single_beat", "phase_pool", "linear"] = "phase_pool"
    targets: Literal["one-hot", "circular"] = "circular"
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
        parts = ecg_parts(self.ecg, info, len(self.measurements), seed)
        parts["cine_encoder"] = cine_encoder(self.cine, info, seed)
        if self.tabular:
            build = partial(tabular_encoder, 2 * len(self.tabular), self.shared_dim)
            parts["tabular_encoder"] = seeded(seed, "tabular_encoder", build)
        if self.masked_ecg is not None:
            add_ecg_decoder(parts, seed)
        if self.masked_cine is not None:
            add_cine_decoder(parts, info, seed)
        if self.anchors == "cycle":
            dim = int(parts["cine_encoder"].dim)  # type: ignore[arg-type]
            parts[SPREAD] = seeded(seed, SPREAD, partial(projection, dim, self.shared_dim))
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Masked modelling of both modalities, alignment, regression."""
        goal = HeartGoal(cohort, self.measurements, seed)
        yield from masked_start(goal, self)
        how = settings_of(Alignment, self)
        yield heart_alignment_phase(goal, parts, self, how)
        yield regression_phase(
            goal,
            parts,
            self.ecg,
            self.regression,
            views=self.label_views,
            encoder_scale=self.encoder_scale,
        )


MMCL = HeartContrast(
    cine=CineModel(encoder="mmcl-resnet50", phases=(0.0, 0.175, 0.35)),
    masking=Masking(over="all"),
    masked_cine=None,
    local_weight=0.0,
)
"""Masked modelling of the ECG, then contrast with an image whose channels are three frames.

Source: Turgut 2025 (MMCL, arXiv:2308.05764) and its public code; the choice of frames is ours.
"""

GIRLANDA = replace(MMCL, tabular=("age", "sex"))
"""Contrast between ECG, cine and tabular data.

Source: Girlanda 2024 (arXiv:2411.05900), of which we know only the abstract; the sum over pairs and
the columns are our choice.
"""

DUAL_PHASE = replace(MMCL, cine=CineModel(phases=(0.0, 0.35)), anchors="each")
"""Contrast of every ECG with the end-diastolic and the end-systolic frame.

Source: Dual-Phase Cross-Modal Contrastive Learning (arXiv:2602.12883), of which we know only the
abstract; one slice instead of a volume and a fixed phase for end systole are our choice.
"""
