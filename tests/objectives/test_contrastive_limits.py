"""Precision, gradients and errors of the contrastive losses."""

import math

import pytest
import torch
from loss_cases import LOSSES, embeddings, two_classes

from crossbeat.objectives import alignment, clip, info_nce, sigmoid, sup_con


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


# --- precision and gradients


def test_gradients_are_those_of_finite_differences(loss):
    anchor, other = (x[:6].clone().requires_grad_() for x in embeddings())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, 0.5), (anchor, other))


def test_gradients_are_finite_at_temperature_001(loss):
    anchor, other = (x.requires_grad_() for x in embeddings(dtype=torch.float32))
    value = loss(anchor, other, 0.01)
    value.backward()
    assert value.isfinite()
    for gradient in (anchor.grad, other.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_a_collapsed_batch_has_a_finite_gradient(loss):
    anchor = torch.ones(6, 4, requires_grad=True)
    value = loss(anchor, torch.ones(6, 4), 0.01)
    value.backward()
    assert value.isfinite()
    assert anchor.grad.isfinite().all()


def test_autocast_to_bfloat16_changes_nothing_for_float32_embeddings(loss):
    anchor, other = embeddings(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(anchor, other, 0.01)
    assert inside.dtype == torch.float32
    assert inside.item() == loss(anchor, other, 0.01).item()


def test_bfloat16_embeddings_are_compared_in_float32(loss):
    anchor, other = (x.bfloat16() for x in embeddings())
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
    anchor, other = embeddings()
    pairs = two_classes()
    alignment(anchor, other, positives=pairs, temperature=0.1, own_pair=2.0)
    sup_con(anchor, other, positives=pairs, temperature=0.1, own_pair=False)
    assert pairs.equal(two_classes())


# --- errors


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"sigmoid"}))
def test_a_temperature_not_above_0_is_an_error(name, temperature):
    with pytest.raises(ValueError, match="temperature must be finite and above 0, got"):
        LOSSES[name](*embeddings(), temperature)


def test_a_learned_temperature_not_above_0_is_an_error():
    with pytest.raises(ValueError, match=r"temperature must be finite and above 0, got -1\.0"):
        clip(*embeddings(), temperature=torch.tensor(-1.0))


def test_a_scale_not_above_0_is_an_error():
    with pytest.raises(ValueError, match=r"scale must be finite and above 0, got 0\.0"):
        sigmoid(*embeddings(), scale=0.0, bias=-10.0)


def test_an_own_pair_weight_not_above_0_is_an_error():
    with pytest.raises(ValueError, match=r"own_pair must be finite and above 0, got 0\.0"):
        alignment(*embeddings(), positives=two_classes(), temperature=0.1, own_pair=0.0)


def test_a_weight_below_0_is_an_error():
    anchor, other = embeddings()
    pairs = torch.eye(12)
    pairs[0, 1] = -2
    message = r"positives must be finite and at least 0, or NaN, got \[-2\.0\]"
    with pytest.raises(ValueError, match=message):
        info_nce(anchor, other, temperature=0.1, positives=pairs)
    with pytest.raises(ValueError, match=message):
        alignment(anchor, other, positives=pairs, temperature=0.1, own_pair=2.0)
    with pytest.raises(ValueError, match=message):
        sup_con(anchor, other, positives=pairs, temperature=0.1, own_pair=False)


def test_a_sample_without_a_positive_is_an_error_in_info_nce():
    pairs = torch.eye(12)
    pairs[4, 4] = 0
    with pytest.raises(ValueError, match=r"a positive of every sample, got none for \[4\]"):
        info_nce(*embeddings(), temperature=0.1, positives=pairs)


def test_a_batch_without_any_positive_is_an_error_in_sup_con():
    with pytest.raises(ValueError, match="a positive of at least one sample, got none"):
        sup_con(*embeddings(), positives=torch.eye(12), temperature=0.1, own_pair=False)


def test_positives_that_are_no_probabilities_are_an_error_in_sigmoid():
    with pytest.raises(ValueError, match=r"positives must be between 0 and 1.*got \[2\.0\]"):
        sigmoid(*embeddings(), scale=10.0, bias=-10.0, positives=2 * torch.eye(12))
