"""A recipe of one's own: the ECG meets its X-ray and learns what the teacher says of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from crossbeat.cli.tables import percent
from crossbeat.data import Cohort, CohortInfo, LabelPolicy
from crossbeat.data.sources.virtual import Virtual
from crossbeat.evaluation.compare import estimate
from crossbeat.objectives import clip, soft_bce
from crossbeat.recipes import RECIPES, scores, steps
from crossbeat.recipes.networks import EcgModel, XrayModel, add_projections, embed_ecg, joint_parts
from crossbeat.recipes.phases import teacher_phase
from crossbeat.recipes.run import Plan, predictions, train
from crossbeat.recipes.sources import Goal, batch_ecg_logits, paired_sources
from crossbeat.training import Batch, Choice, Optimisation, Phase, TrainerSettings, gather


def pair_and_distil(
    parts: nn.ModuleDict, batch: Batch, _: torch.Generator, *, model: EcgModel, temperature: float
) -> steps.Losses:
    assert batch.ecg is not None
    ecg, xray = embed_ecg(parts, batch.ecg, model), batch.extra[steps.XRAY_EMBEDDING]
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
    xray: XrayModel = XrayModel(encoder="small")
    temperature: float = 0.1
    teacher: Optimisation = Optimisation(learning_rate=2e-3, epochs=8, batch_size=64)
    joint: Optimisation = Optimisation(learning_rate=1e-3, epochs=8, batch_size=128)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        parts = joint_parts((self.ecg, self.xray), info, len(self.findings), seed)
        return add_projections(parts, shared_dim=64, seed=seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        goal = Goal(cohort, self.findings, self.labels, seed)
        yield teacher_phase(goal, self.xray, self.teacher, encoder_scale=1.0)
        pairs = paired_sources(goal, parts, self.xray, shuffle=False)  # as the teacher now is
        scored = partial(scores.classification, logits=partial(batch_ecg_logits, model=self.ecg))
        trained = ("ecg_encoder", "ecg_classifier", "ecg_projection", "xray_projection")
        yield Phase(
            name="joint",
            train=pairs[0],
            val=pairs[1],
            step=partial(pair_and_distil, model=self.ecg, temperature=self.temperature),
            trains=dict.fromkeys(trained, 1.0),
            frozen=("xray_classifier",),
            choice=Choice(score=scored, metric="auroc", higher_is_better=True),
            optimisation=self.joint,
        )


def main(folder: Path, recipe: PairAndDistil, num_patients: int) -> None:
    RECIPES["pair-and-distil"] = recipe
    cohort = Virtual(num_patients=num_patients, image_size=32).build(folder / "cohort")
    plan = Plan(name="pair-and-distil", recipe=recipe, seed=0)
    run = train(plan, cohort, folder / "run", trainer=TrainerSettings())
    for finding, measured in estimate([predictions(run, cohort)], seed=0).items():
        print(f"{finding}: AUROC {percent(measured['auroc'])} %")


if __name__ == "__main__":
    main(Path("runs/example"), PairAndDistil(), num_patients=2000)
