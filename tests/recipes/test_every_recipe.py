"""Laws that hold for every recipe, at a size that trains within a second."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import (
    DISTINCT,
    EVERYTHING,
    HEARTS,
    ONE_OF_EACH_KIND,
    as_built,
    as_of_the_version_before,
    phases_of,
    run_of,
    same,
    seal_again,
    small,
)

from crossbeat.data.cohort import Cohort
from crossbeat.models import embed, told_by_heads
from crossbeat.objectives import soft_bce
from crossbeat.recipes import RECIPES, SUMMARIES, models_in, settings_in
from crossbeat.recipes.distillation import Distillation
from crossbeat.recipes.phases import VcgViews, view_of
from crossbeat.recipes.run import Run
from crossbeat.recipes.steps import TEACHER_PROBABILITY

FOUR = "teacher self-supervision alignment fine-tuning"
PHASES = {
    **dict.fromkeys(("cromotex", "cromotex-no-hard-negatives", "cromotex-believed"), FOUR),
    **dict.fromkeys(("shuffled", "clip", "eccl"), FOUR),
    "cromotex-no-ssl": "teacher alignment fine-tuning",
    "label-only": "self-supervision alignment fine-tuning",
    "distillation": "teacher distillation",
    **dict.fromkeys(("direct", "resnet1d", "biot"), "fine-tuning"),
    "teacher": "teacher",
    **dict.fromkeys(("crossbeat", "crossbeat-shuffled"), "teacher transfer self-training"),
    "no-alignment": "transfer self-training",
    **dict.fromkeys(("ptacl", "ptacl-global"), "masked-cine alignment regression"),
    "ptacl-shuffled-frames": "masked-cine alignment regression",
    "ptacl-shuffled": "masked-cine alignment regression",
    **dict.fromkeys(("mmcl", "girlanda", "dual-phase"), "alignment regression"),
    "eccl-heart": "masked-cine masked-cine-long alignment regression",
    "direct-heart": "regression",
    "cine-teacher": "cine-teacher",
}
"""Written out by hand: a recipe that loses a phase must be noticed."""

WITH_ALL_THAT_THEY_MAY_HAVE = [*((name, {}) for name in DISTINCT), *EVERYTHING.items()]
LEARN_TARGETS = {"fine-tuning", "distillation", "transfer", "self-training", "regression"}
WITH_LABEL_VIEWS = [
    (name, changes)
    for name, changes in WITH_ALL_THAT_THEY_MAY_HAVE
    if "label_views" in settings_in(RECIPES[name])
]


def of_other_patients(cohort, folder, split):
    """The cohort with other ECGs, X-rays, cines, labels and measurements in one split."""
    shutil.copytree(cohort.folder, folder)
    rows = cohort.rows(split)
    for name, value in (("ecg", -30_000), ("xray", 255), ("cine", 255), ("cine_long", 255)):
        path = folder / f"{name}-00000.npy"
        if path.exists():
            stored = np.load(path, mmap_mode="r+")
            stored[rows] = value - stored[rows]
            stored.flush()
    as_built(folder)
    inside = pl.col("split") == split
    turned = [
        pl.when(inside).then(most - pl.col(name)).otherwise(pl.col(name)).cast(dtype).alias(name)
        for start, most, dtype in (("label:", 1, pl.Int8), ("value:", 500, pl.Float32))
        for name in cohort.table.columns
        if name.startswith(start)
    ]
    return Cohort.open(folder).with_table(cohort.table.with_columns(turned))


@pytest.fixture(scope="module")
def poisoned(cohort_of, tmp_path_factory):
    """The small cohort that a recipe fits, with other patients in the test split."""
    folder = tmp_path_factory.mktemp("poisoned")
    others = {
        hearts: of_other_patients(cohort_of(name), folder / name, "test")
        for hearts, name in ((True, "ptacl"), (False, "direct"))
    }
    return lambda name: others[name in HEARTS]


@pytest.fixture(scope="module")
def again(poisoned, tmp_path_factory):
    """Train a recipe anew, but for the phases that another recipe here has trained anew."""
    folder = tmp_path_factory.mktemp("again")
    return lambda name: run_of(
        small(name), poisoned(name), folder / name, name=name, shared=folder / "phases"
    )


@pytest.mark.parametrize("name", RECIPES)
def test_runs_repeat_bit_for_bit_whatever_the_test_split_holds(name, trained, again):
    assert " ".join(phase["name"] for phase in trained(name).phases) == PHASES[name]
    assert same(trained(name).parts, again(name).parts)


@pytest.mark.parametrize("name", ["direct", "ptacl"])
def test_other_training_data_give_other_weights(name, cohort_of, trained, tmp_path):
    other = of_other_patients(cohort_of(name), tmp_path / "cohort", "train")
    run = run_of(small(name), other, tmp_path / "run", name=name)
    assert not same(trained(name).parts, run.parts)


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_a_run_of_the_version_before_opens_and_is_not_trained_again(
    name, cohort_of, trained, tmp_path
):
    shutil.copytree(trained(name).folder, tmp_path / "old")
    path = tmp_path / "old" / "run.json"
    plan = json.loads(path.read_text())
    plan["settings"] = as_of_the_version_before(name, plan["settings"])
    plan["cohort"]["phenotypes"] = plan["cohort"].pop("measurements")
    del plan["cohort"]["forms"]
    path.write_text(json.dumps(plan))
    seal_again(tmp_path / "old")
    old = Run.open(tmp_path / "old")
    assert same(old.parts, trained(name).parts)
    assert old.recipe.targets == trained(name).recipe.targets
    assert models_in(old.recipe).get("ecg") == models_in(trained(name).recipe).get("ecg")
    if name == "label-only":  # had no settings of the X-rays, of which the demo has others
        return
    again = run_of(small(name), cohort_of(name), tmp_path / "old", name=name)
    assert (again.phases, again.plan) == (old.phases, old.plan)


FROZEN = {
    "teacher": ("xray_encoder", "xray_classifier"),
    "masked-cine": ("cine_encoder",),
    "masked-cine-long": ("cine_long_encoder",),
}
"""The parts that a first phase trains and that no later phase may change."""


@pytest.mark.parametrize(
    "name", [name for name in DISTINCT if set(PHASES[name].split()[:-1]) & set(FROZEN)]
)
def test_what_is_frozen_stays_bit_for_bit_as_it_was_learned(name, cohort_of, trained):
    run, start = trained(name), small(name).parts(cohort_of(name).info, 0)
    for phase in set(PHASES[name].split()) & set(FROZEN):
        learned = run.after(phase).parts
        for part in FROZEN[phase]:
            assert same(learned[part], run.parts[part])
            before, after = start[part].state_dict(), learned[part].state_dict()
            assert not any(
                torch.equal(after[key], before[key]) for key in after if "running" in key
            )
            assert not same(start[part], learned[part])


@pytest.mark.parametrize(("name", "changes"), WITH_ALL_THAT_THEY_MAY_HAVE)
def test_the_loss_of_every_phase_falls_on_one_batch(name, changes, cohort_of):
    recipe, tiny = small(name, **changes), cohort_of(name)
    parts = recipe.parts(tiny.info, 0)
    for phase in recipe.phases(parts, tiny, 0):
        # Moments of one heart are alike; a teacher that learned nothing has nothing to teach.
        rows, least, most = (6, 5, 80) if name in HEARTS else (24, 15, 15)
        batch = phase.train.batch(np.arange(rows))
        trained = torch.nn.ModuleDict({part: parts[part] for part in phase.trains})
        optimiser = torch.optim.Adam(trained.parameters(), lr=1e-3)
        losses = []
        while len(losses) < most and (len(losses) < least or losses[-1] > 0.95 * losses[0]):
            torch.manual_seed(0)
            loss = sum(phase.step(parts, batch, torch.Generator().manual_seed(0)).values())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.98 * losses[0], phase.name


@pytest.mark.parametrize(("name", "changes"), WITH_ALL_THAT_THEY_MAY_HAVE)
def test_every_phase_moves_each_part_that_it_trains_and_no_other(name, changes, cohort_of):
    recipe, tiny = small(name, **changes), cohort_of(name)
    parts = recipe.parts(tiny.info, 0)
    for phase in recipe.phases(parts, tiny, 0):
        parts.zero_grad()
        losses = phase.step(parts, phase.train.batch(np.arange(24)), torch.Generator())
        sum(losses.values()).backward()
        moved = {
            part
            for part in parts
            if any(p.grad is not None and p.grad.any() for p in parts[part].parameters())
        }
        assert moved == set(phase.trains), phase.name


@pytest.mark.parametrize("name", DISTINCT)
def test_weights_at_the_start_follow_from_the_seed_and_the_part_alone(name, cohort_of):
    recipe, tiny = small(name), cohort_of(name)
    torch.manual_seed(1)
    parts = recipe.parts(tiny.info, 0)
    torch.manual_seed(2)
    assert same(parts, recipe.parts(tiny.info, 0))
    other = recipe.parts(tiny.info, 1)
    for part in parts:
        assert not same(parts[part], other[part])


@pytest.mark.parametrize("views", [None, VcgViews(angle=45.0, scale=1.5, mask=0.5)])
@pytest.mark.parametrize(("name", "changes"), WITH_LABEL_VIEWS)
def test_label_views_reach_every_phase_that_learns_targets(name, changes, views, cohort_of):
    recipe = small(name, label_views=views, **changes)
    parts, phases = phases_of(recipe, cohort_of(name))
    learning = [phases[phase] for phase in phases if phase in LEARN_TARGETS]
    assert learning
    for phase in learning:
        batch = phase.train.batch(np.arange(24))
        losses = phase.step(parts, batch, torch.Generator().manual_seed(0))
        found = losses["targets" if "targets" in losses else "loss"].item()
        viewed = view_of(views, "mV")(batch.ecg, torch.Generator().manual_seed(0))
        for ecg, expected in ((viewed, True), (batch.ecg, views is None)):
            assert (by_hand(recipe, parts, batch, ecg) == found) == expected, phase.name


def by_hand(recipe, parts, batch, ecg):
    """The loss of the targets that are told from some ECGs."""
    told = told_by_heads(parts, embed(parts, ecg, recipe.ecg), "ecg", recipe.targets)
    if isinstance(recipe, Distillation):
        teacher = batch.extra[TEACHER_PROBABILITY]
        return soft_bce(told, teacher, temperature=recipe.temperature).item()
    kind = recipe.targets.kind
    return kind.loss(parts[f"ecg_{kind.head}"], told, batch.targets).item()


def test_every_recipe_has_a_summary():
    assert list(SUMMARIES) == list(RECIPES)
