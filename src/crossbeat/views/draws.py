"""Random numbers for views: drawn where the generator lives, moved to where the ECGs live.

A generator on the CPU therefore gives the same view on every device. Numbers that differ
between leads are drawn once for each of the twelve leads and picked by name, so neither the
order of the leads nor the absence of some changes what happens to the others.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crossbeat.leads import STANDARD, canonical
from crossbeat.signal import Ecgs

View = Callable[[Ecgs, torch.Generator], Ecgs]
"""A random change to a batch of ECGs in millivolts; it returns a new batch."""


def uniform(
    generator: torch.Generator, shape: tuple[int, ...], low: float, high: float
) -> Float[Tensor, "..."]:
    """Numbers from U(low, high), on the device of the generator; ``low`` if both are equal."""
    share = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * share


def starts(generator: torch.Generator, shape: tuple[int, ...], num: int) -> Int64[Tensor, "..."]:
    """Whole numbers from 0 to ``num`` - 1, all equally likely, on the device of the generator."""
    return torch.randint(num, shape, generator=generator, device=generator.device)


def slots(leads: tuple[str, ...]) -> list[int]:
    """Where each lead stands among the twelve, to pick what was drawn for it.

    Raises:
        DataError: a name is none of the twelve leads.
    """
    return [STANDARD.index(canonical(lead)) for lead in leads]


def working_dtype(values: Float[Tensor, "..."]) -> torch.dtype:
    """The precision to compute in: that of the values, float32 at least."""
    return torch.promote_types(values.dtype, torch.float32)
