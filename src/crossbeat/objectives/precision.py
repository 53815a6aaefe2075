"""The precision that losses are worked out in."""

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The values in float32, or as they are if in float64.

    Logits of tens, as small temperatures give, have steps of a quarter in bfloat16.

    Args:
        values: any unit.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))
