"""A reading is a linear probe on frozen embeddings, of reports or of the truth."""

import numpy as np
import pytest
from tiny_study import QUIET, Tiny, short

from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.probe import Embedded, LinearProbe
from crossbeat.recipes.run import Plan, embeddings, evaluation_rows, train
from crossbeat.study import Reading
from crossbeat.study.readings import Encoded


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readings")
    cohort = Tiny(wrong=20).build(folder / "cohort")
    other = Tiny(seed=1).build(folder / "other")
    plan = Plan(name="direct", recipe=short("direct", epochs=3), seed=0)
    return train(plan, cohort, folder / "run", trainer=QUIET), cohort, other


@pytest.mark.parametrize(("finding", "true_labels"), [("large", False), ("hidden", True)])
def test_a_reading_is_the_probe_of_reports_or_truth_measured_on_the_truth(
    places, finding: str, true_labels: bool
) -> None:
    run, cohort, _ = places
    reading = Reading(name="probe", findings=(finding,), true_labels=true_labels)
    found = Encoded.by(run, cohort).read(reading, seed=0)
    parts = []
    for split in ("train", "val"):
        rows = evaluation_rows(cohort, split)
        truth = cohort.truth(rows, (finding,))
        told = truth if true_labels else cohort.labels(rows, (finding,), run.recipe.labels)
        features = embeddings(run, cohort, rows).double().numpy()
        parts.append(Embedded(features, told.double().numpy(), cohort.patients(rows)))
    rows = evaluation_rows(cohort, "test")
    expected = LinearProbe().fit(*parts).scores(embeddings(run, cohort, rows).double().numpy())
    np.testing.assert_allclose(found.test.scores, expected)
    np.testing.assert_array_equal(found.val.targets, parts[1].targets)
    np.testing.assert_array_equal(found.test.targets, cohort.truth(rows, (finding,)).numpy())


def test_reports_of_what_no_report_mentions_are_refused(places) -> None:
    run, cohort, _ = places
    with pytest.raises(ConfigError, match=r"finding must be one of large, silent .* got hidden"):
        Encoded.by(run, cohort).read(Reading(name="probe", findings=("hidden",)), seed=0)


def test_the_share_and_the_seed_decide_whose_labels_are_used(places) -> None:
    run, cohort, _ = places
    encoded = Encoded.by(run, cohort)

    def scores(share: float, seed: int) -> bytes:
        reading = Reading(name="probe", findings=("large",), true_labels=True, share=share)
        return encoded.read(reading, seed).test.scores.tobytes()

    assert scores(1.0, 0) == scores(1.0, 1)
    assert len({scores(1.0, 0), scores(0.5, 0), scores(0.5, 1)}) == 3


def test_a_reading_is_measured_on_other_patients_if_asked_to(places) -> None:
    run, cohort, other = places
    found = Encoded.by(run, cohort, test=other).read(
        Reading(name="probe", findings=("large",)), seed=0
    )
    assert set(found.test.patients) == set(other.patients(other.rows("test")))
    assert set(found.val.patients) == set(cohort.patients(cohort.rows("val")))


def test_labels_of_one_class_are_refused(places) -> None:
    run, cohort, _ = places
    with pytest.raises(DataError, match="a probe needs positives and negatives"):
        Encoded.by(run, cohort).read(Reading(name="probe", findings=("large",), share=0.02), seed=0)
