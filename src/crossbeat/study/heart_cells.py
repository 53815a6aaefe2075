"""Predictions of a trained cell of a cardiac MRI study for the test patients."""

from functools import partial

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.localisation import by_lot
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.recipes import predicted_names
from crossbeat.recipes.cine.limits import latent_heart_limit
from crossbeat.recipes.cine.run import estimates, has_moments, localised, probed, searched
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.study.grid import HEAD
from crossbeat.study.kept import Said

PROBE = "linear probe"
RETRIEVAL, LOCALISATION = "retrieval", "localisation"
LIMITS = {RETRIEVAL: ("random", "oracle"), LOCALISATION: ("random",)}
"""Reference values that no model gives, for each result that has one value per patient."""

_ALIGNMENT = "alignment"


def said_of_heart(run: Run, cohort: Cohort, test: Cohort, *, latent_limit: bool) -> dict[str, Said]:
    """Predict the test patients with a finished run.

    The probe, the retrieval and the localisation use the encoders after the alignment phase. A
    recipe without an alignment phase has only the probe of its final encoder. A recipe that reads
    only some frames has no localisation.

    Args:
        cohort: the cohort of the training.
        test: the cohort whose test split is used.
        latent_limit: whether to also predict from the true parameters of the heart, and from the
            heart rate alone.
    """
    said: dict[str, Said] = {HEAD: estimates(run, cohort, test=test)}
    if latent_limit:
        limit = partial(
            latent_heart_limit, cohort, test, predicted_names(run.recipe), seed=run.seed
        )
        said |= {LATENT: limit(), RATE: limit(determinants=("rate",))}
    if "ecg_encoder" not in run.parts:
        return said
    if all(phase["name"] != _ALIGNMENT for phase in run.phases):
        return said | {PROBE: probed(run, cohort, test=test)}
    aligned = run.after(_ALIGNMENT)
    found = searched(aligned, test)
    patients = test.patients(evaluation_rows(test, "test"))
    said |= {
        PROBE: probed(aligned, cohort, test=test),
        RETRIEVAL: found.found,
        f"{RETRIEVAL} random": found.random,
        f"{RETRIEVAL} oracle": found.oracle,
    }
    if not has_moments(aligned):
        return said
    return said | {
        LOCALISATION: localised(aligned, test),
        f"{LOCALISATION} random": by_lot(test.info.frames, patients),
    }
