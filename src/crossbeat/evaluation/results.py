"""The results of a study as a file: written in one piece, read back only if it is sound.

Every estimate is ``{"value", "low", "high"}`` in fractions; null says undefined. Models, limits
and differences are nested by model, then finding (or ``mean``), then metric; probes by share of
the labels before that; every reading has models and differences of its own.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crossbeat.errors import DataError, reason
from crossbeat.files import write_whole

Json = dict[str, Any]

REQUIRED = ("cohort", "seeds", "method", "baseline", "test", "models", "differences")
OPTIONAL = (
    "trained_on",
    "other_patients",
    "limits",
    "versions",
    "settings",
    "probes",
    "readings",
    "hours",
    "cells",
    "question",
    "notes",
)

_PARTS = {"models": 0.0, "limits": 0.0, "differences": -1.0}


def write_results(path: Path, results: Json) -> None:
    """Writes results as JSON; the file appears whole or not at all.

    Args:
        path: of the file; its folder must exist.
        results: ``compare``'s result with ``cohort``, ``seeds`` and the optional parts added.

    Raises:
        DataError: the results are not what ``validate`` asks for.
    """
    validate(results, source="the results")
    write_whole(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


def read_results(path: Path) -> Json:
    """Reads and validates results.

    Args:
        path: of a file that ``write_results`` wrote.

    Raises:
        DataError: there is no such file, it is not JSON, or not what ``validate`` asks for.
    """
    results = read_json(path)
    validate(results, source=str(path))
    return results


def read_json(path: Path) -> Any:
    """What a JSON file of results holds.

    Raises:
        DataError: there is no such file, or it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"results must be a JSON file, got {path}: {reason(error)}; run the study again"
        ) from error


def validate(results: Any, *, source: str) -> None:
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
    parts = [(part, results.get(part, {}), least) for part, least in _PARTS.items()]
    parts += [(f"probes, {share}", part, 0.0) for share, part in results.get("probes", {}).items()]
    for name, reading in results.get("readings", {}).items():
        if not isinstance(reading, Mapping) or set(reading) != {"models", "differences"}:
            raise DataError(f"{source}: reading {name} must hold models and differences")
        parts += [(f"readings, {name}, {part}", reading[part], _PARTS[part]) for part in reading]
    for name, part, least in parts:
        for where, estimate in estimates(part, source=f"{source}: {name}"):
            _check_estimate(estimate, least, where)


def check_parts(
    results: Any, required: Sequence[str], optional: Sequence[str], *, source: str
) -> None:
    """Checks that all required parts are there, and none that is unknown.

    Raises:
        DataError: they are not, or there is no object.
    """
    if not isinstance(results, dict):
        raise DataError(f"{source} must hold an object of results, got {type(results).__name__}")
    missing = [name for name in required if name not in results]
    unknown = [name for name in results if name not in (*required, *optional)]
    if missing or unknown:
        raise DataError(
            f"{source} must hold {', '.join(required)}, got missing {missing} and unknown {unknown}"
        )


def estimates(part: Any, *, source: str) -> Iterator[tuple[str, Any]]:
    """Every estimate of a part of results, with the place where it stands.

    Args:
        part: nested by model, finding and metric.
        source: named in the place and in the error.

    Raises:
        DataError: a level is not an object.
    """
    level: list[tuple[str, Any]] = [(source, part)]
    for _ in ("model", "finding", "metric"):
        for where, value in level:
            if not isinstance(value, Mapping):
                raise DataError(f"{where} must be an object, got {value!r}")
        level = [
            (f"{where}, {name}", inner) for where, value in level for name, inner in value.items()
        ]
    yield from level


def external(results: Mapping[str, Any]) -> str:
    """``external: NAME, trained on OTHER`` where models were not trained on the measured cohort."""
    trained, measured = results.get("trained_on", {}), results["cohort"]
    each = [trained] if "fingerprint" in trained else list(trained.values())
    others = [one["name"] for one in each if one["fingerprint"] != measured.get("fingerprint")]
    if not others:
        return ""
    names = [f"another cohort {name}" if name == measured["name"] else name for name in others]
    return f"external: {measured['name']}, trained on {', '.join(dict.fromkeys(names))}"


def measured_on(results: Mapping[str, Any]) -> str:
    """The measured cohort in words."""
    return external(results) or str(results["cohort"].get("name", "unnamed"))


def external_notes(results: Mapping[str, Any]) -> list[str]:
    """Notes on an evaluation on a cohort that models were not trained on; none otherwise."""
    words = external(results)
    text = "Thresholds, calibration and linear probes use patients of the training cohort only."
    return [f"{words[0].upper()}{words[1:]}. {text}"] if words else []


def verdict(difference: Mapping[str, Any]) -> int:
    """1 where a difference is clearly above zero, -1 clearly below, 0 where zero is possible.

    Args:
        difference: with ``low`` and ``high``; null ends are no evidence.
    """
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)


def _check_kinds(results: Json, source: str) -> None:
    objects = (*_PARTS, "cohort", "trained_on", "test", "probes", "readings", "versions")
    for names, kind, called in (
        ((*objects, "settings", "hours"), Mapping, "an object"),
        (("seeds", "notes"), list, "a list"),
    ):
        for name in names:
            if name in results and not isinstance(results[name], kind):
                raise DataError(f"{source}: {name} must be {called}, got {results[name]!r}")


def _check_models(results: Json, source: str) -> None:
    models, pairs = results["models"], results["differences"]
    method, baseline = results["method"], results["baseline"]
    for role, name in (("method", method), ("baseline", baseline)):
        if name not in models:
            raise DataError(f"{source}: {role} {name!r} must be one of {', '.join(models)}")
    expected = [f"{model} - {baseline}" for model in models if model != baseline]
    expected += [f"{method} - {model}" for model in models if model not in (method, baseline)]
    possible = {f"{one} - {other}" for one in models for other in models if one != other}
    if not set(expected) <= set(pairs) <= possible:
        raise DataError(
            f"{source}: differences must be {expected} or further ones of two models, "
            f"got {list(pairs)}"
        )
    findings = {"mean", *results["test"].get("findings", {})}
    for name, found in [*models.items(), *pairs.items()]:
        if not isinstance(found, Mapping) or set(found) != findings:
            raise DataError(f"{source}: {name} must hold {sorted(findings)}, got {found!r:.80}")


def _check_estimate(estimate: Any, least: float, where: str) -> None:
    if not isinstance(estimate, Mapping) or not {"value", "low", "high"} <= set(estimate):
        raise DataError(f"{where} must have value, low and high, got {estimate!r}")
    numbers = [estimate[name] for name in ("value", "low", "high")]
    given = [number for number in numbers if number is not None]
    fine = all(_is_fraction(number, least) for number in given)
    if not fine or (numbers[1] is None) != (numbers[2] is None):
        raise DataError(f"{where} must be null or from {least:g} to 1, got {dict(estimate)}")
    if numbers[1] is not None and numbers[1] > numbers[2]:
        raise DataError(f"{where} must have low at or below high, got {dict(estimate)}")


def _is_fraction(number: Any, least: float) -> bool:
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return is_number and math.isfinite(number) and least - 1e-9 <= number <= 1 + 1e-9
