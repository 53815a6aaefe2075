"""A modality of one's own: the written report as counts of words (a bag of words).

It teaches the ECG model, with no change to the package. Prediction needs the ECG alone.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import nn

from crossbeat.cli.prepare import built
from crossbeat.cli.simulate import write_example
from crossbeat.data.build import Block, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.store import to_int16
from crossbeat.deploy import Predictor, export_model
from crossbeat.evaluation.compare import compare
from crossbeat.modalities import Encoder, Modality, OtherModel, extra_form, plain, register
from crossbeat.recipes import RECIPES, Recipe, settings_in, with_settings
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, Run, predictions, train
from crossbeat.training import Optimisation, TrainerSettings

FINDINGS = ("cardiomegaly", "pleural_effusion", "edema")
WORDS = (*FINDINGS, "mild", "severe", "clear", "normal", "portable", "unchanged")


class BagOfWords(nn.Module):
    """One token: what the words that occur say together."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.Sequential(nn.Linear(len(WORDS), dim), nn.GELU(), nn.Linear(dim, dim))

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)[:, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tokens(x).mean(dim=1)


REPORTS = Modality(
    label="reports",
    stored=extra_form("report"),
    read=plain,
    depends=lambda form: {"words": form.forms["report"]},
    encoders={
        "bag-of-words": Encoder(
            build=lambda _form, _model: BagOfWords(),
            enters=lambda values, _model: torch.as_tensor(values).clamp(max=1).float(),
        )
    },
)
register("report", REPORTS)


def written(table: pl.DataFrame, seed: int) -> np.ndarray:
    """Counts of words: a finding is named where it is there, and in 5 % where it is not."""
    draw = np.random.default_rng(seed)
    there = table.select(f"truth:{name}" for name in FINDINGS).to_numpy() == 1
    said = there ^ (draw.random(there.shape) < 0.05)
    others = draw.integers(0, 3, (len(said), len(WORDS) - len(FINDINGS)))
    return np.hstack([said, others]).astype(np.uint8)


def with_reports(folder: Path, seed: int) -> Block:
    """The patients of a cohort of ECGs, each with a report; one in ten for training has labels."""
    cohort = Cohort.open(folder)
    rows = np.arange(cohort.table.height)
    known = (pl.col("split") != "train") | (pl.int_range(pl.len()) % 10 == 0)
    table = cohort.table.with_columns(
        pl.when(known).then(f"label:{name}").alias(f"label:{name}") for name in FINDINGS
    ).with_columns(pl.Series("report", rows), report_patient="patient", reported=known)
    ecgs = to_int16(cohort.ecgs(rows).values.numpy(), cohort.info.ecg_gain, str(folder))
    return Block(table, {"ecg": ecgs, "report": written(table, seed)})


def sized(name: str, epochs: int) -> Recipe:
    """A recipe in the size of the demo, with reports in the place of X-rays."""
    recipe = demo(RECIPES[name])
    changes = {
        setting: replace(value, epochs=epochs)
        for setting, value in settings_in(recipe).items()
        if isinstance(value, Optimisation)
    }
    if "other" in settings_in(recipe):
        changes["other"] = OtherModel(modality="report", encoder="bag-of-words")
    return with_settings(recipe, changes)


def main(folder: Path, num_patients: int = 2000, epochs: int = 10) -> dict[str, Run]:
    """Train with and without reports, compare on test patients, ask about a new patient."""
    base = built(Virtual(num_patients=num_patients, image_size=0), folder / "ecgs")
    form = {"report": ("uint8", (len(WORDS),))}
    info = replace(base.info, name="reports", kind="paired", forms=form, files={})
    if not (folder / "cohort").exists():
        build_cohort(folder / "cohort", info, [partial(with_reports, base.folder, 0)])
    cohort = Cohort.open(folder / "cohort")
    runs = {}
    for name in ("direct", "clip", "distillation"):
        plan = Plan(name=name, recipe=sized(name, epochs), seed=0)
        runs[name] = train(plan, cohort, folder / name, trainer=TrainerSettings(progress=False))
    said = {name: [predictions(run, cohort)] for name, run in runs.items()}
    found = compare(said, method="distillation", baseline="direct", seed=0)
    for name, each in found["models"].items():
        print(f"{name}: mean AUROC {100 * each['mean']['auroc']['value']:.1f} by the ECG alone")
    export_model(runs["distillation"], folder / "model", cohort)
    for answer in Predictor.open(folder / "model").predict_file(write_example(folder / "example")):
        print(f"a new patient: {answer.target}, {answer.words}")
    return runs


if __name__ == "__main__":
    main(Path("runs/example-modality"))
