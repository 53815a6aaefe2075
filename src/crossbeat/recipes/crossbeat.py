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
from crossbeat.recipes import steps
from crossbeat.recipes.beliefs import believed_sources, self_taught_sources
from crossbeat.recipes.cromotex import (
    CHEXPERT_FINDINGS,
    PAPER_LABELS,
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
    by_ecg_auroc,
    self_supervised_start,
    teacher_phase,
    view_of,
)
from crossbeat.recipes.sources import Goal
from crossbeat.training import Optimisation, Phase, Source

TRANSFER = Optimisation(
    learning_rate=1e-4, epochs=50, batch_size=256, warmup_epochs=10.0, average=0.999, patience=10
)
GENTLE = VcgViews(angle=15.0, scale=1.15, mask=0.1)
"""Weak views that do not change the findings of an ECG, for training on labels."""
_LEARNS = ("ecg_encoder", "ecg_classifier")


@dataclass(frozen=True, kw_only=True)
class Crossbeat:
    """One encoder and one head learn the probabilities that a frozen teacher gives every pair.

    The target of a finding is t = ``trust`` p + (1 - ``trust``) y, with p the teacher's calibrated
    probability and y the label. Without a label t = p, so pairs need no report. An optional
    contrast with the X-rays penalises negatives only if the teacher is certain that the patients
    differ. Then the encoder is trained again from its start on (1 - ``own``) t + ``own`` q, with q
    the probability that it predicted itself. For ECGs without a pair the target is q.

    With ``trust`` and ``contrast`` 0 no X-ray is used. This is the control for the X-ray's effect.

    Args:
        findings: the findings that one model learns.
        labels: how to treat uncertain and missing labels.
        ecg: network of the ECG; it keeps voltages, which depend on heart size and fluid.
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
        teacher_scale: learning rate of the X-ray encoder divided by that of its classifier.
        projection_scale: learning rate of the projections divided by that of the encoder.
        self_supervision: None leaves the phase out, because it had no benefit.
        self_training: None leaves the phase out.
        shuffle_pairs: give every ECG the X-ray of another patient, as a control.
    """

    findings: tuple[str, ...] = CHEXPERT_FINDINGS
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = EcgModel(normalisation="none")
    xray: XrayModel = XrayModel()
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
    def _sees_xray(self) -> bool:
        return bool(self.trust or self.contrast)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        number = len(self.findings)
        parts = (
            joint_parts((self.ecg, self.xray), info, number, seed)
            if self._sees_xray
            else ecg_parts(self.ecg, info, number, seed)
        )
        if self.contrast or self.self_supervision is not None:
            add_projections(parts, self.shared_dim, seed)
        return parts

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Teacher, transfer from the frozen teacher, self-training."""
        goal = Goal(cohort, self.findings, self.labels, seed)
        if self._sees_xray:
            yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=self.teacher_scale)
        yield from self_supervised_start(goal, self)
        start = deepcopy({name: parts[name].state_dict() for name in _LEARNS})
        transfer = self._transfer(goal, parts)
        yield transfer
        if self.self_training is not None:
            sources = self_taught_sources(goal, parts, self.ecg, transfer.train, own=self.own)
            for name, weights in start.items():
                parts[name].load_state_dict(weights)
            yield self._learn("self-training", sources, self.self_training)

    def _transfer(self, goal: Goal, parts: nn.ModuleDict) -> Phase:
        sources = (
            believed_sources(goal, parts, self.xray, trust=self.trust, shuffle=self.shuffle_pairs)
            if self._sees_xray
            else goal.sources("ecg", labelled=True)
        )
        phase = self._learn("transfer", sources, self.transfer)
        if not self.contrast:
            return phase
        step = partial(
            steps.believe,
            model=self.ecg,
            view=view_of(self.label_views, goal.cohort.info.unit),
            belief=steps.settings_of(steps.Belief, self),
        )
        projections = dict.fromkeys(("ecg_projection", "xray_projection"), self.projection_scale)
        return replace(phase, step=step, trains={**phase.trains, **projections})

    def _learn(
        self, name: str, sources: tuple[Source, Source], optimisation: Optimisation
    ) -> Phase:
        train, val = sources
        view = view_of(self.label_views, train.cohort.info.unit)
        return Phase(
            name=name,
            train=train,
            val=val,
            step=partial(steps.classify_ecg, model=self.ecg, view=view),
            trains=dict.fromkeys(_LEARNS, 1.0),
            choice=by_ecg_auroc(self.ecg, optimisation),
            optimisation=optimisation,
        )
