import importlib.util
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from crossbeat.cli import main
from crossbeat.data.cohort import Cohort
from crossbeat.modalities import MODALITIES
from crossbeat.models import embed
from crossbeat.recipes.run import Run

FILE = Path(__file__).parents[2] / "docs" / "example_modality.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file as a module; what it adds to the modalities is taken out again."""
    monkeypatch.setattr("crossbeat.modalities.register", partial(monkeypatch.setitem, MODALITIES))
    spec = importlib.util.spec_from_file_location("example_modality", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "example_modality", module)
    spec.loader.exec_module(module)
    return module


def test_the_example_is_at_most_120_lines() -> None:
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 120


def test_a_report_becomes_a_teacher_and_the_ecg_alone_answers(
    example: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = example.main(tmp_path, num_patients=160, epochs=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["direct", "clip", "distillation"]
    assert [line.split(": ")[1].split(",")[0] for line in lines[3:]] == list(example.FINDINGS)
    assert "report_projection" in runs["clip"].parts
    assert "report_classifier" in runs["distillation"].parts
    opened = Run.open(tmp_path / "clip")
    assert opened.recipe.other.modality == "report"
    assert opened.phases[0]["name"] == "report-teacher"
    reports = Cohort.open(tmp_path / "cohort").read("report", np.arange(20))
    assert embed(opened.parts, reports, opened.recipe.other).std(dim=0).max() > 0

    again = example.main(tmp_path, num_patients=160, epochs=1)
    assert again["clip"].phases == opened.phases

    monkeypatch.delitem(MODALITIES, "report")
    asked = ["cohort", "show", str(tmp_path / "cohort")]
    assert main(asked) == 1
    assert "crossbeat --import FILE.py" in capsys.readouterr().err
    assert main(["--import", str(FILE), *asked]) == 0
    assert "reports of 9 uint8" in capsys.readouterr().out
    assert main(["--import", str(FILE), "evaluate", str(tmp_path / "clip"), "--json"]) == 0
    assert '"clip"' in capsys.readouterr().out
