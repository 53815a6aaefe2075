"""Recipes in a size that trains within a second on the cohort ``tiny``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import file_info, read_info
from crossbeat.files import SEAL, write_sealed
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.recipes import RECIPES, settings_in, with_settings
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, Run, train
from crossbeat.training import Optimisation, Phase, TrainerSettings

HEARTS = tuple(name for name, recipe in RECIPES.items() if not recipe.targets.findings)
"""Recipes of the cohort ``tiny_hearts``; the others are of ``tiny``."""

FINDINGS = tuple(name for name in RECIPES if name not in HEARTS)

ONE_OF_EACH_KIND = (
    *("cromotex", "cromotex-believed", "label-only", "clip", "distillation", "direct", "teacher"),
    *("crossbeat", "ptacl", "eccl-heart", "direct-heart", "cine-teacher"),
)
DISTINCT = (*ONE_OF_EACH_KIND, "no-alignment", "ptacl-global", "mmcl", "girlanda", "dual-phase")
"""Recipes with steps or networks of their own.

The others have the steps of one of these with pairs, encoders or weights of negatives changed.
"""

SMALL_CINE = OtherModel(modality="cine", encoder="frames-small")

QUIET = TrainerSettings(accelerator="cpu", progress=False)
MASKED_ECG = Optimisation(learning_rate=1e-3, epochs=1, batch_size=12)
EVERYTHING: dict[str, dict[str, Any]] = {
    "crossbeat": {
        "trust": 0.75,
        "own": 0.5,
        "contrast": 0.1,
        "self_supervision": Optimisation(learning_rate=1e-3, epochs=1, batch_size=24),
    },
    "ptacl": {
        "ecg": EcgModel(encoder="mmcl-small", normalisation="group_z", unit_length=False),
        "masked_ecg": MASKED_ECG,
        "frozen_cine": False,
    },
    "direct-heart": {
        "ecg": EcgModel(encoder="fine-small", normalisation="none", unit_length=False)
    },
    "eccl-heart": {
        "ecg": EcgModel(encoder="mmcl-small", normalisation="min_max", unit_length=False),
        "masked_ecg": MASKED_ECG,
    },
}
"""Settings with which a recipe uses all that it may leave out by default."""


def small(name: str, *, epochs: int = 1, **changes: Any) -> Any:
    """A recipe with small encoders, targets of its cohort, and phases of a few batches."""
    recipe: Any = demo(RECIPES[name])
    size = {"epochs": epochs, "batch_size": 12 if name in HEARTS else 24, "warmup_epochs": 0.5}
    short = {
        phase: replace(value, **size)
        for phase, value in settings_in(recipe).items()
        if isinstance(value, Optimisation)
    }
    told: dict[str, Any] = {"findings": ("large", "silent")}
    if name in HEARTS:
        told = {"measurements": ("LVEDV", "LVEF")}
    return with_settings(recipe, told | short | changes)


def run_of(
    recipe: Any, cohort: Cohort, folder: Path, *, name: str, seed: int = 0, shared: Any = None
) -> Run:
    plan = Plan(name=name, recipe=recipe, seed=seed)
    return train(plan, cohort, folder, trainer=QUIET, shared=shared)


def phases_of(recipe: Any, cohort: Cohort) -> tuple[torch.nn.ModuleDict, dict[str, Phase]]:
    """The phases as they are before anything is learned."""
    parts = recipe.parts(cohort.info, 0)
    parts.eval()
    return parts, {phase.name: phase for phase in recipe.phases(parts, cohort, 0)}


def with_every_kind_of_label(cohort: Cohort) -> Cohort:
    """Every fifth label of ``large`` is uncertain, and every fifth is missing."""
    rest, large = pl.int_range(pl.len()) % 5, pl.col("label:large")
    code = pl.when(rest == 0).then(-1).when(rest > 1).then(large).cast(pl.Int8)
    return cohort.with_table(cohort.table.with_columns(code.alias("label:large")))


UNREPORTED = np.array([*range(18), *range(30, 36), 72, 73])
NO_XRAY = np.arange(18, 36)
NO_ECG = np.arange(66, 72)


def with_gaps(tiny: Cohort) -> Cohort:
    """``tiny`` with rows whose reports nobody read, in training and validation.

    Some training rows have no X-ray, and of these some no report either; some have no ECG.
    """
    read, shown, recorded = (
        ~pl.int_range(pl.len()).is_in(rows.tolist()) for rows in (UNREPORTED, NO_XRAY, NO_ECG)
    )
    labels = [name for name in tiny.table.columns if name.startswith("label:")]
    return tiny.with_table(
        tiny.table.with_columns(
            *(pl.when(read).then(pl.col(name)).alias(name) for name in labels),
            *(pl.when(shown).then(pl.col(name)).alias(name) for name in ("xray", "xray_patient")),
            ecg=pl.when(recorded).then(pl.col("ecg")),
            reported=read,
        )
    )


ABSENT: dict[str, dict[str, Any]] = {
    "ecg": {"leads": (), "fs": 0.0, "seconds": 0.0},
    "xray": {"image_size": 0},
    "cine": {"frames": 0, "cine_size": 0},
}


def without(cohort: Cohort, modality: str) -> Cohort:
    """The cohort as if it had never had a modality."""
    lost = [name for name in (modality, f"{modality}_patient") if name in cohort.table.columns]
    files = {k: v for k, v in cohort.info.files.items() if not k.startswith(f"{modality}-")}
    info = replace(cohort.info, kind="single", files=files, **ABSENT[modality])
    nothing = [pl.lit(None, cohort.table.schema[name]).alias(name) for name in lost]
    return replace(cohort, info=info, table=cohort.table.with_columns(nothing))


def as_of_the_version_before(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe as the version before wrote them into the folder of a run."""
    old = {"measurements": "phenotypes", "frame_targets": "targets", "other": "xray"}
    later = {"measurements"}
    if name in HEARTS:
        old |= {"other": "cine", "fine_tuning": "regression"}
        later = {"findings", "labels", "positive_share"}
    if name == "cine-teacher":
        later |= {"teacher_scale"}
    if name == "label-only":
        later |= {"xray", "teacher", "teacher_scale", "shuffle_pairs"}
    if name == "cromotex-believed":
        later |= {"positives", "alignment_positives", "fine_tuning_positives", "shuffle_pairs"}
    elif isinstance(RECIPES[name], Cromotex):
        later |= {"trust", "certainty"}
    later |= {"partner"}
    written = {old.get(key, key): value for key, value in settings.items() if key not in later}
    for key, lacks in (("xray", ("modality", "phases")), ("cine", ("modality", "weights"))):
        if key in written:
            written[key] = {k: v for k, v in written[key].items() if k not in lacks}
    return written


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks have the same names and, bit for bit, the same values."""
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[k], theirs[k]) for k in ours)


def as_built(folder: Path, **changes: Any) -> None:
    """Write the checksums of changed shards into ``cohort.json``, as their builder would have."""
    info = replace(read_info(folder / "cohort.json"), **changes)
    files = {name: file_info(folder / name, each.rows) for name, each in info.files.items()}
    (folder / "cohort.json").write_text(replace(info, files=files).to_json())


def seal_again(folder: Path) -> None:
    """As another program would leave a run: whole, whatever is in it."""
    text = (folder / "finished.json").read_text()
    names = set(json.loads((folder / SEAL).read_text())["files"]) - {"finished.json"}
    write_sealed(folder, last="finished.json", text=text, names=names)
