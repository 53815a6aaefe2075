"""A search gives every model the same budget and chooses on validation labels alone."""

import os
from dataclasses import replace

import numpy as np
import pytest
from tiny_study import FINDINGS, QUIET, cell, short

from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.recipes import record
from crossbeat.study import Search
from crossbeat.study.kept import write_cell
from crossbeat.study.search import choices_of
from crossbeat.study.work import Workshop
from crossbeat.targets import FINDING
from crossbeat.training import PhaseRecord

TARGETS = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
GOOD = np.repeat([[4.0], [3.0], [2.0], [1.0]], 2, axis=1)
"""AUROC 1 in the first finding and 3/4 in the second; turned round 0 and 1/4."""
FAIR = np.array([[4.0, 1.0], [3.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
"""AUROC 1 and 1/2."""


def candidates(*names, seeds=(0,), models=("direct", "clip")) -> Search:
    cells = [cell(model, seed, point=name) for model in models for name in names for seed in seeds]
    return Search(question="Which settings?", cells=tuple(cells))


ALONE = candidates("a", models=("direct",))
TWO = candidates("a", "b", models=("direct",))


def finish(workshop, finished, val, test=FAIR, targets=TARGETS, phases=(("own", 1.0),)) -> None:
    """What a cell leaves, as if it had been trained; phases are names of folders and seconds."""
    home = workshop.home(finished)
    home.mkdir(parents=True)
    patients = np.array(["a", "b", "c", "d"])
    scored = Scored(TARGETS, test, np.char.add("test-", patients))
    said = Predictions(FINDING, FINDINGS, val=Scored(targets, val, patients), test=scored)
    write_cell(home, {"head": said}, {"seconds": 1.0})
    shared = workshop.shared / "phases"
    left = [
        PhaseRecord(name, shared / (home.name if name == "own" else name), [], 0, seconds, False)
        for name, seconds in phases
    ]
    for name in (record.PLAN, record.WEIGHTS, record.LEARNED):
        (home / name).touch()
    record.finish(home, left)


@pytest.fixture
def workshop(tmp_path):
    return Workshop(folder=tmp_path / "study", shared=tmp_path / "shared", trainer=QUIET)


@pytest.fixture
def found_in(workshop):
    """The choices, with the cells finished that have scores."""

    def choose(search, *scores, **changes):
        for each, val in zip(search.cells, scores, strict=True):
            if val is not None:
                finish(workshop, each, val, **changes)
        return choices_of(search, workshop)

    return choose


def test_candidates_come_in_the_order_of_the_cells_and_may_differ_in_anything():
    search = candidates("b", "a", seeds=(0, 1))
    assert dict(search.candidates) == {"direct": ("b", "a"), "clip": ("b", "a")}
    other = replace(cell("clip", 0, point="long"), recipe=short("clip", epochs=2))
    search = Search(question="Which?", cells=(ALONE.cells[0], other))
    assert dict(search.candidates) == {"direct": ("a",), "clip": ("long",)}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (candidates("a", "b").cells[:3], "for every model, got {'direct': 2, 'clip': 1}"),
        ((), "the same number of candidates for every model, got {}"),
        ((cell("direct", 0),), "unique names as points, got no name or the same name twice"),
        (candidates("a").cells * 2, "got no name or the same name twice; correct the study"),
        (
            candidates("a", "b", seeds=(0, 1)).cells[:-1],
            "every candidate with the same seeds, got direct a on 0, 1 and clip b on 0; correct",
        ),
        ((*ALONE.cells, cell("clip", 1, point="a")), "got direct a on 0 and clip a on 1; correct"),
    ],
)
def test_a_search_that_is_not_fair_is_refused(cells, message):
    with pytest.raises(ConfigError, match=message):
        Search(question="Which?", cells=cells)


def test_the_best_on_validation_is_chosen_by_the_mean_over_findings_and_seeds(found_in):
    search = candidates("a", "b", seeds=(0, 1), models=("direct",))
    found = found_in(search, GOOD, -GOOD, FAIR, FAIR)
    assert found["validation"] == {
        "direct": {"a": pytest.approx((1 + 3 / 4 + 0 + 1 / 4) / 4), "b": pytest.approx(3 / 4)}
    }
    assert found["chosen"] == {"direct": "b"}
    assert (found["seeds"], found["cells"]) == ([0, 1], {"finished": 4, "all": 4})
    models = found_in(candidates("a", "b", seeds=(2,)), FAIR, GOOD, FAIR, FAIR)
    assert models["chosen"] == {"direct": "b", "clip": "a"}  # of equals, the first


def test_scores_on_the_test_split_change_nothing(workshop):
    """The candidate that is worst on validation is the best on test, or all are alike there."""
    found = []
    for name, tests in (("one", (-GOOD, GOOD)), ("other", (GOOD, -GOOD)), ("even", (FAIR, FAIR))):
        place = replace(workshop, folder=workshop.folder / name)
        for each, val, test in zip(TWO.cells, (GOOD, FAIR), tests, strict=True):
            finish(place, each, val, test=test)
        found.append(choices_of(TWO, place))
    assert found[0] == found[1] == found[2]
    assert found[0]["chosen"] == {"direct": "a"}


def test_a_model_is_not_decided_before_all_of_its_candidates_are_finished(found_in):
    found = found_in(candidates("a", "b"), GOOD, None, FAIR, GOOD)
    assert found["chosen"] == {"clip": "b"}
    assert found["validation"]["direct"] == {"a": pytest.approx(0.875)}
    assert found["cells"] == {"finished": 3, "all": 4}


def test_without_a_finished_cell_there_is_nothing_to_choose(found_in):
    with pytest.raises(DataError, match="must have finished cells, got none; run the search"):
        found_in(ALONE, None)


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_finding_of_one_class_among_the_validation_labels_is_refused(found_in, value):
    targets = TARGETS.copy()
    targets[:, 1] = value
    message = "must differ in silent, got the same value of all of them for direct at a, seed 0"
    with pytest.raises(DataError, match=message):
        found_in(ALONE, GOOD, targets=targets)


def test_labels_that_are_ignored_do_not_count(found_in):
    targets = TARGETS.copy()
    targets[1, 1] = np.nan  # what else there is of the second finding is in order
    assert found_in(ALONE, GOOD, targets=targets)["validation"] == {"direct": {"a": 1.0}}


def test_a_damaged_cell_is_named(workshop):
    finish(workshop, ALONE.cells[0], GOOD)
    os.truncate(workshop.home(ALONE.cells[0]) / "predictions-0.npz", 100)
    with pytest.raises(DataError, match=r"predictions-0\.npz must be unchanged"):
        choices_of(ALONE, workshop)


def test_hours_count_a_phase_that_candidates_share_once_for_the_first_of_them(found_in):
    phases = (("teacher", 3600.0), ("own", 1800.0))
    found = found_in(candidates("a", "b"), GOOD, GOOD, GOOD, None, phases=phases)
    assert found["hours"] == {"direct": pytest.approx(2.0), "clip": pytest.approx(0.5)}
