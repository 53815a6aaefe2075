"""Controls and ablations are what their names say, and share what they have in common."""

import json

import numpy as np
import pytest
import torch
from small_recipes import (
    NO_ECG,
    NO_XRAY,
    QUIET,
    UNREPORTED,
    phases_of,
    run_of,
    same,
    small,
    with_gaps,
)

from crossbeat.objectives import blend
from crossbeat.recipes import RECIPES
from crossbeat.recipes.settings import to_plain
from crossbeat.recipes.steps import TEACHER_PROBABILITY, XRAY_EMBEDDING
from crossbeat.training import run_phases
from crossbeat.training.checkpoint import load_tensors


def difference(name):
    """The settings in which a recipe differs from CroMoTEX."""
    ours, base = to_plain(RECIPES[name]), to_plain(RECIPES["cromotex"])
    assert ours.keys() == base.keys()
    return {key for key in ours if ours[key] != base[key]}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("cromotex-no-ssl", "self_supervision"),
        ("cromotex-no-hard-negatives", "hardness"),
        ("shuffled", "shuffle_pairs"),
    ],
)
def test_an_ablation_changes_one_setting(name, setting):
    assert difference(name) == {setting}


def test_baselines_differ_from_direct_in_their_encoder_alone():
    direct = to_plain(RECIPES["direct"])
    for name in ("resnet1d", "biot"):
        ours = to_plain(RECIPES[name])
        assert {key for key in ours if ours[key] != direct[key]} == {"ecg"}
        assert {key for key in ours["ecg"] if ours["ecg"][key] != direct["ecg"][key]} == {"encoder"}


def test_shuffling_gives_every_ecg_the_xray_of_somebody_else_and_loses_none(tiny):
    _, phases = phases_of(small("cromotex"), tiny)
    _, shuffled = phases_of(small("shuffled"), tiny)
    for split in ("train", "val"):
        own = getattr(phases["alignment"], split)
        other = getattr(shuffled["alignment"], split)
        assert np.array_equal(own.rows, other.rows)
        assert torch.equal(own.targets, other.targets)
        ours, theirs = own.extra[XRAY_EMBEDDING], other.extra[XRAY_EMBEDDING]
        assert not (ours == theirs).all(dim=1).any()
        matches = (ours[:, None] == theirs[None]).all(dim=2)
        assert (matches.sum(dim=0) == 1).all()
        assert (matches.sum(dim=1) == 1).all()


def test_only_the_alignment_on_of_shuffled_differs_from_cromotex(tiny, tmp_path):
    shared = tmp_path / "phases"
    runs = {
        name: run_of(small(name), tiny, tmp_path / name, name=name, shared=shared)
        for name in ("cromotex", "shuffled", "distillation")
    }
    reused = {
        name: [phase["name"] for phase in run.phases if phase["reused"]]
        for name, run in runs.items()
    }
    assert reused == {
        "cromotex": [],
        "shuffled": ["teacher", "self-supervision"],
        "distillation": ["teacher"],
    }
    for part in ("ecg_encoder", "ecg_classifier"):
        assert not same(runs["cromotex"].parts[part], runs["shuffled"].parts[part])


def test_a_shared_phase_gives_the_weights_that_an_own_one_gives(tiny, tmp_path):
    shared = tmp_path / "phases"
    run_of(small("cromotex"), tiny, tmp_path / "a", name="cromotex", shared=shared)
    with_others = run_of(
        small("distillation"), tiny, tmp_path / "b", name="distillation", shared=shared
    )
    alone = run_of(small("distillation"), tiny, tmp_path / "c", name="distillation")
    assert with_others.phases[0]["reused"]
    assert same(with_others.parts, alone.parts)


@pytest.mark.parametrize("name", ["cromotex", "clip", "eccl"])
def test_the_teacher_stays_bit_for_bit_what_it_was_in_every_later_phase(name, tiny, tmp_path):
    run = run_of(small(name, epochs=2), tiny, tmp_path / "run", name=name)
    kept = {phase["name"]: tmp_path / "run" / phase["folder"] for phase in run.phases}
    learned, _ = load_tensors(kept["teacher"] / "best.safetensors")
    final = run.parts.state_dict()
    assert all(torch.equal(value, final[key]) for key, value in learned.items())
    start = small(name).parts(tiny.info, 0).state_dict()
    statistics = [key for key in learned if "running" in key]
    assert statistics
    assert not any(torch.equal(learned[key], start[key]) for key in statistics)


def test_the_teacher_tells_in_eval_mode_what_it_learned(tiny, tmp_path):
    """The embeddings of the alignment are those of the trained teacher, not of the random one."""
    recipe = small("cromotex")
    parts = recipe.parts(tiny.info, 0)
    seen = {}

    def watched():
        for phase in recipe.phases(parts, tiny, 0):
            if phase.name == "alignment":
                seen.update(phase.train.extra)
                with torch.no_grad():
                    xrays = tiny.images("xray", phase.train.rows).float()[:, None] / 255
                    parts["xray_encoder"].eval()
                    seen["expected"] = parts["xray_encoder"](xrays)
            yield phase

    run_phases(watched(), parts, tmp_path, seed=0, trainer=QUIET)
    torch.testing.assert_close(seen[XRAY_EMBEDDING], seen["expected"])


def test_clip_ignores_labels_until_fine_tuning(tiny):
    parts, phases = phases_of(small("clip"), tiny)
    phase = phases["alignment"]
    batch = phase.train.batch(np.arange(24))
    flipped = type(batch)(batch.ecg, batch.xray, 1 - batch.targets, batch.extra)
    losses = [
        phase.step(parts, each, torch.Generator().manual_seed(0)) for each in (batch, flipped)
    ]
    assert torch.equal(losses[0]["loss"], losses[1]["loss"])
    assert phase.weights is None
    assert phases["self-supervision"].train.targets.shape[1] == 0


def test_cromotex_uses_labels_in_its_alignment(tiny):
    parts, phases = phases_of(small("cromotex"), tiny)
    batch = phases["alignment"].train.batch(np.arange(24))
    alike = type(batch)(batch.ecg, batch.xray, torch.zeros_like(batch.targets), batch.extra)
    step = phases["alignment"].step
    losses = [step(parts, each, torch.Generator().manual_seed(0)) for each in (batch, alike)]
    assert not torch.equal(losses[0]["loss"], losses[1]["loss"])


@pytest.mark.parametrize("name", ["label-only", "direct", "resnet1d", "biot"])
def test_controls_of_the_ecg_alone_have_no_xray_anywhere(name, tiny):
    parts, phases = phases_of(small(name), tiny)
    assert not any(part.startswith("xray") for part in parts)
    for phase in phases.values():
        for source in (phase.train, phase.val):
            assert source.reads == ("ecg",)
            assert not source.extra


def test_distillation_learns_the_teachers_probabilities_and_no_label(tiny):
    parts, phases = phases_of(small("distillation"), tiny)
    source = phases["distillation"].train
    with torch.no_grad():
        embedded = parts["xray_encoder"](tiny.images("xray", source.rows).float()[:, None] / 255)
        expected = parts["xray_classifier"](embedded).sigmoid()
    torch.testing.assert_close(source.extra[TEACHER_PROBABILITY], expected)
    batch = source.batch(np.arange(24))
    flipped = type(batch)(batch.ecg, batch.xray, 1 - batch.targets, batch.extra)
    step = phases["distillation"].step
    losses = [step(parts, each, torch.Generator().manual_seed(0)) for each in (batch, flipped)]
    assert torch.equal(losses[0]["loss"], losses[1]["loss"])


def test_the_share_of_positives_is_that_of_the_setting(tiny):
    recipe = small("cromotex", alignment_positives=0.25, fine_tuning_positives=0.5)
    _, phases = phases_of(recipe, tiny)
    for name, share in (("alignment", 0.25), ("fine-tuning", 0.5)):
        positive = (phases[name].train.targets == 1).any(dim=1).numpy()
        assert phases[name].weights[positive].sum() == pytest.approx(share)


def test_settings_of_every_recipe_are_json():
    for recipe in RECIPES.values():
        json.dumps(to_plain(recipe))


# --- CroMoTEX for pairs without a label


def test_believed_differs_from_cromotex_in_settings_of_targets_alone():
    ours, base = (to_plain(RECIPES[name]) for name in ("cromotex-believed", "cromotex"))
    assert ours.keys() - base.keys() == {"trust", "certainty"}
    left_out = {"positives", "alignment_positives", "fine_tuning_positives", "shuffle_pairs"}
    assert base.keys() - ours.keys() == left_out
    assert all(ours[key] == base[key] for key in ours.keys() & base.keys())


def test_believed_aligns_and_fine_tunes_on_all_pairs_where_cromotex_has_the_labelled_ones(tiny):
    cohort = with_gaps(tiny)
    pairs = set(range(72)) - {*NO_XRAY.tolist(), *NO_ECG.tolist()}
    unread = set(UNREPORTED.tolist())
    for name, expected in (("cromotex", pairs - unread), ("cromotex-believed", pairs)):
        _, phases = phases_of(small(name), cohort)
        assert set(phases["alignment"].train.rows.tolist()) == expected
    assert set(phases["fine-tuning"].train.rows.tolist()) == pairs


def test_believed_targets_blend_the_teacher_with_labels_and_validation_keeps_its_labels(tiny):
    cohort = with_gaps(tiny)
    _, phases = phases_of(small("cromotex-believed", trust=0.6), cohort)
    _, plain = phases_of(small("clip"), cohort)
    for name in ("alignment", "fine-tuning"):
        train, val = phases[name].train, phases[name].val
        labels = plain["alignment"].train.targets
        believed = train.extra[TEACHER_PROBABILITY]
        assert torch.equal(train.targets, blend(believed, labels, trust=0.6))
        assert not train.targets.isnan().any()
        assert val.targets[~val.targets.isnan()].unique().tolist() == [0.0, 1.0]
