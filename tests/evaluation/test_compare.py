"""Models on the same patients, differences paired, runs of several seeds averaged; either kind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crossbeat.evaluation.compare import compare, compare_measured, estimate
from crossbeat.evaluation.intervals import (
    SHARE,
    of_differences,
    over_patients,
    over_seeds,
    scale_of,
)
from crossbeat.evaluation.predictions import Measured, Predictions, Scored, choose
from crossbeat.evaluation.statistics import distribution, resamples
from crossbeat.metrics import FINDING_METRICS, MEASUREMENT_METRICS
from crossbeat.targets import FINDING, MEASUREMENT, Kind

NAMES = {FINDING: ("cardiomegaly", "edema"), MEASUREMENT: ("LVEDV", "LVEF")}
ROWS = 80
NOTHING = {"value": None, "low": None, "high": None}
BOTH = pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.name)


def run(kind: Kind, skill: float, seed: int = 0, *, patients: int = 0) -> Predictions:
    """A run whose errors are its own, on patients that may be those of other runs."""
    own, errors = np.random.default_rng(patients), np.random.default_rng([seed, 1])
    splits = []
    for name in ("val", "test"):
        truth = own.normal(size=(ROWS, 2))
        targets = truth * [30, 8] + [150, 60] if kind is MEASUREMENT else (truth > 0.3) * 1.0
        scale = np.array([30, 8]) if kind is MEASUREMENT else 1.0
        outputs = targets + errors.normal(size=truth.shape) * scale / skill
        names = np.array([f"{name}{patients}-{row // 2}" for row in range(ROWS)])
        splits.append(Scored(targets, outputs, names))
    return Predictions(kind, NAMES[kind], *splits)


def by_seed(kind: Kind, skill: float, *seeds: int) -> dict[int, Predictions]:
    """Runs on test patients of their own."""
    return {seed: run(kind, skill, seed, patients=seed) for seed in seeds}


def study(runs: Any, **more: Any) -> dict[str, Any]:
    return compare(runs, method="ptacl", baseline="direct", seed=0, replicates=30, **more)


@BOTH
def test_one_run_is_the_plain_bootstrap_of_each_metric(kind):
    one, other = run(kind, 1.0), run(kind, 2.5, 1)
    found = study({"direct": [one], "ptacl": [other]})
    choices = choose(other.val) if kind is FINDING else [None] * 2
    metrics = (
        FINDING_METRICS
        if kind is FINDING
        else {name: lambda _, metric=metric: metric for name, metric in MEASUREMENT_METRICS.items()}
    )
    weights = resamples(other.test.patients, seed=0, replicates=30)
    for at, name in enumerate(other.names):
        column = other.test.targets[:, at], other.test.outputs[:, at]
        size = FINDING.size(column[0], other.test.patients) if kind is FINDING else ROWS // 2
        assert list(found["models"]["ptacl"][name]) == list(kind.metrics)
        for metric, made in metrics.items():
            drawn = distribution(made(choices[at]), *column, weights)[None]
            expected = over_patients(drawn, scale_of(metric), patients=size)
            assert found["models"]["ptacl"][name][metric] == vars(expected)
    leading = found["differences"]["ptacl - direct"]["mean"][kind.leads]
    assert leading["low"] > 0
    values = [found["models"][name]["mean"][kind.leads]["value"] for name in ("ptacl", "direct")]
    assert leading["value"] == pytest.approx(values[0] - values[1])


@BOTH
def test_the_mean_is_over_targets_and_of_errors_in_standard_deviations(kind):
    one = run(kind, 1.0)
    found = estimate([one], seed=0, replicates=2)
    spread = one.test.targets.std(axis=0)
    for metric in kind.metrics:
        values = np.array([found[name][metric]["value"] for name in one.names])
        if metric == "mae":
            values = values / spread
        assert found["mean"][metric]["value"] == pytest.approx(values.mean())


@BOTH
def test_a_target_without_a_value_is_null_and_so_is_the_mean(kind):
    one = run(kind, 1.0)
    one.test.targets[:, 1] = 0
    found = estimate([one], seed=0, replicates=5)
    assert found[one.names[1]][kind.leads] == NOTHING
    assert found["mean"][kind.leads]["value"] is None
    assert found[one.names[0]][kind.leads]["value"] is not None
    one.test.targets[:, 1] = np.nan  # nobody has it
    assert set(map(str, estimate([one], seed=0, replicates=5)["mean"].values())) == {str(NOTHING)}


@BOTH
def test_every_model_meets_the_baseline_and_the_method_meets_every_model(kind):
    runs = {name: [run(kind, 1.0)] for name in ("direct", "global", "ptacl", "clip")}
    found = study(runs, extra=[("clip", "global"), ("global", "direct")])
    assert list(found["models"]) == list(runs)
    assert list(found["models"]["direct"]) == [*NAMES[kind], "mean"]
    assert list(found["differences"]) == [
        *("global - direct", "ptacl - direct", "clip - direct", "ptacl - global", "ptacl - clip"),
        "clip - global",
    ]
    for told in found["differences"]["ptacl - direct"]["mean"].values():
        assert (told["value"], told["low"], told["high"]) == (0, 0, 0)  # a model differs by nothing


@BOTH
def test_the_test_split_is_described(kind):
    runs = by_seed(kind, 1.0, 0, 1, 2)
    found = study({"direct": runs, "ptacl": runs})["test"]
    assert (found["patients"], found["samples"]) == (3 * ROWS // 2, 3 * ROWS)
    truth = np.concatenate([each.test.targets[:, 1] for each in runs.values()])
    assert found[kind.plural][NAMES[kind][1]] == (
        {"positive": truth.sum(), "negative": (1 - truth).sum()}
        if kind is FINDING
        else {
            "unit": "%",
            "measured": 3 * ROWS,
            "mean": pytest.approx(truth.mean()),
            "sd": pytest.approx(truth.std()),
        }
    )
    assert study({name: [runs[0]] for name in ("direct", "ptacl")})["test"]["samples"] == ROWS


def test_test_outputs_do_not_move_what_was_chosen_on_validation():
    one = run(FINDING, 1.0)
    test = Scored(one.test.targets, one.test.outputs + 100, one.test.patients)
    found = estimate([replace(one, test=test)], seed=0, replicates=5)
    prevalence = float(test.targets[:, 0].mean())  # everyone is called positive
    assert found["cardiomegaly"]["f1"]["value"] == pytest.approx(2 * prevalence / (1 + prevalence))


@BOTH
def test_several_runs_are_represented_by_their_mean_and_add_no_patients(kind):
    runs = [run(kind, 1.0, seed) for seed in range(4)]
    found = study({"direct": runs, "ptacl": [run(kind, 1.0)]})
    both = found["models"]["direct"]["mean"][kind.leads]
    alone = [estimate([each], seed=0, replicates=30)["mean"][kind.leads] for each in runs]
    assert both["by_run"] == [each["value"] for each in alone]
    assert both["value"] == pytest.approx(np.mean(both["by_run"]))
    assert both["high"] - both["low"] > 0.3 * (alone[0]["high"] - alone[0]["low"])
    assert "by_run" not in found["models"]["ptacl"]["mean"][kind.leads]
    assert found["test"]["patients"] == ROWS // 2


def test_runs_by_seed_on_patients_of_their_own_have_intervals_over_seeds():
    runs = {"direct": by_seed(FINDING, 1.0, 0, 1, 2), "ptacl": by_seed(FINDING, 2.0, 0, 1, 2)}
    found = study(runs)
    place = found["models"]["direct"]["edema"]["auroc"]
    tests = [each.test for each in runs["direct"].values()]
    size = sum(FINDING.size(each.targets[:, 1], each.patients) for each in tests)
    expected = over_seeds(place["by_run"], SHARE, patients=size)
    assert [place[end] for end in ("value", "low", "high")] == list(vars(expected).values())
    for seed, each in runs["direct"].items():
        alone = estimate([each], seed=0, replicates=2)["edema"]["auroc"]["value"]
        assert place["by_run"][seed] == alone
    apart = found["differences"]["ptacl - direct"]["edema"]["auroc"]
    better = found["models"]["ptacl"]["edema"]["auroc"]["by_run"]
    assert apart["by_run"] == [a - b for a, b in zip(better, place["by_run"], strict=True)]
    assert apart["low"] == over_seeds(apart["by_run"], of_differences(SHARE), patients=size).low


@BOTH
def test_models_are_compared_on_the_seeds_that_both_have_in_whatever_order(kind):
    direct = by_seed(kind, 1.0, 0, 1, 2)
    runs = {"direct": direct, "ptacl": by_seed(kind, 2.0, 1), "clip": by_seed(kind, 1.0, 4)}
    found = study(runs | {"same": by_seed(kind, 1.0, 2, 1, 0)})["differences"]
    expected = study({"direct": {1: direct[1]}, "ptacl": runs["ptacl"]})["differences"]
    told = found["ptacl - direct"]["mean"][kind.leads]
    assert told["value"] == expected["ptacl - direct"]["mean"][kind.leads]["value"]
    assert found["clip - direct"]["mean"][kind.leads] == NOTHING
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0, "by_run": [0.0] * 3}
    assert found["same - direct"]["mean"][kind.leads] == nothing


@BOTH
def test_seeds_that_share_their_test_patients_are_averaged_over(kind):
    listed = {
        name: [run(kind, skill, seed) for seed in (0, 7)]
        for name, skill in (("direct", 1.0), ("ptacl", 2.0))
    }
    one, other = study(listed), study({n: dict(enumerate(each)) for n, each in listed.items()})
    assert (one["models"], one["test"]) == (other["models"], other["test"])
    apart, paired = (each["differences"]["ptacl - direct"]["mean"] for each in (one, other))
    assert apart[kind.leads]["value"] == pytest.approx(paired[kind.leads]["value"])
    assert "by_run" not in apart[kind.leads]
    assert len(paired[kind.leads]["by_run"]) == 2
    single = {name: each[:1] for name, each in listed.items()}
    assert study(single) == study({n: {5: each[0]} for n, each in single.items()})


@BOTH
def test_models_on_other_patients_targets_or_rows_cannot_be_paired(kind):
    one = run(kind, 1.0)
    turned = Scored(*(part[::-1] for part in vars(one.test).values()))
    for other in (
        replace(one, names=one.names[::-1]),
        replace(one, test=turned),
        run(kind, 1.0, patients=3),
        run(MEASUREMENT if kind is FINDING else FINDING, 1.0),
    ):
        with pytest.raises(ValueError, match="ptacl must have the same targets and test rows as"):
            study({"direct": [one], "ptacl": [other]})
    seeds = {"direct": by_seed(kind, 1.0, 0, 1), "ptacl": {0: one, 1: one}}
    with pytest.raises(ValueError, match="ptacl must have the same targets and test rows as"):
        study(seeds)


def test_models_that_are_named_must_have_runs():
    one = [run(FINDING, 1.0)]
    with pytest.raises(ValueError, match="runs must hold ptacl, got direct"):
        study({"direct": one})
    with pytest.raises(ValueError, match="every model must have a run, got none of ptacl"):
        study({"direct": one, "ptacl": []})
    with pytest.raises(ValueError, match="runs must hold clip, got"):
        study({"direct": one, "ptacl": one}, extra=[("clip", "direct")])


def measured(mean: float, *, seed: int = 0, patients: int = 0, rows: int = 80) -> Measured:
    values = mean + np.random.default_rng(seed).normal(size=rows)
    names = np.array([f"{patients}-{row // 2}" for row in range(rows)])
    return Measured(names, {"recall@1": values, "frame_error": 2 * values})


def compared(runs: Any) -> dict[str, Any]:
    return compare_measured(runs, method="ptacl", baseline="global", seed=0, replicates=200)


def test_means_are_of_known_rows_and_intervals_of_patients():
    twice = np.repeat(5 + np.random.default_rng(0).normal(size=300), 2)
    found = compared({"global": {0: Measured(np.arange(600) // 2, {"rank": twice})}})
    told = found["models"]["global"]["rank"]
    assert told["value"] == pytest.approx(twice.mean())
    half = 1.96 * twice.std() / np.sqrt(300)  # 300 patients, whatever the number of rows
    assert (told["high"] - told["low"]) / 2 == pytest.approx(half, rel=0.2)
    values = np.array([1.0, np.nan, 3.0])
    found = compared({"global": {0: Measured(np.arange(3), {"a": values, "b": values * np.nan})}})
    assert found["models"]["global"]["a"]["value"] == 2
    assert found["models"]["global"]["b"] == NOTHING


def test_measured_models_are_paired_by_seed():
    better, worse = ({s: measured(m, seed=s, patients=s) for s in range(3)} for m in (1.2, 1.0))
    told = compared({"global": worse, "ptacl": better})["differences"]["ptacl - global"]
    for end in ("value", "low", "high"):
        assert told["recall@1"][end] == pytest.approx(0.2)
    alone = compared({"global": worse, "ptacl": {2: better[2]}})["differences"]["ptacl - global"]
    assert alone["frame_error"]["value"] == pytest.approx(0.4)
    # pairs are those of models that are there
    runs = {name: {0: measured(1)} for name in ("ptacl", "teacher")}
    assert list(compared(runs)["differences"]) == ["ptacl - teacher"]
    assert list(compared({"random": {0: measured(1)}})["differences"]) == []


def test_measures_of_other_rows_or_names_are_refused():
    other = Measured(measured(1).patients, {"recall@1": np.zeros(80)})
    for each in (measured(1, patients=1), other):
        with pytest.raises(ValueError, match="ptacl must have the same measures and test rows as"):
            compared({"global": {0: measured(1)}, "ptacl": {0: each}})
    with pytest.raises(ValueError, match="runs must hold a model, got none"):
        compared({})
    with pytest.raises(ValueError, match="got none of ptacl"):
        compared({"global": {0: measured(1)}, "ptacl": {}})
