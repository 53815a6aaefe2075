"""Results as a file: whole or absent, refused where they are not sound; verdicts and cautions."""

import json
from typing import Any

import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.results import (
    cautions,
    kind_of,
    part,
    read_results,
    targets_of,
    validate,
    verdict,
    write_results,
)
from crossbeat.targets import FINDING, MEASUREMENT

UNDEFINED = {"value": None, "low": None, "high": None}


def found(value: float, half: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def compared(test: dict[str, Any], metrics: dict[str, Any], lost: dict[str, Any]) -> dict[str, Any]:
    ((_, targets),) = test.items()
    block, fewer = (dict.fromkeys((*targets, "mean"), each) for each in (metrics, lost))
    return {
        "method": "ptacl",
        "baseline": "direct",
        "test": {"patients": 3} | test,
        "models": {"direct": block, "ptacl": block},
        "differences": {"ptacl - direct": fewer},
    }


METRICS = {"r2": found(-3.0), "pearson": found(0.4), "mae": found(12.0)}
LOST = {"r2": found(-4.0), "pearson": found(-0.9), "mae": found(-30.0)}
AUROC = {"auroc": found(0.8)}
COUNTS = {"positive": 1, "negative": 2}
SEARCH = {"recall@1": found(0.2), "recall@10": found(0.5), "measurement_difference@10": found(1.1)}
OF_FINDINGS = compared({"findings": {"edema": COUNTS}}, AUROC, {"auroc": found(-0.2)})
OF_LVEF = compared({"measurements": {"LVEF": {"unit": "%", "measured": 3}}}, METRICS, LOST)
HEAD: dict[str, Any] = {"cohort": {"name": "made up", "kind": "virtual"}, "seeds": [0]}
SOUND = (
    HEAD
    | OF_LVEF
    | {
        "limits": {"latent": OF_LVEF["models"]["ptacl"]},
        "readings": {
            "probe": {"models": {"ptacl, probe": OF_LVEF["models"]["ptacl"]}, "differences": {}}
        },
        "retrieval": {"ptacl": SEARCH},
        "retrieval_limits": {"random": SEARCH},
        "retrieval_differences": {"ptacl - global": {"measurement_difference@10": found(-0.4)}},
        "localisation": {"ptacl": {"answered@1": found(0.3), "phase_error": found(0.2)}},
        "screening": compared({"findings": {"LVEF below 40 %": COUNTS}}, AUROC, AUROC),
    }
)
BOTH = (
    HEAD
    | OF_FINDINGS
    | {"probes": {"10 %": {"direct": OF_FINDINGS["models"]["direct"]}}, "measurements": OF_LVEF}
)
ALONG = {
    "question": "How many patients?",
    "axis": "patients",
    "points": [{"at": 100.0} | SOUND, {"at": "all"} | BOTH],
    "notes": [],
}


@pytest.mark.parametrize("results", [SOUND, BOTH, ALONG], ids=["measurements", "both", "along"])
def test_results_come_back_as_they_were(results, tmp_path):
    write_results(tmp_path / "results.json", results)
    assert read_results(tmp_path / "results.json") == results
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_results_of_the_last_version_have_the_names_of_this_one(tmp_path):
    text = json.dumps(SOUND).replace('"measurements"', '"phenotypes"')
    text = text.replace("measurement_difference@10", "phenotype_difference@10")
    (tmp_path / "results.json").write_text(text)
    assert read_results(tmp_path / "results.json") == SOUND


def test_the_kind_is_that_of_the_targets_that_models_are_compared_on():
    assert (kind_of(SOUND), targets_of(SOUND)) == (MEASUREMENT, ("LVEF",))
    assert (kind_of(BOTH), targets_of(BOTH)) == (FINDING, ("edema",))


def put(value: object, *path: str, into: dict[str, Any] = SOUND) -> dict[str, Any]:
    results = json.loads(json.dumps(into))
    inner = results
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return results


R2 = ("models", "direct", "LVEF", "r2")
MAE = (*R2[:3], "mae")
BLOCK = OF_LVEF["models"]["ptacl"]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "must hold an object of results, got list"),
        ({name: each for name, each in SOUND.items() if name != "seeds"}, r"missing \['seeds'\]"),
        (put(1, "extra"), r"unknown \['extra'\]"),
        (put(None, "cohort"), "cohort must be an object, got None"),
        (put([], "retrieval"), r"retrieval must be an object, got \[\]"),
        (put(0, "seeds"), "seeds must be a list, got 0"),
        (put("clip", "method"), "method 'clip' must be one of direct, ptacl"),
        (put("clip", "baseline"), "baseline 'clip' must be one of direct, ptacl"),
        (put({}, "differences"), r"differences must be \['ptacl - direct'\]"),
        (put(BLOCK, "differences", "clip - direct"), "or further ones of two models, got .*clip"),
        (put({"mean": METRICS}, "models", "direct"), r"direct must hold \['LVEF', 'mean'\]"),
        (put(3, *R2[:3]), "models, direct, LVEF must be an object, got 3"),
        (put(0.4, *R2), "LVEF, r2 must have value, low and high, got 0.4"),
        (put(1.1, *R2, "high"), "LVEF, r2 must be null or from -inf to 1"),
        (put(float("inf"), *MAE, "high"), "mae must be null or from 0 to inf"),
        (put(float("nan"), *MAE, "value"), "mae must be null or from 0 to inf"),
        (put(-12.0, *MAE, "low"), "mae must be null or from 0 to inf"),
        (put(True, *MAE, "value"), "mae must be null or from 0 to inf"),
        (put(None, *MAE, "low"), "mae must be null or from 0 to inf"),
        (put(13.0, *MAE, "low"), "mae must have low at or below high"),
        (put(-1.2, *R2[:3], "pearson", "low"), "pearson must be null or from -1 to 1"),
        (put(found(2.5), "differences", "ptacl - direct", "mean", "pearson"), "from -2 to 2"),
        (put(found(50), "retrieval", "ptacl", "recall@1"), "recall@1 must be null or from 0 to 1"),
        (put(found(2), "localisation", "ptacl", "answered@1"), "answered@1 must be null or from 0"),
        (put(3, "retrieval_limits", "random"), "retrieval_limits, random must be an object, got 3"),
        (put({"models": {}}, "readings", "probe"), "reading probe must hold models and diff"),
        (put(BLOCK, "readings", "probe", "models"), "readings, probe, models, LVEF, r2, value"),
        (put({}, "screening", "models"), "screening: method 'ptacl' must be one of"),
        (put(found(8), "screening", "models", "ptacl", "mean", "auroc"), "screening: models"),
        (put(found(80), "models", "direct", "edema", "auroc", into=BOTH), "from 0 to 1"),
        (put(2, "probes", "10 %", "direct", "edema", "f1", into=BOTH), "probes, 10 %, direct, ede"),
        (put(3, "measurements", "models", "direct", into=BOTH), "measurements: direct must hold"),
        (put(1, "extra", into=ALONG), r"unknown \['extra'\]"),
        ({"axis": "patients"}, r"missing \['question', 'points'\]"),
        (ALONG | {"points": []}, r"points must be a list of results, got \[\]"),
        (ALONG | {"points": [SOUND]}, "a number or word of its own, got None"),
        (ALONG | {"points": [ALONG["points"][0]] * 2}, "of its own, got 100.0"),
        (ALONG | {"points": [{"at": True} | SOUND]}, "of its own, got True"),
        (ALONG | {"points": [{"at": 3} | put("clip", "method")]}, "at 3: method 'clip' must be"),
    ],
)
def test_unsound_results_are_refused(results, message):
    with pytest.raises(DataError, match=message):
        validate(results, source="x.json")


@pytest.mark.parametrize(
    "results",
    [
        put(UNDEFINED, *R2),
        put(UNDEFINED, "retrieval", "ptacl", "recall@1"),
        put(BLOCK, "differences", "direct - ptacl"),
        SOUND | part("localisation", {"models": {"ptacl": SEARCH}, "differences": {}}),
        SOUND | part("retrieval", {"models": {}, "differences": {}}, {"random": SEARCH}),
    ],
)
def test_undefined_is_null_and_further_pairs_and_parts_are_sound(results):
    validate(results, source="x.json")


def test_unsound_results_leave_the_old_file(tmp_path):
    path = tmp_path / "results.json"
    write_results(path, SOUND)
    with pytest.raises(DataError, match=r"the results: .* must be null or from 0 to inf"):
        write_results(path, put(-12.0, *MAE, "low"))
    assert json.loads(path.read_text()) == SOUND


def test_a_missing_or_broken_file_is_an_error_for_the_user(tmp_path):
    (tmp_path / "half.json").write_text('{"cohort": {')
    for name in ("absent.json", "half.json"):
        with pytest.raises(DataError, match=r"results must be a JSON file, got .*run the study"):
            read_results(tmp_path / name)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (None, None, 0)],
)
def test_only_an_interval_that_excludes_zero_decides(low, high, expected):
    assert verdict({"low": low, "high": high}) == expected


def counted(positive: int, **runs: int) -> dict[str, Any]:
    models = {
        name: {"edema": {"auroc": found(0.5) | ({"by_run": [0.5] * num} if num > 1 else {})}}
        for name, num in runs.items()
    }
    test = {"findings": {"edema": {"positive": positive, "negative": 80}}}
    return {"test": test, "models": models}


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (counted(20, direct=3, clip=3), []),
        (counted(20, direct=1, clip=1), []),
        (counted(19, direct=1), ["Fewer than 20 positive test samples of edema (19): its "]),
        (counted(40, direct=1) | {"screening": counted(7, direct=1)}, ["Fewer than 20 positive"]),
        (counted(30, direct=2, clip=2), ["Two training seeds only: the intervals are wide and "]),
        (counted(30, direct=3, clip=1), ["One run only of clip: how much its runs vary is not"]),
    ],
)
def test_results_say_where_their_intervals_are_rough(results, said):
    told = cautions(results)
    assert len(told) == len(said)
    assert all(text.startswith(start) for text, start in zip(told, said, strict=True))
