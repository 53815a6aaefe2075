"""ECCL: two frozen readers of cines, and what each of them gives to the alignment."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_recipes import SMALL_CINE, phases_of, run_of, same, small

from crossbeat.errors import ConfigError
from crossbeat.models import embed
from crossbeat.objectives import clip


def losses(recipe, cohort, batch=None):
    """Those of the alignment on twelve pairs, before anything is learned."""
    parts, phases = phases_of(recipe, cohort)
    batch = batch or phases["alignment"].train.batch(np.arange(12))
    told = phases["alignment"].step(parts, batch, torch.Generator().manual_seed(0))
    return {name: float(loss.detach()) for name, loss in told.items()}, batch, parts


def test_the_loss_is_the_weighted_sum_of_a_contrast_with_either_axis(tiny_hearts):
    recipe = small("eccl-heart", views=None, short_share=0.25, temperature=0.01)
    got, batch, parts = losses(recipe, tiny_hearts)
    rows = tiny_hearts.rows("train", has=("ecg", "cine", "cine_long"))[:12]
    with torch.no_grad():
        ecg = parts["ecg_projection"](embed(parts, tiny_hearts.ecgs(rows), recipe.ecg))
        for axis, share in (("cine", 0.25), ("cine_long", 0.75)):
            tokens = parts[f"{axis}_encoder"].tokens(tiny_hearts.images(axis, rows).float() / 255)
            seen = parts[f"{axis}_projection"](tokens.mean(dim=1))
            wanted = share * float(clip(ecg, seen, temperature=0.01))
            assert got[axis] == pytest.approx(wanted, rel=1e-4)
    assert set(got) == {"cine", "cine_long"}
    assert set(batch.inputs) == {"ecg"}


def test_cines_of_the_long_axis_reach_their_own_term_alone(tiny_hearts):
    recipe = small("eccl-heart", views=None)
    before, batch, _ = losses(recipe, tiny_hearts)
    turned = {**batch.extra, "cine_long": batch.extra["cine_long"].flip(0)}
    after, _, _ = losses(recipe, tiny_hearts, replace(batch, extra=turned))
    assert after["cine"] == before["cine"]
    assert after["cine_long"] != before["cine_long"]  # untrained, all hearts look alike


def test_cines_of_either_axis_have_weights_of_their_own(tiny_hearts):
    parts = small("eccl-heart").parts(tiny_hearts.info, 0)
    assert not same(parts["cine_encoder"], parts["cine_long_encoder"])


def test_a_cohort_without_long_axes_is_refused_before_anything_is_learned(tiny_hearts, tmp_path):
    short = tiny_hearts.with_table(tiny_hearts.table.drop("cine_long", "cine_long_patient"))
    with pytest.raises(
        ConfigError, match="rows with ecg and cine and cine_long in split train, got none"
    ):
        run_of(small("eccl-heart"), short, tmp_path / "run", name="eccl-heart")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_that_leaves_one_axis_out_is_refused(share):
    with pytest.raises(ConfigError, match=f"above 0 and below 1, got {share:g}; for one axis"):
        small("eccl-heart", short_share=share)


def test_an_axis_for_both_encoders_is_refused():
    with pytest.raises(ConfigError, match=r"modality must be 'cine', got 'cine_long'; leave it"):
        small("eccl-heart", cine=replace(SMALL_CINE, modality="cine_long"))


@pytest.mark.parametrize("name", ["eccl-heart", "ptacl-global"])
def test_masked_modelling_of_some_frames_only_is_refused(name, tiny_hearts):
    recipe = small(name, cine=replace(SMALL_CINE, phases=(0.0, 0.5)))
    with pytest.raises(ConfigError, match=r"must see all 4 frames, got 2; leave --recipe\.cine"):
        recipe.parts(tiny_hearts.info, 0)
