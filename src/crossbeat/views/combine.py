"""Views made of views. What they return can be pickled if the views can."""

from functools import partial

import torch
from jaxtyping import Int64
from torch import Tensor

from crossbeat.signal import Ecgs
from crossbeat.views.draws import View, starts, uniform


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
    return Ecgs(values, ecg.leads, ecg.fs)


def _sometimes(view: View, probability: float, ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    chosen = uniform(generator, (len(ecg.values),), 0.0, 1.0) < probability
    values = ecg.values.clone()
    _change_rows(values, chosen.nonzero()[:, 0], view, ecg, generator)
    return Ecgs(values, ecg.leads, ecg.fs)


def _change_rows(
    values: Tensor, rows: Int64[Tensor, " row"], view: View, ecg: Ecgs, generator: torch.Generator
) -> None:
    if not len(rows):
        return
    rows = rows.to(values.device)
    given = Ecgs(ecg.values[rows], ecg.leads, ecg.fs)
    seen = view(given, generator)
    if (seen.values.shape, seen.leads, seen.fs) != (given.values.shape, given.leads, given.fs):
        raise ValueError(
            "a view that is applied to some ECGs must keep leads, rate and length, "
            f"got {tuple(given.values.shape)} -> {tuple(seen.values.shape)}"
        )
    values[rows] = seen.values
