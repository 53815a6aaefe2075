"""Two controls: does CroMoTEX gain from the X-ray or from the labels?

``Clip`` aligns every ECG with its own X-ray and uses no labels for the ECG before fine-tuning.
``LabelContrast`` contrasts ECGs by their labels and uses no X-rays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
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
from crossbeat.recipes.networks import (
    EcgModel,
    XrayModel,
    add_projections,
    ecg_parts,
    joint_parts,
)
from crossbeat.recipes.phases import (
    VcgViews,
    alignment_phase,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
)
from crossbeat.recipes.sources import Goal, once, paired_sources, with_shared
from crossbeat.training import Optimisation, Phase
from crossbeat.training.phase import Step
from crossbeat.views import View


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Contrast with a trained X-ray teacher without labels (Radford 2021), then fine-tuning.

    Args:
        findings: the findings that the teacher and the ECG model learn.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while labels are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the alignment; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        teacher_scale: learning rate of the X-ray encoder divided by that of its classifier.
        projection_scale: learning rate of the projections divided by that of the encoder.
        fine_tuning_positives: share of patients with a finding in an epoch; None keeps their share
            in the data.
        self_supervision: None leaves the phase out.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    xray: XrayModel = XrayModel()
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

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        parts = joint_parts((self.ecg, self.xray), info, len(self.findings), seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, self-supervision, alignment with the frozen teacher, fine-tuning."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=self.teacher_scale)
        yield from self_supervised_start(goal, self)
        yield alignment_phase(
            paired_sources(goal, parts, self.xray, shuffle=False),
            self.alignment,
            step=self._align,
            views=self.views,
            trains={
                "ecg_encoder": 1.0,
                "ecg_projection": self.projection_scale,
                "xray_projection": self.projection_scale,
            },
        )
        yield fine_tuning_phase(
            goal,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.fine_tuning_positives,
        )

    def _align(self, view: View) -> Step:
        return partial(steps.align_pairs, model=self.ecg, view=view, temperature=self.temperature)


@dataclass(frozen=True, kw_only=True)
class LabelContrast:
    """CroMoTEX's contrast with a second view of the ECG instead of the X-ray.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while labels are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the alignment; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        own_pair: weight of the other view of the same ECG among its positives; above 0.
        positives: rule that decides which patients are positives by their findings.
        hardness: how hard negatives are penalised.
        penalty: strength of the penalty; at least 1.
        hard_share: share of the batch that ``topk`` penalises; 0 to 1.
        projection_scale: learning rate of the projection divided by that of the encoder.
        alignment_positives: share of patients with a finding in an epoch; None keeps their share
            in the data.
        fine_tuning_positives: the same for the fine-tuning phase.
        self_supervision: None leaves the phase out.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    views: VcgViews = VcgViews()
    label_views: VcgViews | None = None
    shared_dim: int = Cromotex.shared_dim
    temperature: float = Cromotex.temperature
    self_temperature: float = Cromotex.self_temperature
    own_pair: float = Cromotex.own_pair
    positives: Literal["equal", "any_shared", "jaccard"] = Cromotex.positives
    hardness: Literal["none", "linear", "topk", "exp"] = Cromotex.hardness
    penalty: float = Cromotex.penalty
    hard_share: float = Cromotex.hard_share
    projection_scale: float = Cromotex.projection_scale
    alignment_positives: float | None = Cromotex.alignment_positives
    fine_tuning_positives: float | None = Cromotex.fine_tuning_positives
    self_supervision: Optimisation | None = SELF_SUPERVISION
    alignment: Optimisation = ALIGNMENT
    fine_tuning: Optimisation = FINE_TUNING

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        parts = ecg_parts(self.ecg, info, len(self.findings), seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Self-supervision, contrast by labels, fine-tuning."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield from self_supervised_start(goal, self)
        train, val = (
            with_shared(once(source), "ecg") for source in goal.sources("ecg", labelled=True)
        )
        yield alignment_phase(
            (train, val),
            self.alignment,
            step=self._align,
            views=self.views,
            trains={"ecg_encoder": 1.0, "ecg_projection": self.projection_scale},
            positive_share=self.alignment_positives,
        )
        yield fine_tuning_phase(
            goal,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.fine_tuning_positives,
        )

    def _align(self, view: View) -> Step:
        return partial(
            steps.align_views,
            model=self.ecg,
            view=view,
            contrast=steps.settings_of(steps.Contrast, self),
        )
