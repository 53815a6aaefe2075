"""Our own recipe: an X-ray teacher labels pairs whose reports are wrong, scarce or missing.

``docs/recipes/crossbeat.md`` has the prior art and the gain from each ingredient.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, joint_parts
from crossbeat.recipes import steps
from crossbeat.recipes.beliefs import believed_sources, self_taught_sources
from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS, PAPER_LABELS, TEACHER, Cromotex
from crossbeat.recipes.phases import (
    GENTLE,
    VcgViews,
    fine_tuning_phase,
    self_supervised_start,
    teacher_phase,
    view_of,
)
from crossbeat.recipes.sources import Goal
from crossbeat.targets import Targets
from crossbeat.training import Optimisation, Phase, Source

TRANSFER = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=10.0, average=0.999, patience=10
)
_LEARNS = ("ecg_encoder", "ecg_classifier")


@dataclass(frozen=True, kw_only=True)
class Crossbeat:
    """One encoder and one head learn the probabilities that a frozen teacher gives every pair.

    The target of a finding is t = ``trust`` p + (1 - ``trust``) y, with p the teacher's calibrated
    probability and y the label. Without a label t = p, so pairs need no report. An optional
    contrast with the other modality penalises negatives only if the teacher is certain that the
    patients differ. Then the encoder is trained again from its start on (1 - ``own``) t + ``own``
    q, with q the probability that it predicted itself. For ECGs without a pair the target is q.

    With ``trust`` and ``contrast`` 0 only ECGs are used. This is the control.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        ecg: network of the ECG; it keeps voltages, which depend on heart size and fluid.
        other: network of the teacher's modality.
        views: views of the self-supervised phase.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        trust: weight of the teacher in the target of a labelled pair, 0 to 1.
        own: weight of the model's own probability in the target of self-training, 0 to 1.
        contrast: weight of the contrast in the loss; 0 leaves it out.
        certainty: a negative is penalised from this probability that the two patients differ;
            0.5 to 1.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities of the contrast; above 0.
        self_temperature: temperature of the self-supervision; above 0.
        hardness: how hard negatives are penalised.
        penalty: strength of the penalty; at least 1.
        hard_share: share of the batch that ``topk`` penalises; 0 to 1.
        teacher_scale: learning rate of the teacher's encoder divided by that of its classifier.
        projection_scale: learning rate of the projections divided by that of the encoder.
        self_supervision: None leaves the phase out, because it had no benefit.
        self_training: None leaves the phase out.
        shuffle_pairs: pair every ECG with another patient, as a control.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel(normalisation="none")
    other: OtherModel = OtherModel()
    views: VcgViews = VcgViews()
    label_views: VcgViews | None = GENTLE
    trust: float = 0.75
    own: float = 0.5
    contrast: float = 0.0
    certainty: float = 0.9
    shared_dim: int = Cromotex.shared_dim
    temperature: float = 0.1
    self_temperature: float = 0.1
    hardness: Literal["none", "linear", "topk", "exp"] = Cromotex.hardness
    penalty: float = Cromotex.penalty
    hard_share: float = Cromotex.hard_share
    teacher_scale: float = Cromotex.teacher_scale
    projection_scale: float = 1.0
    shuffle_pairs: bool = False
    teacher: Optimisation = TEACHER
    self_supervision: Optimisation | None = None
    transfer: Optimisation = TRANSFER
    self_training: Optimisation | None = TRANSFER

    @property
    def targets(self) -> Targets:
        """What the teacher and the ECG model predict."""
        return Targets(findings=self.findings, labels=self.labels)

    @property
    def _taught(self) -> bool:
        return bool(self.trust or self.contrast)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        models = (self.ecg, self.other) if self._taught else (self.ecg,)
        parts = joint_parts(models, self.targets, info, seed)
        if self.contrast or self.self_supervision is not None:
            add_projections(parts, self.shared_dim, seed)
        return parts

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, transfer from the frozen teacher, self-training."""
        goal = Goal(cohort, self.targets, seed)
        if self._taught:
            scale = self.teacher_scale
            yield teacher_phase(goal, parts, self.other, self.teacher, encoder_scale=scale)
        yield from self_supervised_start(goal, self)
        start = deepcopy({name: parts[name].state_dict() for name in _LEARNS})
        transfer = self._transfer(goal, parts)
        yield transfer
        if self.self_training is not None:
            sources = self_taught_sources(goal, parts, self.ecg, transfer.train, own=self.own)
            for name, weights in start.items():
                parts[name].load_state_dict(weights)
            yield self._learn("self-training", goal, parts, sources, self.self_training)

    def _transfer(self, goal: Goal, parts: nn.ModuleDict) -> Phase:
        sources = (
            believed_sources(goal, parts, self.other, trust=self.trust, shuffle=self.shuffle_pairs)
            if self._taught
            else goal.sources("ecg", labelled=True)
        )
        phase = self._learn("transfer", goal, parts, sources, self.transfer)
        if not self.contrast:
            return phase
        name = self.other.modality
        step = partial(
            steps.believe,
            model=self.ecg,
            other=name,
            targets=self.targets,
            view=view_of(self.label_views, goal.cohort.info.unit),
            belief=steps.settings_of(steps.Belief, self),
        )
        projections = ("ecg_projection", f"{name}_projection")
        trains = {**phase.trains, **dict.fromkeys(projections, self.projection_scale)}
        return replace(phase, step=step, trains=trains)

    def _learn(
        self,
        name: str,
        goal: Goal,
        parts: nn.ModuleDict,
        sources: tuple[Source, Source],
        optimisation: Optimisation,
    ) -> Phase:
        views = self.label_views
        phase = fine_tuning_phase(goal, parts, self.ecg, optimisation, views=views, sources=sources)
        return replace(phase, name=name)
