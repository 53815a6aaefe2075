"""Results are of whatever cells are finished, and say what is missing."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import PROBE, QUIET, Tiny, cell, short, study_of

from crossbeat.errors import DataError
from crossbeat.evaluation.along import validate_along
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.results import validate
from crossbeat.study.grid import Study
from crossbeat.study.kept import RECORD, read_said
from crossbeat.study.results import merge, results_of
from crossbeat.study.work import Workshop

MODELS = ("direct", "distillation", "clip")
CLEAN = {"base": "direct", "cohort": Tiny(seed=7)}
WHOLE = study_of(
    *(cell(name, seed, readings=(PROBE,) * (name != "clip")) for seed in (0, 1) for name in MODELS),
    *(cell("clean", seed, test=Tiny(seed=seed), latent_limit=True, **CLEAN) for seed in (0, 1)),
    differences=(("clip", "distillation"),),
    limits=("clean",),
)


def worked(folder: Path, study: Study, cells: Sequence[int] | None = None) -> Workshop:
    """All cells finished, or some by their place."""
    workshop = Workshop(folder=folder, shared=folder, trainer=QUIET)
    tasks = workshop.tasks(study.cells)
    for place in range(len(tasks)) if cells is None else cells:
        assert tasks[place].attempt()
    return workshop


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Workshop:
    return worked(tmp_path_factory.mktemp("study"), WHOLE)


def only(done: Workshop, tmp_path: Path, *kept: tuple[str, int], study: Study = WHOLE) -> Workshop:
    """The study with no other cells finished than these."""
    workshop = replace(done, folder=tmp_path)
    for each in study.cells:
        if (each.model, each.seed) in kept:
            workshop.home(each).parent.mkdir(parents=True, exist_ok=True)
            workshop.home(each).symlink_to(done.home(each))
    return workshop


def heads(done: Workshop, *models: str) -> dict[str, dict[int, Predictions]]:
    return {
        name: {
            each.seed: read_said(done.home(each))["head"]
            for each in WHOLE.cells
            if each.model == name
        }
        for name in models
    }


def test_results_are_the_comparison_of_the_predictions_by_seed(done) -> None:
    found = results_of(WHOLE, done, replicates=40)
    validate(found, source="the results")
    expected = compare(
        heads(done, *MODELS),
        method="distillation",
        baseline="direct",
        seed=0,
        replicates=40,
        extra=[("clip", "distillation")],
    )
    assert {name: found[name] for name in expected} == expected
    assert list(found["differences"]) == [
        "distillation - direct",
        "clip - direct",
        "distillation - clip",
        "clip - distillation",
    ]
    assert list(found["limits"]) == ["latent", "clean"]
    assert found["limits"]["latent"]["large"]["auroc"]["value"] > 0.9
    assert (found["seeds"], found["question"]) == ([0, 1], "Does it help?")
    assert found["cells"] == {"finished": 8, "all": 8}
    assert found["notes"][0] == "Every seed has patients of its own: intervals are over seeds."
    assert "Two training seeds only: the intervals are wide and rough." in found["notes"]
    assert any("Fewer than 20 positive test samples" in note for note in found["notes"])
    assert "folder" not in found["cohort"]


def test_readings_stand_apart_with_their_own_findings_and_differences(done) -> None:
    reading = results_of(WHOLE, done, replicates=5)["readings"]["probe"]
    assert list(reading["models"]) == ["direct, probe", "distillation, probe"]
    assert list(reading["differences"]) == ["distillation, probe - direct, probe"]
    assert list(reading["models"]["direct, probe"]) == ["large", "mean"]


def test_a_reading_that_the_baseline_lacks_has_no_differences(tmp_path) -> None:
    made = study_of(cell("direct", 0), cell("distillation", 0, readings=(PROBE,)))
    workshop = worked(tmp_path, made)
    reading = results_of(made, workshop, replicates=5)["readings"]["probe"]
    assert list(reading["models"]) == ["distillation, probe"]
    assert reading["differences"] == {}


def test_hours_count_a_shared_phase_once(done) -> None:
    spent = results_of(WHOLE, done, replicates=5)["hours"]
    assert list(spent) == [*MODELS, "clean"]
    assert all(value > 0 for value in spent.values())
    records = (done.folder / "phases").glob("*/phase.json")
    trained = sum(json.loads(path.read_text())["seconds"] for path in records)
    assert sum(spent.values()) == pytest.approx(trained / 3600)


def test_an_unfinished_study_compares_the_seeds_that_both_models_have(done, tmp_path) -> None:
    kept = [("direct", 0), ("direct", 1), ("distillation", 1)]
    found = results_of(WHOLE, only(done, tmp_path, *kept), replicates=40)
    validate(found, source="the results")
    assert list(found["models"]) == ["direct", "distillation"]
    both = {name: {1: runs[1]} for name, runs in heads(done, "direct", "distillation").items()}
    alone = compare(both, method="distillation", baseline="direct", seed=1, replicates=40)
    pair = "distillation - direct"
    assert found["differences"][pair] == alone["differences"][pair]
    assert found["models"]["distillation"] == alone["models"]["distillation"]
    assert found["limits"] == {}
    assert found["cells"] == {"finished": 3, "all": 8}
    assert "Unfinished: 5 of 8 cells are missing" in found["notes"][1]
    assert found["notes"][-1].startswith("One run only of distillation: ")


def test_models_without_a_seed_in_common_have_no_difference(done, tmp_path) -> None:
    kept = [("direct", 0), ("distillation", 1)]
    found = results_of(WHOLE, only(done, tmp_path, *kept), replicates=5)
    validate(found, source="the results")
    nothing = found["differences"]["distillation - direct"]["mean"]["auroc"]
    assert nothing == {"value": None, "low": None, "high": None}


def test_without_method_or_baseline_there_is_nothing_to_tell(done, tmp_path) -> None:
    workshop = only(done, tmp_path, ("direct", 0), ("clip", 0))
    with pytest.raises(
        DataError, match="finished cells of 'distillation' and of 'direct', got 2 of 8"
    ):
        results_of(WHOLE, workshop)


def test_a_limit_on_other_patients_is_refused(done, tmp_path) -> None:
    cells = tuple(replace(c, test=None) if c.model == "clean" else c for c in WHOLE.cells)
    made = replace(WHOLE, cells=cells)
    workshop = only(done, tmp_path, *((name, 0) for name in MODELS))
    workshop.tasks(made.cells)[6].attempt()
    with pytest.raises(DataError, match="limit latent must have the same test samples"):
        results_of(made, workshop, replicates=5)


def test_models_on_other_patients_are_refused(tmp_path) -> None:
    made = study_of(cell("direct", 0), cell("distillation", 0, cohort=Tiny(seed=3)))
    workshop = worked(tmp_path, made)
    with pytest.raises(
        DataError, match="cannot be compared: distillation must be scored on the same"
    ):
        results_of(made, workshop, replicates=5)


def test_along_an_axis_every_point_has_results_of_its_own(tmp_path) -> None:
    cells = [
        cell(name, 0, point=point, cohort=Tiny(wrong=wrong))
        for point, wrong in ((0.0, 0), (0.5, 24), (1.0, 48))
        for name in ("direct", "distillation")
    ]
    made = study_of(*cells, cell("teacher", 0), axis="wrong labels")
    workshop = worked(tmp_path, made, (0, 1, 2, 3, 6))
    found = results_of(made, workshop, replicates=5)
    validate_along(found, source="the results")
    assert [point["at"] for point in found["points"]] == [0.0, 0.5]
    assert all("teacher" in point["models"] for point in found["points"])
    one, two = (point["models"] for point in found["points"])
    assert one["teacher"] == two["teacher"]
    assert one["direct"] != two["direct"]
    assert any("can be compared there yet: wrong labels 1.0." in note for note in found["notes"])


def test_runs_of_one_finding_each_are_merged_in_the_order_of_the_study(tmp_path) -> None:
    parts = [
        cell("direct", 0, recipe=short("direct", findings=(finding,)))
        for finding in ("silent", "large")
    ]
    made = study_of(cell("distillation", 0), *parts)
    workshop = worked(tmp_path, made, (0, 1))
    with pytest.raises(DataError, match="got 2 of 3 cells"):
        results_of(made, workshop)
    workshop.tasks(made.cells)[2].attempt()
    found = results_of(made, workshop, replicates=5)
    assert list(found["models"]["direct"]) == ["large", "silent", "mean"]
    alone = {
        name: read_said(workshop.home(part))["head"]
        for name, part in zip(("silent", "large"), parts, strict=True)
    }
    joint = merge([alone["silent"], alone["large"]], ("large", "silent"))
    for column, name in enumerate(joint.findings):
        for split in ("val", "test"):
            merged, single = getattr(joint, split), getattr(alone[name], split)
            np.testing.assert_array_equal(merged.scores[:, column], single.scores[:, 0])
            np.testing.assert_array_equal(merged.targets[:, column], single.targets[:, 0])


def test_parts_on_other_patients_are_not_merged() -> None:
    def said(patient: str) -> Predictions:
        one = Scored(np.ones((1, 1)), np.ones((1, 1)), np.array([patient]))
        return Predictions((patient,), val=replace(one, patients=np.array(["v"])), test=one)

    with pytest.raises(ValueError, match="must have the same patients"):
        merge([said("a"), said("b")], ("a", "b"))


def test_a_damaged_cell_is_named(tmp_path) -> None:
    made = study_of(cell("direct", 0), cell("distillation", 0))
    workshop = worked(tmp_path, made)
    home = workshop.home(made.cells[0])
    path = home / "predictions-0.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{path.name} must be unchanged.*{RECORD}"):
        results_of(made, workshop)
