"""Views of the ECGs while findings are learned reach every recipe that may have them."""

import numpy as np
import pytest
import torch
from small_recipes import phases_of, small

from crossbeat.objectives import bce, soft_bce
from crossbeat.recipes.networks import ecg_logits
from crossbeat.recipes.phases import VcgViews
from crossbeat.recipes.steps import TEACHER_PROBABILITY

STRONG = VcgViews(angle=45.0, scale=1.5, mask=0.5)
LEARNS = [
    ("cromotex", "fine-tuning", {}),
    ("clip", "fine-tuning", {}),
    ("label-only", "fine-tuning", {}),
    ("direct", "fine-tuning", {}),
    ("distillation", "distillation", {}),
    ("crossbeat", "transfer", {"contrast": 0.0}),
    ("crossbeat", "transfer", {"contrast": 0.1}),
    ("crossbeat", "self-training", {}),
    ("no-alignment", "transfer", {}),
    ("no-alignment", "self-training", {}),
]


def of_a_batch(recipe, phase, cohort):
    """The loss against the targets, and the same by hand from given ECGs."""
    parts, phases = phases_of(recipe, cohort)
    batch = phases[phase].train.batch(np.arange(24))
    losses = phases[phase].step(parts, batch, torch.Generator().manual_seed(0))

    def by_hand(ecg):
        logits = ecg_logits(parts, ecg, recipe.ecg)
        if phase != "distillation":
            return bce(logits, batch.targets)
        teacher = batch.extra[TEACHER_PROBABILITY]
        return soft_bce(logits, teacher, temperature=recipe.temperature)

    return losses["targets" if "targets" in losses else "loss"], batch.ecg, by_hand


@pytest.mark.parametrize(("name", "phase", "changes"), LEARNS)
def test_without_label_views_findings_are_learned_from_the_ecg_as_it_is(name, phase, changes, tiny):
    loss, ecg, by_hand = of_a_batch(small(name, label_views=None, **changes), phase, tiny)
    assert loss.item() == by_hand(ecg).item()


@pytest.mark.parametrize(("name", "phase", "changes"), LEARNS)
def test_label_views_change_the_ecg_that_findings_are_learned_from(name, phase, changes, tiny):
    loss, ecg, by_hand = of_a_batch(small(name, label_views=STRONG, **changes), phase, tiny)
    viewed = STRONG.view("mV")(ecg, torch.Generator().manual_seed(0))
    assert loss.item() == by_hand(viewed).item()
    assert loss.item() != by_hand(ecg).item()
