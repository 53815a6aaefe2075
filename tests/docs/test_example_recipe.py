import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from crossbeat.data.cohort import Cohort
from crossbeat.recipes import RECIPES
from crossbeat.recipes.run import Plan, predictions, train
from crossbeat.training import Optimisation, TrainerSettings

FILE = Path(__file__).parents[2] / "docs" / "example_recipe.py"
SHORT = Optimisation(learning_rate=2e-3, epochs=20, batch_size=24)
QUIET = TrainerSettings(accelerator="cpu", progress=False)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file as a module; what it adds to the recipes is taken out again."""
    spec = importlib.util.spec_from_file_location("example_recipe", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "example_recipe", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(RECIPES, "pair-and-distil", module.PairAndDistil())
    return module


def test_the_example_is_shorter_than_80_lines() -> None:
    assert len(FILE.read_text(encoding="utf-8").splitlines()) < 80


def test_the_example_learns_what_shows_in_the_ecg(
    example: ModuleType, tiny: Cohort, tmp_path: Path
) -> None:
    recipe = example.PairAndDistil(findings=("large", "silent"), teacher=SHORT, joint=SHORT)
    plan = Plan(name="pair-and-distil", recipe=recipe, seed=0)
    run = train(plan, tiny, tmp_path / "run", trainer=QUIET)
    assert [phase["name"] for phase in run.phases] == ["teacher", "joint"]
    first, *_, last = run.phases[1]["history"]
    assert last["pairing"] + last["distillation"] < first["pairing"] + first["distillation"]
    test = predictions(run, tiny).test
    large = test.targets[:, 0] == 1
    assert test.outputs[large, 0].mean() > test.outputs[~large, 0].mean()


def test_the_example_runs_to_its_end_and_prints_every_finding(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = replace(SHORT, epochs=1)
    recipe = example.PairAndDistil(teacher=once, joint=once)
    example.main(tmp_path, recipe, num_patients=100)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [*recipe.findings, "mean"]
    assert all("AUROC" in line for line in lines)
