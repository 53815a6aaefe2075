import pytest
from small_recipes import run_of, same, small

from crossbeat.recipes import RECIPES

PHASES = {
    "cromotex": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "cromotex-no-ssl": ["teacher", "alignment", "fine-tuning"],
    "cromotex-no-hard-negatives": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "shuffled": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "clip": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "label-only": ["self-supervision", "alignment", "fine-tuning"],
    "distillation": ["teacher", "distillation"],
    "direct": ["fine-tuning"],
    "resnet1d": ["fine-tuning"],
    "biot": ["fine-tuning"],
    "eccl": ["teacher", "self-supervision", "alignment", "fine-tuning"],
    "teacher": ["teacher"],
}
"""Written out by hand: a recipe that loses a phase must be noticed."""


@pytest.mark.parametrize("name", RECIPES)
def test_every_phase_runs_and_runs_repeat_bit_for_bit(name, tiny, tmp_path):
    recipe = small(name)
    first = run_of(recipe, tiny, tmp_path / "a", name=name)
    again = run_of(recipe, tiny, tmp_path / "b", name=name)
    assert [phase["name"] for phase in first.phases] == PHASES[name]
    assert not any(phase["reused"] for phase in again.phases)
    assert same(first.parts, again.parts)
