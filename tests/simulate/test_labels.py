"""Report labels of virtual patients."""

import numpy as np

from crossbeat.simulate import FINDINGS, draw_patients, report_labels, truth


def test_labels_are_the_four_codes_as_int8() -> None:
    labels = report_labels(draw_patients(600, seed=1), seed=1)
    assert tuple(labels) == FINDINGS
    for column in labels.values():
        assert column.dtype == np.int8
        assert set(np.unique(column).tolist()) == {-2, -1, 0, 1}


def test_most_absent_findings_are_never_mentioned() -> None:
    patients = draw_patients(2000, seed=1)
    labels, known = report_labels(patients, seed=1), truth(patients)
    for name in FINDINGS:
        assert np.mean(labels[name][~known[name]] == -2) > 0.6
