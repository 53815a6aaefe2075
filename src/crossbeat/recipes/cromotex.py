"""CroMoTEX: supervised contrast of ECGs with chest X-rays, then fine-tuning on the ECG alone.

Punyamoorty, Malusare, Aggarwal 2025 (arXiv:2506.19329). ``docs/recipes/cromotex.md`` lists
the settings of the paper, the differences of the authors' code, and our choices.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.errors import ConfigError
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, joint_parts
from crossbeat.objectives import likely
from crossbeat.recipes import steps
from crossbeat.recipes.beliefs import believed_sources
from crossbeat.recipes.phases import (
    VcgViews,
    alignment_phase,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
)
from crossbeat.recipes.sources import Goal, once, paired_sources, with_shared
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase, Source

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
        partner: contrast ECGs with X-rays, or with a second view of the ECG, as a control that
            uses no X-ray, and so neither ``shuffle_pairs`` nor ``trust``.
        trust: None is CroMoTEX. A number also uses pairs without labels: the target of a finding
            is ``trust`` p + (1 - ``trust``) y, with p the frozen teacher's calibrated probability
            and y the label, and p alone for a pair without a label. Two patients are positives
            with the probability that they agree in every finding; fine-tuning learns the same
            targets. 0 to 1.
        certainty: with ``trust``, two patients are negatives from this probability of a
            difference; 0.5 to 1.

    Raises:
        ConfigError: ``shuffle_pairs`` or ``trust`` is set for a control without X-rays.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel()
    xray: OtherModel = OtherModel()
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
    partner: Literal["xray", "view"] = "xray"
    trust: float | None = None
    certainty: float = 0.9
    teacher: Optimisation = TEACHER
    self_supervision: Optimisation | None = SELF_SUPERVISION
    alignment: Optimisation = ALIGNMENT
    fine_tuning: Optimisation = FINE_TUNING

    def __post_init__(self) -> None:
        if self.partner == "view" and (self.shuffle_pairs or self.trust is not None):
            raise ConfigError(
                "shuffle_pairs must be false and trust null with partner view, which uses no "
                f"X-ray, got {self.shuffle_pairs} and {self.trust}; leave them out"
            )

    @property
    def targets(self) -> Targets:
        """What the teacher and the ECG model predict."""
        return Targets(findings=self.findings, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        models = (self.ecg, self.xray) if self.partner == "xray" else (self.ecg,)
        parts = joint_parts(models, self.targets, info, seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, self-supervision, alignment with the frozen teacher, fine-tuning."""
        goal = Goal(cohort, self.targets, seed)
        if self.partner == "xray":
            scale = self.teacher_scale
            yield teacher_phase(goal, parts, self.xray, self.teacher, encoder_scale=scale)
        yield from self_supervised_start(goal, self)
        pairs = self._pairs(goal, parts)
        projections = [name for name in parts if name.endswith("_projection")]
        yield alignment_phase(
            goal,
            pairs,
            self.alignment,
            step=self._step(),
            views=self.views,
            trains={"ecg_encoder": 1.0, **dict.fromkeys(projections, self.projection_scale)},
            positive_share=self.alignment_positives,
        )
        yield fine_tuning_phase(
            goal,
            parts,
            self.ecg,
            self.fine_tuning,
            views=self.label_views,
            positive_share=self.fine_tuning_positives,
            sources=None if self.trust is None else pairs,
        )

    def _pairs(self, goal: Goal, parts: nn.ModuleDict) -> tuple[Source, Source]:
        """The training and the validation data of the alignment."""
        if self.partner == "view":
            train, val = map(once, goal.sources("ecg", labelled=True))
            return with_shared(train, "ecg"), with_shared(val, "ecg")
        shuffle = self.shuffle_pairs
        if self.trust is None:
            return paired_sources(goal, parts, self.xray, shuffle=shuffle, labelled=True)
        return believed_sources(goal, parts, self.xray, trust=self.trust, shuffle=shuffle)

    def _step(self) -> Callable[..., steps.Losses]:
        contrast = steps.settings_of(steps.Contrast, self)
        if self.trust is not None:
            contrast = replace(contrast, positives=partial(likely, certainty=self.certainty))
        if self.partner == "view":
            return partial(steps.align_views, model=self.ecg, contrast=contrast)
        return partial(steps.align, model=self.ecg, other=self.xray.modality, contrast=contrast)
