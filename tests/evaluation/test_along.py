"""Results along an axis are results at every point, each refused where it is not sound."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_results import BLOCK, SOUND

from crossbeat.errors import DataError
from crossbeat.evaluation.along import read_along, validate_along, write_along

WHOLE: dict[str, Any] = {
    "question": "How many patients?",
    "axis": "patients",
    "points": [{"at": 100.0} | SOUND, {"at": "all"} | SOUND],
    "notes": [],
}


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    write_along(tmp_path / "results.json", WHOLE)
    assert read_along(tmp_path / "results.json") == WHOLE


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "must hold an object of results, got list"),
        ({"axis": "patients"}, r"missing \['question', 'points'\]"),
        (WHOLE | {"extra": 1}, r"unknown \['extra'\]"),
        (WHOLE | {"points": []}, r"points must be a list of results, got \[\]"),
        (WHOLE | {"points": [SOUND]}, "a number or word of its own, got None"),
        (WHOLE | {"points": [WHOLE["points"][0]] * 2}, "of its own, got 100.0"),
        (WHOLE | {"points": [{"at": True} | SOUND]}, "of its own, got True"),
        (
            WHOLE | {"points": [{"at": 3} | SOUND | {"models": {"direct": BLOCK}}]},
            "at 3: method 'cromotex' must be one of direct",
        ),
    ],
)
def test_unsound_results_are_refused(results: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        validate_along(results, source="x.json")


def test_a_missing_or_broken_file_is_an_error_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="results must be a JSON file"):
        read_along(tmp_path / "absent.json")


def test_unsound_results_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_along(path, WHOLE)
    with pytest.raises(DataError, match="unknown"):
        write_along(path, WHOLE | {"extra": 1})
    assert json.loads(path.read_text()) == WHOLE
