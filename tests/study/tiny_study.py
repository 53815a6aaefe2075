"""Studies that run within seconds: two findings, one of which shows in ECG and X-ray alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import polars as pl

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.leads import STANDARD
from crossbeat.recipes import RECIPES, settings_in, with_settings
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Reading, Study
from crossbeat.study.work import Workshop
from crossbeat.training import Optimisation, TrainerSettings

QUIET = TrainerSettings(accelerator="cpu", progress=False)
FINDINGS = ("large", "silent")
PROBE = Reading(name="probe", findings=("large",))


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A cohort in which ``large`` doubles the ECG, brightens the X-ray and weighs 100 g.

    ``silent`` does not show; ``hidden`` is known of the truth only, and is ``large`` to most.
    """

    seed: int = 0
    num: int = 96
    wrong: int = 0

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        draw, num, quarter = np.random.default_rng(self.seed), self.num, self.num // 4
        large, other = draw.random((2, num)) < 0.4
        ecgs = draw.normal(size=(num, 12, 200)).cumsum(axis=-1) * 20
        ecgs *= (1 + large)[:, None, None]
        xrays = draw.integers(0, 100, (num, 32, 32)) + 100 * large[:, None, None]
        names = [f"s{self.seed}-{number:03d}" for number in range(num)]
        said = large.copy()
        said[: self.wrong] = ~said[: self.wrong]
        hidden = large ^ (draw.random(num) < 0.1)
        marks = {"label:large": said, "label:silent": other, "truth:large": large}
        marks |= {"truth:silent": other, "truth:hidden": hidden}
        table = pl.DataFrame(
            {
                "patient": names,
                "record": names,
                "split": np.repeat(["train", "val", "test"], [num - 2 * quarter, quarter, quarter]),
                "ecg": range(num),
                "xray": range(num),
                "xray_patient": names,
                **{name: values.astype(np.int8) for name, values in marks.items()},
                "latent:size": large + 0.3 * draw.normal(size=num),
                "value:LVM": (100.0 * large + draw.normal(100, 9, num)).astype(np.float32),
            }
        )
        told = {"findings": FINDINGS, "measurements": ("LVM",), "seed": self.seed}
        form = {"leads": STANDARD, "fs": 100.0, "seconds": 2.0, "baseline": True, "image_size": 32}
        info = CohortInfo(name="tiny", kind="paired", **told, **form)
        signals = {"ecg": ecgs.clip(-3000, 3000).astype(np.int16), "xray": xrays.astype(np.uint8)}
        return build_cohort(folder, info, [lambda: Block(table, signals)], **how)


def short(name: str, *, epochs: int = 1, **changes: Any) -> Any:
    """A recipe with small encoders and phases of a few batches."""
    recipe = demo(RECIPES[name])
    phases = {
        phase: replace(value, epochs=epochs, batch_size=24, warmup_epochs=0.5)
        for phase, value in settings_in(recipe).items()
        if isinstance(value, Optimisation)
    }
    found = {"findings": FINDINGS} if recipe.targets.findings else {}
    return with_settings(recipe, phases | found | changes)


def cell(model: str, seed: int, *, base: str = "", **changes: Any) -> Cell:
    name = base or model
    given = {"recipe": short(name), "cohort": Tiny(seed=seed)}
    return Cell(model=model, recipe_name=name, seed=seed, **given | changes)


def study_of(*cells: Cell, **changes: Any) -> Study:
    given = {"question": "Does it help?", "method": "distillation", "baseline": "direct"}
    return Study(cells=cells, **given | changes)


def study(*, small: bool) -> Study:
    """Distillation against direct training, on one seed or two."""
    seeds = (0,) if small else (0, 1)
    names = ("direct", "distillation")
    return study_of(*(cell(name, seed, readings=(PROBE,)) for seed in seeds for name in names))


def worked(folder: Path, made: Any, places: Sequence[int] = (), *, shared: Path) -> Workshop:
    """A folder in which all cells are finished, or some by their place.

    Args:
        shared: a folder that several tests use, so that a phase is trained by the first of them.
    """
    workshop = Workshop(folder=folder, shared=shared, trainer=QUIET)
    tasks = workshop.tasks(made.cells)
    for place in places or range(len(tasks)):
        assert tasks[place].attempt()
    return workshop
