"""The error of what was filled in: worked out by hand, as a loop, and its laws."""

import math

import numpy as np
import pytest
import torch

from crossbeat.objectives import masked_error


def some():
    generator = torch.Generator().manual_seed(0)
    target, noise = torch.randn(2, 3, 4, 5, 6, generator=generator, dtype=torch.float64)
    mask = torch.rand(3, 4, 5, generator=generator) < 0.5
    mask[0, 0] = False  # a signal of which nothing was hidden
    return target + 0.7 * noise, target, mask


@pytest.mark.parametrize("over", ["masked", "all"])
def test_it_is_its_definition_as_a_loop(over):
    prediction, target, mask = some()
    errors, apart = [], []
    for p, t, m in zip(
        prediction.flatten(0, 1), target.flatten(0, 1), mask.flatten(0, 1), strict=True
    ):
        rows = torch.ones_like(m) if over == "all" else m
        if rows.any():
            errors += (p[rows] - t[rows]).square().flatten().tolist()
            apart.append(1 - np.corrcoef(p[rows].flatten(), t[rows].flatten())[0, 1])
    loss = masked_error(prediction, target, mask, over=over, correlation=0.2)
    assert loss.item() == pytest.approx(0.8 * np.mean(errors) + 0.2 * np.mean(apart))


def test_by_hand():
    """One hidden patch of two values, off by 1 and 3, that goes the other way."""
    target = torch.tensor([[[[0.0, 2.0], [9.0, 9.0]]]])
    prediction = torch.tensor([[[[1.0, -1.0], [0.0, 0.0]]]])
    mask = torch.tensor([[[True, False]]])
    loss = masked_error(prediction, target, mask, correlation=0.1)
    assert loss.item() == pytest.approx(0.9 * (1 + 9) / 2 + 0.1 * 2)


def test_what_was_not_hidden_counts_over_all_only():
    prediction, target, mask = some()
    changed = torch.where(mask[..., None], prediction, prediction + 5)
    for over, same in (("masked", True), ("all", False)):
        losses = [masked_error(p, target, mask, over=over).item() for p in (prediction, changed)]
        assert (losses[0] == pytest.approx(losses[1])) == same


def test_correlation_does_not_see_scale_and_level_but_error_does():
    _, target, mask = some()
    moved = 3 * target + 1
    assert masked_error(moved, target, mask, correlation=1.0).item() == pytest.approx(0, abs=1e-9)
    assert masked_error(moved, target, mask, correlation=0.0).item() > 1
    assert masked_error(-target, target, mask, correlation=1.0).item() == pytest.approx(2)


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_flat_signal_has_no_correlation(level):
    prediction, target, mask = some()
    mask[1, 2] = True
    with_flat = target.clone()
    with_flat[1, 2] = level
    flat = torch.zeros_like(mask)
    flat[1, 2] = True
    alone = masked_error(prediction, with_flat, mask & flat, correlation=1.0)
    assert alone.item() == 0
    rest = masked_error(prediction, target, mask & ~flat, correlation=1.0)
    assert masked_error(prediction, with_flat, mask, correlation=1.0).item() == pytest.approx(
        rest.item()
    )


@pytest.mark.parametrize("over", ["masked", "all"])
def test_a_flat_prediction_and_a_flat_target_give_finite_gradients(over):
    _, target, mask = some()
    prediction = torch.zeros_like(target, dtype=torch.float32).requires_grad_()
    target = target.float()
    target[0] = 0
    masked_error(prediction, target, mask, over=over).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert prediction.grad.abs().max() > 0


def test_low_precision_is_worked_out_in_float32():
    prediction, target, mask = some()
    loss = masked_error(prediction.bfloat16(), target.bfloat16(), mask)
    assert loss.dtype == torch.float32


@pytest.mark.parametrize("correlation", [-0.1, 1.1, math.nan])
def test_a_share_beyond_0_to_1_is_refused(correlation):
    with pytest.raises(ValueError, match=f"correlation must be 0 to 1, got {correlation}"):
        masked_error(*some(), correlation=correlation)


def test_nothing_hidden_is_refused():
    prediction, target, mask = some()
    with pytest.raises(ValueError, match="mask must hide at least one patch"):
        masked_error(prediction, target, torch.zeros_like(mask))
