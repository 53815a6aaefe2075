"""The two limits know the truth, and only the truth of other patients."""

import numpy as np
import polars as pl

from crossbeat.metrics import auroc
from crossbeat.recipes.limits import latent_limit
from crossbeat.targets import FINDING, MEASUREMENT


def with_latents(cohort, *, seed=0, prefix=""):
    """Two parameters decide ``large`` exactly and ``silent`` not at all; labels are coin tosses."""
    num = cohort.table.height
    draw = np.random.default_rng(seed)
    latents = draw.normal(size=(2, num)).astype(np.float32)
    names = pl.col("patient") + prefix
    table = cohort.table.with_columns(
        pl.Series("latent:size", latents[0]),
        pl.Series("latent:shape", latents[1]),
        pl.Series("truth:large", (latents.sum(axis=0) > 0).astype(np.int8)),
        pl.Series("truth:silent", (draw.random(num) < 0.5).astype(np.int8)),
        pl.Series("label:large", (draw.random(num) < 0.5).astype(np.int8)),
        patient=names,
        xray_patient=names,
    )
    return cohort.with_table(table)


def area(scored, column):
    targets, scores = scored.targets[:, column], scored.outputs[:, column]
    return auroc(targets, scores, np.ones((1, len(targets))))[0]


def test_the_latent_limit_finds_what_the_parameters_decide(tiny):
    abundant, cohort = with_latents(tiny, seed=1, prefix="a"), with_latents(tiny, seed=2)
    found = latent_limit(abundant, cohort, FINDING, ("large", "silent"), seed=0)
    assert area(found.test, 0) > 0.75
    assert area(found.val, 0) > 0.75
    assert 0.2 < area(found.test, 1) < 0.8
    assert found.val.patients.tolist() == abundant.patients(abundant.rows("val")).tolist()
    assert found.test.patients.tolist() == cohort.patients(cohort.rows("test")).tolist()
    again = latent_limit(abundant, cohort, FINDING, ("large", "silent"), seed=0)
    assert np.array_equal(again.test.outputs, found.test.outputs)


def test_the_latent_limit_does_not_learn_from_the_patients_it_is_measured_on(tiny):
    abundant, cohort = with_latents(tiny, seed=1, prefix="a"), with_latents(tiny, seed=2)
    flipped = cohort.with_table(
        cohort.table.with_columns(**{"truth:large": 1 - pl.col("truth:large")})
    )
    one, other = (
        latent_limit(abundant, each, FINDING, ("large",), seed=0) for each in (cohort, flipped)
    )
    assert np.array_equal(one.test.outputs, other.test.outputs)


def test_the_limit_of_hearts_sees_what_it_is_given_and_nothing_else(tiny_hearts):
    """Of 400 patients: the rate decides one measurement, the QRS duration another."""
    table = tiny_hearts.table[np.resize(np.arange(tiny_hearts.table.height), 400)]
    names = [name for name in table.columns if name.startswith("latent:")]
    draws = np.random.default_rng(0).normal(size=(len(names), 400)).astype(np.float32)
    latents = dict(zip(names, draws, strict=True))
    owners = ("patient", "cine_patient", "cine_long_patient")
    made = tiny_hearts.with_table(
        table.with_columns(
            *(pl.Series(name, values) for name, values in latents.items()),
            pl.Series("value:LVEF", 2 * latents["latent:rate"]),
            pl.Series("value:LVM", 100 + 5 * latents["latent:qrs"]),
            *(pl.format("p{}", pl.int_range(400)).alias(name) for name in owners),
        )
    )

    def explained(**given):
        found = latent_limit(made, made, MEASUREMENT, ("LVEF", "LVM"), seed=0, **given).test
        errors = ((found.outputs - found.targets) ** 2).mean(axis=0)
        return 1 - errors / found.targets.var(axis=0)

    assert (explained() > 0.8).all()
    alone = explained(determinants=("rate",))
    assert alone[0] > 0.8
    assert alone[1] < 0.1
