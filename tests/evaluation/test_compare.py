"""Studies: models on the same patients, differences paired, runs of several seeds averaged."""

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare, estimate
from crossbeat.evaluation.intervals import over_seeds
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.scales import PLAIN, SHARE

FINDINGS = ("cardiomegaly", "edema")


def split(name: str, strength: float, seed: int, size: int = 120) -> Scored:
    targets = (np.random.default_rng(len(name)).random((size, 2)) < 0.4).astype(np.float32)
    noise = np.random.default_rng(seed).normal(size=(size, 2))
    patients = np.array([f"{name}{row // 2}" for row in range(size)])
    return Scored(targets, (strength * targets + noise).astype(np.float32), patients)


def run(strength: float, seed: int = 0) -> Predictions:
    return Predictions(FINDINGS, split("val", strength, seed), split("test", strength, seed + 1))


def study(runs, method: str = "cromotex"):
    return compare(runs, method=method, baseline="direct", seed=0, replicates=40)


def test_every_model_meets_the_baseline_and_the_method_meets_every_model() -> None:
    found = study({"direct": [run(0.5)], "cromotex": [run(2.0)], "shuffled": [run(0.5, 5)]})
    assert list(found["models"]) == ["direct", "cromotex", "shuffled"]
    assert list(found["models"]["direct"]) == [*FINDINGS, "mean"]
    assert list(found["differences"]) == [
        "cromotex - direct",
        "shuffled - direct",
        "cromotex - shuffled",
    ]
    assert found["differences"]["cromotex - direct"]["mean"]["auroc"]["low"] > 0


def test_differences_and_means_are_those_of_the_values() -> None:
    found = study({"direct": [run(0.5)], "cromotex": [run(2.0)]})
    one, other = (
        found["models"][name]["edema"]["auprc"]["value"] for name in ("cromotex", "direct")
    )
    difference = found["differences"]["cromotex - direct"]["edema"]["auprc"]["value"]
    assert difference == pytest.approx(one - other)
    values = [found["models"]["direct"][name]["auroc"]["value"] for name in (*FINDINGS, "mean")]
    assert values[2] == pytest.approx((values[0] + values[1]) / 2)


def test_several_runs_are_represented_by_their_mean() -> None:
    runs = [run(1.0, 0), run(1.0, 7)]
    found = study({"direct": runs, "cromotex": [run(1.0)]})
    both = found["models"]["direct"]["edema"]["auroc"]
    alone = [estimate([each], seed=0, replicates=40)["edema"]["auroc"]["value"] for each in runs]
    assert both["by_run"] == alone
    assert both["value"] == pytest.approx(sum(alone) / 2)
    assert "by_run" not in found["models"]["cromotex"]["edema"]["auroc"]


def test_the_test_split_is_described() -> None:
    found = study({"direct": [run(1.0)], "cromotex": [run(1.0)]})["test"]
    assert (found["patients"], found["samples"]) == (60, 120)
    assert sum(found["findings"]["edema"].values()) == 120


def test_test_scores_do_not_move_what_was_chosen_on_validation() -> None:
    val, test = split("val", 1.0, 0), split("test", 1.0, 1)
    shifted = Scored(test.targets, test.scores + 100, test.patients)
    found = estimate([Predictions(FINDINGS, val, shifted)], seed=0, replicates=5)
    prevalence = float(test.targets[:, 0].mean())  # everyone is called positive
    assert found["cardiomegaly"]["f1"]["value"] == pytest.approx(2 * prevalence / (1 + prevalence))


def test_a_finding_without_positives_is_null_and_so_is_the_mean() -> None:
    val, test = split("val", 1.0, 0), split("test", 1.0, 1)
    test.targets[:, 1] = 0
    found = estimate([Predictions(FINDINGS, val, test)], seed=0, replicates=5)
    assert found["edema"]["auroc"] == {"value": None, "low": None, "high": None}
    assert found["mean"]["auroc"]["value"] is None
    assert found["cardiomegaly"]["auroc"]["value"] is not None


def own(strength: float, seed: int, size: int = 120) -> Predictions:
    """A run on the test patients of its seed."""
    return Predictions(
        FINDINGS,
        split("val", strength, seed),
        split("test" + "x" * seed, strength, seed + 1, size),
    )


def by_seed(strength: float, *seeds: int) -> dict[int, Predictions]:
    return {seed: own(strength, seed) for seed in seeds}


def test_runs_by_seed_have_intervals_over_seeds() -> None:
    found = study({"direct": by_seed(0.5, 0, 1, 2), "cromotex": by_seed(2.0, 0, 1, 2)})
    place = found["models"]["direct"]["edema"]["auroc"]
    alone = [
        estimate([each], seed=0, replicates=40)["edema"]["auroc"]["value"]
        for each in by_seed(0.5, 0, 1, 2).values()
    ]
    assert place["by_run"] == alone
    expected = over_seeds(alone, SHARE, patients=180)
    assert (place["value"], place["low"], place["high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )
    apart = found["differences"]["cromotex - direct"]["edema"]["auroc"]
    better = found["models"]["cromotex"]["edema"]["auroc"]["by_run"]
    assert apart["by_run"] == [a - b for a, b in zip(better, alone, strict=True)]
    assert apart["low"] == over_seeds(apart["by_run"], PLAIN, patients=180).low
    assert found["test"]["patients"] == 180
    assert sum(found["test"]["findings"]["edema"].values()) == 360


def test_further_runs_on_the_same_patients_are_no_further_patients() -> None:
    several = study({"direct": [run(0.5, k) for k in range(4)], "cromotex": [run(2.0)]})
    once = study({"direct": [run(0.5, 0)], "cromotex": [run(2.0)]})
    many, one = (each["models"]["direct"]["mean"]["auroc"] for each in (several, once))
    assert many["high"] - many["low"] > 0.4 * (one["high"] - one["low"])


def test_a_model_does_not_differ_from_itself_whatever_the_seeds() -> None:
    found = study({"direct": by_seed(0.5, 0, 1, 2), "cromotex": by_seed(0.5, 2, 1, 0)})
    difference = found["differences"]["cromotex - direct"]["mean"]["auroc"]
    assert difference == {"value": 0.0, "low": 0.0, "high": 0.0, "by_run": [0.0] * 3}


def test_models_are_compared_on_the_seeds_that_both_have() -> None:
    runs = {"direct": by_seed(0.5, 0, 1, 2), "cromotex": by_seed(2.0, 1), "clip": by_seed(1.0, 4)}
    found = study(runs)
    one, other = own(2.0, 1), own(0.5, 1)
    values = [
        estimate([each], seed=0, replicates=40)["mean"]["auroc"]["value"] for each in (one, other)
    ]
    difference = found["differences"]["cromotex - direct"]["mean"]["auroc"]["value"]
    assert difference == pytest.approx(values[0] - values[1])
    nothing = {"value": None, "low": None, "high": None}
    assert found["differences"]["clip - direct"]["mean"]["auroc"] == nothing


def test_one_seed_is_one_level() -> None:
    alone = study({"direct": [own(0.5, 1)], "cromotex": [own(2.0, 1)]})
    assert study({"direct": by_seed(0.5, 1), "cromotex": by_seed(2.0, 1)}) == alone


def test_seeds_that_share_their_test_patients_are_averaged_over() -> None:
    runs = {"direct": [run(0.5, k) for k in (0, 7)], "cromotex": [run(2.0, k) for k in (0, 7)]}
    keyed = {name: dict(enumerate(each)) for name, each in runs.items()}
    one, other = study(runs), study(keyed)
    assert one["models"] == other["models"]
    assert one["test"] == other["test"]
    apart, paired = (
        each["differences"]["cromotex - direct"]["edema"]["auroc"] for each in (one, other)
    )
    assert apart["value"] == pytest.approx(paired["value"])
    assert "by_run" not in apart
    assert len(paired["by_run"]) == 2


def test_further_pairs_are_compared_once() -> None:
    runs = {"direct": [run(0.5)], "cromotex": [run(2.0)], "a": [run(1.0)], "b": [run(1.5)]}
    found = compare(
        runs,
        method="cromotex",
        baseline="direct",
        seed=0,
        replicates=5,
        extra=[("b", "a"), ("a", "direct")],
    )
    assert list(found["differences"])[-1] == "b - a"
    assert len(found["differences"]) == 6
    with pytest.raises(ValueError, match="runs must hold c, got"):
        compare(
            runs, method="cromotex", baseline="direct", seed=0, replicates=5, extra=[("c", "a")]
        )


def test_runs_of_one_seed_on_other_patients_cannot_be_paired() -> None:
    runs = {"direct": by_seed(0.5, 0, 1), "cromotex": {0: own(2.0, 0), 1: own(2.0, 0)}}
    with pytest.raises(ValueError, match="cromotex must be scored on the same"):
        study(runs)


def test_models_on_other_patients_cannot_be_paired() -> None:
    other = Predictions(FINDINGS, split("val", 1.0, 0), split("else", 1.0, 1))
    with pytest.raises(ValueError, match="cromotex must be scored on the same"):
        study({"direct": [run(1.0)], "cromotex": [other]})


def test_method_and_baseline_must_have_runs() -> None:
    with pytest.raises(ValueError, match="runs must hold cromotex"):
        study({"direct": [run(1.0)]})
    with pytest.raises(ValueError, match="got none of cromotex"):
        study({"direct": [run(1.0)], "cromotex": []})


def test_a_patient_in_both_splits_is_refused() -> None:
    with pytest.raises(DataError, match="one split only, got 60 in both val and test"):
        Predictions(FINDINGS, split("test", 1.0, 0), split("test", 1.0, 1))


def test_scores_must_be_finite_and_fit_the_targets() -> None:
    good = split("val", 1.0, 0)
    with pytest.raises(DataError, match="did training diverge"):
        Scored(good.targets, good.scores * np.float32(np.nan), good.patients)
    with pytest.raises(ValueError, match="findings are named"):
        Predictions(("edema",), good, split("test", 1.0, 1))
    with pytest.raises(ValueError, match="the same samples and findings"):
        Scored(good.targets, good.scores, good.patients[1:])
