"""Compute the intervals of committed results again, without any training.

Run: ``python benchmarks/intervals_again.py docs/results/*.json``. Where every seed has patients of
its own, the committed values of the seeds give the interval that a study would give. Results of
runs on the same patients have no resamples: their variance over patients is taken from the
interval over patients that they have, once, and a note says so; results without notes are of the
time when intervals were percentiles.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crossbeat.evaluation.intervals import (
    Deviation,
    Interval,
    half_width,
    of_differences,
    over_seeds,
    scale_of,
)
from crossbeat.evaluation.results import OWN_PATIENTS, cautions

Json = dict[str, Any]

DERIVED = (
    "Intervals were computed again from committed figures: the variance over patients is that of "
    "the bootstrap interval that stood here, the variance over runs that of their values. What a "
    "run and the patients have in common counts twice."
)
DERIVED_OF_ONE = (
    "Intervals were computed again from committed figures: the variance over patients is that of "
    "the bootstrap interval that stood here."
)
_OLD = "Every seed has patients of its own: intervals are over seeds and patients."
_NORMAL = 1.959964
_PARTS = (("models", "differences"), ("limits", ""))
_MEASURED = tuple((name, f"{name}_differences") for name in ("retrieval", "localisation"))


def again(results: Json) -> Json:
    """Results with intervals as they are made now; those of a search as they are.

    Args:
        results: of a study, an evaluation or a demo.
    """
    if "models" not in results and "points" not in results:
        return results
    points = results.get("points", [results])
    notes = [note for note in results.get("notes", []) if note not in (_OLD, OWN_PATIENTS)]
    derived = DERIVED if len(points[0]["seeds"]) > 1 else DERIVED_OF_ONE
    own = len(notes) < len(results.get("notes", []))
    if not own and "notes" in results:
        return results
    for point in points:
        for models, differences, sizes in _tables(point):
            _model_intervals(models, sizes, own)
            _difference_intervals(models, differences, sizes, own)
    rough = dict.fromkeys(text for point in points for text in cautions(point))
    kept = [note for note in notes if note not in rough]
    results["notes"] = [OWN_PATIENTS if own else derived, *kept, *rough]
    return results


def _tables(point: Json) -> Iterator[tuple[Json, Json, Json]]:
    """Models and differences, by column and metric, with the patients of each column."""
    sizes = _sizes(point["test"])
    for models, differences in _PARTS:
        yield point.get(models, {}), point.get(differences, {}), sizes
    for reading in point.get("readings", {}).values():
        yield reading["models"], reading["differences"], {}  # nobody counted their findings
    for probes in point.get("probes", {}).values():
        yield probes, {}, sizes
    if "screening" in point:
        screening = point["screening"]
        yield screening["models"], screening["differences"], _sizes(screening["test"])
    for models, differences in (*_MEASURED, *((f"{name}_limits", "") for name, _ in _MEASURED)):
        found, apart = (
            {name: {"all": each} for name, each in point.get(part, {}).items()}
            for part in (models, differences)
        )
        yield found, apart, {"all": point["test"]["patients"]}


def _sizes(test: Mapping[str, Any]) -> dict[str, int]:
    """Of each column the samples of the smaller class, or those that are measured."""
    sizes = {name: min(counts.values()) for name, counts in test.get("findings", {}).items()}
    sizes |= {name: each["measured"] for name, each in test.get("measurements", {}).items()}
    return sizes | {"mean": min(sizes.values())}


def _each(found: Json) -> Iterator[tuple[str, str, Json]]:
    for column, metrics in found.items():
        for metric, estimate in metrics.items():
            yield column, metric, estimate


def _model_intervals(models: Json, sizes: Json, own: bool) -> None:
    for found in models.values():
        for column, metric, estimate in _each(found):
            scale, size = scale_of(metric), sizes.get(column, 0)
            if own:
                _set(estimate, over_seeds(estimate["by_run"], scale, patients=size))
            elif estimate["low"] is not None:
                runs = [estimate["by_run"]] if "by_run" in estimate else []
                _set(estimate, _derived(estimate, runs, size).around(estimate["value"], scale))


def _difference_intervals(models: Json, differences: Json, sizes: Json, own: bool) -> None:
    for pair, found in differences.items():
        one, other = (models[name] for name in pair.split(" - "))
        for column, metric, estimate in _each(found):
            scale, size = of_differences(scale_of(metric)), sizes.get(column, 0)
            runs = [
                each[column][metric]["by_run"]
                for each in (one, other)
                if "by_run" in each[column][metric]
            ]
            if own:
                apart = np.subtract(*runs)
                assert abs(apart.mean() - estimate["value"]) < 1e-9, (pair, column, metric)
                _set(estimate, over_seeds(apart.tolist(), scale, patients=size))
            elif estimate["low"] is not None:
                _set(estimate, _derived(estimate, runs, size).around(estimate["value"], scale))


def _derived(estimate: Json, runs: list[list[float]], patients: int) -> Deviation:
    spread = ((estimate["high"] - estimate["low"]) / (2 * _NORMAL)) ** 2
    between = sum(float(np.var(each, ddof=1)) / len(each) for each in runs)
    degrees = sum(len(each) - 1 for each in runs)
    half = half_width(spread, between, patients=patients, degrees=degrees)
    return Deviation(half, patients)


def _set(estimate: Json, found: Interval) -> None:
    """The ends alone: the value stays as it was committed."""
    estimate["low"], estimate["high"] = found.low, found.high


def main(paths: list[Path]) -> None:
    """Write every file with its intervals computed again."""
    for path in paths:
        results = again(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
