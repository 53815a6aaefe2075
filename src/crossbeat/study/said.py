"""What a finished run says of the test patients: its heads, its probes, and what it aligned."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from crossbeat.data.cohort import Cohort
from crossbeat.data.splits import Split
from crossbeat.evaluation.localisation import by_lot
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.probes import Embedded, fit_probe
from crossbeat.recipes.aligned import has_moments, localised, searched
from crossbeat.recipes.limits import latent_limit
from crossbeat.recipes.run import (
    Run,
    embeddings,
    evaluation_rows,
    held_out_rows,
    names_of,
    predictions,
)
from crossbeat.study.grid import HEAD, LOCALISATION, PROBE, RETRIEVAL, Reading
from crossbeat.study.kept import Said
from crossbeat.targets import FINDING, MEASUREMENT, Kind

LIMITS = {RETRIEVAL: ("random", "oracle"), LOCALISATION: ("random",)}
"""Reference values that no model gives, for each result that has one value per patient."""

_ALIGNMENT = "alignment"


def said_of(
    run: Run,
    cohort: Cohort,
    test: Cohort,
    *,
    readings: tuple[Reading, ...] = (),
    limits: bool = False,
) -> dict[str, Said]:
    """Predict with a finished run in every way that applies; limits are of virtual hearts alone."""
    first, *more = (kind for kind, _, _ in run.recipe.targets.kinds())
    said: dict[str, Said] = {HEAD: predictions(run, cohort, test=test, kind=first)}
    said |= {kind.plural: predictions(run, cohort, test=test, kind=kind) for kind in more}
    if limits:
        names = names_of(run, first)
        limit = partial(latent_limit, cohort, test, first, names, seed=run.seed)
        said[LATENT] = limit()
        if first is MEASUREMENT:
            said[RATE] = limit(determinants=("rate",))
    said |= _read(run, cohort, test, readings)
    if run.recipe.targets.measurements and "ecg_encoder" in run.parts:
        said |= _of_measurements(run, cohort, test)
    return said


def _of_measurements(run: Run, cohort: Cohort, test: Cohort) -> dict[str, Said]:
    """The probe, and what was aligned: by the encoders after the alignment phase, if there is one.

    A recipe that reads only some frames has no localisation.
    """
    if all(phase["name"] != _ALIGNMENT for phase in run.phases):
        return {PROBE: probed(run, cohort, test)}
    aligned = run.after(_ALIGNMENT)
    found = searched(aligned, test)
    said: dict[str, Said] = {
        PROBE: probed(aligned, cohort, test),
        RETRIEVAL: found.found,
        f"{RETRIEVAL} random": found.random,
        f"{RETRIEVAL} oracle": found.oracle,
    }
    if has_moments(aligned):
        patients = test.patients(evaluation_rows(test, "test"))
        said[LOCALISATION] = localised(aligned, test)
        said[f"{LOCALISATION} random"] = by_lot(test.info.frames, patients)
    return said


def probed(run: Run, cohort: Cohort, test: Cohort) -> Predictions:
    """Measurements by a linear probe of a run's ECG encoder."""
    names = names_of(run, MEASUREMENT)
    return Encoded.by(run, cohort, test=test).read(MEASUREMENT, names, seed=run.seed)


@dataclass(frozen=True, eq=False)
class Encoded:
    """The ECG embeddings of all splits, computed by one encoder."""

    run: Run
    cohort: Cohort
    test: Cohort
    features: dict[Split, Float[np.ndarray, "row dim"]]

    @classmethod
    def by(cls, run: Run, cohort: Cohort, *, test: Cohort | None = None) -> "Encoded":
        """Run the encoder on the cohorts."""
        held = test or cohort
        rows: dict[Split, np.ndarray] = {"test": held_out_rows(run, held)}
        rows |= {split: evaluation_rows(cohort, split) for split in ("train", "val")}
        features = {
            split: embeddings(run, held if split == "test" else cohort, each).double().numpy()
            for split, each in rows.items()
        }
        return cls(run, cohort, held, features)

    def read(
        self,
        kind: Kind,
        names: tuple[str, ...],
        *,
        seed: int,
        share: float = 1.0,
        truth: bool = False,
    ) -> Predictions:
        """Train a linear probe on the training patients and predict.

        Args:
            seed: picks the patients whose targets are used.
            share: of the training patients whose targets are used, above 0 and at most 1.
            truth: train on the truth, where it is known, instead of the labels of reports.
        """
        policy = self.run.recipe.targets.labels

        def embedded(split: Split) -> Embedded:
            rows = evaluation_rows(self.cohort, split)
            known = (
                kind.truth(self.cohort, rows, names)
                if truth
                else kind.values(self.cohort, rows, names, policy)
            )
            patients = np.asarray(self.cohort.patients(rows))
            return Embedded(self.features[split], known.double().numpy(), patients)

        val = embedded("val")
        probe = fit_probe(kind, embedded("train"), val, share=share, seed=seed)
        rows = evaluation_rows(self.test, "test")
        return Predictions(
            kind,
            names,
            val=Scored(val.targets, probe.outputs(val.features), val.patients),
            test=Scored(
                kind.truth(self.test, rows, names).double().numpy(),
                probe.outputs(self.features["test"]),
                np.asarray(self.test.patients(rows)),
            ),
        )


def _read(run: Run, cohort: Cohort, test: Cohort, readings: tuple[Reading, ...]) -> dict[str, Said]:
    encoded: dict[str | None, Encoded] = {}
    said: dict[str, Said] = {}
    for each in readings:
        if each.after not in encoded:
            encoder = run if each.after is None else run.after(each.after)
            encoded[each.after] = Encoded.by(encoder, cohort, test=test)
        said[each.name] = encoded[each.after].read(
            FINDING, each.findings, seed=run.seed, share=each.share, truth=each.true_labels
        )
    return said
