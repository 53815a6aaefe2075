"""Values recorded from independent implementations (../shared/parity/README.md), in float32.

The relative tolerance of 1e-5 is what float32 leaves of sums over 64 logits of up to 14.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from crossbeat import objectives

TEMPERATURES = (0.07, 0.1, 0.5)


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, float]:
    return json.loads((shared / "parity" / "expected.json").read_text())


@pytest.fixture(scope="module")
def inputs(shared: Path) -> dict[str, Tensor]:
    with np.load(shared / "parity" / "losses_input.npz") as arrays:
        return {name: torch.from_numpy(values) for name, values in arrays.items()}


def _same_label(inputs: dict[str, Tensor]) -> Float[Tensor, "batch batch"]:
    return objectives.equal(inputs["labels"][:, None].float())


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(
    ("loss", "key"), [(objectives.clip, "clip_symmetric"), (objectives.nt_xent, "nt_xent")]
)
def test_clip_equals_open_clip_3_3_0_and_nt_xent_lightly_1_6_0(
    inputs, expected, loss, key, temperature
):
    found = loss(inputs["anchor"], inputs["other"], temperature=temperature)
    assert found.item() == pytest.approx(expected[f"{key}_t{temperature}"], rel=1e-5)


def test_sigmoid_equals_open_clip_siglip_loss_of_2026(inputs, expected):
    loss = objectives.sigmoid(inputs["anchor"], inputs["other"], scale=10.0, bias=-10.0)
    assert loss.item() == pytest.approx(expected["siglip_scale10_bias-10"], rel=1e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("direction", ["x_to_y", "y_to_x"])
def test_sup_con_without_own_pair_equals_pytorch_metric_learning_2_9_0(
    inputs, expected, temperature, direction
):
    pair = inputs["anchor"], inputs["other"]
    anchor, other = pair if direction == "x_to_y" else pair[::-1]
    loss = objectives.sup_con(
        anchor, other, positives=_same_label(inputs), temperature=temperature, own_pair=False
    )
    key = f"supcon_without_own_pair_{direction}_t{temperature}"
    assert loss.item() == pytest.approx(expected[key], rel=1e-5)


@pytest.mark.parametrize("own_pair", [1, 2, 3])
@pytest.mark.parametrize("strategy", [None, "none"])
def test_alignment_without_hardness_equals_the_official_cromotex_loss(
    inputs, expected, own_pair, strategy
):
    loss = objectives.alignment(
        inputs["anchor"],
        inputs["other"],
        positives=_same_label(inputs),
        temperature=0.5,
        own_pair=float(own_pair),
        hardness=None if strategy is None else objectives.HARDNESS[strategy](1.0, 1.0),
    )
    key = f"cromotex_supcma_symmetric_t0.5_pairweight{own_pair}"
    assert loss.item() == pytest.approx(expected[key], rel=1e-5)
