"""Views made of views, and the random numbers that views draw.

What ``compose``, ``one_of`` and ``with_probability`` return can be pickled if their views can.

Numbers are drawn where the generator lives and moved to where the ECGs live: so a generator on the
CPU gives the same view on every device. Numbers that differ between leads are drawn once for each
of the twelve leads and picked by name, so neither the order of the leads nor the absence of some
changes what happens to the others.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crossbeat.leads import STANDARD, canonical
from crossbeat.signal import Ecgs

_BLOCK = 32
"""Rows whose numbers are drawn together."""

View = Callable[[Ecgs, torch.Generator], Ecgs]
"""A random change to a batch of ECGs in millivolts; it returns a new batch."""


def compose(*views: View) -> View:
    """One view after another; none leaves the ECGs as they are.

    Args:
        views: the first is applied first.
    """
    return partial(_in_turn, views)


def one_of(*views: View) -> View:
    """For each ECG one of the views, all equally likely.

    Args:
        views: one or more; each must keep leads, rate and length.

    Raises:
        ValueError: no view is given, or, when applied, a view changes leads, rate or length.
    """
    if not views:
        raise ValueError("one_of must have at least one view, got none")
    return partial(_choose, views)


def with_probability(view: View, probability: float) -> View:
    """The view for some of the ECGs, the others as they are.

    Args:
        view: must keep leads, rate and length.
        probability: that an ECG is changed; 0 to 1.

    Raises:
        ValueError: ``probability`` is outside 0 to 1, or, when applied, the view changes leads,
            rate or length.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be 0 to 1, got {probability}")
    return partial(_sometimes, view, probability)


def _in_turn(views: tuple[View, ...], ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    for view in views:
        ecg = view(ecg, generator)
    return ecg


def _choose(views: tuple[View, ...], ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    choice = starts(generator, (len(ecg.values),), len(views))
    values = ecg.values.clone()
    for number, view in enumerate(views):
        _change_rows(values, (choice == number).nonzero()[:, 0], view, ecg, generator)
    return replace(ecg, values=values)


def _sometimes(view: View, probability: float, ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    chosen = uniform(generator, (len(ecg.values),), 0.0, 1.0) < probability
    values = ecg.values.clone()
    _change_rows(values, chosen.nonzero()[:, 0], view, ecg, generator)
    return replace(ecg, values=values)


def _change_rows(
    values: Tensor, rows: Int64[Tensor, " row"], view: View, ecg: Ecgs, generator: torch.Generator
) -> None:
    if not len(rows):
        return
    rows = rows.to(values.device)
    given = replace(ecg, values=ecg.values[rows])
    seen = view(given, generator)
    if (seen.values.shape, seen.leads, seen.fs) != (given.values.shape, given.leads, given.fs):
        raise ValueError(
            "a view that is applied to some ECGs must keep leads, rate and length, "
            f"got {tuple(given.values.shape)} -> {tuple(seen.values.shape)}"
        )
    values[rows] = seen.values


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


def changed(ecg: Ecgs, values: Float[Tensor, "batch lead time"]) -> Ecgs:
    """The same ECGs with other values, in the precision that they had."""
    return replace(ecg, values=values.to(ecg.values.dtype))
