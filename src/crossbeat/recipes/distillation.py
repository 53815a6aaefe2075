"""Distillation: the ECG model learns the teacher's probabilities instead of labels."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import joint_parts
from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS, PAPER_LABELS, TEACHER, Cromotex
from crossbeat.recipes.phases import VcgViews, distillation_phase, teacher_phase
from crossbeat.recipes.sources import Goal
from crossbeat.recipes.supervised import FROM_RANDOM_WEIGHTS
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The simplest transfer (Hinton 2015, arXiv:1503.02531), a control for all other methods.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels of the teacher.
        other: network of the teacher's modality.
        label_views: views of the ECGs while probabilities are learned; None uses unchanged ECGs.
        temperature: divides the logits of teacher and student; above 0.
        teacher_scale: learning rate of the teacher's encoder divided by that of its classifier.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    other: OtherModel = OtherModel()
    label_views: VcgViews | None = None
    temperature: float = 1.0
    teacher_scale: float = Cromotex.teacher_scale
    teacher: Optimisation = TEACHER
    distillation: Optimisation = FROM_RANDOM_WEIGHTS

    @property
    def targets(self) -> Targets:
        """What the teacher and the ECG model predict."""
        return Targets(findings=self.findings, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return joint_parts((self.ecg, self.other), self.targets, info, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, then training of the ECG model on its probabilities."""
        goal = Goal(cohort, self.targets, seed)
        yield teacher_phase(goal, parts, self.other, self.teacher, encoder_scale=self.teacher_scale)
        yield distillation_phase(
            goal,
            parts,
            (self.ecg, self.other),
            self.distillation,
            temperature=self.temperature,
            views=self.label_views,
        )
