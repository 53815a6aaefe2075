"""Views that hide parts of an ECG: what is hidden becomes 0 mV."""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from crossbeat.leads import STANDARD
from crossbeat.signal import Ecgs
from crossbeat.views.draws import slots, starts, uniform


def mask_time(ecg: Ecgs, generator: torch.Generator, *, share: float = 0.25) -> Ecgs:
    """Each ECG without one window of time, the same in all its leads.

    The window wraps around: where it passes the end, it goes on at the beginning.
    Einthoven's law holds.

    Args:
        ecg: millivolts.
        generator: draws where the window of each ECG begins.
        share: of the time that is hidden, rounded to samples; 0 to 1.

    Raises:
        ValueError: ``share`` is outside 0 to 1.
    """
    begin = starts(generator, (len(ecg.values), 1), ecg.values.shape[-1])
    return _hide(ecg, _window(begin.to(ecg.values.device), ecg.values.shape[-1], share))


def mask_time_per_lead(ecg: Ecgs, generator: torch.Generator, *, share: float = 0.25) -> Ecgs:
    """Each ECG without one window of time in each lead, every lead at its own place.

    The window wraps around: where it passes the end, it goes on at the beginning.
    Einthoven's law does not hold: at one time some leads are hidden and others not.

    Args:
        ecg: millivolts.
        generator: draws where the window of each lead begins.
        share: of the time that is hidden in every lead, rounded to samples; 0 to 1.

    Raises:
        ValueError: ``share`` is outside 0 to 1.
        DataError: a lead is none of the twelve.

    Source: Gopal 2021 (3KG, arXiv:2106.04452); Jwoo5/fairseq-signals at 8d570b3.
    """
    begin = starts(generator, (len(ecg.values), len(STANDARD)), ecg.values.shape[-1])
    begin = begin[:, slots(ecg.leads)].to(ecg.values.device)
    return _hide(ecg, _window(begin, ecg.values.shape[-1], share))


def keep_leads(ecg: Ecgs, generator: torch.Generator, *, keep: int = 6) -> Ecgs:
    """Each ECG with only some of its leads, chosen at random, the others at 0 mV.

    Einthoven's law does not hold: a limb lead may be hidden while the leads it follows from
    are kept.

    Args:
        ecg: millivolts.
        generator: draws which leads each ECG keeps.
        keep: how many leads stay; 1 to the number of leads.

    Raises:
        ValueError: ``keep`` is below 1 or above the number of leads.
        DataError: a lead is none of the twelve.
    """
    if not 1 <= keep <= len(ecg.leads):
        raise ValueError(f"keep must be 1 to {len(ecg.leads)} (the leads given), got {keep}")
    draw = uniform(generator, (len(ecg.values), len(STANDARD)), 0.0, 1.0)
    rank = draw[:, slots(ecg.leads)].argsort(dim=1).argsort(dim=1)
    return _hide(ecg, (rank >= keep)[:, :, None].to(ecg.values.device))


def mask_leads(ecg: Ecgs, generator: torch.Generator, *, probability: float = 0.5) -> Ecgs:
    """Each ECG with every lead hidden or not by its own toss of a coin.

    Einthoven's law does not hold: a limb lead may be hidden while the leads it follows from
    are kept. All leads of an ECG may be hidden at once; ``keep_leads`` rules that out.

    Args:
        ecg: millivolts.
        generator: tosses the coins.
        probability: that a lead is hidden; 0 to 1.

    Raises:
        ValueError: ``probability`` is outside 0 to 1.
        DataError: a lead is none of the twelve.

    Source: Oh 2022 (arXiv:2203.06889), random lead masking.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be 0 to 1, got {probability}")
    draw = uniform(generator, (len(ecg.values), len(STANDARD)), 0.0, 1.0)
    hidden = draw[:, slots(ecg.leads)] < probability
    return _hide(ecg, hidden[:, :, None].to(ecg.values.device))


def _window(
    begin: Int64[Tensor, "batch row"], num_samples: int, share: float
) -> Bool[Tensor, "batch row time"]:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be 0 to 1, got {share}")
    hidden = torch.arange(num_samples, device=begin.device) < round(share * num_samples)
    turned = hidden.repeat(2).unfold(0, num_samples, 1)
    return turned[num_samples - begin]


def _hide(ecg: Ecgs, hidden: Bool[Tensor, "batch row time"]) -> Ecgs:
    return Ecgs(ecg.values.masked_fill(hidden, 0.0), ecg.leads, ecg.fs)
