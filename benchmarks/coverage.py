"""How often a 95 % interval of ours contains the true value, by simulation.

Run: ``python benchmarks/coverage.py [--repetitions 2000] [--json FILE]``. Every setting is drawn
anew that often, and goes through the functions that make the intervals of every result. The
default takes about three minutes on one core.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import norm
from tables import coverage_rows

from crossbeat.evaluation.intervals import (
    EXPLAINED,
    PLAIN,
    SHARE,
    Interval,
    difference,
    over_patients,
    over_seeds,
)
from crossbeat.evaluation.statistics import distribution, resamples
from crossbeat.metrics import auroc, r2

RATIOS = (0.0, 0.25, 1.0, 4.0, 16.0)
"""Variance between runs or seeds as a multiple of that between patients."""

WORST = 3.4
"""Variance of the mean over runs as a multiple of that between patients, as issue 13 had it."""

RUNS = (2, 3, 5, 10)
PATIENTS = 100
REPLICATES = 1000

Draw = Callable[[np.random.Generator], Interval]
"""One repetition: the interval that was found."""


Setting = tuple[str, str, str, float, Draw]
"""The kind, row and column of a setting, the true value, and how an interval of it is drawn."""


def settings() -> Iterator[Setting]:
    """All settings."""
    for num in RUNS:
        yield from _of_runs(num)
    for num in RUNS:
        for ratio in RATIOS:
            column = f"variance {ratio:g}"
            drawn = partial(_differing, num=num, ratio=ratio)
            yield "own patients, a difference", f"{num} seeds", column, 0.0, drawn
            yield "own patients, an AUROC of 0.8", f"{num} seeds", column, *_seeded(num, ratio)
    yield from _of_one_run()


def _of_runs(num: int) -> Iterator[Setting]:
    columns = {f"variance {ratio:g}": ratio for ratio in RATIOS}
    for column, ratio in (columns | {f"variance {WORST:g} x runs": WORST * num}).items():
        drawn = _sharing(num, ratio, ratio)
        yield "shared patients, a difference", f"{num} runs", column, 0.0, drawn
    for one, other in ((4.0, 1.0), (16.0, 0.0)):
        column = f"variances {one:g} and {other:g}"
        drawn = _sharing(num, one, other)
        yield "shared patients, runs that vary unequally", f"{num} runs", column, 0.0, drawn


def _of_one_run() -> Iterator[Setting]:
    kind, column = "one run", "coverage"
    for area, positives, negatives in (
        *((0.8, 10, 90), (0.98, 20, 180), (0.95, 10, 90), (0.6, 10, 90)),
        *((0.99, 10, 90), (0.8, 5, 95), (0.8, 200, 1800)),
    ):
        name = f"AUROC {area}, {positives} positive of {positives + negatives}"
        yield kind, name, column, area, _alone(area, positives, negatives)
    for area, positives in ((0.8, 10), (0.98, 20)):
        name = f"difference of two AUROCs of {area}, {positives} positive of {10 * positives}"
        yield kind, name, column, 0.0, _paired(area, positives, 9 * positives)
    for share in (0.02, 0.2):
        yield kind, f"recall {share}, 100 patients", column, share, _recalled(share, 100)
    yield kind, "R² 0.3, 100 patients", column, 0.3, _explained(0.3, 100)


def _weights(patients: int) -> np.ndarray:
    return resamples(np.arange(patients), seed=0, replicates=REPLICATES)


def _sharing(num: int, *ratios: float) -> Draw:
    """Two models without a difference, each trained ``num`` times, on the same patients.

    Half of what differs between patients is the model's, half that of the single run.

    Args:
        ratios: the variance between the runs of each model.
    """
    weights = _weights(PATIENTS) / PATIENTS

    def draw(rng: np.random.Generator) -> Interval:
        models = []
        for each in ratios:
            rows = rng.normal(size=PATIENTS) + rng.normal(size=(num, PATIENTS))
            run = np.sqrt(2 * each / PATIENTS) * rng.normal(size=(num, 1))
            models.append((rows + run) @ weights.T)
        return difference(models[0], models[1], PLAIN, paired=False, patients=PATIENTS)

    return draw


def _differing(rng: np.random.Generator, *, num: int, ratio: float) -> Interval:
    values = rng.normal(size=num) + np.sqrt(ratio) * rng.normal(size=num)
    return over_seeds(values.tolist(), PLAIN, patients=PATIENTS)


def _seeded(num: int, ratio: float) -> tuple[float, Draw]:
    """Models of an AUROC of 0.8 on average, each measured on 2,000 patients of its own."""
    spread = np.sqrt(ratio) * 0.012
    areas = np.clip(0.8 + spread * np.random.default_rng(0).normal(size=200_000), 0.5, 0.999)

    def draw(rng: np.random.Generator) -> Interval:
        shifts = np.sqrt(2) * norm.ppf(rng.choice(areas, num))
        values = []
        for shift in shifts:
            targets, scores = _scored(rng, shift, 200, 1800)
            values.append(float(auroc(targets, scores, np.ones((1, 2000)))[0]))
        return over_seeds(values, SHARE, patients=200 * num)

    return float(areas.mean()), draw


def _scored(
    rng: np.random.Generator, shift: float, positives: int, negatives: int
) -> tuple[np.ndarray, np.ndarray]:
    targets = np.repeat([1.0, 0.0], [positives, negatives])
    return targets, rng.normal(size=len(targets)) + shift * targets


def _alone(area: float, positives: int, negatives: int) -> Draw:
    weights = _weights(positives + negatives)
    shift = np.sqrt(2) * norm.ppf(area)

    def draw(rng: np.random.Generator) -> Interval:
        targets, scores = _scored(rng, shift, positives, negatives)
        found = distribution(auroc, targets, scores, weights)
        return over_patients(found[None], SHARE, patients=positives)

    return draw


def _paired(area: float, positives: int, negatives: int) -> Draw:
    """Two models whose errors have a correlation of 0.5."""
    weights = _weights(positives + negatives)
    shift = np.sqrt(2) * norm.ppf(area)

    def draw(rng: np.random.Generator) -> Interval:
        targets, common = _scored(rng, 0.0, positives, negatives)
        found = []
        for _ in range(2):
            own = rng.normal(size=len(targets))
            scores = shift * targets + np.sqrt(0.5) * (common + own)
            found.append(distribution(auroc, targets, scores, weights)[None])
        return difference(found[0], found[1], SHARE, paired=True, patients=positives)

    return draw


def _recalled(share: float, patients: int) -> Draw:
    weights = _weights(patients) / patients

    def draw(rng: np.random.Generator) -> Interval:
        found = weights @ (rng.random(patients) < share)
        return over_patients(found[None], SHARE, patients=patients)

    return draw


def _explained(share: float, patients: int) -> Draw:
    weights = _weights(patients)

    def draw(rng: np.random.Generator) -> Interval:
        estimates = rng.normal(size=patients) * np.sqrt(share)
        truth = estimates + rng.normal(size=patients) * np.sqrt(1 - share)
        found = distribution(r2, truth, estimates, weights)
        return over_patients(found[None], EXPLAINED, patients=patients)

    return draw


def covered(draw: Draw, truth: float, *, repetitions: int, seed: int) -> float:
    """The share of the intervals that contain the true value.

    Args:
        repetitions: how many intervals are drawn.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(repetitions):
        found = draw(rng)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    return hits / repetitions


def main() -> None:
    """Print the coverage of every setting as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind, row, column, truth, draw in settings():
        share = covered(draw, truth, repetitions=options.repetitions, seed=options.seed)
        found.setdefault(kind, {}).setdefault(row, {})[column] = share
    print("\n".join(coverage_rows(found)))
    if options.json:
        whole = {"repetitions": options.repetitions, "seed": options.seed, "coverage": found}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
