"""A recipe of one's own: the ECG meets its X-ray and learns what the teacher says of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from crossbeat.data import Cohort, CohortInfo, LabelPolicy
from crossbeat.data.sources.virtual import Virtual
from crossbeat.evaluation.compare import estimate
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, embed, joint_parts
from crossbeat.objectives import clip, soft_bce
from crossbeat.recipes import RECIPES, steps
from crossbeat.recipes.phases import fine_tuning_phase, teacher_phase
from crossbeat.recipes.run import Plan, predictions, train
from crossbeat.recipes.sources import Goal, paired_sources
from crossbeat.report.tables import cell
from crossbeat.targets import Targets
from crossbeat.training import Batch, Optimisation, Phase, TrainerSettings, gather


def pair_and_distil(
    parts: nn.ModuleDict, batch: Batch, _: torch.Generator, *, model: EcgModel, temperature: float
) -> steps.Losses:
    ecg, xray = embed(parts, batch.ecg, model), batch.extra[steps.EMBEDDING]
    ours, theirs = parts["ecg_projection"](ecg), parts["xray_projection"](xray)
    logits, teacher = parts["ecg_classifier"](ecg), parts["xray_classifier"](xray).sigmoid()
    return {
        "pairing": clip(gather(ours), gather(theirs), temperature=temperature),
        "distillation": soft_bce(gather(logits), gather(teacher)),
    }


@dataclass(frozen=True, kw_only=True)
class PairAndDistil:
    findings: tuple[str, ...] = ("cardiomegaly", "pleural_effusion", "edema")
    labels: LabelPolicy = LabelPolicy(uncertain="ignore", missing="negative")
    ecg: EcgModel = EcgModel(encoder="cromotex-small", hidden=(64,))
    xray: OtherModel = OtherModel(modality="xray", encoder="small")
    temperature: float = 0.1
    teacher: Optimisation = Optimisation(learning_rate=2e-3, epochs=8, batch_size=64)
    joint: Optimisation = Optimisation(learning_rate=1e-3, epochs=8, batch_size=128)

    @property
    def targets(self) -> Targets:
        return Targets(findings=self.findings, labels=self.labels)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        parts = joint_parts((self.ecg, self.xray), self.targets, info, seed)
        return add_projections(parts, shared_dim=64, seed=seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        goal = Goal(cohort, self.targets, seed)
        yield teacher_phase(goal, parts, self.xray, self.teacher)
        pairs = paired_sources(goal, parts, self.xray, shuffle=False)  # as the teacher now is
        phase = fine_tuning_phase(goal, parts, self.ecg, self.joint, sources=pairs)
        step = partial(pair_and_distil, model=self.ecg, temperature=self.temperature)
        trains = {**phase.trains, "ecg_projection": 1.0, "xray_projection": 1.0}
        yield replace(phase, name="joint", step=step, trains=trains, frozen=("xray_classifier",))


def main(folder: Path, recipe: PairAndDistil, num_patients: int) -> None:
    RECIPES["pair-and-distil"] = recipe
    cohort = Virtual(num_patients=num_patients, image_size=32).build(folder / "cohort")
    plan = Plan(name="pair-and-distil", recipe=recipe, seed=0)
    run = train(plan, cohort, folder / "run", trainer=TrainerSettings())
    for finding, measured in estimate([predictions(run, cohort)], seed=0).items():
        print(f"{finding}: AUROC {cell(measured['auroc'], 'auroc')} %")


if __name__ == "__main__":
    main(Path("runs/example"), PairAndDistil(), num_patients=2000)
