"""The pictures of a report on cardiac measurements."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crossbeat.beats import correspondence, r_peaks
from crossbeat.cli.training_curves import training_curves
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.cine_pictures import beating
from crossbeat.evaluation.localisation import answering_steps
from crossbeat.evaluation.measurement_pictures import (
    answers_picture,
    estimate_pictures,
    moments_picture,
    result_pictures,
)
from crossbeat.evaluation.pictures import Picture
from crossbeat.recipes.cine.networks import num_steps
from crossbeat.recipes.cine.run import estimates, has_moments, moments_alike, rule_of
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.signal import Ecg

Pictures = dict[str, Sequence[Picture]]

_SHOWN = ("LVEF", "LVEDV")
_HEARTS = 2
_AVERAGED = 200  # test patients whose similarities are shown as a mean


def illustrate_hearts(results: Mapping[str, Any], method: Run, cohort: Cohort) -> Pictures:
    """Every picture of the report, by its place in the report.

    Args:
        results: as written to the results file.
        method: a run of the method that the report compares with the baseline.
        cohort: the cohort whose test split was evaluated.
    """
    return {
        **result_pictures(results),
        "estimates": estimate_pictures(estimates(method, cohort), model=results["method"]),
        "localisation": _moments(method, cohort) if has_moments(method) else [],
        "hearts": _beating(cohort),
        "training": training_curves(method),
    }


def _moments(run: Run, cohort: Cohort) -> list[Picture]:
    rows = evaluation_rows(cohort, "test")
    found = moments_alike(run, cohort, rows[:_AVERAGED])
    known = np.flatnonzero(~np.isnan(found).any(axis=(1, 2)))
    if not len(known):
        return []
    return [
        moments_picture(found, title="Which ECG segment matches which frame"),
        _answers(run, cohort, int(rows[known[0]]), found[known[0]]),
    ]


def _answers(run: Run, cohort: Cohort, row: int, found: np.ndarray) -> Picture:
    ecg, cine = _signals(cohort, row)
    which = correspondence(
        r_peaks(ecg),
        rule=rule_of(run),
        segments=len(cine),
        steps=num_steps(run.parts, cohort.info),
        seconds=cohort.info.seconds,
    )
    shown = (0, len(cine) // 3, 2 * len(cine) // 3)
    answers = {frame: answering_steps(found[:, frame], which) for frame in shown}
    return answers_picture(ecg, cine, answers, title="Where the ECG matches a frame")


def _beating(cohort: Cohort) -> list[Picture]:
    shown = []
    for row in evaluation_rows(cohort, "test")[:_HEARTS].tolist():
        ecg, cine = _signals(cohort, row)
        peaks = r_peaks(ecg)
        seconds = float(np.median(np.diff(peaks))) if len(peaks) > 1 else 1.0
        told = cohort.measurements(np.array([row]), cohort.info.measurements)[0].tolist()
        named = dict(zip(cohort.info.measurements, told, strict=True))
        words = ", ".join(f"{name} {named[name]:.0f}" for name in _SHOWN if name in named)
        shown.append(
            beating(
                cine,
                seconds=seconds,
                title=str(cohort.table["patient"][row]),
                caption=f"{words}. One beat, from the R peak on.",
            )
        )
    return shown


def _signals(cohort: Cohort, row: int) -> tuple[Ecg, np.ndarray]:
    rows = np.array([row])
    ecgs = cohort.ecgs(rows)
    return Ecg(ecgs.values[0].numpy(), ecgs.leads, ecgs.fs), cohort.images("cine", rows)[0].numpy()
