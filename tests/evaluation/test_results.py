"""Results as a file: whole or absent, and refused where they are not sound."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.results import read_results, validate, verdict, write_results

ESTIMATE = {"value": 0.7, "low": 0.6, "high": 0.8}
BLOCK = {"edema": {"auroc": ESTIMATE}, "mean": {"auroc": ESTIMATE}}
SOUND: dict[str, Any] = {
    "cohort": {"name": "made up", "kind": "virtual"},
    "seeds": [0],
    "method": "cromotex",
    "baseline": "direct",
    "test": {"patients": 3, "findings": {"edema": {"positive": 1, "negative": 2}}},
    "models": {"direct": BLOCK, "cromotex": BLOCK},
    "differences": {"cromotex - direct": BLOCK},
}


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", SOUND)
    assert read_results(tmp_path / "results.json") == SOUND
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def spoil(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    results = json.loads(json.dumps(SOUND))
    change(results)
    return results


def put(value: object, *path: str) -> dict[str, Any]:
    results = json.loads(json.dumps(SOUND))
    inner = results
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return results


AUROC = ("models", "direct", "edema", "auroc")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "must hold an object of results, got list"),
        (spoil(lambda results: results.pop("seeds")), r"missing \['seeds'\]"),
        (put(1, "extra"), r"unknown \['extra'\]"),
        (put(None, "cohort"), "cohort must be an object, got None"),
        (put("0", "seeds"), "seeds must be a list, got '0'"),
        (put("ptacl", "method"), "method 'ptacl' must be one of direct, cromotex"),
        (put({}, "differences"), r"differences must be \['cromotex - direct'\]"),
        (put({}, "models", "direct"), r"direct must hold \['edema', 'mean'\]"),
        (put(3, "models", "direct", "edema"), "models, direct, edema must be an object, got 3"),
        (put(0.7, *AUROC), "edema, auroc must have value, low and high"),
        (put(71.0, *AUROC, "value"), "edema, auroc must be null or from 0 to 1"),
        (put(-0.1, *AUROC, "low"), "edema, auroc must be null or from 0 to 1"),
        (put(True, *AUROC, "value"), "edema, auroc must be null or from 0 to 1"),
        (put(float("nan"), *AUROC, "value"), "edema, auroc must be null or from 0 to 1"),
        (put(None, *AUROC, "low"), "edema, auroc must be null or from 0 to 1"),
        (put({"10 %": {"direct": {"edema": {"f1": 2}}}}, "probes"), "probes, 10 %, direct, edema"),
        (put(0.9, *AUROC, "low"), "must have low at or below high"),
    ],
)
def test_unsound_results_are_refused(results: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        validate(results, source="x.json")


def test_undefined_is_null_and_a_difference_may_be_negative() -> None:
    undefined = {"value": None, "low": None, "high": None}
    validate(put(undefined, *AUROC), source="x.json")
    lost = {"value": -0.2, "low": -0.3, "high": -0.1}
    validate(put(lost, "differences", "cromotex - direct", "edema", "auroc"), source="x.json")


def test_further_differences_of_two_models_are_sound() -> None:
    validate(put(BLOCK, "differences", "direct - cromotex"), source="x.json")
    with pytest.raises(DataError, match=r"or further ones of two models, got .*'clip - direct'"):
        validate(put(BLOCK, "differences", "clip - direct"), source="x.json")


def test_readings_have_models_and_differences_of_their_own() -> None:
    lost = {"hidden": {"auroc": {"value": -0.2, "low": -0.3, "high": -0.1}}}
    models = {"direct, probe": {"hidden": {"auroc": ESTIMATE}}}
    sound = {"models": models, "differences": {"a, probe - direct, probe": lost}}
    validate(put({"probe": sound}, "readings"), source="x.json")
    with pytest.raises(DataError, match="reading probe must hold models and differences"):
        validate(put({"probe": {"models": models}}, "readings"), source="x.json")
    negative = {"models": {"direct, probe": lost}, "differences": {}}
    with pytest.raises(DataError, match="readings, probe, models, direct, probe, hidden, auroc"):
        validate(put({"probe": negative}, "readings"), source="x.json")


def test_a_missing_or_broken_file_is_an_error_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="results must be a JSON file"):
        read_results(tmp_path / "absent.json")
    (tmp_path / "half.json").write_text('{"cohort": {')
    with pytest.raises(DataError, match="results must be a JSON file"):
        read_results(tmp_path / "half.json")


def test_unsound_results_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, SOUND)
    with pytest.raises(DataError, match="must be null or from 0 to 1"):
        write_results(path, put(71.0, *AUROC, "value"))
    assert json.loads(path.read_text()) == SOUND


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (None, None, 0)],
)
def test_only_an_interval_that_excludes_zero_decides(low, high, expected: int) -> None:
    assert verdict({"low": low, "high": high}) == expected
