"""The scripts behind the page's intervals: the simulation, and intervals computed again."""

import copy
import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pages import ROOT
from scipy.stats import t


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module(name)


def test_the_simulation_tells_intervals_that_hold_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coverage = script("coverage", monkeypatch)
    drawn = coverage._sharing(3, 1.0, 1.0)
    assert coverage.covered(drawn, 0.0, repetitions=60, seed=0) > 0.85
    assert coverage.covered(drawn, 5.0, repetitions=60, seed=0) == 0


def test_every_setting_of_the_committed_simulation_is_one_of_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coverage = script("coverage", monkeypatch)
    tables = importlib.import_module("tables")
    asked = [(kind, row, column) for kind, row, column, _, _ in coverage.settings()]
    assert len(set(asked)) == len(asked) > 70
    committed = tables.json.loads((ROOT / "docs/results/coverage.json").read_text())["coverage"]
    assert {
        (kind, row, column)
        for kind, table in committed.items()
        for row, cells in table.items()
        for column in cells
    } == set(asked)


def results(notes: list[str] | None) -> dict[str, Any]:
    def estimate(value: float, *by_run: float) -> dict[str, Any]:
        ends = {"value": value, "low": value - 0.05, "high": value + 0.05}
        return {"edema": {"auroc": ends | ({"by_run": list(by_run)} if by_run else {})}}

    return {
        "seeds": [0, 1],
        "test": {"patients": 100, "findings": {"edema": {"positive": 30, "negative": 70}}},
        "models": {"direct": estimate(0.8, 0.79, 0.81), "clip": estimate(0.82, 0.80, 0.84)},
        "differences": {"clip - direct": estimate(0.02)},
    } | ({} if notes is None else {"notes": notes})


def test_seeds_with_patients_of_their_own_have_the_interval_of_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = script("intervals_again", monkeypatch)
    found = again.again(results([again._OLD]))
    told = found["differences"]["clip - direct"]["edema"]["auroc"]
    half = t.ppf(0.975, 1) * 0.01  # the differences are 0.01 and 0.03
    assert (told["low"], told["high"]) == pytest.approx((0.02 - half, 0.02 + half))
    assert found["notes"] == [
        "Every seed has patients of its own: intervals are over seeds.",
        "Two training seeds only: the intervals are wide and rough.",
    ]
    assert again.again(copy.deepcopy(found)) == found


def test_shared_patients_keep_their_variance_and_get_that_of_the_runs_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = script("intervals_again", monkeypatch)
    found = again.again(results(None))
    told = found["differences"]["clip - direct"]["edema"]["auroc"]
    patients, runs = (0.05 / 1.959964) ** 2, (0.0002 + 0.0008) / 2
    half = np.sqrt(t.ppf(0.975, 29) ** 2 * patients + t.ppf(0.975, 2) ** 2 * runs)
    assert told["high"] == pytest.approx(0.02 + half)
    assert found["notes"][0].startswith("Intervals were computed again")
    assert again.again(copy.deepcopy(found)) == found
