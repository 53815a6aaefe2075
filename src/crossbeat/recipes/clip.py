"""Contrast with another modality without labels (CLIP), then fine-tuning: a control for CroMoTEX.

Radford 2021 (arXiv:2103.00020): every ECG is aligned with its own recording of the other modality.
The teacher's encoder is trained on labels first and frozen, as in CroMoTEX.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, joint_parts
from crossbeat.recipes import steps
from crossbeat.recipes.cromotex import (
    ALIGNMENT,
    CHEXPERT_FINDINGS,
    FINE_TUNING,
    PAPER_LABELS,
    SELF_SUPERVISION,
    TEACHER,
    Cromotex,
)
from crossbeat.recipes.phases import (
    VcgViews,
    alignment_phase,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
)
from crossbeat.recipes.sources import Goal, paired_sources
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Contrast with the frozen teacher of another modality, then fine-tuning on the ECG alone.

    Args:
        findings: the findings that the teacher and the ECG model learn.
        measurements: the measurements that they learn.
        labels: how to treat uncertain and missing labels.
        other: network of the other modality.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the alignment; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        teacher_scale: learning rate of the teacher's encoder divided by that of its heads.
        projection_scale: learning rate of the projections divided by that of the encoder.
        fine_tuning_positives: share of patients with a finding in an epoch; None keeps their share
            in the data.
        self_supervision: None leaves the phase out.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    measurements: tuple[str, ...] = ()
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    other: OtherModel = OtherModel()
    views: VcgViews = VcgViews()
    label_views: VcgViews | None = None
    shared_dim: int = Cromotex.shared_dim
    temperature: float = 0.07
    self_temperature: float = Cromotex.self_temperature
    teacher_scale: float = Cromotex.teacher_scale
    projection_scale: float = 1.0
    fine_tuning_positives: float | None = Cromotex.fine_tuning_positives
    teacher: Optimisation = TEACHER
    self_supervision: Optimisation | None = SELF_SUPERVISION
    alignment: Optimisation = ALIGNMENT
    fine_tuning: Optimisation = FINE_TUNING

    @property
    def targets(self) -> Targets:
        """What the teacher and the ECG model predict."""
        return Targets(findings=self.findings, measurements=self.measurements, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        parts = joint_parts((self.ecg, self.other), self.targets, info, seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, self-supervision, alignment with the frozen teacher, fine-tuning."""
        goal, name = Goal(cohort, self.targets, seed), self.other.modality
        yield teacher_phase(goal, parts, self.other, self.teacher, encoder_scale=self.teacher_scale)
        yield from self_supervised_start(goal, self)
        scale = self.projection_scale
        yield alignment_phase(
            goal,
            paired_sources(goal, parts, self.other, shuffle=False),
            self.alignment,
            step=partial(
                steps.align_pairs, model=self.ecg, other=name, temperature=self.temperature
            ),
            views=self.views,
            trains={"ecg_encoder": 1.0, "ecg_projection": scale, f"{name}_projection": scale},
        )
        yield fine_tuning_phase(
            goal,
            parts,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.fine_tuning_positives,
        )
