"""Results of a cardiac MRI study as a file: whole or absent, refused where they are not sound."""

import json
from pathlib import Path
from typing import Any

import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.measurement_results import (
    part,
    read_measurement_results,
    validate_measurements,
    write_measurement_results,
)

UNDEFINED = {"value": None, "low": None, "high": None}


def found(value: float, half: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


METRICS = {"r2": found(-3.0), "pearson": found(0.4), "mae": found(12.0)}
LOST = {"r2": found(-4.0), "pearson": found(-0.9), "mae": found(-30.0)}
BLOCK = {"LVEF": METRICS, "mean": METRICS}
FEWER = {"LVEF": LOST, "mean": LOST}
SEARCH = {"recall@1": found(0.2), "recall@10": found(0.5), "measurement_difference@10": found(1.1)}
AUROC = {"LVEF below 40 %": {"auroc": found(0.8)}, "mean": {"auroc": found(0.8)}}
SOUND: dict[str, Any] = {
    "cohort": {"name": "made up", "kind": "virtual"},
    "seeds": [0],
    "method": "ptacl",
    "baseline": "direct",
    "test": {"patients": 3, "measurements": {"LVEF": {"unit": "%", "measured": 3}}},
    "models": {"direct": BLOCK, "ptacl": BLOCK},
    "differences": {"ptacl - direct": FEWER},
    "limits": {"latent": BLOCK},
    "readings": {"probe": {"models": {"ptacl, probe": BLOCK}, "differences": {}}},
    "retrieval": {"ptacl": SEARCH},
    "retrieval_limits": {"random": SEARCH},
    "retrieval_differences": {"ptacl - global": {"measurement_difference@10": found(-0.4)}},
    "localisation": {"ptacl": {"answered@1": found(0.3), "phase_error": found(0.2)}},
    "screening": {
        "method": "ptacl",
        "baseline": "direct",
        "test": {"findings": {"LVEF below 40 %": {"positive": 1, "negative": 2}}},
        "models": {"direct": AUROC, "ptacl": AUROC},
        "differences": {"ptacl - direct": AUROC},
    },
}


def put(value: object, *path: str) -> dict[str, Any]:
    results = json.loads(json.dumps(SOUND))
    inner = results
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return results


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    write_measurement_results(tmp_path / "results.json", SOUND)
    assert read_measurement_results(tmp_path / "results.json") == SOUND
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


OF_DIRECT = ("models", "direct", "LVEF")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "must hold an object of results, got list"),
        (put(1, "extra"), r"unknown \['extra'\]"),
        (put([], "retrieval"), r"retrieval must be an object, got \[\]"),
        (put(0, "seeds"), "seeds must be a list, got 0"),
        (put("clip", "method"), "method 'clip' must be one of direct, ptacl"),
        (put({}, "differences"), r"differences must be \['ptacl - direct'\]"),
        (put(FEWER, "differences", "clip - direct"), "or further ones of two models"),
        (put({"mean": METRICS}, "models", "direct"), r"direct must hold \['LVEF', 'mean'\]"),
        (put(3, *OF_DIRECT), "models, direct, LVEF must be an object, got 3"),
        (put(0.4, *OF_DIRECT, "r2"), "LVEF, r2 must have value, low and high, got 0.4"),
        (put(1.1, *OF_DIRECT, "r2", "high"), "LVEF, r2 must be null or from -inf to 1"),
        (put(float("inf"), *OF_DIRECT, "mae", "high"), "mae must be null or from 0 to inf"),
        (put(-1.2, *OF_DIRECT, "pearson", "low"), "pearson must be null or from -1 to 1"),
        (put(-12.0, *OF_DIRECT, "mae", "low"), "mae must be null or from 0 to inf"),
        (put(True, *OF_DIRECT, "mae", "value"), "mae must be null or from 0 to inf"),
        (put(None, *OF_DIRECT, "mae", "low"), "mae must be null or from 0 to inf"),
        (put(13.0, *OF_DIRECT, "mae", "low"), "mae must have low at or below high"),
        (put(found(2.5), "differences", "ptacl - direct", "mean", "pearson"), "from -2 to 2"),
        (put(found(50), "retrieval", "ptacl", "recall@1"), "recall@1 must be null or from 0 to 1"),
        (put(found(2), "localisation", "ptacl", "answered@1"), "answered@1 must be null or from 0"),
        (put(3, "retrieval_limits", "random"), "retrieval_limits, random must be an object, got 3"),
        (put({"models": {}}, "readings", "probe"), "reading probe must hold models and diff"),
        (put(BLOCK, "readings", "probe", "models"), "readings, probe, models, LVEF, r2, value"),
        (put({}, "screening", "models"), "screening: method 'ptacl' must be one of"),
        (put(found(8), "screening", "models", "ptacl", "mean", "auroc"), "screening: models"),
    ],
)
def test_unsound_results_are_refused(results: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        validate_measurements(results, source="x.json")


def test_undefined_is_null() -> None:
    validate_measurements(put(UNDEFINED, *OF_DIRECT, "r2"), source="x.json")
    validate_measurements(put(UNDEFINED, "retrieval", "ptacl", "recall@1"), source="x.json")


def test_what_was_measured_becomes_a_part() -> None:
    compared = {"models": {"ptacl": SEARCH}, "differences": {}}
    told = part("retrieval", compared, {"random": SEARCH})
    assert sorted(told) == ["retrieval", "retrieval_differences", "retrieval_limits"]
    assert "localisation_limits" not in part("localisation", compared)
    validate_measurements(SOUND | told, source="x.json")


def test_unsound_results_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_measurement_results(path, SOUND)
    with pytest.raises(DataError, match=r"the results: .* must be null or from 0 to inf"):
        write_measurement_results(path, put(-12.0, *OF_DIRECT, "mae", "low"))
    assert json.loads(path.read_text()) == SOUND
    with pytest.raises(DataError, match="results must be a JSON file"):
        read_measurement_results(tmp_path / "absent.json")
