"""Which part of the ECG answers to which moment of the heart.

The ECG of a patient is cut into as many segments as its cine has frames, and segment s belongs to
frame s. An encoder that was aligned in time finds that out from the similarities alone.
"""

import numpy as np
from jaxtyping import Float, Float64, Shaped
from torch import Tensor
from torch.nn.functional import normalize

from crossbeat.evaluation.predictions import Measured

ANSWERED = "answered@1"
PHASE_ERROR = "phase_error"

Similarities = Float[np.ndarray, "patient segment frame"]


def similarities(
    segments: Float[Tensor, "patient segment dim"], frames: Float[Tensor, "patient frame dim"]
) -> Similarities:
    """The cosine of every segment and every frame of the same patient.

    Args:
        segments: of ECGs, of any length; NaN throughout where no beat was found.
    """
    cosines = normalize(segments, dim=-1) @ normalize(frames, dim=-1).transpose(1, 2)
    return cosines.detach().cpu().double().numpy()


def localise(found: Similarities, patients: Shaped[np.ndarray, " patient"]) -> Measured:
    """How well segments answer to frames, patient by patient.

    ``answered@1`` is the share of frames whose most similar segment is their own, and
    ``phase_error`` how far that segment lies from the frame's phase, in cycles the shorter way
    round: 0 to 0.5. Both are NaN for a patient whose similarities are.
    """
    _, segments, number = found.shape
    if segments != number:
        raise ValueError(f"there must be as many segments as frames, got {segments} and {number}")
    answer = np.where(np.isnan(found), -np.inf, found).argmax(axis=1)
    apart = _apart(answer, np.arange(number), number)
    unknown = np.isnan(found).any(axis=(1, 2))
    measures = {ANSWERED: (apart == 0).mean(axis=1), PHASE_ERROR: apart.mean(axis=1)}
    return Measured(
        patients, {name: np.where(unknown, np.nan, each) for name, each in measures.items()}
    )


def by_lot(frames: int, patients: Shaped[np.ndarray, " patient"]) -> Measured:
    """What ``localise`` is expected to say where any segment is as likely to answer."""
    apart = _apart(np.arange(frames), 0, frames)
    measures = {ANSWERED: (apart == 0).mean(), PHASE_ERROR: apart.mean()}
    rows = len(patients)
    return Measured(patients, {name: np.full(rows, each) for name, each in measures.items()})


def answering_steps(
    answers: Float[np.ndarray, " segment"], correspondence: Float[np.ndarray, "segment step"]
) -> Float64[np.ndarray, " step"]:
    """How strongly each step of an ECG answers, from how strongly its segments do.

    A step that is in several segments answers with their mean, weighted by its share of each.

    Args:
        correspondence: the share of each step in each segment, at or above 0.

    Returns:
        In the unit of ``answers``; NaN for a step that is in no segment.
    """
    share = correspondence.sum(axis=0)
    above = answers.astype(np.float64) @ correspondence
    return np.divide(above, share, out=np.full(len(share), np.nan), where=share > 0)


def _apart(one: np.ndarray, other: np.ndarray | int, number: int) -> np.ndarray:
    """How far two of so many phases of the cycle lie apart, in cycles the shorter way round."""
    ahead = (one - other) % number
    return np.minimum(ahead, number - ahead) / number
