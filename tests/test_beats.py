"""R peaks of virtual patients, whose true beats are known, and the rows of a correspondence."""

import numpy as np
import pytest

from crossbeat.beats import correspondence, r_peaks
from crossbeat.leads import STANDARD
from crossbeat.signal import Ecg
from crossbeat.simulate import FS, Draws, draw_patients, ecgs
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.rhythm import beats

PEAKS = np.array([0.3, 1.1, 1.9, 2.7])


def test_most_peaks_of_a_regular_rhythm_are_found() -> None:
    patients = draw_patients(32, seed=0)
    peak = beats(electrical(patients), Draws(1, 0, 32, "ecg")).peak
    found = expected = right = 0
    for row, values in enumerate(ecgs(patients, seed=1)):
        if patients.fibrillation[row] or patients.paced[row]:
            continue
        peaks = r_peaks(Ecg(values, STANDARD, float(FS)))
        true = peak[row][(peak[row] > 0.2) & (peak[row] < 9.8)]
        apart = np.abs(peaks[:, None] - peak[row])
        right += int((apart[:, (peak[row] > 0.2) & (peak[row] < 9.8)].min(axis=0) < 0.1).sum())
        expected += len(true)
        found += int((apart.min(axis=1) > 0.1).sum())
    assert right > 0.98 * expected
    assert found < 0.02 * expected


@pytest.mark.parametrize("rule", ["single_beat", "phase_pool", "linear"])
def test_rows_sum_to_1(rule) -> None:
    rows = correspondence(PEAKS, rule=rule, segments=50, steps=30, seconds=3.0)
    assert rows.shape == (50, 30)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    assert rows.min() >= 0
