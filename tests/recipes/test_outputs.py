"""Outputs of frozen networks are computed once, and again whenever anything differs."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_recipes import QUIET, run_of, same, small
from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import CheckpointError, DataError
from crossbeat.recipes import RECIPES, outputs
from crossbeat.recipes.cine.networks import CineModel, cine_parts
from crossbeat.recipes.cine.sources import frame_tokens
from crossbeat.recipes.run import Plan, train
from crossbeat.training import Source
from crossbeat.training.checkpoint import save_tensors

MODEL = CineModel(encoder="frames-small")


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    few = VirtualHearts(num_patients=12, frames=4, cine_size=16)
    return few.build(tmp_path_factory.mktemp("kept") / "cohort")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    with outputs.kept_in(tmp_path / "outputs"):
        yield tmp_path / "outputs"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were computed at a time."""
    sizes: list[int] = []
    compute = outputs.over_batches

    def count(parts, source, value, **how):
        sizes.append(len(source))
        return compute(parts, source, value, **how)

    monkeypatch.setattr(outputs, "over_batches", count)
    return sizes


def parts(cohort: Cohort, seed: int = 0) -> nn.ModuleDict:
    return cine_parts(MODEL, cohort.info, 1, seed)


def source(cohort: Cohort) -> Source:
    rows = cohort.rows("train")
    return Source(cohort=cohort, rows=rows, reads=("cine",), targets=torch.zeros(len(rows), 1))


def test_what_was_computed_is_read_from_disk(hearts: Cohort, kept: Path, computed) -> None:
    first = frame_tokens(parts(hearts), source(hearts), MODEL)
    assert first.shape[:2] == (len(source(hearts)), 4)
    assert torch.equal(frame_tokens(parts(hearts), source(hearts), MODEL), first)
    both = replace(source(hearts), reads=("ecg", "cine"))
    assert torch.equal(frame_tokens(parts(hearts), both, MODEL), first)
    assert computed == [len(first)]
    (folder,) = kept.iterdir()
    assert folder.name.startswith("cine-")
    assert {path.name for path in folder.iterdir()} <= {"outputs.safetensors", "lock"}
    shutil.rmtree(kept)
    assert torch.equal(frame_tokens(parts(hearts), source(hearts), MODEL), first)
    assert len(computed) == 2


def test_other_weights_rows_or_settings_are_computed_anew(
    hearts: Cohort, kept: Path, computed
) -> None:
    asked = source(hearts)
    first = frame_tokens(parts(hearts), asked, MODEL)
    other_weights = frame_tokens(parts(hearts, seed=1), asked, MODEL)
    assert not torch.allclose(other_weights, first)
    reordered = frame_tokens(parts(hearts), asked, replace(MODEL, phases=(0.5, 0.25, 0.0, 0.75)))
    assert torch.allclose(reordered[:, 2], first[:, 0])
    fewer = Source(cohort=hearts, rows=asked.rows[:3], reads=("cine",), targets=torch.zeros(3, 1))
    assert torch.allclose(frame_tokens(parts(hearts), fewer, MODEL), first[:3])
    assert computed == [len(first)] * 3 + [3]


def test_the_order_of_the_rows_and_repeats_do_not_matter(
    hearts: Cohort, kept: Path, computed
) -> None:
    asked = source(hearts)
    first = frame_tokens(parts(hearts), asked, MODEL)
    order = np.concatenate([np.random.default_rng(0).permutation(len(asked)), [0, 0]])
    targets = torch.zeros(len(order), 1)
    other = Source(cohort=hearts, rows=asked.rows[order], reads=("cine",), targets=targets)
    assert torch.equal(frame_tokens(parts(hearts), other, MODEL), first[torch.from_numpy(order)])
    assert computed == [len(first)]


def test_without_a_folder_nothing_is_kept(hearts: Cohort, computed) -> None:
    for _ in range(2):
        frame_tokens(parts(hearts), source(hearts), MODEL)
    assert len(computed) == 2


def test_a_damaged_file_is_refused_and_damaged_cines_are_never_read(
    hearts: Cohort, kept: Path, tmp_path: Path
) -> None:
    first = frame_tokens(parts(hearts), source(hearts), MODEL)
    (path,) = kept.glob("*/outputs.safetensors")
    save_tensors(path, {"outputs": first + 1})
    with pytest.raises(CheckpointError, match=r"outputs\.safetensors must be as it was .*; remove"):
        frame_tokens(parts(hearts), source(hearts), MODEL)
    shutil.copytree(hearts.folder, tmp_path / "copy")
    shard = next((tmp_path / "copy").glob("cine-*.npy"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x07")
    with pytest.raises(DataError, match=r"cine-00000\.npy \(other contents\)"):
        frame_tokens(parts(hearts), source(Cohort.open(tmp_path / "copy")), MODEL)


def test_outputs_of_other_weights_are_refused(hearts: Cohort, kept: Path) -> None:
    frame_tokens(parts(hearts), source(hearts), MODEL)
    (path,) = kept.glob("*/outputs.safetensors")
    whole = path.read_bytes()
    frame_tokens(parts(hearts, seed=1), source(hearts), MODEL)
    (other,) = set(kept.glob("*/outputs.safetensors")) - {path}
    other.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"outputs\.safetensors must be as it was .*; remove"):
        frame_tokens(parts(hearts, seed=1), source(hearts), MODEL)


@pytest.mark.parametrize("name", ["cromotex", "distillation", "crossbeat"])
def test_runs_of_one_study_read_each_xray_once(name, tiny, tmp_path, computed) -> None:
    plans = {seed: Plan(name=name, recipe=small(name), seed=seed) for seed in (0,)}
    shared = tmp_path / "phases"
    first = train(plans[0], tiny, tmp_path / "first", trainer=QUIET, shared=shared)
    number = len(computed)
    assert number
    second = train(plans[0], tiny, tmp_path / "second", trainer=QUIET, shared=shared)
    assert len(computed) == number
    assert same(first.parts, second.parts)
    alone = run_of(small(name), tiny, tmp_path / "alone", name=name)
    assert same(first.parts, alone.parts)
    assert (tmp_path / "outputs").is_dir()
    assert (tmp_path / "alone" / "outputs").is_dir()


def test_recipes_with_one_teacher_share_its_outputs(tiny, tmp_path, computed) -> None:
    names = ("cromotex", "shuffled", "clip", "distillation")
    films = []
    for name in names:
        plan = Plan(name=name, recipe=small(name), seed=0)
        assert plan.recipe.teacher == small("cromotex").teacher
        train(plan, tiny, tmp_path / name, trainer=QUIET, shared=tmp_path / "phases")
        films.append(len(computed))
    assert films[0] == 2  # training and validation pairs
    assert films[-1] == films[0]
    assert set(names) <= set(RECIPES)
