"""How fast virtual patients are made, and how hard their findings are by construction.

Run: ``python benchmarks/simulate.py [NUM]``. Prints the time of each stage on two processes
and, for each finding, prevalence, the two limits that set the difficulty, and the errors of the
simulated report. No encoder is trained here: these are the only figures that guided the settings.
"""

import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossbeat import simulate
from crossbeat.simulate.findings import REPORTS

SEED = 11
CALIBRATION = 40_000
"""Patients for the limits; half to fit, half to measure."""


def count(blocks: Iterable[np.ndarray]) -> int:
    """The patients of all blocks, which are dropped one by one."""
    return sum(len(block) for block in blocks)


def speed(num_patients: int) -> None:
    """Time every stage."""
    begin = time.perf_counter()
    patients = simulate.draw_patients(num_patients, SEED)
    simulate.truth(patients)
    simulate.report_labels(patients, SEED)
    print(f"{num_patients:,} patients on 2 processes: seconds")
    print(f"  hearts and reports {time.perf_counter() - begin:6.1f}")
    with ProcessPoolExecutor(2) as pool:
        stages = {
            "ECG, 500 Hz": lambda: simulate.ecg_blocks(patients, SEED, pool),
            "X-ray, 64 px": lambda: simulate.xray_blocks(patients, SEED, 64, pool),
            "X-ray, 128 px": lambda: simulate.xray_blocks(patients, SEED, 128, pool),
        }
        for name, blocks in stages.items():
            begin = time.perf_counter()
            count(blocks())
            print(f"  {name:<18} {time.perf_counter() - begin:6.1f}")


def difficulty() -> None:
    """The limits of the ECG's parameters and of the film's, and the report's errors."""
    patients = simulate.draw_patients(CALIBRATION, SEED)
    truth, reports = simulate.truth(patients), simulate.report_labels(patients, SEED)
    shown, film = simulate.ecg_determinants(patients), simulate.film_measures(patients, SEED)
    fit, held = slice(CALIBRATION // 2), slice(CALIBRATION // 2, None)
    noise = np.random.default_rng(SEED)
    print(f"{CALIBRATION:,} patients: prevalence, AUROC of the ECG's parameters, AUROC of the film")
    for column, finding in enumerate(simulate.FINDINGS):
        there, said = truth[finding], reports[finding] == simulate.POSITIVE
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(shown[fit], there[fit])
        ecg = roc_auc_score(there[held], model.decision_function(shown[held]))
        read = film[:, column] + REPORTS[finding].error * noise.standard_normal(len(film))
        print(
            f"  {finding:<18}{there.mean():6.3f}{ecg:7.3f}"
            f"{roc_auc_score(there, read):7.3f}   report: sensitivity {said[there].mean():.2f}, "
            f"specificity {1 - said[~there].mean():.2f}"
        )


if __name__ == "__main__":
    speed(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    difficulty()
