"""Compare models with cardiac MRI: measurements, probes, screening, retrieval, localisation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.measured import compare_measured
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.evaluation.measurement_compare import compare_measurements, estimate_measurements
from crossbeat.evaluation.measurement_results import part
from crossbeat.evaluation.screening import REDUCED, screening
from crossbeat.study.grid import HEAD
from crossbeat.study.heart_cells import LIMITS, PROBE
from crossbeat.study.results import as_reading

Json = dict[str, Any]
Runs = dict[str, dict[int, Any]]
"""Predictions by model and seed."""


@dataclass(frozen=True)
class Comparison:
    """The models to compare, and how.

    Args:
        method: the model to test.
        baseline: the model with which every other model is compared.
        extra: further pairs of models, the first minus the second.
        replicates: number of bootstrap samples.
        seed: seed of the bootstrap.
    """

    method: str
    baseline: str
    extra: tuple[tuple[str, str], ...] = ()
    replicates: int = 1000
    seed: int = 0

    def of(self, compare: Callable[..., Json], runs: Mapping[str, Mapping[int, Any]]) -> Json:
        """The models and their differences, computed by one of the functions that compare runs."""
        return compare(
            runs,
            method=self.method,
            baseline=self.baseline,
            seed=self.seed,
            replicates=self.replicates,
            extra=[pair for pair in self.extra if set(pair) <= set(runs)],
        )


def compared_hearts(said: Mapping[str, Runs], how: Comparison, limits: Sequence[str] = ()) -> Json:
    """All parts of the results that are computed from predictions.

    Args:
        said: the predictions of each model at each seed, by the name of the head or reading.
        limits: the models that are upper limits for the others.

    Raises:
        ValueError: runs of one seed have different test patients.
    """
    heads = _but(limits, said[HEAD])
    whole = how.of(compare_measurements, heads)
    told = {name: next(iter(said[name].values())) for name in (LATENT, RATE) if name in said}
    told |= {name: said[HEAD][name] for name in limits if name in said[HEAD]}
    if told:
        estimate = partial(estimate_measurements, seed=how.seed, replicates=how.replicates)
        whole["limits"] = {name: estimate(runs) for name, runs in told.items()}
    probes = _but(limits, said.get(PROBE, {}))
    if {how.method, how.baseline} <= set(probes):
        read = how.of(compare_measurements, probes)
        whole["readings"] = {PROBE: as_reading(read, PROBE, how.baseline)}
    if set(REDUCED) <= set(next(iter(heads[how.baseline].values())).measurements):
        low = {name: {s: screening(e) for s, e in each.items()} for name, each in heads.items()}
        whole["screening"] = how.of(compare, low)
    for name, limits in LIMITS.items():
        if name in said:
            reached = {limit: _alone(said[f"{name} {limit}"], how) for limit in limits}
            whole |= part(name, how.of(compare_measured, said[name]), reached)
    return whole


def _but(limits: Sequence[str], runs: Runs) -> Runs:
    return {name: each for name, each in runs.items() if name not in limits}


def _alone(runs: Runs, how: Comparison) -> Json:
    """The results of a reference that is not a model, such as random retrieval."""
    return how.of(compare_measured, {"it": next(iter(runs.values()))})["models"]["it"]
