import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from loss_cases import LOSSES, NEITHER, embeddings, some_pairs, two_classes

from crossbeat import objectives
from crossbeat.objectives import (
    alignment,
    clip,
    contrastive,
    info_nce,
    nt_xent,
    sigmoid,
    sup_con,
)


def fixed_weight(cosines, negatives):
    """A hardness that says 3 everywhere, at the positives too."""
    return torch.full_like(cosines, math.log(3))


def slow_info_nce(anchor, other, temperature, positives, weight_of_negative=1.0):
    total = 0.0
    for i in range(len(anchor)):
        s = [
            torch.dot(anchor[i], other[j]).item()
            / (anchor[i].norm().item() * other[j].norm().item() * temperature)
            for j in range(len(other))
        ]
        denominator = 0.0
        for k, weight in enumerate(positives[i].tolist()):
            if weight > 0:
                denominator += math.exp(s[k])
            elif weight == 0:
                denominator += weight_of_negative * math.exp(s[k])
        weights = [w if w > 0 else 0.0 for w in positives[i].tolist()]
        surprises = [w * (math.log(denominator) - s[j]) for j, w in enumerate(weights)]
        total += sum(surprises) / sum(weights)
    return total / len(anchor)


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


# --- worked out by hand, and the definitions as slow loops


def test_cosines_of_09_03_and_01_cost_06922_at_temperature_1():
    """log(e^.9 + e^.3 + e^.1) - .9, the arithmetic of SPEC.md 12."""
    cosines = torch.tensor([0.9, 0.3, 0.1])
    other = torch.stack([cosines, (1 - cosines**2).sqrt()], dim=1)
    anchor = torch.tensor([[1.0, 0.0]]).expand(3, 2)
    first = torch.tensor([[1.0, 0.0, 0.0]]).expand(3, 3)
    loss = info_nce(anchor, other, temperature=1.0, positives=first)
    assert loss.item() == pytest.approx(0.6922, abs=5e-5)


def test_info_nce_is_its_definition_as_a_loop():
    anchor, other = embeddings()
    loss = info_nce(anchor, other, temperature=0.3, positives=some_pairs(), hardness=fixed_weight)
    assert loss.item() == pytest.approx(slow_info_nce(anchor, other, 0.3, some_pairs(), 3.0))


def test_clip_is_cross_entropy_both_ways():
    anchor, other = embeddings()
    logits = F.normalize(anchor) @ F.normalize(other).T / 0.2
    own = torch.arange(len(anchor))
    by_hand = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    assert clip(anchor, other, temperature=0.2).item() == pytest.approx(by_hand.item())


def test_alignment_is_the_loop_both_ways_with_the_own_pair_weighted():
    anchor, other = embeddings()
    pairs = some_pairs()
    loss = alignment(
        anchor, other, positives=pairs, temperature=0.3, own_pair=2.5, hardness=fixed_weight
    )
    weighted = pairs.clone().fill_diagonal_(2.5)
    there = slow_info_nce(anchor, other, 0.3, weighted, 3.0)
    back = slow_info_nce(other, anchor, 0.3, weighted.T, 3.0)
    assert loss.item() == pytest.approx((there + back) / 2)


@pytest.mark.parametrize(("own_pair", "diagonal"), [(True, 1.0), (False, NEITHER)])
def test_sup_con_is_the_loop_with_the_own_pair_or_without_it(own_pair, diagonal):
    anchor, other = embeddings()
    loss = sup_con(anchor, other, positives=two_classes(), temperature=0.3, own_pair=own_pair)
    pairs = two_classes().fill_diagonal_(diagonal)
    assert loss.item() == pytest.approx(slow_info_nce(anchor, other, 0.3, pairs))


def test_nt_xent_is_cross_entropy_over_all_views_but_the_own():
    view, other_view = embeddings()
    views = F.normalize(torch.cat([view, other_view]))
    logits = (views @ views.T / 0.1).fill_diagonal_(-math.inf)
    siblings = torch.cat([torch.arange(12, 24), torch.arange(12)])
    by_hand = F.cross_entropy(logits, siblings)
    assert nt_xent(view, other_view, temperature=0.1).item() == pytest.approx(by_hand.item())


def test_sigmoid_is_its_definition_as_a_loop():
    anchor, other = embeddings()
    pairs = some_pairs()
    total = 0.0
    for i, row in enumerate(pairs.tolist()):
        for j, target in enumerate(row):
            if not math.isnan(target):
                logit = 10 * F.cosine_similarity(anchor[i], other[j], dim=0).item() - 3
                yes = 1 / (1 + math.exp(-logit))
                total -= target * math.log(yes) + (1 - target) * math.log(1 - yes)
    loss = sigmoid(anchor, other, scale=10.0, bias=-3.0, positives=pairs)
    assert loss.item() == pytest.approx(total / len(anchor))


def test_the_partner_is_the_only_positive_by_default():
    pair = embeddings()
    for loss in (
        partial(sigmoid, *pair, scale=10.0, bias=-3.0),
        partial(info_nce, *pair, temperature=0.3),
    ):
        assert loss().item() == pytest.approx(loss(positives=torch.eye(12)).item())


# --- laws


def test_an_anchor_without_a_positive_does_not_count_in_sup_con():
    anchor, other = embeddings()
    codes = torch.arange(12) % 2
    codes[5] = 7
    pairs = objectives.same(codes)
    loss = sup_con(anchor, other, positives=pairs, temperature=0.3, own_pair=False)
    rows, own_left_out = torch.arange(12) != 5, pairs.clone().fill_diagonal_(NEITHER)
    assert loss.item() == pytest.approx(slow_info_nce(anchor[rows], other, 0.3, own_left_out[rows]))


def test_a_hardness_is_shown_the_negatives_and_neither_positives_nor_undecided_pairs():
    shown = []

    def remember(cosines, negatives):
        shown.append(negatives)
        return torch.zeros_like(cosines)

    pairs = some_pairs()
    info_nce(*embeddings(), temperature=0.1, positives=pairs, hardness=remember)
    assert pairs.isnan().any()
    assert shown[0].equal(pairs == 0)


def test_clip_in_tiles_is_clip(monkeypatch):
    anchor, other = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(5))
    found = {}
    for tile in (64, 16):
        monkeypatch.setattr(contrastive, "TILE", tile)
        inputs = [each.clone().requires_grad_() for each in (anchor, other, torch.tensor(0.1))]
        loss = clip(inputs[0], inputs[1], temperature=inputs[2])
        loss.backward()
        found[tile] = [loss.detach(), *(each.grad for each in inputs)]
    for whole, tiled in zip(*found.values(), strict=True):
        assert torch.allclose(whole, tiled, atol=1e-5)


def test_clip_in_tiles_keeps_no_square(monkeypatch):
    monkeypatch.setattr(contrastive, "TILE", 16)
    anchor, other = torch.randn(2, 200, 8, requires_grad=True)
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        clip(anchor, other, temperature=0.1)
    assert max(kept) <= 200 * 8


# --- precision and gradients


def test_gradients_are_those_of_finite_differences(loss):
    anchor, other = (x[:6].clone().requires_grad_() for x in embeddings())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, 0.5), (anchor, other))


@pytest.mark.parametrize("batch", ["spread", "collapsed"])
def test_gradients_are_finite_at_temperature_001(loss, batch):
    anchor, other = embeddings(dtype=torch.float32)
    if batch == "collapsed":
        anchor, other = torch.ones_like(anchor), torch.ones_like(other)
    anchor, other = anchor.requires_grad_(), other.requires_grad_()
    value = loss(anchor, other, 0.01)
    value.backward()
    assert value.isfinite()
    for gradient in (anchor.grad, other.grad):
        assert gradient.isfinite().all()
        assert batch == "collapsed" or gradient.abs().sum() > 0


def test_losses_are_worked_out_in_float32_in_and_below_bfloat16(loss):
    anchor, other = embeddings(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(anchor, other, 0.01)
    assert inside.dtype == torch.float32
    assert inside.item() == loss(anchor, other, 0.01).item()
    anchor, other = anchor.bfloat16(), other.bfloat16()
    low = loss(anchor, other, 0.01)
    assert low.dtype == torch.float32
    assert low.item() == loss(anchor.float(), other.float(), 0.01).item()


def test_learned_temperature_scale_and_bias_get_a_gradient():
    anchor, other = embeddings()
    temperature, scale, bias = (torch.tensor(x, requires_grad=True) for x in (0.1, 10.0, -10.0))
    total = clip(anchor, other, temperature=temperature)
    (total + sigmoid(anchor, other, scale=scale, bias=bias)).backward()
    assert all(number.grad.abs() > 0 for number in (temperature, scale, bias))


def test_the_pair_weights_given_are_left_as_they_are():
    pairs = two_classes()
    alignment(*embeddings(), positives=pairs, temperature=0.1, own_pair=2.0)
    sup_con(*embeddings(), positives=pairs, temperature=0.1, own_pair=False)
    assert pairs.equal(two_classes())


# --- errors


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"sigmoid"}))
def test_a_temperature_not_above_0_is_an_error(name, temperature):
    with pytest.raises(ValueError, match="temperature must be finite and above 0, got"):
        LOSSES[name](*embeddings(), temperature)


@pytest.mark.parametrize(
    ("loss", "settings", "message"),
    [
        (clip, {"temperature": torch.tensor(-1.0)}, r"temperature must be .* above 0, got -1\.0"),
        (sigmoid, {"scale": 0.0, "bias": -10.0}, r"scale must be finite and above 0, got 0\.0"),
        (
            alignment,
            {"positives": torch.eye(12), "temperature": 0.1, "own_pair": 0.0},
            r"own_pair must be finite and above 0, got 0\.0",
        ),
        (
            sup_con,
            {"positives": torch.eye(12), "temperature": 0.1, "own_pair": False},
            "a positive of at least one sample, got none",
        ),
        (
            sigmoid,
            {"scale": 10.0, "bias": -10.0, "positives": 2 * torch.eye(12)},
            r"positives must be between 0 and 1.*got \[2\.0\]",
        ),
    ],
)
def test_settings_that_give_no_loss_are_refused(loss, settings, message):
    with pytest.raises(ValueError, match=message):
        loss(*embeddings(), **settings)


def test_pair_weights_that_give_no_loss_are_refused():
    below, lonely = torch.eye(12), torch.eye(12)
    below[0, 1], lonely[4, 4] = -2, 0
    message = r"positives must be finite and at least 0, or NaN, got \[-2\.0\]"
    for loss in (
        info_nce,
        partial(alignment, own_pair=2.0),
        partial(sup_con, own_pair=False),
    ):
        with pytest.raises(ValueError, match=message):
            loss(*embeddings(), temperature=0.1, positives=below)
    with pytest.raises(ValueError, match=r"a positive of every sample, got none for \[4\]"):
        info_nce(*embeddings(), temperature=0.1, positives=lonely)
