"""A recipe learns from any modality, and findings and measurements together."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import SMALL_CINE, phases_of, run_of, small

from crossbeat.errors import DataError
from crossbeat.models import predict
from crossbeat.objectives import bce
from crossbeat.recipes import RECIPES, settings_in
from crossbeat.recipes.run import predictions, validation
from crossbeat.targets import FINDING, KINDS, MEASUREMENT

BOTH = {"findings": ("large",), "measurements": ("LVEDV", "LVEF")}
PREDICT_BOTH = {
    "direct": {},
    "teacher": {"other": SMALL_CINE},
    "clip": {"other": SMALL_CINE},
    "ptacl": {},
    "eccl-heart": {},
}


def test_every_recipe_that_may_predict_both_is_among_these():
    may = {type(each) for each in RECIPES.values() if BOTH.keys() <= settings_in(each).keys()}
    assert {type(RECIPES[name]) for name in PREDICT_BOTH} == may


@pytest.mark.parametrize("name", PREDICT_BOTH)
def test_one_model_learns_findings_and_measurements(name, both, tmp_path):
    run = run_of(small(name, epochs=2, **BOTH, **PREDICT_BOTH[name]), both, tmp_path, name=name)
    learned = run.phases[-1]
    for epoch in learned["history"]:
        assert {"finding", "measurement"} <= {each.removeprefix("train_") for each in epoch}
        score = (epoch["val_auroc"] + epoch["val_r2"]) / 2
        assert epoch["val_score"] == pytest.approx(score)
    scores = [epoch["val_score"] for epoch in learned["history"]]
    assert learned["best_epoch"] == int(np.argmax(scores))
    for kind, columns in ((FINDING, ("large",)), (MEASUREMENT, ("LVEDV", "LVEF"))):
        found = predictions(run, both, kind=kind)
        assert found.names == columns
        held = validation(run, both, kind)
        score = kind.score(torch.from_numpy(held.targets), torch.from_numpy(held.outputs))
        assert score == pytest.approx(
            learned["history"][learned["best_epoch"]][f"val_{kind.leads}"]
        )


@pytest.mark.parametrize("name", PREDICT_BOTH)
def test_the_loss_has_a_term_of_each_kind_and_measurements_are_scaled(name, both):
    recipe = small(name, **BOTH, **PREDICT_BOTH[name])
    recipe = recipe if name == "teacher" else replace(recipe, label_views=None)
    parts, phases = phases_of(recipe, both)
    phase = list(phases.values())[-1]
    model = recipe.other if name == "teacher" else recipe.ecg
    regressor = parts[f"{model.modality}_regressor"]
    measured = both.measurements(both.rows("train", has=()), BOTH["measurements"]).double().numpy()
    center, spread = np.nanmean(measured, axis=0), np.nanstd(measured, axis=0)
    np.testing.assert_allclose(regressor.center, center, rtol=1e-5)
    np.testing.assert_allclose(regressor.spread, spread, rtol=1e-5)

    batch = phase.train.batch(np.arange(24))
    losses = phase.step(parts, batch, torch.Generator().manual_seed(0))
    told = predict(parts, batch, model=model, targets=recipe.targets).detach()
    apart = (told[:, 1:] - batch.targets[:, 1:]) / torch.from_numpy(spread)
    assert losses["finding"].item() == pytest.approx(bce(told[:, :1], batch.targets[:, :1]).item())
    assert losses["measurement"].item() == pytest.approx(float((apart**2).nanmean()), rel=1e-4)
    assert losses.keys() == set(KINDS)
    assert (phase.choice.metric, phase.choice.higher_is_better) == ("score", True)


def test_validation_patients_that_cannot_choose_the_best_epoch_are_refused(both, tmp_path):
    in_training = pl.when(pl.col("split") == "train")
    same = [
        in_training.then(pl.col(name)).otherwise(1).cast(both.table.schema[name]).alias(name)
        for name in ("label:large", "value:LVEF")
    ]
    cohort = both.with_table(both.table.with_columns(same))
    for wanted in ({"findings": ("large",)}, {"findings": (), "measurements": ("LVEF",)}):
        (name,) = [*wanted.get("findings", ()), *wanted.get("measurements", ())]
        with pytest.raises(DataError, match=f"must have different values of {name}, .* or none; c"):
            run_of(small("direct", **wanted), cohort, tmp_path / name, name="direct")
    kept = {"measurements": ("LVEDV", "LVEF"), "findings": (), "positive_share": 0.5}
    run = run_of(small("direct", **kept), cohort, tmp_path / "both", name="direct")
    assert all(np.isfinite(epoch["val_r2"]) for epoch in run.phases[-1]["history"])


@pytest.mark.parametrize("name", ["clip", "distillation", "crossbeat", "crossbeat-shuffled"])
def test_cines_teach_findings_as_xrays_do(name, both, tmp_path):
    recipe = small(name, findings=("large",), other=SMALL_CINE)
    run = run_of(recipe, both, tmp_path / "run", name=name)
    assert run.phases[0]["name"] == "cine-teacher"
    assert not any(part.startswith("xray") for part in run.parts)
    assert np.isfinite(run.phases[-1]["history"][-1]["val_auroc"])
    taught, start = run.after("cine-teacher").parts, recipe.parts(both.info, 0)
    assert not torch.equal(taught["cine_classifier"].weight, start["cine_classifier"].weight)
    assert torch.equal(taught["cine_classifier"].weight, run.parts["cine_classifier"].weight)
