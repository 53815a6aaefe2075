import math

import pytest
import torch

from crossbeat import objectives
from crossbeat.objectives import HARDNESS, alignment, hardness

COSINES = torch.tensor([[0.9, 0.5, 0.1, -0.3], [0.2, 0.8, 0.6, 0.4]])
NEGATIVES = torch.tensor([[False, True, True, True], [True, False, True, False]])


def batch(num_samples: int = 32, *, class_signal: float = 0.0):
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(num_samples) % 2
    anchor, other = torch.randn(2, num_samples, 16, generator=generator)
    direction = torch.randn(16, generator=generator) * class_signal
    shift = (2 * labels - 1)[:, None] * direction
    return anchor + shift, other + shift, objectives.same(labels)


def loss(strategy, anchor, other, positives, *, alpha=5.0, share=0.1, temperature=0.01):
    return alignment(
        anchor,
        other,
        positives=positives,
        temperature=temperature,
        own_pair=2.0,
        hardness=HARDNESS[strategy](alpha, share),
    )


@pytest.fixture(params=HARDNESS)
def strategy(request):
    return request.param


# --- worked out by hand


def test_linear_rises_from_1_at_the_farthest_negative_to_alpha_at_the_nearest():
    weights = hardness.linear(5.0)(COSINES, NEGATIVES).exp()
    assert weights[0, 1:].tolist() == pytest.approx([5.0, 3.0, 1.0])
    assert weights[1, [0, 2]].tolist() == pytest.approx([1.0, 5.0])


@pytest.mark.parametrize(
    ("share", "first_row", "second_row"),
    [
        (0.01, [5, 1, 1], [1, 5]),  # at least one
        (0.5, [5, 5, 1], [5, 5]),  # half of the four candidates
        (1.0, [5, 5, 5], [5, 5]),  # at most the negatives there are
    ],
)
def test_topk_counts_a_share_of_the_batch_among_the_negatives(share, first_row, second_row):
    weights = hardness.topk(5.0, share)(COSINES, NEGATIVES).exp()
    assert weights[0, 1:].tolist() == pytest.approx(first_row)
    assert weights[1, [0, 2]].tolist() == pytest.approx(second_row)


@pytest.mark.parametrize(("share", "count"), [(0.075, 5), (0.07, 4), (0.29, 19)])
def test_topk_rounds_its_count(share, count):
    cosines = torch.linspace(-1, 1, 64)[None]
    log_weights = hardness.topk(5.0, share)(cosines, torch.ones(1, 64, dtype=torch.bool))
    assert (log_weights > 0).sum() == count
    assert (log_weights[0, -count:] > 0).all()


def test_topk_counts_all_ties_at_its_edge():
    cosines = torch.tensor([[0.5, 0.7, 0.5, 0.1]])
    weights = hardness.topk(2.0, 0.5)(cosines, torch.ones(1, 4, dtype=torch.bool)).exp()
    assert weights[0].tolist() == pytest.approx([2, 2, 2, 1])


def test_exp_is_1_plus_the_exponential_of_the_cosine():
    weights = hardness.exp(2.0)(COSINES, NEGATIVES).exp()
    assert weights[0].tolist() == pytest.approx(
        [1 + math.exp(2 * c) for c in (0.9, 0.5, 0.1, -0.3)]
    )


def test_none_weighs_1():
    assert hardness.none()(COSINES, NEGATIVES).tolist() == torch.zeros(2, 4).tolist()


# --- laws


def test_a_nearer_negative_never_weighs_less(strategy):
    cosines = torch.linspace(-1, 1, 21)[None]
    log_weights = HARDNESS[strategy](5.0, 0.2)(cosines, torch.ones(1, 21, dtype=torch.bool))
    assert (log_weights.diff() >= 0).all()
    assert (log_weights >= 0).all()
    assert (log_weights[0, -1] > log_weights[0, 0]) == (strategy != "none")


def test_the_weights_of_negatives_do_not_depend_on_the_positives(strategy):
    """The published code ranked and scaled over positives too."""
    moved = torch.where(NEGATIVES, COSINES, -COSINES)
    weigh = HARDNESS[strategy](5.0, 0.25)
    before, after = weigh(COSINES, NEGATIVES), weigh(moved, NEGATIVES)
    assert before[NEGATIVES].tolist() == after[NEGATIVES].tolist()
    assert before.isfinite().all()
    assert after.isfinite().all()


def test_only_negatives_are_penalised():
    """A hardness that penalises everything acts as one that penalises the negatives alone."""
    anchor, other, positives = batch()

    def everything(cosines, negatives):
        return torch.full_like(cosines, math.log(5))

    def value(weigh):
        return alignment(
            anchor, other, positives=positives, temperature=0.1, own_pair=2.0, hardness=weigh
        ).item()

    def only_negatives(cosines, negatives):
        return math.log(5) * negatives

    assert value(everything) == value(only_negatives)
    assert value(everything) > value(hardness.none()) + 0.1


@pytest.mark.parametrize("name", ["linear", "topk"])
def test_alpha_1_is_no_penalty(name):
    anchor, other, positives = batch()
    penalised = loss(name, anchor, other, positives, alpha=1.0, temperature=0.1)
    plain = loss("none", anchor, other, positives, temperature=0.1)
    assert penalised.item() == plain.item()


@pytest.mark.parametrize("temperature", [1.0, 0.01])
def test_a_batch_of_one_class_has_nothing_to_penalise(strategy, temperature):
    anchor, other, _ = batch()
    anchor.requires_grad_()
    value = loss(strategy, anchor, other, torch.ones(32, 32), temperature=temperature)
    value.backward()
    plain = loss("none", anchor, other, torch.ones(32, 32), temperature=temperature)
    assert value.isfinite()
    assert value.item() == plain.item()
    assert anchor.grad.isfinite().all()


def test_a_row_with_a_single_negative_is_finite(strategy):
    anchor, other, _ = batch(4)
    positives = torch.ones(4, 4)
    positives[0, 1] = positives[1, 0] = 0
    anchor.requires_grad_()
    value = loss(strategy, anchor, other, positives)
    value.backward()
    assert value.isfinite()
    assert anchor.grad.isfinite().all()


def test_the_hardest_published_setting_has_finite_values_and_gradients(strategy):
    """Temperature 0.01, alpha 5, and negatives that are the nearest of all (cosine 1)."""
    anchor, _, positives = batch()
    other = anchor.roll(1, dims=0).clone()
    anchor.requires_grad_()
    value = loss(strategy, anchor, other, positives)
    value.backward()
    assert value.isfinite()
    assert anchor.grad.isfinite().all()
    assert anchor.grad.abs().sum() > 0


def test_penalty_matters_only_while_negatives_rank_on_top():
    for name in ("linear", "topk", "exp"):
        mixed, plain = (loss(s, *batch(class_signal=0.0)).item() for s in (name, "none"))
        assert plain + 0.1 < mixed < plain + math.log(1 + math.exp(5))
        mixed, plain = (loss(s, *batch(class_signal=5.0)).item() for s in (name, "none"))
        assert mixed == pytest.approx(plain, rel=1e-5)


def test_gradients_through_the_weights_are_those_of_finite_differences(strategy):
    anchor, other, positives = batch(6)
    anchor = anchor.double().requires_grad_()
    weigh = HARDNESS[strategy](5.0, 0.2)

    def value(anchor):
        return alignment(
            anchor,
            other.double(),
            positives=positives,
            temperature=0.5,
            own_pair=2.0,
            hardness=weigh,
        )

    assert torch.autograd.gradcheck(value, anchor)


# --- errors


@pytest.mark.parametrize(("name", "alpha"), [("linear", 0.5), ("topk", 0.5), ("exp", -1.0)])
def test_an_alpha_that_would_spare_hard_negatives_is_an_error(name, alpha):
    with pytest.raises(ValueError, match=f"alpha must be finite and at least [01].0, got {alpha}"):
        HARDNESS[name](alpha, 0.1)


@pytest.mark.parametrize("alpha", [math.nan, math.inf])
def test_an_alpha_that_is_not_finite_is_an_error(alpha):
    with pytest.raises(ValueError, match="alpha must be finite"):
        hardness.exp(alpha)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, math.nan])
def test_a_share_that_is_no_share_is_an_error(share):
    with pytest.raises(ValueError, match=f"share must be above 0 and at most 1, got {share}"):
        hardness.topk(5.0, share)
