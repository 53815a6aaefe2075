"""Checks of arguments that several losses share; all raise ValueError and name the argument."""

import math

from jaxtyping import Float
from torch import Tensor


def require_above_0(name: str, value: float | Float[Tensor, ""]) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be finite and above 0, got {float(value)}")


def require_probabilities(name: str, values: Float[Tensor, "..."]) -> None:
    """NaN, which stands for an ignored label or pair, is no error."""
    odd = values[(values < 0) | (values > 1)]
    if len(odd) > 0:
        got = odd.unique().tolist()
        raise ValueError(f"{name} must be between 0 and 1, or NaN (ignored), got {got}")
