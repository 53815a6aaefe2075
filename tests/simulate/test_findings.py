"""What is true of a virtual patient, and how hard it is to see."""

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossbeat.simulate import (
    CONDITIONS,
    FINDINGS,
    cardiothoracic_ratio,
    draw_patients,
    ecg_determinants,
    film_measures,
    truth,
)
from crossbeat.simulate.findings import REPORTS, severity

_PATIENTS = draw_patients(8000, seed=9)
_TRUTH = truth(_PATIENTS)


def test_truth_names_every_finding_and_condition() -> None:
    assert tuple(_TRUTH) == FINDINGS + CONDITIONS


def test_prevalences_are_those_of_a_hospital() -> None:
    ranges = {"cardiomegaly": (0.18, 0.26), "pleural_effusion": (0.2, 0.27), "edema": (0.13, 0.2)}
    for name, (low, high) in ranges.items():
        assert low < _TRUTH[name].mean() < high
    for name in CONDITIONS:
        assert 0.02 < _TRUTH[name].mean() < 0.2


def test_findings_come_together_as_failure_of_one_heart_makes_them() -> None:
    pairs = np.corrcoef([_TRUTH[name] for name in FINDINGS])
    assert np.all(pairs > 0.15)
    assert np.all(pairs[np.triu_indices(3, 1)] < 0.7)


def test_severity_is_above_zero_where_the_finding_is() -> None:
    for name, far in severity(_PATIENTS).items():
        np.testing.assert_array_equal(far > 0, _TRUTH[name])


def test_a_larger_ventricle_raises_the_cardiothoracic_ratio() -> None:
    larger = replace(_PATIENTS, dilatation=_PATIENTS.dilatation + np.float32(2))
    assert np.all(cardiothoracic_ratio(larger) >= cardiothoracic_ratio(_PATIENTS))


def test_the_latent_limit_of_an_ecg_lies_where_physiology_put_it() -> None:
    columns, areas = ecg_determinants(_PATIENTS), []
    for name in FINDINGS:
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(columns[:4000], _TRUTH[name][:4000])
        chance = model.predict_proba(columns[4000:])[:, 1]
        areas.append(roc_auc_score(_TRUTH[name][4000:], chance))
    assert 0.80 < np.mean(areas) < 0.88


def test_a_reader_of_the_film_sees_more_than_any_ecg() -> None:
    noise = np.random.default_rng(0).standard_normal((len(_PATIENTS), len(FINDINGS)))
    errors = np.array([REPORTS[name].error for name in FINDINGS])
    read = film_measures(_PATIENTS, seed=9) + errors * noise
    areas = [roc_auc_score(_TRUTH[name], read[:, i]) for i, name in enumerate(FINDINGS)]
    assert min(areas) > 0.93
    assert np.mean(areas) < 0.97
