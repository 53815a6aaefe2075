"""All models of a study on the same test patients: how well each estimates the measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crossbeat.evaluation.choices import Distributions
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.over_seeds import Table, draws, pairs_of
from crossbeat.evaluation.measurement_names import measurement
from crossbeat.evaluation.regression import REGRESSION, measure_measurements

Json = dict[str, Any]

Runs = Mapping[int, Estimates]
"""The runs of a model by training seed."""


def compare_measurements(
    runs: Mapping[str, Runs],
    *,
    method: str,
    baseline: str,
    seed: int,
    replicates: int = 1000,
    extra: Sequence[tuple[str, str]] = (),
) -> Json:
    """The part of results that follows from estimates: test, models and differences.

    Every model is compared with the baseline, and the method with every other model, seed by seed
    on the same resamples of patients. The mean over measurements stands beside the measurements; that
    of the mean absolute error is in standard deviations of the truth.

    Args:
        runs: for each model its runs.
        method: the model that the study is about.
        baseline: the model that it has to beat.
        seed: of the resamples.
        replicates: number of resamples.
        extra: further pairs of models to be compared, the first minus the second.

    Raises:
        ValueError: a model has no run, or one that is named is absent; or the runs do not describe
            the same measurements, rows and patients.
    """
    named = (method, baseline, *(name for pair in extra for name in pair))
    empty = [name for name in (*named, *runs) if not runs.get(name)]
    if empty:
        raise ValueError(f"every model must have a run, got none of {', '.join(empty)}")
    tests = _Tests.of(runs, first=baseline)
    drawn = tests.draw(runs, seed=seed, replicates=replicates)
    pairs = pairs_of(list(runs), method=method, baseline=baseline, extra=extra)
    table = tests.table()
    return {
        "method": method,
        "baseline": baseline,
        "test": tests.described(),
        "models": {name: table.of_model(each) for name, each in drawn.items()},
        "differences": {
            f"{one} - {other}": table.of_difference(drawn[one], drawn[other])
            for one, other in pairs
        },
    }


def estimate_measurements(runs: Runs, *, seed: int, replicates: int = 1000) -> Json:
    """The metrics of one model alone, for example of a limit that no model can pass.

    Args:
        runs: of the model.
        seed: of the resamples.
        replicates: number of resamples.

    Raises:
        ValueError: there is no run, or the runs do not describe the same measurements.
    """
    alone = compare_measurements(
        {"it": runs}, method="it", baseline="it", seed=seed, replicates=replicates
    )
    return alone["models"]["it"]


@dataclass(frozen=True)
class _Tests:
    """The test rows that the runs of each seed have in common.

    Args:
        shared: whether they are the same for all seeds.
    """

    measurements: tuple[str, ...]
    rows: dict[int, Estimated]
    shared: bool

    @classmethod
    def of(cls, runs: Mapping[str, Runs], *, first: str) -> "_Tests":
        reference = next(iter(runs[first].values()))
        rows: dict[int, Estimated] = {}
        for name, each in ({first: runs[first]} | dict(runs)).items():
            for seed, run in each.items():
                expected = rows.setdefault(seed, run.test)
                if run.measurements != reference.measurements or not _same(run.test, expected):
                    raise ValueError(
                        f"{name} must be measured on the same measurements and test rows as {first}; "
                        "a paired comparison needs the same rows in the same order"
                    )
        rows = {seed: rows[seed] for seed in sorted(rows)}
        shared = all(_same(each, reference.test) for each in rows.values())
        return cls(reference.measurements, rows, shared)

    def draw(
        self, runs: Mapping[str, Runs], *, seed: int, replicates: int
    ) -> dict[str, dict[int, Distributions]]:
        drawn: dict[str, dict[int, Distributions]] = {name: {} for name in runs}
        patients = {key: each.patients for key, each in self.rows.items()}
        for key, weights in draws(
            patients, runs, shared=self.shared, seed=seed, replicates=replicates
        ):
            for name, each in runs.items():
                if key in each:
                    drawn[name][key] = measure_measurements(each[key].test, weights)
        return drawn

    def table(self) -> Table:
        sizes = {
            seed: [len(np.unique(each.patients[~np.isnan(truth)])) for truth in each.truth.T]
            for seed, each in self.rows.items()
        }
        patients = {seed: [*each, min(each)] for seed, each in sizes.items()}
        return Table((*self.measurements, MEAN), tuple(REGRESSION), patients, self.shared)

    def described(self) -> Json:
        """Of all test rows: those of every seed, where they are others."""
        counted = list(self.rows.values())[: 1 if self.shared else None]
        truth = np.concatenate([each.truth for each in counted])
        return {
            "patients": sum(len(np.unique(each.patients)) for each in counted),
            "samples": len(truth),
            "measurements": {
                name: {"unit": measurement(name).unit} | _summary(truth[:, column])
                for column, name in enumerate(self.measurements)
            },
        }


def _same(one: Estimated, other: Estimated) -> bool:
    return np.array_equal(one.truth, other.truth, equal_nan=True) and np.array_equal(
        one.patients, other.patients
    )


def _summary(truth: np.ndarray) -> Json:
    known = truth[~np.isnan(truth)]
    told: Json = {"measured": len(known), "mean": None, "sd": None}
    return told | ({"mean": float(known.mean()), "sd": float(known.std())} if len(known) else {})
