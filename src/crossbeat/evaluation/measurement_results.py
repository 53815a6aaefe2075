"""The results of a cardiac MRI study as a file: written in one piece, read back only if sound.

Every estimate is ``{"value", "low", "high"}``; null says undefined. ``models``, ``limits`` and
``differences`` are nested by model, then measurement (or ``mean``), then metric: ``r2``, ``pearson``
and ``mae``, the latter in the unit that ``test`` names, and for the mean in standard deviations.
``retrieval`` and ``localisation``, their limits and differences are nested by model, then measure.
``screening`` has the form of the results of an X-ray study.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.over_seeds import pairs_of
from crossbeat.evaluation.results import check_parts, read_json, validate
from crossbeat.evaluation.scales import of_differences, scale_of
from crossbeat.files import write_whole

Json = dict[str, Any]

REQUIRED = ("cohort", "seeds", "method", "baseline", "test", "models", "differences")
OPTIONAL = (
    *("limits", "readings", "screening"),
    *("retrieval", "retrieval_limits", "retrieval_differences"),
    *("localisation", "localisation_limits", "localisation_differences"),
    *("trained_on", "other_patients", "versions", "settings", "hours", "cells", "question"),
    "notes",
)

_BY_MEASUREMENT = ("models", "limits", "differences")
_BY_MEASURE = tuple(
    f"{part}{ending}"
    for part in ("retrieval", "localisation")
    for ending in ("", "_limits", "_differences")
)


def part(name: str, compared: Json, limits: Mapping[str, Any] | None = None) -> Json:
    """What was measured row by row as a part of results.

    Args:
        name: ``retrieval`` or ``localisation``.
        compared: as ``compare_measured`` returns it.
        limits: measures of what no model is, such as a search by lot, by its name.
    """
    told = {name: compared["models"], f"{name}_differences": compared["differences"]}
    return told | ({f"{name}_limits": dict(limits)} if limits else {})


def write_measurement_results(path: Path, results: Json) -> None:
    """Writes results as JSON; the file appears whole or not at all.

    Args:
        path: of the file.
        results: ``compare_measurements``' result with ``cohort``, ``seeds`` and optional parts added.

    Raises:
        DataError: the results are not what ``validate_measurements`` asks for.
    """
    validate_measurements(results, source="the results")
    write_whole(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


def read_measurement_results(path: Path) -> Json:
    """Reads and validates results.

    Args:
        path: of a file that ``write_measurement_results`` wrote.

    Raises:
        DataError: there is no such file, it is not JSON, or not what ``validate_measurements`` asks
            for.
    """
    results = read_json(path)
    validate_measurements(results, source=str(path))
    return results


def validate_measurements(results: Any, *, source: str) -> None:
    """Checks names, nesting and range of results.

    Args:
        results: anything.
        source: named in the error.

    Raises:
        DataError: a part is missing or unknown, an estimate is out of range or its interval is
            turned round.
    """
    check_parts(results, REQUIRED, OPTIONAL, source=source)
    _check_kinds(results, source)
    _check_models(results, source)
    if "screening" in results:
        whole = {"cohort": results["cohort"], "seeds": results["seeds"], **results["screening"]}
        validate(whole, source=f"{source}: screening")
    for part, place, metric, found in _estimates(results, source):
        _check_estimate(found, _range(metric, difference=part.endswith("differences")), place)


def _check_kinds(results: Json, source: str) -> None:
    objects = (*_BY_MEASUREMENT, *_BY_MEASURE, "cohort", "test", "readings", "screening")
    for names, kind, called in (
        ((*objects, "trained_on", "versions", "settings", "hours", "cells"), Mapping, "an object"),
        (("seeds", "notes"), list, "a list"),
    ):
        for name in names:
            if name in results and not isinstance(results[name], kind):
                raise DataError(f"{source}: {name} must be {called}, got {results[name]!r:.80}")


def _check_models(results: Json, source: str) -> None:
    models, pairs = results["models"], results["differences"]
    method, baseline = results["method"], results["baseline"]
    for role, name in (("method", method), ("baseline", baseline)):
        if name not in models:
            raise DataError(f"{source}: {role} {name!r} must be one of {', '.join(models)}")
    expected = [" - ".join(two) for two in pairs_of(list(models), method=method, baseline=baseline)]
    possible = {f"{one} - {other}" for one in models for other in models if one != other}
    if not set(expected) <= set(pairs) <= possible:
        raise DataError(
            f"{source}: differences must be {expected} or further ones of two models, "
            f"got {list(pairs)}"
        )
    measurements = {MEAN, *results["test"].get("measurements", {})}
    for name, found in [*models.items(), *pairs.items()]:
        if not isinstance(found, Mapping) or set(found) != measurements:
            raise DataError(f"{source}: {name} must hold {sorted(measurements)}, got {found!r:.80}")


def _estimates(results: Json, source: str) -> Iterator[tuple[str, str, str, Any]]:
    """Every estimate with the part that it is of, the place where it stands, and its metric."""
    parts = [(name, results[name], 3) for name in _BY_MEASUREMENT if name in results]
    parts += [(name, results[name], 2) for name in _BY_MEASURE if name in results]
    for name, reading in results.get("readings", {}).items():
        if not isinstance(reading, Mapping) or set(reading) != {"models", "differences"}:
            raise DataError(f"{source}: reading {name} must hold models and differences")
        parts += [(f"readings, {name}, {part}", reading[part], 3) for part in reading]
    for name, part, depth in parts:
        level = [(f"{source}: {name}", "", part)]
        for _ in range(depth):
            level = [below for place, _, inner in level for below in _below(place, inner)]
        yield from ((name, *each) for each in level)


def _below(place: str, level: Any) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(level, Mapping):
        raise DataError(f"{place} must be an object, got {level!r:.80}")
    return ((f"{place}, {name}", name, inner) for name, inner in level.items())


def _range(metric: str, *, difference: bool) -> tuple[float, float]:
    """What values a metric, or a difference of two, can have."""
    scale = scale_of(metric)
    return of_differences(scale).span if difference else scale.span


def _check_estimate(found: Any, span: tuple[float, float], place: str) -> None:
    if not isinstance(found, Mapping) or not {"value", "low", "high"} <= set(found):
        raise DataError(f"{place} must have value, low and high, got {found!r:.80}")
    value, low, high = (found[name] for name in ("value", "low", "high"))
    given = [number for number in (value, low, high) if number is not None]
    if not all(_is_within(number, span) for number in given) or (low is None) != (high is None):
        raise DataError(
            f"{place} must be null or from {span[0]:g} to {span[1]:g}, got {dict(found)}"
        )
    if low is not None and low > high:
        raise DataError(f"{place} must have low at or below high, got {dict(found)}")


def _is_within(number: Any, span: tuple[float, float]) -> bool:
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return is_number and math.isfinite(number) and span[0] - 1e-9 <= number <= span[1] + 1e-9
