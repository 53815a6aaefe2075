"""Studies that run within seconds: two findings, one of which shows in ECG and X-ray alike."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import polars as pl

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.leads import STANDARD
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Reading, Study
from crossbeat.training import Optimisation, TrainerSettings

QUIET = TrainerSettings(accelerator="cpu", progress=False)
FINDINGS = ("large", "silent")
PROBE = Reading(name="probe", findings=("large",))


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A cohort in which ``large`` doubles the ECG and brightens the X-ray.

    ``silent`` does not show; ``hidden`` is known of the truth only, and is ``large`` to most.
    """

    seed: int = 0
    num: int = 96
    wrong: int = 0

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        draw = np.random.default_rng(self.seed)
        large, other = draw.random((2, self.num)) < 0.4
        ecgs = draw.normal(size=(self.num, 12, 200)).cumsum(axis=-1) * 20
        ecgs *= (1 + large)[:, None, None]
        xrays = draw.integers(0, 100, (self.num, 32, 32)) + 100 * large[:, None, None]
        names = [f"s{self.seed}-{number:03d}" for number in range(self.num)]
        quarter = self.num // 4
        said = large.copy()
        said[: self.wrong] = ~said[: self.wrong]
        table = pl.DataFrame(
            {
                "patient": names,
                "record": names,
                "split": ["train"] * (self.num - 2 * quarter)
                + ["val"] * quarter
                + ["test"] * quarter,
                "ecg": range(self.num),
                "xray": range(self.num),
                "xray_patient": names,
                "label:large": said.astype(np.int8),
                "label:silent": other.astype(np.int8),
                "truth:large": large.astype(np.int8),
                "truth:silent": other.astype(np.int8),
                "truth:hidden": (large ^ (draw.random(self.num) < 0.1)).astype(np.int8),
                "latent:size": large + 0.3 * draw.normal(size=self.num),
            }
        )
        info = CohortInfo(
            name="tiny",
            kind="paired",
            findings=FINDINGS,
            leads=STANDARD,
            fs=100.0,
            seconds=2.0,
            baseline=True,
            image_size=32,
            seed=self.seed,
        )
        signals = {"ecg": ecgs.clip(-3000, 3000).astype(np.int16), "xray": xrays.astype(np.uint8)}
        block = Block(table, signals)
        return build_cohort(folder, info, [lambda: block], **how)


def short(name: str, *, epochs: int = 1, **changes: Any) -> Any:
    """A recipe with small encoders and phases of a few batches."""
    recipe: Any = demo(RECIPES[name])
    phases = {
        field.name: replace(
            getattr(recipe, field.name), epochs=epochs, batch_size=24, warmup_epochs=0.5
        )
        for field in fields(recipe)
        if isinstance(getattr(recipe, field.name), Optimisation)
    }
    return replace(recipe, **phases | {"findings": FINDINGS} | changes)


def cell(model: str, seed: int, *, base: str = "", **changes: Any) -> Cell:
    name = base or model
    given = {"recipe": short(name), "cohort": Tiny(seed=seed)}
    return Cell(model=model, recipe_name=name, seed=seed, **given | changes)


def study_of(*cells: Cell, **changes: Any) -> Study:
    given = {"question": "Does it help?", "method": "distillation", "baseline": "direct"}
    return Study(cells=cells, **given | changes)


def study(*, small: bool) -> Study:
    """Distillation against direct training, on one seed or two."""
    return study_of(
        *(
            cell(name, seed, readings=(PROBE,))
            for seed in ((0,) if small else (0, 1))
            for name in ("direct", "distillation")
        )
    )
