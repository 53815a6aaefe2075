"""Our own recipe: what the X-ray teacher believes, where reports err, are scarce or are missing.

Prior art and what each ingredient is worth: ``docs/recipes/crossbeat.md``.
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
"""Views that leave an ECG's findings as they are, for learning what they are."""
_LEARNS = ("ecg_encoder", "ecg_classifier")


@dataclass(frozen=True, kw_only=True)
class Crossbeat:
    """One encoder and one head learn what a frozen teacher believes of every pair.

    The target of a finding is t = ``trust`` p + (1 - ``trust``) y, with p the teacher's calibrated
    probability and y the label, and p alone where there is no label: pairs need no report. Beside
    it may stand a contrast with the X-rays in which a negative counts as far as the teacher holds
    that the patients differ. Then the same encoder starts again and learns
    (1 - ``own``) t + ``own`` q, with q what it said itself, and q alone for ECGs without a pair. No
    label is learned after that, so nothing is forgotten.

    With ``trust`` and ``contrast`` 0 no X-ray is seen: the control that shows what it adds.

    Args:
        findings: what is learned, in one model.
        labels: what uncertain and missing labels count as.
        ecg: voltages are kept, as they tell much of heart and fluid.
        views: of the self-supervised start.
        label_views: of the ECGs while targets are learned; None: as they are.
        trust: share of the teacher in the target of a labelled pair, 0 to 1.
        own: share of the encoder's own belief in the target of self-training, 0 to 1.
        contrast: weight of the contrast against the targets; 0 leaves it out.
        certainty: of the teacher that two patients differ, for a negative to be penalised; 0.5
            to 1.
        shared_dim: length of the vectors that are compared.
        temperature: divides the cosines of the contrast; above 0.
        self_temperature: the same for self-supervision; above 0.
        hardness: the penalty of hard negatives.
        penalty: its strength; at least 1.
        hard_share: share of the batch that ``topk`` penalises; 0 to 1.
        teacher_scale: factor on the X-ray encoder's learning rate against its classifier's.
        projection_scale: factor on the projections' learning rate against the encoder's.
        self_supervision: a start without labels; None, as it gained nothing, leaves it out.
        self_training: None leaves the phase out.
        shuffle_pairs: give every ECG the X-ray of another patient: a control, not a method.
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
        """The networks, with random weights that depend on the seed alone."""
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
        """Teacher, transfer with the teacher frozen, self-training."""
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
