"""Controls and ablations are what their names say, and share what they have in common."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_recipes import phases_of, small

from crossbeat.objectives import blend
from crossbeat.recipes import RECIPES
from crossbeat.recipes.settings import to_plain
from crossbeat.recipes.steps import EMBEDDING, TEACHER_PROBABILITY

DIFFERENCES = {
    ("cromotex-no-ssl", "cromotex"): {"self_supervision"},
    ("cromotex-no-hard-negatives", "cromotex"): {"hardness"},
    ("cromotex-believed", "cromotex"): {"trust", "alignment_positives", "fine_tuning_positives"},
    ("shuffled", "cromotex"): {"shuffle_pairs"},
    ("label-only", "cromotex"): {"partner"},
    ("eccl", "clip"): {"ecg.encoder", "temperature"},
    ("resnet1d", "direct"): {"ecg.encoder"},
    ("biot", "direct"): {"ecg.encoder"},
    ("no-alignment", "crossbeat"): {"trust"},
    ("crossbeat-shuffled", "crossbeat"): {"shuffle_pairs"},
    ("ptacl-global", "ptacl"): {"local_weight"},
    ("ptacl-shuffled-frames", "ptacl"): {"shuffle_frames"},
    ("ptacl-shuffled", "ptacl"): {"shuffle_pairs"},
    ("girlanda", "mmcl"): {"tabular"},
    ("dual-phase", "mmcl"): {"cine.encoder", "cine.phases", "anchors"},
}


def flat(settings):
    """Settings by name, those of the networks with a dot."""
    models = {
        name: settings.pop(name) for name in ("ecg", "xray", "other", "cine") & settings.keys()
    }
    return settings | {
        f"{at}.{key}": value for at, of in models.items() for key, value in of.items()
    }


@pytest.mark.parametrize(("name", "base"), DIFFERENCES)
def test_a_control_or_ablation_changes_nothing_else(name, base):
    ours, theirs = (flat(to_plain(RECIPES[each])) for each in (name, base))
    assert ours.keys() == theirs.keys()
    assert {key for key in ours if ours[key] != theirs[key]} == DIFFERENCES[name, base]


def test_shuffling_gives_every_ecg_the_xray_of_somebody_else_and_loses_none(tiny):
    _, phases = phases_of(small("cromotex"), tiny)
    _, shuffled = phases_of(small("shuffled"), tiny)
    for split in ("train", "val"):
        own = getattr(phases["alignment"], split)
        other = getattr(shuffled["alignment"], split)
        assert np.array_equal(own.rows, other.rows)
        assert torch.equal(own.targets, other.targets)
        ours, theirs = own.extra[EMBEDDING], other.extra[EMBEDDING]
        assert not (ours == theirs).all(dim=1).any()
        matches = (ours[:, None] == theirs[None]).all(dim=2)
        assert (matches.sum(dim=0) == 1).all()
        assert (matches.sum(dim=1) == 1).all()


@pytest.mark.parametrize(
    ("name", "phase", "uses"),
    [
        ("clip", "alignment", False),
        ("distillation", "distillation", False),
        ("cromotex", "alignment", True),
    ],
)
def test_labels_reach_the_phases_that_use_them_alone(name, phase, uses, tiny):
    parts, phases = phases_of(small(name), tiny)
    batch = phases[phase].train.batch(np.arange(24))
    alike = replace(batch, targets=torch.zeros_like(batch.targets))
    losses = [
        phases[phase].step(parts, each, torch.Generator().manual_seed(0)) for each in (batch, alike)
    ]
    assert torch.equal(losses[0]["loss"], losses[1]["loss"]) != uses
    if not uses:
        assert phases[phase].weights is None


@pytest.mark.parametrize("name", ["label-only", "direct", "resnet1d", "biot", "no-alignment"])
def test_controls_of_the_ecg_alone_have_no_xray_anywhere(name, tiny):
    parts, phases = phases_of(small(name), tiny)
    assert not any(part.startswith("xray") for part in parts)
    for phase in phases.values():
        for source in (phase.train, phase.val):
            assert source.reads == ("ecg",)
            assert not source.extra


@pytest.mark.parametrize("name", ["cromotex", "distillation"])
def test_the_teacher_tells_in_eval_mode_what_it_learned(name, tiny):
    recipe = small(name)
    parts = recipe.parts(tiny.info, 0)
    phases = recipe.phases(parts, tiny, 0)
    assert next(phases).name == "teacher"
    for weights in parts["xray_encoder"].parameters():  # as its training would
        weights.data.mul_(1.1)
    (source,) = (each.train for each in phases if each.name in ("alignment", "distillation"))
    parts.eval()
    with torch.no_grad():
        embedded = parts["xray_encoder"](tiny.images("xray", source.rows).float()[:, None] / 255)
        probabilities = parts["xray_classifier"](embedded).sigmoid()
    if name == "cromotex":
        torch.testing.assert_close(source.extra[EMBEDDING], embedded)
    else:
        torch.testing.assert_close(source.extra[TEACHER_PROBABILITY], probabilities)


def test_the_share_of_positives_is_that_of_the_setting(tiny):
    recipe = small("cromotex", alignment_positives=0.25, fine_tuning_positives=0.5)
    _, phases = phases_of(recipe, tiny)
    for name, share in (("alignment", 0.25), ("fine-tuning", 0.5)):
        positive = (phases[name].train.targets == 1).any(dim=1).numpy()
        assert phases[name].weights[positive].sum() == pytest.approx(share)


def test_believed_targets_blend_the_teacher_with_labels_and_validation_keeps_its_labels(gaps):
    _, phases = phases_of(small("cromotex-believed", trust=0.6), gaps)
    _, plain = phases_of(small("clip"), gaps)
    for name in ("alignment", "fine-tuning"):
        train, val = phases[name].train, phases[name].val
        labels = plain["alignment"].train.targets
        believed = train.extra[TEACHER_PROBABILITY]
        assert torch.equal(train.targets, blend(believed, labels, trust=0.6))
        assert not train.targets.isnan().any()
        assert val.targets[~val.targets.isnan()].unique().tolist() == [0.0, 1.0]
