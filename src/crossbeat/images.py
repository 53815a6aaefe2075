"""Convert batches of stored X-rays to the value ranges that encoders expect."""

from jaxtyping import Float32, UInt8
from torch import Tensor


def unit_range(
    images: UInt8[Tensor, "batch height width"],
) -> Float32[Tensor, "batch 1 height width"]:
    """Grey values from 0 to 1: x / 255."""
    return images[:, None].float() / 255


def xrv_range(
    images: UInt8[Tensor, "batch height width"],
) -> Float32[Tensor, "batch 1 height width"]:
    """Grey values from -1024 to 1024, as torchxrayvision's weights take them.

    Source: Cohen 2022 (arXiv:2111.00595) and torchxrayvision's code.
    """
    return (2 * unit_range(images) - 1) * 1024
