"""Comparing models on measurements: paired, over seeds and patients, refused where rows differ."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.evaluation.bootstrap import distribution, resamples
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.intervals import over_patients
from crossbeat.evaluation.measurement_compare import compare_measurements, estimate_measurements
from crossbeat.evaluation.regression import mae, r2
from crossbeat.evaluation.scales import scale_of

ROWS = 120


def run(noise: float, *, seed: int = 0, patients: int = 0) -> Estimates:
    """A run whose errors are its own, on patients that may be those of other runs."""
    own, errors = np.random.default_rng(patients), np.random.default_rng([seed, 1])
    splits = []
    for name in ("val", "test"):
        truth = own.normal(size=(ROWS, 2)) * [30, 8] + [150, 60]
        estimate = truth + errors.normal(size=truth.shape) * [30, 8] * noise
        names = np.array([f"{name}{patients}-{row // 2}" for row in range(ROWS)])
        splits.append(Estimated(truth, estimate, names))
    return Estimates(("LVEDV", "LVEF"), *splits)


def compared(runs, **more):
    return compare_measurements(
        runs, method="ptacl", baseline="direct", seed=0, replicates=200, **more
    )


def test_one_seed_is_the_plain_bootstrap_of_each_metric() -> None:
    one, other = run(0.9), run(0.5, seed=1)
    found = compared({"direct": {0: one}, "ptacl": {0: other}})
    test = other.test
    for metric, name in ((r2, "r2"), (mae, "mae")):
        weights = resamples(test.patients, seed=0, replicates=200)
        drawn = distribution(metric, test.truth[:, 1], test.estimate[:, 1], weights)[None]
        expected = over_patients(drawn, scale_of(name), patients=ROWS // 2)
        told = found["models"]["ptacl"]["LVEF"][name]
        assert told == {"value": expected.value, "low": expected.low, "high": expected.high}
    assert found["differences"]["ptacl - direct"]["LVEF"]["mae"]["high"] < 0
    assert found["differences"]["ptacl - direct"]["mean"]["r2"]["low"] > 0


def test_a_model_that_is_the_same_differs_by_nothing() -> None:
    found = compared({"direct": {0: run(0.9)}, "ptacl": {0: run(0.9)}})
    for metrics in found["differences"]["ptacl - direct"].values():
        for told in metrics.values():
            assert (told["value"], told["low"], told["high"]) == (0, 0, 0)


def test_runs_on_the_same_patients_are_averaged_and_told_one_by_one() -> None:
    seeds = {seed: run(0.9, seed=seed) for seed in range(3)}
    found = compared({"direct": seeds, "ptacl": {seed: run(0.5, seed=seed) for seed in range(3)}})
    told = found["models"]["direct"]["LVEF"]["r2"]
    alone = [estimate_measurements({0: each}, seed=0, replicates=2) for each in seeds.values()]
    assert told["by_run"] == pytest.approx([each["LVEF"]["r2"]["value"] for each in alone])
    assert told["value"] == pytest.approx(np.mean(told["by_run"]))
    assert len(found["differences"]["ptacl - direct"]["LVEF"]["r2"]["by_run"]) == 3
    assert found["test"]["patients"] == ROWS // 2


def test_seeds_with_patients_of_their_own_are_counted_together() -> None:
    runs = {
        name: {seed: run(noise, seed=seed, patients=seed) for seed in range(3)}
        for name, noise in (("direct", 0.9), ("ptacl", 0.5))
    }
    found = compared(runs)
    assert found["test"]["patients"] == 3 * ROWS // 2
    assert found["test"]["samples"] == 3 * ROWS
    truth = np.concatenate([each.test.truth[:, 1] for each in runs["direct"].values()])
    assert found["test"]["measurements"]["LVEF"] == {
        "unit": "%",
        "measured": 3 * ROWS,
        "mean": pytest.approx(truth.mean()),
        "sd": pytest.approx(truth.std()),
    }


def test_differences_are_on_the_seeds_that_both_have() -> None:
    direct = {seed: run(0.9, seed=seed, patients=seed) for seed in range(3)}
    late = {2: run(0.5, seed=9, patients=2)}
    found = compared({"direct": direct, "ptacl": late, "lonely": {5: run(0.5, patients=5)}})
    expected = compared({"direct": {2: direct[2]}, "ptacl": late})["differences"]["ptacl - direct"]
    told = found["differences"]["ptacl - direct"]
    assert told["LVEF"]["r2"]["value"] == expected["LVEF"]["r2"]["value"]
    nothing = {"value": None, "low": None, "high": None}
    assert found["differences"]["lonely - direct"]["mean"]["mae"] == nothing


def test_pairs_are_with_the_baseline_with_the_method_and_those_asked_for() -> None:
    runs = {name: {0: run(0.9)} for name in ("direct", "global", "ptacl")}
    found = compared(runs, extra=[("direct", "global")])
    assert list(found["differences"]) == [
        "global - direct",
        "ptacl - direct",
        "ptacl - global",
        "direct - global",
    ]


def test_runs_of_other_rows_or_without_runs_are_refused() -> None:
    one = run(0.9)
    renamed = replace(one, measurements=("LVEF", "LVEDV"))
    turned = replace(one, test=Estimated(*(part[::-1] for part in vars(one.test).values())))
    for other in (renamed, turned):
        with pytest.raises(ValueError, match="ptacl must be measured on the same measurements and"):
            compared({"direct": {0: one}, "ptacl": {0: other}})
    with pytest.raises(ValueError, match="every model must have a run, got none of ptacl"):
        compared({"direct": {0: one}})
    with pytest.raises(ValueError, match="got none of clip"):
        compared({"direct": {0: one}, "ptacl": {0: one}}, extra=[("clip", "direct")])
