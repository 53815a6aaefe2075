"""A reading is a linear probe on frozen embeddings, of reports or of the truth."""

import numpy as np
import pytest
from tiny_study import QUIET, Tiny, short

from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.probes import Embedded, fit_probe
from crossbeat.recipes.run import Plan, embeddings, evaluation_rows, train
from crossbeat.study.said import Encoded, probed
from crossbeat.targets import FINDING, KINDS


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readings")
    cohort = Tiny(wrong=20).build(folder / "cohort")
    other = Tiny(seed=1).build(folder / "other")
    plan = Plan(name="direct", recipe=short("direct", epochs=3), seed=0)
    return train(plan, cohort, folder / "run", trainer=QUIET), cohort, other


@pytest.mark.parametrize(
    ("kind", "name", "truth"),
    [("finding", "large", False), ("finding", "hidden", True), ("measurement", "LVM", False)],
)
def test_a_reading_is_the_probe_of_reports_or_truth_measured_on_the_truth(
    places, kind, name, truth
):
    run, cohort, _ = places
    of, names = KINDS[kind], (name,)
    found = Encoded.by(run, cohort).read(of, names, seed=0, truth=truth)
    parts = []
    for split in ("train", "val"):
        rows = evaluation_rows(cohort, split)
        told = (cohort, rows, names)
        known = of.truth(*told) if truth else of.values(*told, run.recipe.targets.labels)
        features = embeddings(run, cohort, rows).double().numpy()
        parts.append(Embedded(features, known.double().numpy(), np.array(cohort.patients(rows))))
    rows = evaluation_rows(cohort, "test")
    expected = fit_probe(of, *parts).outputs(embeddings(run, cohort, rows).double().numpy())
    np.testing.assert_allclose(found.test.outputs, expected)
    np.testing.assert_array_equal(found.val.targets, parts[1].targets)
    np.testing.assert_array_equal(found.test.targets, of.truth(cohort, rows, names).numpy())


def test_reports_of_what_no_report_mentions_are_refused(places):
    run, cohort, _ = places
    with pytest.raises(ConfigError, match=r"finding must be one of large, silent, .* got hidden"):
        Encoded.by(run, cohort).read(FINDING, ("hidden",), seed=0)


def test_the_share_and_the_seed_decide_whose_labels_are_used(places):
    run, cohort, _ = places
    encoded = Encoded.by(run, cohort)

    def outputs(share, seed):
        read = encoded.read(FINDING, ("large",), truth=True, share=share, seed=seed)
        return read.test.outputs.tobytes()

    assert outputs(1.0, 0) == outputs(1.0, 1)
    assert len({outputs(1.0, 0), outputs(0.5, 0), outputs(0.5, 1)}) == 3


def test_a_reading_is_measured_on_other_patients_if_asked_to(places):
    run, cohort, other = places
    found = Encoded.by(run, cohort, test=other).read(FINDING, ("large",), seed=0)
    assert set(found.test.patients) == set(other.patients(other.rows("test")))
    assert set(found.val.patients) == set(cohort.patients(cohort.rows("val")))


def test_what_cannot_be_read_is_refused(places):
    run, cohort, other = places
    with pytest.raises(DataError, match="a probe needs positives and negatives"):
        Encoded.by(run, cohort).read(FINDING, ("large",), share=0.02, seed=0)
    with pytest.raises(ConfigError, match="must predict measurements, got recipe 'direct'"):
        probed(run, cohort, other)
