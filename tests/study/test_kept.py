"""What a cell leaves comes back as it was, or is refused by the name of its file."""

import json

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.study.kept import RECORD, read_record, read_said, versions_of, write_cell


def said(name: str = "a") -> Predictions:
    targets = np.array([[1.0, 0.0], [0.0, np.nan]])
    return Predictions(
        ("large", "silent"),
        val=Scored(targets, np.eye(2), np.array([name, "b"])),
        test=Scored(np.array([[0.0, 1.0]]), np.array([[-3.5, 1e-9]]), np.array(["täst"])),
    )


@pytest.fixture
def folder(tmp_path):
    write_cell(tmp_path, {"head": said(), "a probe/of it": said("c")}, {"seconds": 1.0})
    return tmp_path


def test_predictions_come_back_as_they_were(folder) -> None:
    found = read_said(folder)
    assert list(found) == ["head", "a probe/of it"]
    for name, expected in (("head", said()), ("a probe/of it", said("c"))):
        assert found[name].findings == expected.findings
        for part in ("val", "test"):
            ours, theirs = getattr(found[name], part), getattr(expected, part)
            np.testing.assert_array_equal(ours.targets, theirs.targets)
            np.testing.assert_array_equal(ours.scores, theirs.scores)
            assert ours.patients.tolist() == theirs.patients.tolist()
    assert read_record(folder)["seconds"] == 1.0


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_file_is_named_with_what_to_do(folder, damage: str) -> None:
    path = folder / "predictions-1.npz"
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents if damage == "flip" else contents[:-9])
    if damage == "gone":
        path.unlink()
    expected = rf"predictions-1.npz must be unchanged, .* remove .*{RECORD} and run"
    with pytest.raises(DataError, match=expected):
        read_said(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": {}}'])
def test_a_damaged_record_is_named(folder, text: str) -> None:
    (folder / RECORD).write_text(text)
    with pytest.raises(DataError, match=rf"{RECORD} must be the record of a cell"):
        read_said(folder)


def test_the_record_is_plain_json_and_written_last(folder) -> None:
    record = json.loads((folder / RECORD).read_text())
    assert all((folder / name).is_file() for name in record["files"])


def test_versions_are_those_that_trained_the_cells(tmp_path) -> None:
    for name, torch in (("a", "2.13.0"), ("b", "2.12.1")):
        (tmp_path / name).mkdir()
        told = {"phases": [], "versions": {"torch": torch, "python": "3.12"}}
        (tmp_path / name / "finished.json").write_text(json.dumps(told))
    assert versions_of(sorted(tmp_path.iterdir())) == {"torch": "2.12.1, 2.13.0", "python": "3.12"}
