"""Recipes that learn labels of one modality: the ECG alone, and the X-ray teacher."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS, PAPER_LABELS, TEACHER, Cromotex
from crossbeat.recipes.networks import EcgModel, XrayModel, ecg_parts, xray_parts
from crossbeat.recipes.phases import VcgViews, fine_tuning_phase, teacher_phase
from crossbeat.recipes.sources import Goal
from crossbeat.training import Optimisation, Phase

FROM_RANDOM_WEIGHTS = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=10.0, patience=10
)


@dataclass(frozen=True, kw_only=True)
class Direct:
    """The ECG's findings learned end to end from labels: the baseline that any transfer must beat.

    Args:
        findings: what is learned, in one model.
        labels: what uncertain and missing labels count as.
        label_views: of the ECGs while labels are learned; None: as they are.
        positive_share: share of patients with a finding in an epoch; None: as they come.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    label_views: VcgViews | None = None
    positive_share: float | None = Cromotex.fine_tuning_positives
    fine_tuning: Optimisation = FROM_RANDOM_WEIGHTS

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """The networks, with random weights that depend on the seed alone."""
        return ecg_parts(self.ecg, info, len(self.findings), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Fine-tuning alone, from random weights."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield fine_tuning_phase(
            goal,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.positive_share,
        )


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """The X-ray's findings learned from labels: what the ECG could know at most from it.

    Args:
        findings: what is learned, in one model.
        labels: what uncertain and missing labels count as.
        teacher_scale: factor on the encoder's learning rate against its classifier's.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    xray: XrayModel = XrayModel()
    teacher_scale: float = Cromotex.teacher_scale
    teacher: Optimisation = TEACHER

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """The networks, with random weights that depend on the seed alone."""
        return xray_parts(self.xray, info, len(self.findings), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """The teacher's phase alone."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=self.teacher_scale)
