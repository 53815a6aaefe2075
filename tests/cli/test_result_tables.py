"""Tables say what their intervals are over."""

from typing import Any

import pytest

from crossbeat.cli.tables import over_what, print_models


def results(**runs: int) -> dict[str, Any]:
    estimate = {"value": 0.8, "low": 0.7, "high": 0.9}
    models = {
        name: {"mean": {"auroc": estimate | ({"by_run": [0.8] * num} if num > 1 else {})}}
        for name, num in runs.items()
    }
    return {"models": models, "differences": {}}


def test_one_run_is_over_patients_and_several_over_runs_or_seeds() -> None:
    assert over_what(results(direct=1, clip=1), own_patients=True) == "patients"
    assert over_what(results(direct=1, clip=2)) == "patients and runs"
    assert over_what(results(direct=2, clip=2), own_patients=True) == "seeds"


def test_the_title_tells(capsys: pytest.CaptureFixture[str]) -> None:
    print_models(results(direct=3), over="seeds")
    printed = " ".join(capsys.readouterr().out.split())
    assert "AUROC in percent (95 % interval over seeds)" in printed
    assert "80.0 (70.0 to 90.0)" in printed
