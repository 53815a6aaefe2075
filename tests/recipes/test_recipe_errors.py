"""A recipe that does not fit the cohort says so before anything is trained."""

import json
from dataclasses import replace

import polars as pl
import pytest
import torch
from small_recipes import QUIET, run_of, small

from crossbeat.encoders.masked import fill_in_cine
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.files import write_sealed
from crossbeat.recipes import RECIPES
from crossbeat.recipes.phases import VcgViews
from crossbeat.recipes.run import Plan, Run, train

NEEDS_XRAYS = ("cromotex", "shuffled", "clip", "distillation", "teacher", "eccl")


def without(cohort, modality, **info):
    empty = pl.lit(None, dtype=pl.Int64).alias(modality)
    table = cohort.table.with_columns(empty)
    if modality == "xray":
        table = table.with_columns(pl.lit(None, dtype=pl.String).alias("xray_patient"))
    files = {k: v for k, v in cohort.info.files.items() if not k.startswith(modality)}
    changed = replace(cohort.info, kind="single", files=files, **info)
    return replace(cohort, info=changed, table=table)


@pytest.mark.parametrize("name", NEEDS_XRAYS)
def test_a_cohort_without_xrays_is_refused(name, tiny, tmp_path):
    ecgs = without(tiny, "xray", image_size=0)
    with pytest.raises(ConfigError, match="cohort 'tiny' must have X-rays for this recipe, got"):
        run_of(small(name), ecgs, tmp_path / "run", name=name)


@pytest.mark.parametrize("name", ["direct", "cromotex", "label-only"])
def test_a_cohort_without_ecgs_is_refused(name, tiny, tmp_path):
    xrays = without(tiny, "ecg", leads=(), fs=0.0, seconds=0.0)
    with pytest.raises(ConfigError, match="cohort 'tiny' must have ECGs for this recipe, got"):
        run_of(small(name), xrays, tmp_path / "run", name=name)


def test_the_teacher_learns_from_a_cohort_of_xrays_alone(tiny, tmp_path):
    xrays = without(tiny, "ecg", leads=(), fs=0.0, seconds=0.0)
    run = run_of(small("teacher"), xrays, tmp_path / "run", name="teacher")
    assert set(run.parts) == {"xray_encoder", "xray_classifier"}


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_pairs_is_refused(split, tiny, tmp_path):
    here = pl.col("split") == split
    table = tiny.table.with_columns(
        pl.when(~here).then(pl.col(name)).alias(name) for name in ("xray", "xray_patient")
    )
    with pytest.raises(
        ConfigError, match=rf"rows with xray and a label in split {split}, got none"
    ):
        run_of(small("cromotex"), tiny.with_table(table), tmp_path / "run", name="cromotex")


@pytest.mark.parametrize(("findings", "got"), [(("large", "edema"), "got edema"), ((), "got none")])
def test_findings_that_the_cohort_lacks_are_named_with_those_it_has(findings, got, tiny, tmp_path):
    recipe = small("direct", findings=findings)
    with pytest.raises(ConfigError, match=f"findings must be of large, silent.*{got}"):
        run_of(recipe, tiny, tmp_path / "run", name="direct")
    run_of(small("direct"), tiny, tmp_path / "run", name="direct")  # nothing is left behind


def test_turning_the_heart_in_ecgs_that_are_not_in_millivolts_is_refused(tiny, tmp_path):
    cohort = replace(tiny, info=replace(tiny.info, unit="NU"))
    with pytest.raises(ConfigError, match=r"ECGs must be in mV .* got ECGs in NU; set --recipe"):
        run_of(small("label-only"), cohort, tmp_path / "run", name="label-only")
    still = small("label-only", views=VcgViews(angle=0.0, scale=1.0))
    run_of(still, cohort, tmp_path / "still", name="label-only")


def test_weights_for_another_xray_encoder_are_refused(tiny):
    recipe = small("teacher")
    recipe = replace(recipe, xray=replace(recipe.xray, weights="some.safetensors"))
    with pytest.raises(ConfigError, match="must be used with encoder 'densenet121', got 'small'"):
        recipe.parts(tiny.info, 0)
    dense = replace(recipe, xray=replace(recipe.xray, encoder="densenet121"))
    with pytest.raises(CheckpointError, match=r"some\.safetensors"):
        dense.parts(tiny.info, 0)


@pytest.mark.parametrize("normalisation", ["none", "group_z"])
def test_ecgs_that_are_no_millivolts_must_be_normalised_by_lead(tiny, normalisation):
    recipe = small("direct")
    recipe = replace(recipe, ecg=replace(recipe.ecg, normalisation=normalisation))
    with pytest.raises(
        ConfigError, match=f"ECGs in NU must be normalised by lead.*{normalisation}"
    ):
        recipe.parts(replace(tiny.info, unit="NU"), 0)


def test_a_finished_run_opens_without_the_file_that_its_xray_encoder_started_from(tiny, tmp_path):
    run_of(small("teacher"), tiny, tmp_path / "run", name="teacher")
    path = tmp_path / "run" / "run.json"
    plan = json.loads(path.read_text())
    plan["settings"]["xray"]["weights"] = "moved-away.safetensors"
    path.write_text(json.dumps(plan))
    text = (tmp_path / "run" / "finished.json").read_text()
    names = ("run.json", "weights.safetensors", "learned.parquet")
    write_sealed(tmp_path / "run", last="finished.json", text=text, names=names)
    assert "xray_encoder" in Run.open(tmp_path / "run").parts


def test_a_batch_that_does_not_divide_among_processes_leaves_no_run_behind(tiny, tmp_path):
    plan = Plan(name="direct", recipe=small("direct"), seed=0)
    with pytest.raises(ConfigError, match="'fine_tuning' must be a multiple of the number of proc"):
        train(plan, tiny, tmp_path / "run", trainer=replace(QUIET, devices=7))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("size", [32, 80])
def test_a_frame_that_does_not_divide_into_squares_is_refused(size, tiny_hearts):
    info = replace(tiny_hearts.info, cine_size=size)
    with pytest.raises(ConfigError, match=f"got {size} pixels for . by . places; prepare the coho"):
        RECIPES["ptacl"].parts(info, 0)


def test_the_published_cine_encoder_has_a_decoder_of_its_squares(tiny_hearts):
    info = replace(tiny_hearts.info, cine_size=64)
    parts = RECIPES["ptacl"].parts(info, 0)
    cine = torch.rand(1, info.frames, 64, 64)
    hidden = torch.zeros(1, info.frames, 4, dtype=torch.bool)
    hidden[:, :, 0] = True
    filled = fill_in_cine(parts["cine_encoder"], parts["cine_decoder"], cine, hidden)
    assert filled.shape == (1, info.frames, 4, 32 * 32)
    assert parts["cine_encoder"].training
