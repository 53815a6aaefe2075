"""A recipe that does not fit the cohort says so before anything is trained."""

from contextlib import nullcontext
from dataclasses import replace

import polars as pl
import pytest
import torch
from small_recipes import ABSENT, QUIET, phases_of, run_of, small, without

from crossbeat.encoders.masked import fill_in_cine
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.modalities import MODALITIES, OtherModel
from crossbeat.recipes import RECIPES, models_in
from crossbeat.recipes.phases import VcgViews
from crossbeat.recipes.run import Plan, train

NOT_NEEDED = {("label-only", "xray"), ("no-alignment", "xray")}


@pytest.mark.parametrize(
    ("name", "modality"),
    [(name, each) for name, recipe in RECIPES.items() for each in models_in(recipe)],
)
def test_a_cohort_without_a_modality_is_refused_unless_it_is_not_needed(name, modality, cohort_of):
    info = replace(cohort_of(name).info, **ABSENT[modality])
    label = MODALITIES[modality].label
    refused = pytest.raises(ConfigError, match=f"must have {label} for this recipe, got ")
    with nullcontext() if (name, modality) in NOT_NEEDED else refused:
        small(name).parts(info, 0)


@pytest.mark.parametrize(("name", "modality"), [("teacher", "ecg"), *sorted(NOT_NEEDED)])
def test_a_modality_that_is_not_needed_may_be_absent(name, modality, tiny, tmp_path):
    run = run_of(small(name), without(tiny, modality), tmp_path / "run", name=name)
    assert not any(part.startswith(modality) for part in run.parts)


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


@pytest.mark.parametrize(
    ("findings", "message"),
    [
        (("large", "edema"), "findings must be of large, silent.*got edema; say --recipe.findings"),
        ((), "a recipe must predict something, got no findings and measurements"),
    ],
)
def test_findings_that_the_cohort_lacks_are_named_with_those_it_has(
    findings, message, tiny, tmp_path
):
    recipe = small("direct", findings=findings)
    with pytest.raises(ConfigError, match=message):
        run_of(recipe, tiny, tmp_path / "run", name="direct")
    run_of(small("direct"), tiny, tmp_path / "run", name="direct")  # nothing is left behind


def test_turning_the_heart_in_ecgs_that_are_not_in_millivolts_is_refused(tiny):
    cohort = replace(tiny, info=replace(tiny.info, unit="NU"))
    with pytest.raises(ConfigError, match=r"ECGs must be in mV .* got ECGs in NU; set --recipe"):
        phases_of(small("label-only"), cohort)
    phases_of(small("label-only", views=VcgViews(angle=0.0, scale=1.0)), cohort)


def test_weights_for_another_xray_encoder_are_refused(tiny):
    other = OtherModel(encoder="densenet121", weights="some.safetensors")
    with pytest.raises(CheckpointError, match=r"some\.safetensors"):
        small("teacher", other=other).parts(tiny.info, 0)
    with pytest.raises(ConfigError, match="must be used with encoder 'densenet121', got 'small'"):
        replace(other, encoder="small")


@pytest.mark.parametrize("normalisation", ["none", "group_z"])
def test_ecgs_that_are_no_millivolts_must_be_normalised_by_lead(tiny, normalisation):
    recipe = small("direct")
    recipe = replace(recipe, ecg=replace(recipe.ecg, normalisation=normalisation))
    with pytest.raises(
        ConfigError, match=f"ECGs in NU must be normalised by lead.*{normalisation}"
    ):
        recipe.parts(replace(tiny.info, unit="NU"), 0)


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
