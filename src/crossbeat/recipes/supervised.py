"""Recipes that learn labels from one modality: the ECG alone, and the X-ray teacher."""

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
    """Findings from the ECG alone, trained end to end on labels: the baseline for every transfer.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while labels are learned; None uses unchanged ECGs.
        positive_share: share of patients with a finding in an epoch; None keeps their share
            in the data.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    label_views: VcgViews | None = None
    positive_share: float | None = Cromotex.fine_tuning_positives
    fine_tuning: Optimisation = FROM_RANDOM_WEIGHTS

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return ecg_parts(self.ecg, info, len(self.findings), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only fine-tuning, from random weights."""
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
    """Findings from the X-ray alone, trained on labels: the upper end of what could be taught.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        teacher_scale: learning rate of the encoder divided by that of its classifier.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    xray: XrayModel = XrayModel()
    teacher_scale: float = Cromotex.teacher_scale
    teacher: Optimisation = TEACHER

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return xray_parts(self.xray, info, len(self.findings), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only the teacher phase."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=self.teacher_scale)
