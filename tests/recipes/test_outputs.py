"""Outputs of frozen networks are computed once, and again whenever anything differs."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_recipes import SMALL_CINE, run_of, same, small
from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import CheckpointError, DataError
from crossbeat.models import encoder
from crossbeat.recipes import outputs
from crossbeat.recipes.in_time import frozen_moments
from crossbeat.training import Source
from crossbeat.training.checkpoint import save_tensors


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
    return nn.ModuleDict({"cine_encoder": encoder(SMALL_CINE, cohort.info, seed)})


def source(cohort: Cohort) -> Source:
    rows = cohort.rows("train")
    return Source(cohort=cohort, rows=rows, reads=("cine",), targets=torch.zeros(len(rows), 1))


def test_what_was_computed_is_read_from_disk(hearts, kept, computed):
    first = frozen_moments(parts(hearts), source(hearts), SMALL_CINE)
    assert first.shape[:2] == (len(source(hearts)), 4)
    assert torch.equal(frozen_moments(parts(hearts), source(hearts), SMALL_CINE), first)
    both = replace(source(hearts), reads=("ecg", "cine"))
    assert torch.equal(frozen_moments(parts(hearts), both, SMALL_CINE), first)
    assert computed == [len(first)]
    (folder,) = kept.iterdir()
    assert folder.name.startswith("cine-")
    assert {path.name for path in folder.iterdir()} <= {"outputs.safetensors", "lock"}
    shutil.rmtree(kept)
    assert torch.equal(frozen_moments(parts(hearts), source(hearts), SMALL_CINE), first)
    assert len(computed) == 2


def test_other_weights_rows_or_settings_are_computed_anew(hearts, kept, computed):
    asked = source(hearts)
    first = frozen_moments(parts(hearts), asked, SMALL_CINE)
    other_weights = frozen_moments(parts(hearts, seed=1), asked, SMALL_CINE)
    assert not torch.allclose(other_weights, first)
    reordered = frozen_moments(
        parts(hearts), asked, replace(SMALL_CINE, phases=(0.5, 0.25, 0.0, 0.75))
    )
    assert torch.allclose(reordered[:, 2], first[:, 0])
    fewer = Source(cohort=hearts, rows=asked.rows[:3], reads=("cine",), targets=torch.zeros(3, 1))
    assert torch.allclose(frozen_moments(parts(hearts), fewer, SMALL_CINE), first[:3])
    assert computed == [len(first)] * 3 + [3]


def test_the_order_of_the_rows_and_repeats_do_not_matter(hearts, kept, computed):
    asked = source(hearts)
    first = frozen_moments(parts(hearts), asked, SMALL_CINE)
    order = np.concatenate([np.random.default_rng(0).permutation(len(asked)), [0, 0]])
    targets = torch.zeros(len(order), 1)
    other = Source(cohort=hearts, rows=asked.rows[order], reads=("cine",), targets=targets)
    assert torch.equal(
        frozen_moments(parts(hearts), other, SMALL_CINE), first[torch.from_numpy(order)]
    )
    assert computed == [len(first)]


def test_without_a_folder_nothing_is_kept(hearts, computed):
    for _ in range(2):
        frozen_moments(parts(hearts), source(hearts), SMALL_CINE)
    assert len(computed) == 2


def test_a_damaged_file_is_refused_and_damaged_cines_are_never_read(hearts, kept, tmp_path):
    first = frozen_moments(parts(hearts), source(hearts), SMALL_CINE)
    (path,) = kept.glob("*/outputs.safetensors")
    whole, refused = path.read_bytes(), r"outputs\.safetensors must be as it was .*; remove"
    save_tensors(path, {"outputs": first + 1})
    with pytest.raises(CheckpointError, match=refused):
        frozen_moments(parts(hearts), source(hearts), SMALL_CINE)
    frozen_moments(parts(hearts, seed=1), source(hearts), SMALL_CINE)
    (other,) = set(kept.glob("*/outputs.safetensors")) - {path}
    other.write_bytes(whole)
    with pytest.raises(CheckpointError, match=refused):
        frozen_moments(parts(hearts, seed=1), source(hearts), SMALL_CINE)
    shutil.copytree(hearts.folder, tmp_path / "copy")
    shard = next((tmp_path / "copy").glob("cine-*.npy"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x07")
    with pytest.raises(DataError, match=r"cine-00000\.npy \(other contents\)"):
        frozen_moments(parts(hearts), source(Cohort.open(tmp_path / "copy")), SMALL_CINE)


@pytest.fixture
def study(tiny, tmp_path):
    """Train a recipe as a run of one study, which shares phases and outputs."""
    return lambda name, run: run_of(
        small(name), tiny, tmp_path / run, name=name, shared=tmp_path / "phases"
    )


@pytest.mark.parametrize("name", ["distillation", "crossbeat"])
def test_runs_of_one_study_read_each_xray_once(name, study, tiny, tmp_path, computed):
    first = study(name, "first")
    number = len(computed)
    assert number
    assert same(first.parts, study(name, "second").parts)
    assert len(computed) == number
    assert (tmp_path / "outputs").is_dir()
    alone = run_of(small(name), tiny, tmp_path / "alone", name=name)
    assert same(first.parts, alone.parts)
    assert (tmp_path / "alone" / "outputs").is_dir()


def test_recipes_with_one_teacher_share_it_and_its_outputs(study, computed):
    reused = {
        "cromotex": [],
        "shuffled": ["teacher", "self-supervision"],
        "distillation": ["teacher"],
    }
    runs = {name: study(name, name) for name in reused}
    for name, run in runs.items():
        assert [phase["name"] for phase in run.phases if phase["reused"]] == reused[name]
    assert len(computed) == 2  # training and validation pairs
    for part in ("ecg_encoder", "ecg_classifier"):
        assert not same(runs["cromotex"].parts[part], runs["shuffled"].parts[part])
