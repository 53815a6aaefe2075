"""Squares to the ranges that encoders take."""

import torch

from crossbeat import images


def test_unit_range_is_from_zero_to_one() -> None:
    values = torch.tensor([[[0, 51], [204, 255]]], dtype=torch.uint8)
    got = images.unit_range(values)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, torch.tensor([[[[0.0, 0.2], [0.8, 1.0]]]]))


def test_xrv_range_is_from_minus_to_plus_1024() -> None:
    values = torch.tensor([[[0, 51], [204, 255]]], dtype=torch.uint8)
    expected = torch.tensor([[[[-1024.0, -614.4], [614.4, 1024.0]]]])
    torch.testing.assert_close(images.xrv_range(values), expected)
