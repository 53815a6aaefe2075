"""The results of a study as a file: written in one piece, read back only if it is sound.

Every estimate is ``{"value", "low", "high"}``; null says undefined. Shares are fractions, errors
stand in the unit that ``test`` names, and their mean in standard deviations. Models, limits and
differences are nested by model, then target (or ``mean``), then metric; probes by share of the
labels before that; every reading has models and differences of its own. ``retrieval`` and
``localisation``, their limits and differences are nested by model, then measure. ``screening`` and
``measurements`` (of a model that predicts findings as well) are results of their own. Results along
an axis hold at each of their ``points`` what a file of results holds.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crossbeat.errors import DataError, reason
from crossbeat.evaluation.intervals import of_differences, scale_of
from crossbeat.evaluation.statistics import pairs_of
from crossbeat.files import Json, ReadJson, write_whole
from crossbeat.metrics import MEAN
from crossbeat.targets import FINDING, KINDS, SECOND, Kind

OWN_PATIENTS = "Every seed has patients of its own: intervals are over seeds."
"""A note of results."""

FEW = 20
"""Samples of a class below which an interval is called rough."""

ENOUGH_SEEDS = 3
"""Seeds below which an interval over several is called rough."""

_COMPARED = ("method", "baseline", "test", "models", "differences")
_REQUIRED = ("cohort", "seeds", *_COMPARED)
_INNER = ("screening", *SECOND)
_BY_TARGET = ("models", "limits", "differences")
_BY_MEASURE = tuple(
    f"{part}{ending}"
    for part in ("retrieval", "localisation")
    for ending in ("", "_limits", "_differences")
)
_RECORD = ("versions", "settings", "hours", "cells")
_OPTIONAL = (
    *("limits", "readings", "probes", *_INNER, *_BY_MEASURE),
    *("trained_on", "other_patients", *_RECORD, "question", "notes"),
)
_ALONG = (("question", "axis", "points"), ("versions", "hours", "cells", "notes"))

_RENAMED = {"phenotypes": "measurements", "phenotype_difference@10": "measurement_difference@10"}
"""What the last version called a part or a measure."""


def write_results(path: Path, results: Json) -> None:
    """Writes results as JSON; the file appears whole or not at all."""
    validate(results, source="the results")
    write_whole(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


def read_results(path: Path) -> Json:
    """Reads and validates results; those of the last version have the names of this one."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_of_today)
    except (OSError, ValueError) as error:
        raise DataError(
            f"results must be a JSON file, got {path}: {reason(error)}; run the study again"
        ) from error
    validate(results, source=str(path))
    return results


def _of_today(pairs: Sequence[tuple[str, object]]) -> Json:
    return {_RENAMED.get(name, name): value for name, value in pairs}


def validate(results: object, *, source: str) -> None:
    """Checks names, nesting and range of results.

    Raises:
        DataError: a part is missing or unknown, an estimate is out of range, its interval is
            turned round, or a point of an axis is no number or word or comes twice.
    """
    if isinstance(results, dict) and {"axis", "points"} & set(results):
        _check_axis(results, source)
        return
    whole = _checked_parts(results, _REQUIRED, _OPTIONAL, source)
    _check_forms(whole, source)
    _check_models(whole, source)
    for name in _INNER:
        if name in whole:
            inner = {"cohort": whole["cohort"], "seeds": whole["seeds"], **whole[name]}
            validate(inner, source=f"{source}: {name}")
    for part, place, metric, found in _estimates(whole, source):
        scale = scale_of(metric)
        is_difference = part.endswith("differences")
        _check_estimate(found, (of_differences(scale) if is_difference else scale).span, place)


def _check_axis(results: Json, source: str) -> None:
    _checked_parts(results, *_ALONG, source)
    if not isinstance(results["points"], list) or not results["points"]:
        raise DataError(f"{source}: points must be a list of results, got {results['points']!r}")
    places = []
    for point in results["points"]:
        place = point.get("at") if isinstance(point, dict) else None
        if not isinstance(place, int | float | str) or isinstance(place, bool) or place in places:
            raise DataError(
                f"{source}: every point must be at a number or word of its own, got {place!r}"
            )
        places.append(place)
        inner = {name: value for name, value in point.items() if name != "at"}
        validate(inner, source=f"{source}, at {place}")


def _checked_parts(
    results: object, required: Sequence[str], optional: Sequence[str], source: str
) -> Json:
    if not isinstance(results, dict):
        raise DataError(f"{source} must hold an object of results, got {type(results).__name__}")
    missing = [name for name in required if name not in results]
    unknown = [name for name in results if name not in (*required, *optional)]
    if missing or unknown:
        raise DataError(
            f"{source} must hold {', '.join(required)}, got missing {missing} and unknown {unknown}"
        )
    return results


def _check_forms(results: Json, source: str) -> None:
    objects = ("cohort", "trained_on", "test", "probes", "readings", *_RECORD)
    for names, form, called in (
        ((*objects, *_BY_TARGET, *_BY_MEASURE, *_INNER), Mapping, "an object"),
        (("seeds", "notes"), list, "a list"),
    ):
        for name in names:
            if name in results and not isinstance(results[name], form):
                raise DataError(f"{source}: {name} must be {called}, got {results[name]!r:.80}")
    for name, reading in results.get("readings", {}).items():
        if not isinstance(reading, Mapping) or set(reading) != {"models", "differences"}:
            raise DataError(f"{source}: reading {name} must hold models and differences")


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
    columns = {MEAN, *targets_of(results)}
    for name, found in [*models.items(), *pairs.items()]:
        if not isinstance(found, Mapping) or set(found) != columns:
            raise DataError(f"{source}: {name} must hold {sorted(columns)}, got {found!r:.80}")


def _estimates(results: Json, source: str) -> Iterator[tuple[str, str, str, object]]:
    """Every estimate with the part that it is of, the place where it stands, and its metric."""
    parts = [(name, results[name], 3) for name in _BY_TARGET if name in results]
    parts += [(name, results[name], 2) for name in _BY_MEASURE if name in results]
    parts += [(f"probes, {share}", part, 3) for share, part in results.get("probes", {}).items()]
    parts += [
        (f"readings, {name}, {part}", inner, 3)
        for name, reading in results.get("readings", {}).items()
        for part, inner in reading.items()
    ]
    for name, part, depth in parts:
        level = [(f"{source}: {name}", "", part)]
        for _ in range(depth):
            level = [below for place, _, inner in level for below in _below(place, inner)]
        yield from ((name, *each) for each in level)


def _below(place: str, level: object) -> Iterator[tuple[str, str, object]]:
    if not isinstance(level, Mapping):
        raise DataError(f"{place} must be an object, got {level!r:.80}")
    return ((f"{place}, {name}", name, inner) for name, inner in level.items())


def _check_estimate(found: object, span: tuple[float, float], place: str) -> None:
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


def _is_within(number: object, span: tuple[float, float]) -> bool:
    if not isinstance(number, int | float) or isinstance(number, bool):
        return False
    return math.isfinite(number) and span[0] - 1e-9 <= number <= span[1] + 1e-9


def kind_of(results: ReadJson) -> Kind:
    """The kind of the targets that models are compared on."""
    test = results.get("test", {})
    return next((kind for kind in KINDS.values() if kind.plural in test), FINDING)


def targets_of(results: ReadJson) -> tuple[str, ...]:
    """The names of the targets that models are compared on."""
    return tuple(name for kind in KINDS.values() for name in results["test"].get(kind.plural, {}))


def part(name: str, compared: Json, limits: ReadJson | None = None) -> Json:
    """What was measured row by row as a part of results."""
    told = {name: compared["models"], f"{name}_differences": compared["differences"]}
    return told | ({f"{name}_limits": dict(limits)} if limits else {})


def external(results: ReadJson) -> str:
    """``external: NAME, trained on OTHER`` where models were not trained on the measured cohort."""
    trained, measured = results.get("trained_on", {}), results["cohort"]
    each = [trained] if "fingerprint" in trained else list(trained.values())
    others = [one["name"] for one in each if one["fingerprint"] != measured.get("fingerprint")]
    if not others:
        return ""
    names = [f"another cohort {name}" if name == measured["name"] else name for name in others]
    return f"external: {measured['name']}, trained on {', '.join(dict.fromkeys(names))}"


def external_notes(results: ReadJson) -> list[str]:
    """Notes on an evaluation on a cohort that models were not trained on; none otherwise."""
    words = external(results)
    text = "Thresholds, calibration and linear probes use patients of the training cohort only."
    return [f"{words[0].upper()}{words[1:]}. {text}"] if words else []


def verdict(difference: ReadJson) -> int:
    """1 where a difference is clearly above zero, -1 below; 0 where not, or without an interval."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)


def cautions(results: ReadJson) -> list[str]:
    """What makes intervals rough: few samples of a class, few seeds, a single run."""
    tests = [results["test"], results.get("screening", {}).get("test", {})]
    said = [
        f"Fewer than {FEW} {value} test samples of {finding} ({count}): its intervals are rough."
        for test in tests
        for finding, counts in test.get("findings", {}).items()
        for value, count in counts.items()
        if count < FEW
    ]
    runs = {
        name: max(len(each.get("by_run", [0])) for part in found.values() for each in part.values())
        for name, found in results["models"].items()
    }
    most = max(runs.values())
    if 1 < most < ENOUGH_SEEDS:
        said.append("Two training seeds only: the intervals are wide and rough.")
    if single := [name for name, num in runs.items() if num < most and num == 1]:
        said.append(
            f"One run only of {', '.join(single)}: how much its runs vary is not in the intervals."
        )
    return said
