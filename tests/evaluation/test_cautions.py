"""Results say where their intervals are rough."""

from typing import Any

from crossbeat.evaluation.cautions import cautions


def results(positive: int, **runs: int) -> dict[str, Any]:
    def model(num: int) -> dict[str, Any]:
        several = {"by_run": [0.5] * num} if num > 1 else {}
        return {"edema": {"auroc": {"value": 0.5, "low": 0.4, "high": 0.6} | several}}

    return {
        "test": {"findings": {"edema": {"positive": positive, "negative": 80}}},
        "models": {name: model(num) for name, num in runs.items()},
    }


def test_results_with_enough_of_all_need_no_note() -> None:
    assert cautions(results(20, direct=3, clip=3)) == []
    assert cautions(results(20, direct=1, clip=1)) == []


def test_a_small_class_is_named() -> None:
    (said,) = cautions(results(19, direct=1))
    assert said == "Fewer than 20 positive test samples of edema (19): its intervals are rough."
    screened = results(40, direct=1) | {"screening": results(7, direct=1)}
    assert "(7)" in cautions(screened)[0]


def test_two_seeds_are_told() -> None:
    assert cautions(results(30, direct=2, clip=2)) == [
        "Two training seeds only: the intervals are wide and rough."
    ]


def test_a_model_that_ran_once_beside_others_is_named() -> None:
    (said,) = cautions(results(30, direct=3, clip=1))
    assert said.startswith("One run only of clip: ")
