"""What is true of a virtual patient, and how hard it is to see."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from virtual import more

from crossbeat.simulate import (
    CONDITIONS,
    FINDINGS,
    cardiothoracic_ratio,
    draw_patients,
    ecg_determinants,
    film_measures,
    flipped_truth,
    report_labels,
    truth,
)
from crossbeat.simulate.findings import (
    NEGATIVE,
    NOT_MENTIONED,
    POSITIVE,
    REPORTS,
    UNCERTAIN,
    Report,
    code,
    severity,
)
from crossbeat.simulate.streams import Draws

_PATIENTS = draw_patients(8000, seed=9)
_TRUTH = truth(_PATIENTS)


def test_prevalences_of_every_finding_and_condition_are_those_of_a_hospital():
    assert tuple(_TRUTH) == FINDINGS + CONDITIONS
    ranges = {"cardiomegaly": (0.18, 0.26), "pleural_effusion": (0.2, 0.27), "edema": (0.13, 0.2)}
    for name, (low, high) in ranges.items():
        assert low < _TRUTH[name].mean() < high
    for name in CONDITIONS:
        assert 0.02 < _TRUTH[name].mean() < 0.2


def test_findings_come_together_as_failure_of_one_heart_makes_them():
    pairs = np.corrcoef([_TRUTH[name] for name in FINDINGS])
    assert np.all(pairs > 0.15)
    assert np.all(pairs[np.triu_indices(3, 1)] < 0.7)


def test_severity_is_above_zero_where_the_finding_is():
    for name, far in severity(_PATIENTS).items():
        np.testing.assert_array_equal(far > 0, _TRUTH[name])


def test_a_larger_ventricle_raises_the_cardiothoracic_ratio():
    larger = more(_PATIENTS, dilatation=2)
    assert np.all(cardiothoracic_ratio(larger) >= cardiothoracic_ratio(_PATIENTS))


def test_the_latent_limit_of_an_ecg_lies_where_physiology_put_it():
    columns, areas = ecg_determinants(_PATIENTS), []
    for name in FINDINGS:
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(columns[:4000], _TRUTH[name][:4000])
        chance = model.predict_proba(columns[4000:])[:, 1]
        areas.append(roc_auc_score(_TRUTH[name][4000:], chance))
    assert 0.80 < np.mean(areas) < 0.88


def test_a_reader_of_the_film_sees_more_than_any_ecg():
    noise = np.random.default_rng(0).standard_normal((len(_PATIENTS), len(FINDINGS)))
    errors = np.array([REPORTS[name].error for name in FINDINGS])
    read = film_measures(_PATIENTS, seed=9) + errors * noise
    areas = [roc_auc_score(_TRUTH[name], read[:, i]) for i, name in enumerate(FINDINGS)]
    assert min(areas) > 0.93
    assert np.mean(areas) < 0.97


# --- what reports say

_SILENT = Report(error=0.0, hedge=0.0, doubt=0.0, omit=0.0, negate=0.0, miscode=0.0)


def _labels(severity, report, num=256):
    seen = np.full(num, severity, dtype=np.float32)
    blocks = [code(seen, report, Draws(1, block, num, "film"), "edema") for block in range(40)]
    return np.concatenate(blocks)


def test_labels_are_the_four_codes_as_int8():
    labels = report_labels(_PATIENTS, seed=1)
    assert tuple(labels) == FINDINGS
    for column in labels.values():
        assert column.dtype == np.int8
        codes = {POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED}
        assert set(np.unique(column).tolist()) == codes


@pytest.mark.parametrize(
    ("severity", "report", "wanted", "rate"),
    [
        (2.0, _SILENT, POSITIVE, 1.0),
        (-2.0, _SILENT, NOT_MENTIONED, 1.0),
        (-2.0, replace(_SILENT, negate=0.15), NEGATIVE, 0.15),
        (0.5, replace(_SILENT, omit=0.2), NOT_MENTIONED, 0.2),
        (2.0, replace(_SILENT, omit=0.2), POSITIVE, 1.0),
        (0.1, replace(_SILENT, hedge=0.3, doubt=0.4), UNCERTAIN, 0.4),
        (0.5, replace(_SILENT, hedge=0.3, doubt=0.4), UNCERTAIN, 0.0),
        (2.0, replace(_SILENT, miscode=0.03), NEGATIVE, 0.03),
    ],
)
def test_each_error_has_the_rate_that_is_set(severity, report, wanted, rate):
    assert np.mean(_labels(severity, report) == wanted) == pytest.approx(rate, abs=0.012)


def test_a_reader_errs_by_the_error_that_is_set():
    one_sigma = _labels(0.5, replace(_SILENT, error=0.5))
    assert np.mean(one_sigma == POSITIVE) == pytest.approx(0.841, abs=0.012)


def test_labels_miss_findings_more_often_than_they_invent_them():
    labels, known = report_labels(_PATIENTS, seed=1), _TRUTH
    for name in FINDINGS:
        stated = labels[name] == POSITIVE
        assert 0.6 < stated[known[name]].mean() < 0.85
        assert stated[~known[name]].mean() < 0.1
        assert np.mean(labels[name][~known[name]] == NOT_MENTIONED) > 0.6


def test_a_mild_finding_is_missed_more_often_than_a_severe_one():
    labels, water = report_labels(_PATIENTS, seed=1)["edema"] == POSITIVE, _PATIENTS.lung_water
    assert labels[(water > 10) & (water < 12)].mean() < labels[water > 15].mean() - 0.2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5])
def test_the_truth_is_flipped_as_often_as_is_set(share):
    labels = flipped_truth(_PATIENTS, 1, share)
    assert tuple(labels) == FINDINGS
    for name in FINDINGS:
        wrong = labels[name] != _TRUTH[name]
        assert wrong.mean() == pytest.approx(share, abs=0.025)
        assert wrong[_TRUTH[name]].mean() == pytest.approx(share, abs=0.06)


def test_labels_that_are_wrong_stay_wrong_when_more_are():
    few, many = (flipped_truth(_PATIENTS, 2, share) for share in (0.1, 0.2))
    for name in FINDINGS:
        wrong = few[name] != _TRUTH[name]
        assert wrong.any()
        assert (many[name] != _TRUTH[name])[wrong].all()


def test_a_share_of_wrong_labels_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"share must be 0 to 0\.5, got 0\.6"):
        flipped_truth(draw_patients(2, seed=1), 0, 0.6)
