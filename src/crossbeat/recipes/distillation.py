"""Distillation: the ECG learns the X-ray teacher's probabilities instead of the labels."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS, PAPER_LABELS, TEACHER, Cromotex
from crossbeat.recipes.networks import EcgModel, XrayModel, joint_parts
from crossbeat.recipes.phases import VcgViews, distillation_phase, teacher_phase
from crossbeat.recipes.sources import Goal
from crossbeat.recipes.supervised import FROM_RANDOM_WEIGHTS
from crossbeat.training import Optimisation, Phase


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The simplest transfer (Hinton 2015, arXiv:1503.02531): a control for every other one.

    Args:
        findings: what is learned, in one model.
        labels: what uncertain and missing labels count as for the teacher.
        label_views: of the ECGs while probabilities are learned; None: as they are.
        temperature: softens the probabilities of both; above 0.
        teacher_scale: factor on the X-ray encoder's learning rate against its classifier's.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    xray: XrayModel = XrayModel()
    label_views: VcgViews | None = None
    temperature: float = 1.0
    teacher_scale: float = Cromotex.teacher_scale
    teacher: Optimisation = TEACHER
    distillation: Optimisation = FROM_RANDOM_WEIGHTS

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """The networks, with random weights that depend on the seed alone."""
        return joint_parts((self.ecg, self.xray), info, len(self.findings), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, then the student on its probabilities."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=self.teacher_scale)
        yield distillation_phase(
            goal,
            parts,
            (self.ecg, self.xray),
            self.distillation,
            temperature=self.temperature,
            views=self.label_views,
        )
