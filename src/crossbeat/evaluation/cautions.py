"""What makes intervals of results rough: few samples of a class, few seeds, a single run."""

from collections.abc import Iterator, Mapping
from typing import Any

OWN_PATIENTS = "Every seed has patients of its own: intervals are over seeds."
"""A note of results."""

FEW = 20
"""Samples of a class below which an interval is called rough."""

ENOUGH_SEEDS = 3
"""Seeds below which an interval over several is called rough."""


def cautions(results: Mapping[str, Any]) -> list[str]:
    """Sentences for the notes of results.

    Args:
        results: seeds, test and models, and screening if there is any.
    """
    tests = [results["test"], results.get("screening", {}).get("test", {})]
    said = [text for test in tests for text in _few(test.get("findings", {}))]
    runs = {name: _num_runs(found) for name, found in results["models"].items()}
    if 1 < max(runs.values()) < ENOUGH_SEEDS:
        said.append("Two training seeds only: the intervals are wide and rough.")
    single = [name for name, num in runs.items() if num < max(runs.values()) and num == 1]
    if single:
        said.append(
            f"One run only of {', '.join(single)}: how much its runs vary is not in the intervals."
        )
    return said


def _few(findings: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for finding, counts in findings.items():
        for kind, count in counts.items():
            if count < FEW:
                yield (
                    f"Fewer than {FEW} {kind} test samples of {finding} ({count}): its intervals "
                    "are rough."
                )


def _num_runs(found: Mapping[str, Any]) -> int:
    """Of a model, by the values of its runs; one where there are none."""
    return max(
        len(each.get("by_run", [0])) for metrics in found.values() for each in metrics.values()
    )
