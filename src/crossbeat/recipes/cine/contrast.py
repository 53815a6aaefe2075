"""Patients and moments of ECG and cine MRI aligned at once, then phenotypes by ECG.

The defaults are PTACL; its ancestors and peers are other settings of the same parts. Of PTACL, only
the abstract of the paper is known (Selivanov et al., arXiv:2506.20683; PTACL): alignment of
patients, alignment of ECG segments with cine frames within a patient, no new weights for it.
Every other choice is ours; the recipe's page lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from torch import nn

from crossbeat import phenotypes
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

PHENOTYPES = tuple(phenotypes.PHENOTYPES)
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
    """Global and local alignment with cine MRI, then phenotypes from the ECG alone.

    Args:
        phenotypes: what is told in the end, in one model.
        views: of the ECGs while they are aligned; they must not shift time. None: as they are.
        label_views: of the ECGs while phenotypes are learned; None: as they are.
        shared_dim: dimension of the shared space.
        temperature: divides the cosines between patients; above 0.
        anchors: whether an ECG meets the mean over frames, the mean and the spread over the cycle
            (each by a projection of its own, added), or each frame by itself.
        tabular: ``age``, ``sex`` or measures of the heart, which ECG and cine meet as well; empty:
            none.
        local_weight: of the local term (lambda); 0 leaves it out.
        local_temperature: divides the cosines between segments and frames; above 0.
        centred: whether segments and frames are compared without their mean over the cycle.
        correspondence: which part of the ECG answers to a frame: of the beat in the middle, the
            mean over all beats at that phase, or the whole record spread over the frames.
        targets: whether the frame of the moment alone is right, or its neighbours in part.
        width: of the ``circular`` targets, standard deviation in frames; above 0.
        masking: what masked modelling hides, and what counts.
        masked_ecg: the ECG encoder first learns to fill in what is hidden; None leaves it out.
        masked_cine: the same of the cine encoder.
        frozen_cine: the cine encoder stays as it was before the alignment.
        shuffle_pairs: give every ECG the cine of another patient: a control, not a method.
        shuffle_frames: give every cine another order of its frames: a control, not a method.
        encoder_scale: factor on the ECG encoder's learning rate against the regressor's in the
            last phase; above 0.
    """

    phenotypes: tuple[str, ...] = PHENOTYPES
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
        """The networks, with random weights that depend on the seed alone.

        Raises:
            ConfigError: the settings contradict one another or the cohort.
        """
        if self.local_weight and self.cine.phases:
            raise ConfigError(
                "local_weight must be 0 where the cine encoder sees some phases only, got "
                f"{self.local_weight:g}: every frame must answer to a segment; set it to 0, or "
                "leave cine.phases empty"
            )
        parts = ecg_parts(self.ecg, info, len(self.phenotypes), seed)
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
        """Masked modelling of both, alignment, regression."""
        goal = HeartGoal(cohort, self.phenotypes, seed)
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
"""Masked modelling of the ECG, then pairing with an image whose channels are three moments.

Source: Turgut 2025 (MMCL, arXiv:2308.05764) and its public code; which moments is our reading.
"""

GIRLANDA = replace(MMCL, tabular=("age", "sex"))
"""Pairs of ECG, cine and table.

Source: Girlanda 2024 (arXiv:2411.05900), of which the abstract is known; the sum over pairs and the
columns are our reading.
"""

DUAL_PHASE = replace(MMCL, cine=CineModel(phases=(0.0, 0.35)), anchors="each")
"""End diastole and end systole as two anchors of every ECG.

Source: Dual-Phase Cross-Modal Contrastive Learning (arXiv:2602.12883), of which the abstract is
known; one slice in the place of a volume, and a fixed phase for end systole, are our reading.
"""
