"""Recipes that learn targets from one modality: the ECG alone, and the teacher of another one."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import predicting_parts
from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS, PAPER_LABELS, TEACHER, Cromotex
from crossbeat.recipes.phases import VcgViews, fine_tuning_phase, teacher_phase
from crossbeat.recipes.sources import Goal
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase

FROM_RANDOM_WEIGHTS = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=10.0, patience=10
)


@dataclass(frozen=True, kw_only=True)
class Direct:
    """Targets from the ECG alone, trained end to end: the baseline for every transfer.

    Args:
        findings: the findings that one model learns.
        measurements: the measurements that it learns.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        positive_share: share of patients with a finding in an epoch; None keeps their share
            in the data.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    measurements: tuple[str, ...] = ()
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    label_views: VcgViews | None = None
    positive_share: float | None = Cromotex.fine_tuning_positives
    fine_tuning: Optimisation = FROM_RANDOM_WEIGHTS

    @property
    def targets(self) -> Targets:
        """What the model predicts."""
        return Targets(findings=self.findings, measurements=self.measurements, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return predicting_parts(self.ecg, self.targets, info, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only fine-tuning, from random weights."""
        yield fine_tuning_phase(
            Goal(cohort, self.targets, seed),
            parts,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.positive_share,
        )


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Targets from another modality alone: the upper end of what could be taught.

    Args:
        findings: the findings that one model learns.
        measurements: the measurements that it learns.
        labels: how to treat uncertain and missing labels.
        other: network of the modality.
        teacher_scale: learning rate of the encoder divided by that of its heads.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    measurements: tuple[str, ...] = ()
    labels: LabelPolicy = PAPER_LABELS
    other: OtherModel = OtherModel()
    teacher_scale: float = Cromotex.teacher_scale
    teacher: Optimisation = TEACHER

    @property
    def targets(self) -> Targets:
        """What the model predicts."""
        return Targets(findings=self.findings, measurements=self.measurements, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return predicting_parts(self.other, self.targets, info, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only the teacher phase."""
        goal, scale = Goal(cohort, self.targets, seed), self.teacher_scale
        yield teacher_phase(goal, parts, self.other, self.teacher, encoder_scale=scale)
