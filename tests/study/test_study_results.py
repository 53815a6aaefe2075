"""Results are of whatever cells are finished, and say what is missing."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_study import PROBE, Tiny, cell, short, study_of, worked

from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.results import validate
from crossbeat.recipes.record import read_phases
from crossbeat.study.grid import Study
from crossbeat.study.kept import read_said
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
HEARTS = VirtualHearts(num_patients=90, frames=4, cine_size=32, val=0.3, test=0.4, measured=0.5)
ALL = replace(HEARTS, measured=1.0, frames=2, cine_size=16)


@pytest.fixture(scope="module")
def done(tmp_path_factory, shared_phases):
    return worked(tmp_path_factory.mktemp("study"), WHOLE, shared=shared_phases)


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


@pytest.fixture
def found_in(tmp_path, shared_phases):
    """The results of a study of which all cells are finished, or some."""

    def tell(made, places=()):
        return told(made, worked(tmp_path, made, places, shared=shared_phases))

    return tell


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
    spent = found["hours"]
    assert list(spent) == [*MODELS, "clean"]
    assert all(value > 0 for value in spent.values())
    phases = [phase for each in WHOLE.cells for phase in read_phases(done.home(each))]
    trained = {phase["folder"]: phase["seconds"] for phase in phases}  # a shared one counts once
    assert sum(spent.values()) == pytest.approx(sum(trained.values()) / 3600)


def test_limits_of_hearts_stand_beside_the_models_and_are_compared_with_none(found_in):
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
    found = found_in(made)
    assert list(found["models"]) == ["direct", "ptacl"]
    assert list(found["differences"]) == ["ptacl - direct"]
    assert list(found["limits"]) == ["latent", "heart-rate", "all"]
    assert set(found["screening"]["models"]) == {"direct", "ptacl"}
    probes = {"direct, linear probe", "ptacl, linear probe"}
    assert set(found["readings"]["linear probe"]["models"]) == probes
    assert set(found["retrieval"]) == {"ptacl"}
    assert set(found["localisation"]) == {"ptacl"}


def test_measurements_beside_findings_have_results_of_their_own(found_in):
    both, read = {"measurements": ("LVM",)}, (replace(PROBE, name="findings"),)
    longer = short("direct", epochs=2, **both)
    made = study_of(
        cell("direct", 0, recipe=short("direct", **both), readings=read),
        cell("distillation", 0, base="direct", recipe=longer, readings=read),
    )
    found = found_in(made)
    assert list(found["models"]["direct"]) == ["large", "silent", "mean"]
    assert list(found["test"]["findings"]) == ["large", "silent"]
    inner = found["measurements"]
    assert list(inner["models"]["distillation"]["LVM"]) == ["r2", "pearson", "mae"]
    assert list(inner["differences"]) == ["distillation - direct"]
    assert list(inner["test"]["measurements"]) == ["LVM"]
    probed = ["direct, findings", "distillation, findings"]
    assert list(found["readings"]["findings"]["models"]) == probed


def test_a_reading_that_the_baseline_lacks_has_no_differences(found_in):
    made = study_of(cell("direct", 0), cell("distillation", 0, readings=(PROBE,)))
    reading = found_in(made)["readings"]["probe"]
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


def test_without_the_method_there_is_nothing_to_tell_and_without_a_common_seed_no_difference(only):
    few = only(("direct", 0), ("clip", 0))
    message = "finished cells of 'distillation' and of 'direct', got 2 of 8"
    with pytest.raises(DataError, match=message):
        told(WHOLE, few)
    found = told(WHOLE, only(("distillation", 1)))  # as well
    nothing = found["differences"]["distillation - direct"]["mean"]["auroc"]
    assert nothing == {"value": None, "low": None, "high": None}


def test_models_and_limits_on_other_patients_are_refused(only, found_in):
    cells = tuple(replace(c, test=None) if c.model == "clean" else c for c in WHOLE.cells)
    made, workshop = replace(WHOLE, cells=cells), only(*((name, 0) for name in MODELS))
    assert workshop.tasks(made.cells)[6].attempt()
    with pytest.raises(DataError, match="limit clean must have the same test samples"):
        told(made, workshop)
    other = study_of(cell("direct", 0), cell("distillation", 0, cohort=Tiny(seed=3)))
    with pytest.raises(DataError, match=r"distillation must have the same .* rows"):
        found_in(other)


def test_along_an_axis_every_point_has_results_of_its_own(found_in):
    cells = [
        cell(name, 0, point=point, cohort=Tiny(wrong=wrong))
        for point, wrong in ((0.0, 0), (0.5, 24), (1.0, 48))
        for name in ("direct", "distillation")
    ]
    made = study_of(*cells, cell("teacher", 0), axis="wrong labels")
    found = found_in(made, (0, 1, 2, 3, 6))
    assert [point["at"] for point in found["points"]] == [0.0, 0.5]
    one, two = (point["models"] for point in found["points"])
    assert one["teacher"] == two["teacher"]
    assert one["direct"] != two["direct"]
    assert any("can be compared there yet: wrong labels 1.0." in note for note in found["notes"])


def test_runs_of_one_finding_each_are_merged_in_the_order_of_the_study(tmp_path, shared_phases):
    parts = [
        cell("direct", 0, recipe=short("direct", findings=(finding,)))
        for finding in ("silent", "large")
    ]
    made = study_of(cell("distillation", 0), *parts)
    workshop = worked(tmp_path, made, (0, 1), shared=shared_phases)
    with pytest.raises(DataError, match="got 2 of 3 cells"):
        told(made, workshop)
    workshop.tasks(made.cells)[2].attempt()
    assert list(told(made, workshop)["models"]["direct"]) == ["large", "silent", "mean"]
    silent, large = (read_said(workshop.home(part))["head"] for part in parts)
    joint = merge([silent, large], ("large", "silent"))
    assert joint.names == ("large", "silent")
    for split in ("val", "test"):
        merged, *alone = (getattr(each, split) for each in (joint, large, silent))
        for part in ("outputs", "targets"):
            columns = np.hstack([getattr(each, part) for each in alone])
            np.testing.assert_array_equal(getattr(merged, part), columns)


def test_parts_on_other_patients_are_not_merged():
    val, *tests = (Scored(np.ones((1, 1)), np.ones((1, 1)), np.array([name])) for name in "vab")
    said = [Predictions(FINDING, (test.patients[0],), val, test) for test in tests]
    with pytest.raises(ValueError, match="must have the same patients"):
        merge(said, ("a", "b"))
