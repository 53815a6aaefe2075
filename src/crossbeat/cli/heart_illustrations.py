"""The pictures of a report on measures of the heart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crossbeat.beats import correspondence, r_peaks
from crossbeat.cli.training_curves import training_curves
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation import phenotype_figures as figures
from crossbeat.evaluation.cine_pictures import beating
from crossbeat.evaluation.estimates import Estimates
from crossbeat.evaluation.localisation import answering_steps
from crossbeat.evaluation.localisation_figures import answering_strips, frame_by_segment
from crossbeat.evaluation.pictures import Picture
from crossbeat.evaluation.theme import picture
from crossbeat.recipes.cine.networks import num_steps
from crossbeat.recipes.cine.run import estimates, moments_alike
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.signal import Ecg

Pictures = dict[str, Sequence[Picture]]

_SHOWN = ("LVEF", "LVEDV")
_LEAD = "II"
_HEARTS = 2
_AVERAGED = 200  # test patients whose similarities are shown as a mean


def illustrate_hearts(results: Mapping[str, Any], runs: Sequence[Run], cohort: Cohort) -> Pictures:
    """Every picture of the report, by the place where it stands.

    Args:
        results: as they are written.
        runs: that were measured.
        cohort: whose test split was measured.
    """
    method = next(run for run in runs if run.name == results["method"])
    told = estimates(method, cohort)
    return {
        "results": [_forest(results)],
        "differences": [_differences(results)],
        "estimates": _agreement(told),
        "localisation": _moments(method, cohort) if "cine_projection" in method.parts else [],
        "hearts": _beating(cohort),
        "training": training_curves(method),
    }


def _forest(results: Mapping[str, Any]) -> Picture:
    return picture(
        figures.phenotype_forest(results),
        title="R² of every model",
        caption="Point: the test split; line: 95 % interval over patients.",
        alt="Forest plot of R² by phenotype and model",
    )


def _differences(results: Mapping[str, Any]) -> Picture:
    return picture(
        figures.phenotype_differences(results),
        title="Paired differences",
        caption="Both models of a pair on the same resampled patients.",
        alt="Plot of paired differences of R²",
    )


def _agreement(told: Estimates) -> list[Picture]:
    shown = []
    for name in (name for name in _SHOWN if name in told.phenotypes):
        for draw, title, caption in (
            (figures.scatter, "Estimate against truth", "Line: where both are the same."),
            (figures.bland_altman, "Bland-Altman plot", "Lines: mean and limits of agreement."),
        ):
            shown.append(
                picture(
                    draw(told, name),
                    title=f"{name}: {title}",
                    caption=f"{caption} Test patients, from the ECG alone.",
                    alt=f"{title} of {name}",
                )
            )
    return shown


def _moments(run: Run, cohort: Cohort) -> list[Picture]:
    rows = evaluation_rows(cohort, "test")
    found = moments_alike(run, cohort, rows[:_AVERAGED])
    known = ~np.isnan(found).any(axis=(1, 2))
    if not known.any():
        return []
    first = int(np.flatnonzero(known)[0])
    return [
        picture(
            frame_by_segment(found[known].mean(axis=0)),
            title="Which segment answers to which frame",
            caption=f"Cosines, the mean over {known.sum()} test patients.",
            alt="Matrix of similarities between segments of the ECG and frames of the cine",
        ),
        _strips(run, cohort, int(rows[first]), found[first]),
    ]


def _strips(run: Run, cohort: Cohort, row: int, found: np.ndarray) -> Picture:
    ecg, cine = _signals(cohort, row)
    frames = [0, len(cine) // 3, 2 * len(cine) // 3]
    which = correspondence(
        r_peaks(ecg),
        rule="phase_pool",
        segments=len(cine),
        steps=num_steps(run.parts, cohort.info),
        seconds=cohort.info.seconds,
    )
    answers = np.stack([answering_steps(found[:, frame], which) for frame in frames])
    return picture(
        answering_strips(ecg, _LEAD, cine, frames, answers),
        title="Where the ECG answers to a frame",
        caption=f"Lead {_LEAD} of a test patient; the darker, the more alike.",
        alt="Frames of a cine with the ECG coloured where it answers",
        wide=True,
    )


def _beating(cohort: Cohort) -> list[Picture]:
    shown = []
    for row in evaluation_rows(cohort, "test")[:_HEARTS].tolist():
        ecg, cine = _signals(cohort, row)
        peaks = r_peaks(ecg)
        seconds = float(np.median(np.diff(peaks))) if len(peaks) > 1 else 1.0
        told = cohort.phenotypes(np.array([row]), cohort.info.phenotypes)[0].tolist()
        named = dict(zip(cohort.info.phenotypes, told, strict=True))
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
    return Ecg(ecgs.values[0].numpy(), ecgs.leads, ecgs.fs), cohort.cines(rows)[0].numpy()
