"""The pictures of a cardiac MRI report, with their captions, by the place where they stand.

Needs the extra ``plots``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation.estimates import Estimates
from crossbeat.evaluation.localisation_figures import answering_strips, frame_by_segment
from crossbeat.evaluation.measurement_figures import (
    bland_altman,
    measurement_differences,
    measurement_forest,
    scatter,
)
from crossbeat.evaluation.pictures import Picture
from crossbeat.evaluation.theme import picture
from crossbeat.signal import Ecg

SHOWN = ("LVEDV", "LVESV", "LVEF")
"""The measurements whose single estimates are drawn."""


def result_pictures(results: Mapping[str, Any]) -> dict[str, list[Picture]]:
    """What every model reaches, and what the method gains on each.

    Args:
        results: as ``compare_measurements`` returns them.
    """
    method = names.model(results["method"]).label
    forest = picture(
        measurement_forest(results),
        title="R² of every model",
        caption="Point: the test split; line: 95 % interval.",
        alt="Forest plot of R² by measurement and model",
    )
    differences = picture(
        measurement_differences(results),
        title=f"What {method} gains in R²",
        caption="Both models of a pair on the same patients; line: 95 % interval.",
        alt=f"Plot of paired differences of R² of {method} from other models",
    )
    return {"results": [forest], "differences": [differences]}


def estimate_pictures(
    run: Estimates, *, model: str, measurements: Sequence[str] = SHOWN
) -> list[Picture]:
    """Estimates against the truth, and their errors, of some measurements.

    Args:
        run: one run of the model.
        model: its name.
        measurements: those that are drawn, as far as the run has them.
    """
    label = names.model(model).label
    shown = []
    for name in (name for name in measurements if name in run.measurements):
        words = names.measurement(name).label
        shown += [
            picture(
                scatter(run, name),
                title=f"{name}, estimated by {label}",
                caption=f"{words} of test patients; dashed: the line of equality.",
                alt=f"Scatter plot of estimated against measured {words}",
            ),
            picture(
                bland_altman(run, name),
                title=f"{name}, errors",
                caption="Bias and limits of agreement; bands: their 95 % intervals.",
                alt=f"Bland-Altman plot of {words}",
            ),
        ]
    return shown


def moments_picture(
    similarities: Float[np.ndarray, "patient segment frame"], *, title: str
) -> Picture:
    """The mean similarity of segments and frames over the patients in whom a beat was found.

    Args:
        similarities: NaN throughout for a patient without a beat.
        title: such as the model.

    Raises:
        ValueError: no patient has one.
    """
    known = similarities[~np.isnan(similarities).any(axis=(1, 2))]
    if not len(known):
        raise ValueError(f"a beat must be found in one of {len(similarities)} patients, got none")
    return picture(
        frame_by_segment(known.mean(axis=0)),
        title=title,
        caption=f"Mean cosine of ECG segment and cine frame over {len(known):,} test patients; "
        "dashed: where they belong together.",
        alt="Matrix of the similarity of ECG segments and cine frames",
    )


def answers_picture(
    ecg: Ecg,
    cine: UInt8[np.ndarray, "frame height width"],
    answers: Mapping[int, Float[np.ndarray, " step"]],
    *,
    lead: str = "II",
    title: str,
) -> Picture:
    """Frames of one patient, and the ECG coloured where it answers to them.

    Args:
        ecg: millivolts.
        cine: of the same patient; 0 black to 255 white.
        answers: for each frame that is shown, how strongly each step of the record answers.
        lead: which lead is drawn.
        title: such as the patient.
    """
    frames = list(answers)
    return picture(
        answering_strips(ecg, lead, cine, frames, np.stack([answers[frame] for frame in frames])),
        title=title,
        caption="The bluer, the more this part of the ECG is like the frame beside it.",
        alt=f"{len(frames)} frames of a cine, each beside an ECG that is coloured where it answers",
        wide=True,
    )
