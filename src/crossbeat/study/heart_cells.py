"""What a cell of a study of hearts says of the test patients, once it is trained."""

from functools import partial

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.localisation import by_lot
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.recipes import tells
from crossbeat.recipes.cine.limits import latent_heart_limit
from crossbeat.recipes.cine.run import estimates, localised, probed, searched, tells_moments
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.study.grid import HEAD
from crossbeat.study.kept import Said

PROBE = "linear probe"
RETRIEVAL, LOCALISATION = "retrieval", "localisation"
LIMITS = {RETRIEVAL: ("random", "oracle"), LOCALISATION: ("random",)}
"""What no model is, for each part that is measured patient by patient."""

_ALIGNMENT = "alignment"


def said_of_heart(run: Run, cohort: Cohort, test: Cohort, *, latent_limit: bool) -> dict[str, Said]:
    """What a finished run says of the test patients' hearts.

    The probe, the search and the moments are those of the encoders as the alignment left them;
    a recipe without an alignment has the probe alone, of the encoder as it ends, and one that
    sees some frames only has no moments.

    Args:
        cohort: that it learned from.
        test: whose test split it is measured on.
        latent_limit: whether what the heart's own parameters could tell is told as well, and
            what its rate alone.
    """
    said: dict[str, Said] = {HEAD: estimates(run, cohort, test=test)}
    if latent_limit:
        limit = partial(latent_heart_limit, cohort, test, tells(run.recipe), seed=run.seed)
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
    if not tells_moments(aligned):
        return said
    return said | {
        LOCALISATION: localised(aligned, test),
        f"{LOCALISATION} random": by_lot(test.info.frames, patients),
    }
