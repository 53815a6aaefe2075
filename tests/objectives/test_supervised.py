import math

import pytest
import torch

from crossbeat.objectives import bce, blend, soft_bce

IGNORED = math.nan
LOGITS = torch.tensor([[2.0, -1.0], [0.5, 3.0], [-2.0, 0.0]])
TARGETS = torch.tensor([[1.0, IGNORED], [0.0, 1.0], [IGNORED, 1.0]])


def slow_bce(logits, targets, weights=(1.0, 1.0)):
    losses = []
    for row, answers in zip(logits.tolist(), targets.tolist(), strict=True):
        for logit, target, weight in zip(row, answers, weights, strict=True):
            if not math.isnan(target):
                p = 1 / (1 + math.exp(-logit))
                losses.append(-weight * target * math.log(p) - (1 - target) * math.log(1 - p))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("weights", [None, (2.0, 5.0)])
def test_bce_is_the_weighted_mean_over_the_labels_that_are_not_ignored(weights):
    loss = bce(LOGITS, TARGETS, positive_weight=weights and torch.tensor(weights))
    assert loss.item() == pytest.approx(slow_bce(LOGITS, TARGETS, weights or (1.0, 1.0)))


def test_an_ignored_label_gives_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    bce(logits, TARGETS).backward()
    assert (logits.grad == 0).equal(TARGETS.isnan())


def test_a_batch_with_all_labels_ignored_has_loss_and_gradient_0():
    logits = LOGITS.clone().requires_grad_()
    loss = bce(logits, torch.full_like(LOGITS, IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_bce_is_finite_at_certain_and_wrong_logits():
    logits = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    loss = bce(logits, torch.tensor([[0.0], [1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad.flatten().tolist() == [0.5, -0.5]


@pytest.mark.parametrize("loss", [bce, soft_bce])
def test_bfloat16_logits_are_judged_in_float32(loss):
    low = LOGITS.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(low, TARGETS)
    assert inside.dtype == torch.float32
    assert inside.item() == loss(low.float(), TARGETS).item()


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_bce_is_bce_with_the_teachers_probabilities_both_softened(temperature):
    teacher = torch.tensor([[1.0, -2.0], [IGNORED, 4.0], [3.0, 0.5]])
    loss = soft_bce(LOGITS, teacher.sigmoid(), temperature=temperature)
    by_hand = slow_bce(LOGITS / temperature, (teacher / temperature).sigmoid())
    assert loss.item() == pytest.approx(temperature**2 * by_hand)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_soft_bce_is_least_where_the_student_says_what_the_teacher_says(temperature):
    logits = LOGITS.clone().requires_grad_()
    soft_bce(logits, LOGITS.sigmoid(), temperature=temperature).backward()
    assert logits.grad.abs().max() < 1e-6


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_soft_bce_of_a_certain_teacher_is_finite_and_no_gradient_reaches_the_teacher(temperature):
    logits, teacher = LOGITS.clone().requires_grad_(), torch.tensor([[1.0, 0.0]] * 3)
    loss = soft_bce(logits, teacher.requires_grad_(), temperature=temperature)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert teacher.grad is None


@pytest.mark.parametrize("value", [-1.0, 2.0])
def test_a_target_that_is_no_probability_is_an_error(value):
    targets = torch.tensor([[0.5, IGNORED], [value, 0.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match="targets must be between 0 and 1, or NaN"):
        bce(LOGITS, targets)
    with pytest.raises(ValueError, match="teacher must be between 0 and 1, or NaN"):
        soft_bce(LOGITS, targets)


def test_a_positive_weight_not_above_0_is_an_error():
    with pytest.raises(ValueError, match=r"positive_weight must be above 0, got \[1\.0, 0\.0\]"):
        bce(LOGITS, TARGETS, positive_weight=torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_softening_temperature_not_above_0_is_an_error(temperature):
    with pytest.raises(ValueError, match="temperature must be finite and above 0, got"):
        soft_bce(LOGITS, LOGITS.sigmoid(), temperature=temperature)


# --- targets between a teacher and a label


def test_a_blend_of_08_with_a_label_at_trust_075_is_085():
    believed = torch.tensor([[0.8, 0.8, 0.3], [0.0, 1.0, 0.4]])
    labels = torch.tensor([[1.0, 0.0, IGNORED], [1.0, 1.0, IGNORED]])
    blended = blend(believed, labels, trust=0.75)
    assert blended.tolist() == [
        pytest.approx([0.85, 0.6, 0.3]),
        pytest.approx([0.25, 1.0, 0.4]),
    ]


def test_full_trust_takes_the_belief_alone_and_none_the_labels_alone():
    believed = torch.tensor([[0.9, 0.2], [0.4, 0.6], [0.0, 0.5]])
    assert blend(believed, TARGETS, trust=1.0).equal(believed)
    assert blend(believed, TARGETS, trust=0.0).nan_to_num(9).equal(TARGETS.nan_to_num(9))


@pytest.mark.parametrize("trust", [-0.1, 1.1, math.nan])
def test_a_trust_that_is_no_share_is_an_error(trust):
    with pytest.raises(ValueError, match=f"trust must be 0 to 1, got {trust}"):
        blend(torch.full((3, 2), 0.5), TARGETS, trust=trust)


@pytest.mark.parametrize("trust", [0.0, 0.5])
@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_belief_that_is_no_probability_is_an_error(value, trust):
    with pytest.raises(ValueError, match=rf"believed must be between 0 and 1.*\[{value}\]"):
        blend(torch.full((3, 2), value), TARGETS, trust=trust)
