"""Random numbers for views: drawn where the generator lives, moved to where the ECGs live.

A generator on the CPU therefore gives the same view on every device. Numbers that differ
between leads are drawn once for each of the twelve leads and picked by name, so neither the
order of the leads nor the absence of some changes what happens to the others.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crossbeat.leads import STANDARD, canonical
from crossbeat.signal import Ecgs

_BLOCK = 32
"""Rows whose numbers are drawn together."""

View = Callable[[Ecgs, torch.Generator], Ecgs]
"""A random change to a batch of ECGs in millivolts; it returns a new batch."""


def uniform(
    generator: torch.Generator, shape: tuple[int, ...], low: float, high: float
) -> Float[Tensor, "..."]:
    """Numbers from U(low, high), on the device of the generator; ``low`` if both are equal."""
    share = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * share


def normal(generator: torch.Generator, shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """Numbers from N(0, 1), on the device of the generator.

    On the CPU they are drawn in blocks of rows, each from a generator of its own whose seed
    ``generator`` gives: torch draws on one core, so blocks side by side use them all. The
    numbers do not depend on how many cores there are.
    """
    if generator.device.type != "cpu":
        return torch.randn(shape, generator=generator, device=generator.device)
    numbers = torch.empty(shape)
    blocks = numbers.split(_BLOCK)
    seeds = torch.randint(2**62, (len(blocks),), generator=generator).tolist()
    if torch.get_num_threads() == 1 or len(blocks) == 1:
        for block, seed in zip(blocks, seeds, strict=True):
            _fill(block, seed)
        return numbers
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for _ in threads.map(_fill, blocks, seeds):
            pass
    return numbers


def _fill(block: Float[Tensor, "..."], seed: int) -> None:
    block.normal_(generator=torch.Generator().manual_seed(seed))


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
