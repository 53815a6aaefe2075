"""Results along an axis as a file: at each point what a file of results holds."""

import json
from pathlib import Path
from typing import Any

from crossbeat.errors import DataError
from crossbeat.evaluation.results import check_parts, read_json, validate
from crossbeat.files import write_whole

Json = dict[str, Any]

REQUIRED = ("question", "axis", "points")
OPTIONAL = ("versions", "hours", "cells", "notes")


def write_along(path: Path, results: Json) -> None:
    """Writes results along an axis as JSON; the file appears whole or not at all.

    Raises:
        DataError: the results are not what ``validate_along`` asks for.
    """
    validate_along(results, source="the results")
    write_whole(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


def read_along(path: Path) -> Json:
    """Reads and validates results along an axis.

    Raises:
        DataError: there is no such file, it is not JSON, or not what ``validate_along`` asks for.
    """
    results: Json = read_json(path)
    validate_along(results, source=str(path))
    return results


def validate_along(results: Any, *, source: str) -> None:
    """Checks the points of an axis, and the results at each.

    Args:
        results: anything.
        source: named in the error.

    Raises:
        DataError: a part is missing or unknown, a point is no number or word or comes twice, or
            the results at a point are not sound.
    """
    check_parts(results, REQUIRED, OPTIONAL, source=source)
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
