"""CroMoTEX: supervised contrast of ECGs with chest X-rays, then fine-tuning on the ECG alone.

Punyamoorty, Malusare, Aggarwal 2025 (arXiv:2506.19329). ``docs/recipes/cromotex.md`` lists
the settings of the paper, the differences of the authors' code, and our choices.
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
from crossbeat.recipes.networks import (
    EcgModel,
    XrayModel,
    add_projections,
    joint_parts,
)
from crossbeat.recipes.phases import (
    VcgViews,
    alignment_phase,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
)
from crossbeat.recipes.sources import Goal, paired_sources
from crossbeat.training import Optimisation, Phase
from crossbeat.training.phase import Step
from crossbeat.views import View

CHEXPERT_FINDINGS = ("cardiomegaly", "pleural_effusion", "edema")
PAPER_LABELS = LabelPolicy(uncertain="negative", missing="negative")
TEACHER = Optimisation(learning_rate=1e-4, epochs=50, batch_size=64, clip_norm=2.0, patience=5)
SELF_SUPERVISION = Optimisation(
    learning_rate=4e-6,
    epochs=100,
    batch_size=256,
    warmup_epochs=5.0,
    decay_epochs=50.0,
    clip_norm=2.0,
)
ALIGNMENT = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=10.0, decay_epochs=100.0
)
FINE_TUNING = Optimisation(
    learning_rate=1e-5, epochs=50, batch_size=256, warmup_epochs=10.0, decay_epochs=100.0
)


@dataclass(frozen=True, kw_only=True)
class Cromotex:
    """The four phases of CroMoTEX, with values of the paper or else of the authors' code.

    Args:
        findings: one finding as in the paper, or several findings that share one model.
        labels: how to treat uncertain and missing labels.
        label_views: views of the ECGs while labels are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the alignment; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        own_pair: weight of the patient's own X-ray among its positives (beta); above 0.
        positives: rule that decides which patients are positives by their findings.
        hardness: how hard negatives are penalised.
        penalty: strength of the penalty (alpha); at least 1.
        hard_share: share of the batch that ``topk`` penalises; 0 to 1.
        teacher_scale: learning rate of the X-ray encoder divided by that of its classifier.
        projection_scale: learning rate of the projections divided by that of the encoder.
        alignment_positives: share of patients with a finding in an epoch; None keeps their share
            in the data.
        fine_tuning_positives: the same for the fine-tuning phase.
        self_supervision: None leaves the phase out.
        shuffle_pairs: give every ECG the X-ray of another patient, as a control.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    xray: XrayModel = XrayModel()
    views: VcgViews = VcgViews()
    label_views: VcgViews | None = None
    shared_dim: int = 256
    temperature: float = 0.01
    self_temperature: float = 0.01
    own_pair: float = 2.0
    positives: Literal["equal", "any_shared", "jaccard"] = "equal"
    hardness: Literal["none", "linear", "topk", "exp"] = "topk"
    penalty: float = 4.5
    hard_share: float = 0.075
    teacher_scale: float = 0.5
    projection_scale: float = 0.1
    alignment_positives: float | None = 0.25
    fine_tuning_positives: float | None = 0.2
    shuffle_pairs: bool = False
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
            paired_sources(goal, parts, self.xray, shuffle=self.shuffle_pairs, labelled=True),
            self.alignment,
            step=self._align,
            views=self.views,
            trains={
                "ecg_encoder": 1.0,
                "ecg_projection": self.projection_scale,
                "xray_projection": self.projection_scale,
            },
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
            steps.align,
            model=self.ecg,
            view=view,
            contrast=steps.settings_of(steps.Contrast, self),
        )
