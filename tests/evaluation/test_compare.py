"""Studies: models on the same patients, differences paired, runs of several seeds averaged."""

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare, estimate
from crossbeat.evaluation.predictions import Predictions, Scored

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
