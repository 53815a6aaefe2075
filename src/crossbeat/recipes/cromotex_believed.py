"""Our variant of CroMoTEX for pairs with and without labels.

CroMoTEX contrasts ECGs with X-rays by their labels, so it cannot use pairs without labels. Here
the frozen teacher's calibrated probabilities replace missing labels. ``docs/recipes/cromotex.md``
has the reasons and the results.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.objectives import likely
from crossbeat.recipes import steps
from crossbeat.recipes.beliefs import believed_sources
from crossbeat.recipes.cromotex import (
    ALIGNMENT,
    CHEXPERT_FINDINGS,
    FINE_TUNING,
    PAPER_LABELS,
    SELF_SUPERVISION,
    TEACHER,
    Cromotex,
)
from crossbeat.recipes.networks import EcgModel, XrayModel, add_projections, joint_parts
from crossbeat.recipes.phases import (
    VcgViews,
    alignment_phase,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
)
from crossbeat.recipes.sources import Goal
from crossbeat.training import Optimisation, Phase
from crossbeat.training.phase import Step
from crossbeat.views import View


@dataclass(frozen=True, kw_only=True)
class CromotexBelieved:
    """The phases of CroMoTEX with targets for every pair.

    The target of a finding is ``trust`` p + (1 - ``trust``) y, with p the frozen teacher's
    calibrated probability and y the label, and p alone for a pair without a label. Two patients are
    positives with the probability that they agree in every finding. They are negatives if the
    teacher is certain that they differ, and only these can be hard negatives.
    Fine-tuning learns the same targets.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        trust: weight of the teacher in the target of a labelled pair, 0 to 1.
        certainty: two patients are negatives from this probability of a difference, 0.5 to 1.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the alignment; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        own_pair: weight of the patient's own X-ray among its positives (beta); above 0.
        hardness: how hard negatives are penalised.
        penalty: strength of the penalty (alpha); at least 1.
        hard_share: share of the batch that ``topk`` penalises; 0 to 1.
        teacher_scale: learning rate of the X-ray encoder divided by that of its classifier.
        projection_scale: learning rate of the projections divided by that of the encoder.
        self_supervision: None leaves the phase out.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    xray: XrayModel = XrayModel()
    views: VcgViews = VcgViews()
    label_views: VcgViews | None = None
    trust: float = 0.75
    certainty: float = 0.9
    shared_dim: int = Cromotex.shared_dim
    temperature: float = Cromotex.temperature
    self_temperature: float = Cromotex.self_temperature
    own_pair: float = Cromotex.own_pair
    hardness: Literal["none", "linear", "topk", "exp"] = Cromotex.hardness
    penalty: float = Cromotex.penalty
    hard_share: float = Cromotex.hard_share
    teacher_scale: float = Cromotex.teacher_scale
    projection_scale: float = Cromotex.projection_scale
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
        sources = believed_sources(goal, parts, self.xray, trust=self.trust, shuffle=False)
        yield alignment_phase(
            sources,
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
            goal, self.ecg, self.fine_tuning, views=self.label_views, sources=sources
        )

    def _align(self, view: View) -> Step:
        contrast = steps.Contrast(
            temperature=self.temperature,
            positives=partial(likely, certainty=self.certainty),
            own_pair=self.own_pair,
            hardness=self.hardness,
            penalty=self.penalty,
            hard_share=self.hard_share,
        )
        return partial(steps.align, model=self.ecg, view=view, contrast=contrast)
