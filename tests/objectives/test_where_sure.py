"""Negatives count as far as a teacher believes in them, and are penalised where it is sure."""

import math

import pytest
import torch
from loss_cases import embeddings

from crossbeat.objectives import HARDNESS, agreement, alignment, hardness, where_sure

AGREEMENT = torch.tensor(
    [
        [0.125, 0.25, 0.125, 0.5],
        [0.25, 0.125, 0.625, 0.875],
        [0.125, 0.625, 0.125, 0.0],
        [0.5, 0.875, 0.0, 0.125],
    ]
)
"""Not even a sample and its partner are believed to agree: what is a negative is told apart."""
COSINES = torch.tensor(
    [
        [0.9, 0.5, 0.1, -0.3],
        [0.3, 0.8, 0.2, 0.1],
        [0.1, 0.7, -0.2, 0.4],
        [0.6, 0.0, 0.2, 0.5],
    ]
)
NEGATIVES = ~torch.eye(4, dtype=torch.bool)


def beliefs(num_samples: int = 12):
    generator = torch.Generator().manual_seed(4)
    return agreement(torch.rand(num_samples, 3, generator=generator))


def loss(strategy, anchor, other, agree, *, certainty=0.75, temperature=0.3, share=0.2):
    return alignment(
        anchor,
        other,
        positives=torch.zeros_like(agree),
        temperature=temperature,
        own_pair=1.0,
        hardness=where_sure(HARDNESS[strategy](5.0, share), agree, certainty),
    )


@pytest.fixture(params=HARDNESS)
def strategy(request):
    return request.param


# --- worked out by hand, and the definition as a slow loop


def test_a_negative_weighs_its_disagreement_times_the_penalty_where_it_is_sure():
    """At certainty 0.75 agreement of at most 0.25 is sure; in row 1 only its first candidate is."""
    weigh = where_sure(hardness.linear(5.0), AGREEMENT, 0.75)
    weights = weigh(COSINES, NEGATIVES).exp()
    assert weights[0, 1:].tolist() == pytest.approx([0.75 * 5, 0.875 * 1, 0.5])
    assert weights[1, [0, 2, 3]].tolist() == pytest.approx([0.75, 0.375, 0.125])
    assert weights[2, [0, 1, 3]].tolist() == pytest.approx([0.875 * 1, 0.375, 1 * 5])


def test_a_doubtful_negative_does_not_take_the_place_of_a_sure_one_among_the_nearest():
    """The nearest of row 2 is in doubt: the nearest sure one is penalised."""
    weigh = where_sure(hardness.topk(5.0, 0.25), AGREEMENT, 0.75)
    weights = weigh(COSINES, NEGATIVES).exp()
    assert weights[2, [0, 1, 3]].tolist() == pytest.approx([0.875, 0.375, 5])
    assert weights[3, :3].tolist() == pytest.approx([0.5, 0.125, 5])


def slow_weights(cosines, agree, certainty):
    """Of the strategy ``exp``, whose weight is 1 + exp(5 cos)."""
    return [
        [
            (1 - agree[i][k]) * (1 + math.exp(5 * cos) if agree[i][k] <= 1 - certainty else 1)
            for k, cos in enumerate(row)
        ]
        for i, row in enumerate(cosines)
    ]


def slow_surprise(cosines, agree, certainty, temperature):
    total = 0.0
    for i, weights in enumerate(slow_weights(cosines, agree, certainty)):
        weights[i] = 1.0
        terms = [
            weight * math.exp(cos / temperature)
            for weight, cos in zip(weights, cosines[i], strict=True)
        ]
        total += math.log(sum(terms)) - cosines[i][i] / temperature
    return total / len(cosines)


@pytest.mark.parametrize("certainty", [0.5, 0.75, 1.0])
def test_an_alignment_by_beliefs_is_the_loop_both_ways(certainty):
    anchor, other = embeddings()
    agree = beliefs()
    cosines = torch.nn.functional.normalize(anchor) @ torch.nn.functional.normalize(other).T
    expected = (
        slow_surprise(cosines.tolist(), agree.tolist(), certainty, 0.3)
        + slow_surprise(cosines.T.tolist(), agree.tolist(), certainty, 0.3)
    ) / 2
    reached = loss("exp", anchor, other, agree, certainty=certainty)
    assert reached.item() == pytest.approx(expected)


# --- laws


def test_the_weights_of_sure_negatives_do_not_depend_on_doubtful_ones(strategy):
    agree = beliefs()
    negatives = ~torch.eye(12, dtype=torch.bool)
    sure = negatives & (agree <= 0.25)
    assert 0 < sure.sum() < negatives.sum()
    cosines = torch.linspace(-1, 1, 144).reshape(12, 12)
    moved = torch.where(sure, cosines, -cosines)
    weigh = where_sure(HARDNESS[strategy](5.0, 0.2), agree, 0.75)
    before, after = weigh(cosines, negatives), weigh(moved, negatives)
    assert before[sure].tolist() == after[sure].tolist()
    assert after[~sure].tolist() == torch.log1p(-agree)[~sure].tolist()


def test_where_all_are_known_to_differ_it_is_the_plain_alignment(strategy):
    anchor, other = embeddings(dtype=torch.float32)
    nobody = torch.zeros(12, 12)
    plain = alignment(
        anchor,
        other,
        positives=nobody,
        temperature=0.3,
        own_pair=1.0,
        hardness=HARDNESS[strategy](5.0, 0.2),
    )
    assert loss(strategy, anchor, other, nobody).item() == plain.item()
    assert loss(strategy, anchor, other, beliefs()).item() < plain.item()


@pytest.mark.parametrize("name", ["none", "exp"])
def test_a_pair_weighs_the_same_in_both_directions(name):
    """For the strategies that rank nothing."""
    weigh = where_sure(HARDNESS[name](5.0, 0.2), beliefs(), 0.75)
    cosines = torch.linspace(-1, 1, 144).reshape(12, 12)
    negatives = ~torch.eye(12, dtype=torch.bool)
    assert weigh(cosines, negatives).equal(weigh(cosines.T, negatives).T)


def test_the_order_of_the_batch_does_not_matter(strategy):
    anchor, other = embeddings()
    agree = beliefs()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    moved = loss(strategy, anchor[order], other[order], agree[order][:, order])
    assert moved.item() == pytest.approx(loss(strategy, anchor, other, agree).item())


def test_the_more_certainty_is_asked_for_the_fewer_are_penalised():
    anchor, other = embeddings()
    losses = [
        loss("exp", anchor, other, beliefs(), certainty=value).item() for value in (0.5, 0.75, 0.95)
    ]
    assert losses[0] > losses[1] > losses[2]


# --- precision, gradients and errors


@pytest.mark.parametrize("known", ["all agree", "some agree"])
def test_values_and_gradients_are_finite_where_agreement_is_certain(strategy, known):
    """Temperature 0.01, and partners that are the farthest of all."""
    anchor, other = (x.requires_grad_() for x in embeddings(dtype=torch.float32))
    classes = torch.arange(12) % (1 if known == "all agree" else 2)
    agree = (classes[:, None] == classes[None]).float()
    weigh = where_sure(HARDNESS[strategy](5.0, 0.2), agree, 0.9)
    assert weigh(agree - 0.5, ~torch.eye(12, dtype=torch.bool)).isfinite().all()
    value = loss(strategy, anchor, -anchor.detach() + 0.01 * other, agree, temperature=0.01)
    value.backward()
    assert value.isfinite()
    for gradient in (anchor.grad, other.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_gradients_are_those_of_finite_differences(strategy):
    anchor, other = (x[:6].clone().requires_grad_() for x in embeddings())
    agree = beliefs(6).double()

    def value(anchor, other):
        return loss(strategy, anchor, other, agree, temperature=0.5, certainty=0.6)

    assert torch.autograd.gradcheck(value, (anchor, other))


@pytest.mark.parametrize("certainty", [0.0, 0.49, 1.01, math.nan])
def test_a_certainty_that_is_none_is_an_error(certainty):
    with pytest.raises(ValueError, match=f"certainty must be 0.5 to 1, got {certainty}"):
        where_sure(hardness.none(), AGREEMENT, certainty)
