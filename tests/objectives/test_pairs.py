import itertools
import math

import pytest
import torch

from crossbeat.objectives import (
    POSITIVES,
    agreement,
    any_shared,
    equal,
    info_nce,
    jaccard,
    likely,
    same,
)

IGNORED = math.nan


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


def every_label_row(num_findings):
    return list(itertools.product((0.0, 1.0, IGNORED), repeat=num_findings))


@pytest.mark.parametrize("num_findings", [1, 2, 3])
def test_a_pair_has_the_weight_that_every_completion_of_its_labels_gives(name, num_findings):
    rows = every_label_row(num_findings)
    weights = POSITIVES[name](torch.tensor(rows)).tolist()
    for (i, a), (j, b) in itertools.product(enumerate(rows), enumerate(rows)):
        outcomes = {SLOW[name](x, y) for x in completions(a) for y in completions(b)}
        if len(outcomes) == 1:
            assert weights[i][j] == pytest.approx(outcomes.pop()), (a, b)
        else:
            assert math.isnan(weights[i][j]), (a, b)


def test_rules_worked_out_by_hand():
    labels = torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert equal(labels)[0].tolist() == [1, 0, 0, 0]
    assert any_shared(labels)[0].tolist() == [1, 1, 0, 0]
    assert jaccard(labels)[0].tolist() == [1, 0.5, 0, 0]
    for rule in POSITIVES.values():
        assert rule(labels)[2].tolist() == [0, 0, 1, 1]  # nothing found in either: positives


def test_for_a_single_finding_all_rules_agree():
    labels = torch.tensor([[1.0], [0], [1], [0], [IGNORED]])
    expected = equal(labels)
    assert any_shared(labels).equal(expected) or torch.equal(
        any_shared(labels).nan_to_num(9), expected.nan_to_num(9)
    )
    assert jaccard(labels).nan_to_num(9).equal(expected.nan_to_num(9))
    assert expected[:4, :4].equal(same(torch.tensor([1, 0, 1, 0])))


def test_weights_are_symmetric_and_follow_the_order_of_the_batch(name):
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0.0, 1.0, IGNORED])[torch.randint(3, (20, 4), generator=generator)]
    weights = POSITIVES[name](labels).nan_to_num(9)
    order = torch.randperm(20, generator=generator)
    assert weights.equal(weights.T)
    assert POSITIVES[name](labels[order]).nan_to_num(9).equal(weights[order][:, order])


def test_an_undecided_pair_is_neither_positive_nor_negative_for_a_loss():
    """With labels 1, 0 and ignored, nobody learns from the pairs of the third but its own."""
    pairs = equal(torch.tensor([[1.0], [0.0], [IGNORED]])).fill_diagonal_(1)
    assert pairs.isnan().tolist() == [
        [False, False, True],
        [False, False, True],
        [True, True, False],
    ]
    anchor = torch.eye(3)
    other = torch.eye(3).requires_grad_()
    loss = info_nce(anchor, other, temperature=1.0, positives=pairs)
    loss.backward()
    assert loss.item() == pytest.approx(2 / 3 * math.log(1 + math.exp(-1)))
    assert other.grad[2].abs().max() == 0


def test_counts_are_exact_under_autocast_to_bfloat16(name):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (8, 1000), generator=generator).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = POSITIVES[name](labels)
    assert inside.dtype == torch.float32
    assert inside.equal(POSITIVES[name](labels))


def test_same_has_the_samples_of_one_patient_as_positives():
    assert same(torch.tensor([7, 3, 7])).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_a_label_that_is_neither_0_nor_1_is_an_error(name):
    with pytest.raises(ValueError, match=r"labels must be 0, 1 or NaN \(ignored\), got \[-1\.0\]"):
        POSITIVES[name](torch.tensor([[1.0], [-1.0]]))


# --- the probability of agreement, where labels are probabilities


def test_agreement_of_09_02_with_06_05_is_029():
    """(0.9 0.6 + 0.1 0.4) (0.2 0.5 + 0.8 0.5), and of each with itself."""
    found = agreement(torch.tensor([[0.9, 0.2], [0.6, 0.5]]))
    assert found.flatten().tolist() == pytest.approx([0.5576, 0.29, 0.29, 0.26])


def test_agreement_is_its_definition_as_a_loop():
    probabilities = torch.rand(7, 4, generator=torch.Generator().manual_seed(0))
    found = agreement(probabilities)
    for i, ours in enumerate(probabilities.tolist()):
        for j, theirs in enumerate(probabilities.tolist()):
            both = [p * q + (1 - p) * (1 - q) for p, q in zip(ours, theirs, strict=True)]
            assert found[i, j].item() == pytest.approx(math.prod(both))
    assert found.equal(found.T)


def test_agreement_of_certain_probabilities_is_the_rule_of_equal_labels():
    labels = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
    assert agreement(labels).equal(equal(labels))


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


def test_likely_positives_of_labels_are_those_of_equal_labels():
    labels = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
    for certainty in (0.5, 0.9, 1.0):
        assert likely(labels, certainty).equal(equal(labels))


def test_a_likely_pair_with_an_ignored_label_is_undecided():
    found = likely(torch.tensor([[0.9], [IGNORED]]), certainty=0.9)
    assert found.isnan().tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("certainty", [0.4, 1.1])
def test_a_certainty_out_of_range_is_an_error_of_likely(certainty):
    with pytest.raises(ValueError, match=rf"certainty must be 0\.5 to 1, got {certainty}"):
        likely(torch.rand(3, 2), certainty)
