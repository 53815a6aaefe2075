"""Laws that hold for every recipe, at a size that trains within a second."""

import shutil
from functools import cache

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import EVERYTHING, run_of, same, small

from crossbeat.data.cohort import Cohort
from crossbeat.recipes import RECIPES, SUMMARIES

PHASES = {
    "cromotex": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "cromotex-no-ssl": ["teacher", "alignment", "fine-tuning"],
    "cromotex-no-hard-negatives": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "shuffled": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "clip": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "label-only": ["self-supervision", "alignment", "fine-tuning"],
    "distillation": ["teacher", "distillation"],
    "direct": ["fine-tuning"],
    "resnet1d": ["fine-tuning"],
    "biot": ["fine-tuning"],
    "eccl": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "teacher": ["teacher"],
    "crossbeat": ["teacher", "transfer", "self-training"],
    "no-alignment": ["transfer", "self-training"],
    "crossbeat-shuffled": ["teacher", "transfer", "self-training"],
}
"""Written out by hand: a recipe that loses a phase must be noticed."""

WITH_ALL_THAT_THEY_MAY_HAVE = [*((name, {}) for name in RECIPES), *EVERYTHING.items()]


def poisoned(cohort, folder, split):
    """The cohort with other ECGs, X-rays and labels in one split."""
    shutil.copytree(cohort.folder, folder)
    rows = cohort.rows(split)
    for name, value in (("ecg-00000.npy", -30_000), ("xray-00000.npy", 255)):
        stored = np.load(folder / name, mmap_mode="r+")
        stored[rows] = value - stored[rows]
        stored.flush()
    inside = pl.col("split") == split
    flipped = [
        pl.when(inside).then(1 - pl.col(name)).otherwise(pl.col(name)).cast(pl.Int8).alias(name)
        for name in ("label:large", "label:silent")
    ]
    return Cohort.open(folder).with_table(cohort.table.with_columns(flipped))


@pytest.fixture(scope="module")
def clean(tiny, tmp_path_factory):
    """The run of each recipe on ``tiny``, trained at the first call."""
    folder = tmp_path_factory.mktemp("clean")
    return cache(lambda name: run_of(small(name), tiny, folder / name, name=name))


@pytest.mark.parametrize("name", RECIPES)
def test_every_phase_runs_and_runs_repeat_bit_for_bit(name, tiny, clean, tmp_path):
    first, again = clean(name), run_of(small(name), tiny, tmp_path / "again", name=name)
    assert [phase["name"] for phase in first.phases] == PHASES[name]
    assert not any(phase["reused"] for phase in again.phases)
    assert same(first.parts, again.parts)


@pytest.mark.parametrize("name", RECIPES)
def test_no_phase_sees_the_test_split(name, tiny, clean, tmp_path):
    other = poisoned(tiny, tmp_path / "cohort", "test")
    run = run_of(small(name), other, tmp_path / "run", name=name)
    assert not any(phase["reused"] for phase in run.phases)
    assert same(clean(name).parts, run.parts)


def test_the_test_of_the_split_would_notice_a_change_of_training_data(tiny, clean, tmp_path):
    other = poisoned(tiny, tmp_path / "cohort", "train")
    run = run_of(small("direct"), other, tmp_path / "run", name="direct")
    assert not same(clean("direct").parts, run.parts)


@pytest.mark.parametrize(("name", "changes"), WITH_ALL_THAT_THEY_MAY_HAVE)
def test_the_loss_of_every_phase_falls_on_one_batch(name, changes, tiny):
    recipe = small(name, **changes)
    parts = recipe.parts(tiny.info, 0)
    for phase in recipe.phases(parts, tiny, 0):
        batch = phase.train.batch(np.arange(24))
        trained = torch.nn.ModuleDict({part: parts[part] for part in phase.trains})
        optimiser = torch.optim.Adam(trained.parameters(), lr=1e-3)
        losses = []
        for _ in range(15):
            torch.manual_seed(0)
            loss = sum(phase.step(parts, batch, torch.Generator().manual_seed(0)).values())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.98 * losses[0], phase.name


@pytest.mark.parametrize(("name", "changes"), WITH_ALL_THAT_THEY_MAY_HAVE)
def test_every_phase_moves_each_part_that_it_trains_and_no_other(name, changes, tiny):
    recipe = small(name, **changes)
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


@pytest.mark.parametrize("name", RECIPES)
def test_weights_at_the_start_follow_from_the_seed_and_the_part_alone(name, tiny):
    recipe = small(name)
    torch.manual_seed(1)
    parts = recipe.parts(tiny.info, 0)
    torch.manual_seed(2)
    assert same(parts, recipe.parts(tiny.info, 0))
    other = recipe.parts(tiny.info, 1)
    for part in parts:
        assert not same(parts[part], other[part])


def test_every_recipe_has_a_summary():
    assert list(SUMMARIES) == list(RECIPES)
