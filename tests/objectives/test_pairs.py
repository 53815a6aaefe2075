"""Which pairs are positives, how hard negatives count, and both by a teacher's beliefs."""

import itertools
import math
from functools import partial

import pytest
import torch
from loss_cases import embeddings

from crossbeat.objectives import (
    HARDNESS,
    POSITIVES,
    agreement,
    alignment,
    equal,
    likely,
    pairs,
    same,
    where_sure,
)

IGNORED = math.nan
EVERY_LABEL = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))


def slow_equal(a, b):
    return float(a == b)


def slow_any_shared(a, b):
    return float(any(x == y == 1 for x, y in zip(a, b, strict=True)) or (sum(a) == sum(b) == 0))


def slow_jaccard(a, b):
    ours, theirs = ({i for i, x in enumerate(labels) if x == 1} for labels in (a, b))
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0


SLOW = {"equal": slow_equal, "any_shared": slow_any_shared, "jaccard": slow_jaccard}


def completions(labels):
    return itertools.product(*[(0.0, 1.0) if math.isnan(x) else (x,) for x in labels])


@pytest.fixture(params=POSITIVES)
def name(request):
    return request.param


@pytest.mark.parametrize("num_findings", [1, 2, 3])
def test_a_pair_has_the_weight_that_every_completion_of_its_labels_gives(name, num_findings):
    rows = list(itertools.product((0.0, 1.0, IGNORED), repeat=num_findings))
    weights = POSITIVES[name](torch.tensor(rows)).tolist()
    for (i, a), (j, b) in itertools.product(enumerate(rows), enumerate(rows)):
        outcomes = {SLOW[name](x, y) for x in completions(a) for y in completions(b)}
        if len(outcomes) == 1:
            assert weights[i][j] == pytest.approx(outcomes.pop()), (a, b)
        else:
            assert math.isnan(weights[i][j]), (a, b)


def test_counts_are_exact_under_autocast_to_bfloat16(name):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (8, 1000), generator=generator).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = POSITIVES[name](labels)
    assert inside.dtype == torch.float32
    assert inside.equal(POSITIVES[name](labels))


def test_a_label_that_is_neither_0_nor_1_is_an_error(name):
    with pytest.raises(ValueError, match=r"labels must be 0, 1 or NaN \(ignored\), got \[-1\.0\]"):
        POSITIVES[name](torch.tensor([[1.0], [-1.0]]))


def test_samples_of_the_same_code_are_positives():
    assert same(torch.tensor([3, 1, 3])).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


# --- the probability of agreement, where labels are probabilities


def test_agreement_is_its_definition_as_a_loop():
    probabilities = torch.rand(7, 4, generator=torch.Generator().manual_seed(0))
    found = agreement(probabilities)
    for i, ours in enumerate(probabilities.tolist()):
        for j, theirs in enumerate(probabilities.tolist()):
            both = [p * q + (1 - p) * (1 - q) for p, q in zip(ours, theirs, strict=True)]
            assert found[i, j].item() == pytest.approx(math.prod(both))
    assert found.equal(found.T)


def test_agreement_and_likeliness_of_certain_probabilities_are_the_rule_of_equal_labels():
    assert agreement(EVERY_LABEL).equal(equal(EVERY_LABEL))
    for certainty in (0.5, 0.9, 1.0):
        assert likely(EVERY_LABEL, certainty).equal(equal(EVERY_LABEL))


def test_agreement_is_worked_out_in_float32_whatever_the_precision():
    probabilities = torch.rand(8, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = agreement(probabilities)
    assert inside.dtype == torch.float32
    assert inside.equal(agreement(probabilities.float()))


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_an_agreement_of_what_is_no_probability_is_an_error(value):
    with pytest.raises(ValueError, match=rf"probabilities must be between 0 and 1.*\[{value}\]"):
        agreement(torch.tensor([[0.5], [value]]))


# --- positives by the probability of agreement


def test_likely_keeps_an_agreement_above_the_edge_and_makes_a_sure_difference_a_negative():
    """Agreements by hand: 0.9 0.95 + 0.1 0.05 = 0.86, 0.9 0.06 + 0.1 0.94 = 0.148, and 0.104."""
    found = likely(torch.tensor([[0.9], [0.95], [0.06]]), certainty=0.88)
    expected = [[0.82, 0.86, 0.148], [0.86, 0.905, 0.0], [0.148, 0.0, 0.8872]]
    assert found.tolist() == [pytest.approx(row) for row in expected]


def test_a_likely_pair_with_an_ignored_label_is_undecided():
    found = likely(torch.tensor([[0.9], [IGNORED]]), certainty=0.9)
    assert found.isnan().tolist() == [[False, True], [True, True]]


# --- how much more a hard negative counts

COSINES = torch.tensor([[0.9, 0.5, 0.1, -0.3], [0.2, 0.8, 0.6, 0.4]])
NEGATIVES = torch.tensor([[False, True, True, True], [True, False, True, False]])
ALL = torch.ones(1, 64, dtype=torch.bool)


def loss(strategy, anchor, other, positives, *, share=0.1, temperature=0.01):
    settings = {"positives": positives, "temperature": temperature, "own_pair": 2.0}
    return alignment(anchor, other, hardness=HARDNESS[strategy](5.0, share), **settings)


@pytest.fixture(params=HARDNESS)
def strategy(request):
    return request.param


@pytest.mark.parametrize(
    ("weigh", "first_row", "second_row"),
    [
        (pairs.none(), [1, 1, 1], [1, 1]),
        (pairs.linear(5.0), [5, 3, 1], [1, 5]),  # 1 at the farthest, 5 at the nearest
        (pairs.topk(5.0, 0.01), [5, 1, 1], [1, 5]),  # at least one
        (pairs.topk(5.0, 0.5), [5, 5, 1], [5, 5]),  # half of the four candidates
        (pairs.topk(5.0, 1.0), [5, 5, 5], [5, 5]),  # at most the negatives there are
        (
            pairs.exp(2.0),
            [1 + math.exp(2 * cos) for cos in (0.5, 0.1, -0.3)],
            [1 + math.exp(2 * cos) for cos in (0.2, 0.6)],
        ),
    ],
)
def test_weights_of_negatives_are_those_worked_out_by_hand(weigh, first_row, second_row):
    weights = weigh(COSINES, NEGATIVES).exp()
    assert weights[0, 1:].tolist() == pytest.approx(first_row)
    assert weights[1, [0, 2]].tolist() == pytest.approx(second_row)


@pytest.mark.parametrize(("share", "count"), [(0.075, 5), (0.07, 4), (0.29, 19)])
def test_topk_rounds_its_count(share, count):
    log_weights = pairs.topk(5.0, share)(torch.linspace(-1, 1, 64)[None], ALL)
    assert (log_weights > 0).sum() == count
    assert (log_weights[0, -count:] > 0).all()


def test_topk_counts_all_ties_at_its_edge():
    weights = pairs.topk(2.0, 0.5)(torch.tensor([[0.5, 0.7, 0.5, 0.1]]), ALL[:, :4]).exp()
    assert weights[0].tolist() == pytest.approx([2, 2, 2, 1])


ONE_CLASS = torch.ones(12, 12)
ONE_NEGATIVE = ONE_CLASS.clone()
ONE_NEGATIVE[0, 1] = ONE_NEGATIVE[1, 0] = 0


@pytest.mark.parametrize(
    ("positives", "nearest"),
    [(ONE_CLASS, False), (ONE_NEGATIVE, False), (same(torch.arange(12) % 2), True)],
    ids=["one class", "one negative", "negatives are nearest"],
)
def test_the_hardest_published_setting_has_finite_values_and_gradients(
    strategy, positives, nearest
):
    """Temperature 0.01, alpha 5; a batch of one class has nothing to penalise."""
    anchor, other = embeddings(dtype=torch.float32)
    other = anchor.roll(1, dims=0) if nearest else other
    anchor.requires_grad_()
    value = loss(strategy, anchor, other, positives)
    value.backward()
    assert value.isfinite()
    assert anchor.grad.isfinite().all()
    assert anchor.grad.abs().sum() > 0
    if positives is ONE_CLASS:
        assert value.item() == loss("none", anchor, other, positives).item()


# --- negatives weighted by a teacher's belief, and penalised where it is sure

AGREEMENT = torch.tensor(
    [
        [0.125, 0.25, 0.125, 0.5],
        [0.25, 0.125, 0.625, 0.875],
        [0.125, 0.625, 0.125, 0.0],
        [0.5, 0.875, 0.0, 0.125],
    ]
)
"""Not even a sample and its partner are believed to agree: what is a negative is told apart."""
BELIEVED = torch.tensor(
    [[0.9, 0.5, 0.1, -0.3], [0.3, 0.8, 0.2, 0.1], [0.1, 0.7, -0.2, 0.4], [0.6, 0.0, 0.2, 0.5]]
)


def others(num_samples):
    return ~torch.eye(num_samples, dtype=torch.bool)


def beliefs(num_samples=12):
    return agreement(torch.rand(num_samples, 3, generator=torch.Generator().manual_seed(4)))


def by_belief(strategy, anchor, other, agree, *, certainty=0.75, temperature=0.3):
    return alignment(
        anchor,
        other,
        positives=torch.zeros_like(agree),
        temperature=temperature,
        own_pair=1.0,
        hardness=where_sure(HARDNESS[strategy](5.0, 0.2), agree, certainty),
    )


@pytest.mark.parametrize(
    ("strategy", "row", "expected"),
    [
        # At certainty 0.75 agreement of at most 0.25 is sure; in row 1 only its first candidate is.
        (pairs.linear(5.0), 0, [0.75 * 5, 0.875 * 1, 0.5]),
        (pairs.linear(5.0), 1, [0.75, 0.375, 0.125]),
        (pairs.linear(5.0), 2, [0.875 * 1, 0.375, 1 * 5]),
        # The nearest of row 2 is in doubt: the nearest sure one is penalised.
        (pairs.topk(5.0, 0.25), 2, [0.875, 0.375, 5]),
        (pairs.topk(5.0, 0.25), 3, [0.5, 0.125, 5]),
    ],
)
def test_a_negative_weighs_its_disagreement_times_the_penalty_where_it_is_sure(
    strategy, row, expected
):
    weights = where_sure(strategy, AGREEMENT, 0.75)(BELIEVED, others(4)).exp()
    assert weights[row][others(4)[row]].tolist() == pytest.approx(expected)


def slow_surprise(cosines, agree, certainty, temperature):
    """Of the strategy ``exp``, whose weight is 1 + exp(5 cos)."""
    total = 0.0
    for i, row in enumerate(cosines):
        terms = []
        for k, cos in enumerate(row):
            penalty = 1 + math.exp(5 * cos) if agree[i][k] <= 1 - certainty else 1
            weight = 1 if k == i else (1 - agree[i][k]) * penalty
            terms.append(weight * math.exp(cos / temperature))
        total += math.log(sum(terms)) - row[i] / temperature
    return total / len(cosines)


@pytest.mark.parametrize("certainty", [0.5, 0.75, 1.0])
def test_an_alignment_by_beliefs_is_the_loop_both_ways(certainty):
    anchor, other = embeddings()
    agree = beliefs()
    cosines = torch.nn.functional.normalize(anchor) @ torch.nn.functional.normalize(other).T
    there, back = (
        slow_surprise(c.tolist(), agree.tolist(), certainty, 0.3) for c in (cosines, cosines.T)
    )
    reached = by_belief("exp", anchor, other, agree, certainty=certainty)
    assert reached.item() == pytest.approx((there + back) / 2)


@pytest.mark.parametrize("classes", [1, 2])
def test_values_and_gradients_are_finite_where_agreement_is_certain(strategy, classes):
    """Temperature 0.01, and partners that are the farthest of all."""
    anchor, other = (x.requires_grad_() for x in embeddings(dtype=torch.float32))
    agree = same(torch.arange(12) % classes)
    weigh = where_sure(HARDNESS[strategy](5.0, 0.2), agree, 0.9)
    assert weigh(agree - 0.5, others(12)).isfinite().all()
    far = -anchor.detach() + 0.01 * other
    value = by_belief(strategy, anchor, far, agree, temperature=0.01)
    value.backward()
    assert value.isfinite()
    for gradient in (anchor.grad, other.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("believed", [False, True])
def test_gradients_through_the_weights_are_those_of_finite_differences(strategy, believed):
    anchor, other = (x[:6].clone().requires_grad_() for x in embeddings())
    value = (
        partial(by_belief, agree=beliefs(6).double(), certainty=0.6)
        if believed
        else partial(loss, positives=same(torch.arange(6) % 2), share=0.2)
    )
    assert torch.autograd.gradcheck(
        lambda one, two: value(strategy, one, two, temperature=0.5), (anchor, other)
    )


# --- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pairs.linear(0.5), r"alpha must be finite and at least 1\.0, got 0\.5"),
        (lambda: pairs.topk(0.5, 0.1), r"alpha must be finite and at least 1\.0, got 0\.5"),
        (lambda: pairs.exp(-1.0), r"alpha must be finite and at least 0\.0, got -1\.0"),
        (lambda: pairs.exp(math.nan), "alpha must be finite and at least 0.0, got nan"),
        (lambda: pairs.exp(math.inf), "alpha must be finite and at least 0.0, got inf"),
        *(
            (partial(pairs.topk, 5.0, share), f"share must be above 0 and at most 1, got {share}")
            for share in (0.0, -0.1, 1.5, math.nan)
        ),
        *(
            (partial(make, certainty=value), f"certainty must be 0.5 to 1, got {value}")
            for value in (0.0, 0.49, 1.01, math.nan)
            for make in (
                partial(where_sure, pairs.none(), AGREEMENT),
                partial(likely, torch.full((3, 2), 0.5)),
            )
        ),
    ],
)
def test_settings_out_of_their_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
