"""Results are of whatever cells are finished, and say what is missing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_study import PROBE, Tiny, cell, short, study_of, worked

from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.results import validate
from crossbeat.study.grid import Study
from crossbeat.study.kept import RECORD, read_said
from crossbeat.study.results import Finished, merge, results_of
from crossbeat.study.work import Workshop
from crossbeat.targets import FINDING

MODELS = ("direct", "distillation", "clip")
CLEAN = {"base": "direct", "cohort": Tiny(seed=7)}
WHOLE = study_of(
    *(cell(name, seed, readings=(PROBE,) * (name != "clip")) for seed in (0, 1) for name in MODELS),
    *(cell("clean", seed, test=Tiny(seed=seed), latent_limit=True, **CLEAN) for seed in (0, 1)),
    differences=(("clip", "distillation"),),
    limits=("clean",),
)
HEARTS = VirtualHearts(num_patients=120, frames=4, cine_size=32, val=0.3, test=0.4, measured=0.5)
ALL = replace(HEARTS, measured=1.0, frames=2, cine_size=16)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return worked(tmp_path_factory.mktemp("study"), WHOLE)


@pytest.fixture
def only(done, tmp_path):
    """The study with no other cells finished than these."""

    def keep(*kept):
        workshop = replace(done, folder=tmp_path)
        for each in WHOLE.cells:
            if (each.model, each.seed) in kept:
                workshop.home(each).parent.mkdir(parents=True, exist_ok=True)
                workshop.home(each).symlink_to(done.home(each))
        return workshop

    return keep


def told(study: Study, workshop: Workshop, *, replicates: int = 5) -> dict:
    """The results, which are sound."""
    found = results_of(Finished.of(study, workshop), replicates=replicates)
    validate(found, source="the results")
    return found


def heads(done: Workshop, *models: str) -> dict[str, dict[int, Predictions]]:
    return {
        name: {
            each.seed: read_said(done.home(each))["head"]
            for each in WHOLE.cells
            if each.model == name
        }
        for name in models
    }


def test_results_are_the_comparison_of_the_predictions_by_seed(done):
    found = told(WHOLE, done, replicates=40)
    how = {"method": "distillation", "baseline": "direct", "extra": [("clip", "distillation")]}
    expected = compare(heads(done, *MODELS), seed=0, replicates=40, **how)
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
    reading = found["readings"]["probe"]
    assert list(reading["models"]) == ["direct, probe", "distillation, probe"]
    assert list(reading["differences"]) == ["distillation, probe - direct, probe"]
    assert list(reading["models"]["direct, probe"]) == ["large", "mean"]
    spent, records = found["hours"], (done.folder / "phases").glob("*/phase.json")
    assert list(spent) == [*MODELS, "clean"]
    assert all(value > 0 for value in spent.values())
    trained = sum(json.loads(path.read_text())["seconds"] for path in records)
    assert sum(spent.values()) == pytest.approx(trained / 3600)  # a shared phase counts once


def test_limits_of_hearts_stand_beside_the_models_and_are_compared_with_none(tmp_path):
    def heart(model, base, seed, own=HEARTS, **more):
        held = replace(HEARTS, seed=seed)
        return cell(model, seed, base=base, cohort=replace(own, seed=seed), test=held, **more)

    made = study_of(
        heart("direct", "direct-heart", 0),
        heart("ptacl", "ptacl", 0),
        heart("all", "direct-heart", 0, ALL, latent_limit=True),
        method="ptacl",
        limits=("all",),
    )
    found = told(made, worked(tmp_path, made))
    assert list(found["models"]) == ["direct", "ptacl"]
    assert list(found["differences"]) == ["ptacl - direct"]
    assert list(found["limits"]) == ["latent", "heart-rate", "all"]
    assert set(found["screening"]["models"]) == {"direct", "ptacl"}
    probes = {"direct, linear probe", "ptacl, linear probe"}
    assert set(found["readings"]["linear probe"]["models"]) == probes
    assert set(found["retrieval"]) == {"ptacl"}
    assert set(found["localisation"]) == {"ptacl"}


def test_measurements_beside_findings_have_results_of_their_own(tmp_path):
    both = {"measurements": ("LVM",)}
    made = study_of(
        cell("direct", 0, recipe=short("direct", **both)),
        cell("distillation", 0, base="direct", recipe=short("direct", epochs=2, **both)),
    )
    found = told(made, worked(tmp_path, made))
    assert list(found["models"]["direct"]) == ["large", "silent", "mean"]
    assert list(found["test"]["findings"]) == ["large", "silent"]
    inner = found["measurements"]
    assert list(inner["models"]["distillation"]["LVM"]) == ["r2", "pearson", "mae"]
    assert list(inner["differences"]) == ["distillation - direct"]
    assert list(inner["test"]["measurements"]) == ["LVM"]


def test_a_reading_that_the_baseline_lacks_has_no_differences(tmp_path):
    made = study_of(cell("direct", 0), cell("distillation", 0, readings=(PROBE,)))
    reading = told(made, worked(tmp_path, made))["readings"]["probe"]
    assert list(reading["models"]) == ["distillation, probe"]
    assert reading["differences"] == {}


def test_an_unfinished_study_compares_the_seeds_that_both_models_have(done, only):
    found = told(WHOLE, only(("direct", 0), ("direct", 1), ("distillation", 1)), replicates=40)
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


def test_models_without_a_seed_in_common_have_no_difference(only):
    found = told(WHOLE, only(("direct", 0), ("distillation", 1)))
    nothing = found["differences"]["distillation - direct"]["mean"]["auroc"]
    assert nothing == {"value": None, "low": None, "high": None}


def test_without_method_or_baseline_there_is_nothing_to_tell(only):
    message = "finished cells of 'distillation' and of 'direct', got 2 of 8"
    with pytest.raises(DataError, match=message):
        told(WHOLE, only(("direct", 0), ("clip", 0)))


def test_models_and_limits_on_other_patients_are_refused(done, only, tmp_path):
    cells = tuple(replace(c, test=None) if c.model == "clean" else c for c in WHOLE.cells)
    made, workshop = replace(WHOLE, cells=cells), only(*((name, 0) for name in MODELS))
    assert workshop.tasks(made.cells)[6].attempt()
    with pytest.raises(DataError, match="limit clean must have the same test samples"):
        told(made, workshop)
    other = study_of(cell("direct", 0), cell("distillation", 0, cohort=Tiny(seed=3)))
    with pytest.raises(DataError, match=r"distillation must have the same .* rows"):
        told(other, worked(tmp_path / "other", other))


def test_along_an_axis_every_point_has_results_of_its_own(tmp_path):
    cells = [
        cell(name, 0, point=point, cohort=Tiny(wrong=wrong))
        for point, wrong in ((0.0, 0), (0.5, 24), (1.0, 48))
        for name in ("direct", "distillation")
    ]
    made = study_of(*cells, cell("teacher", 0), axis="wrong labels")
    found = told(made, worked(tmp_path, made, (0, 1, 2, 3, 6)))
    assert [point["at"] for point in found["points"]] == [0.0, 0.5]
    one, two = (point["models"] for point in found["points"])
    assert one["teacher"] == two["teacher"]
    assert one["direct"] != two["direct"]
    assert any("can be compared there yet: wrong labels 1.0." in note for note in found["notes"])


def test_runs_of_one_finding_each_are_merged_in_the_order_of_the_study(tmp_path):
    parts = [
        cell("direct", 0, recipe=short("direct", findings=(finding,)))
        for finding in ("silent", "large")
    ]
    made = study_of(cell("distillation", 0), *parts)
    workshop = worked(tmp_path, made, (0, 1))
    with pytest.raises(DataError, match="got 2 of 3 cells"):
        told(made, workshop)
    workshop.tasks(made.cells)[2].attempt()
    assert list(told(made, workshop)["models"]["direct"]) == ["large", "silent", "mean"]
    silent, large = (read_said(workshop.home(part))["head"] for part in parts)
    joint = merge([silent, large], ("large", "silent"))
    assert joint.names == ("large", "silent")
    for column, single in enumerate((large, silent)):
        for split in ("val", "test"):
            merged, alone = getattr(joint, split), getattr(single, split)
            np.testing.assert_array_equal(merged.outputs[:, column], alone.outputs[:, 0])
            np.testing.assert_array_equal(merged.targets[:, column], alone.targets[:, 0])


def test_parts_on_other_patients_are_not_merged():
    def said(patient):
        one = Scored(np.ones((1, 1)), np.ones((1, 1)), np.array([patient]))
        return Predictions(
            FINDING, (patient,), val=replace(one, patients=np.array(["v"])), test=one
        )

    with pytest.raises(ValueError, match="must have the same patients"):
        merge([said("a"), said("b")], ("a", "b"))


def test_a_damaged_cell_is_named(only, done):
    workshop = only(("direct", 0), ("distillation", 0))
    home = workshop.home(WHOLE.cells[0])
    home.unlink()
    home.mkdir()
    for path in done.home(WHOLE.cells[0]).iterdir():
        (home / path.name).symlink_to(path)
    damaged = home / "predictions-0.npz"
    contents = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(contents[:-1])
    with pytest.raises(DataError, match=rf"{damaged.name} must be unchanged.*{RECORD}"):
        told(WHOLE, workshop)
