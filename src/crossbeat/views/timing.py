"""Views that move an ECG in time, all leads together, so that leads stay synchronous.

Einthoven's law holds after each of them as before.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from crossbeat.errors import DataError
from crossbeat.signal import Ecgs
from crossbeat.views.combine import changed, starts, uniform, working_dtype


def crop(ecg: Ecgs, generator: torch.Generator, *, seconds: float = 5.0) -> Ecgs:
    """A stretch of each ECG that begins at a random time.

    Args:
        ecg: millivolts.
        generator: draws where the stretch of each ECG begins.
        seconds: length of the stretch; above 0.

    Raises:
        ValueError: ``seconds`` is shorter than one sample.
        DataError: the ECGs are shorter than ``seconds``.
    """
    num_samples, length = ecg.values.shape[-1], round(seconds * ecg.fs)
    if length < 1:
        raise ValueError(f"seconds must be at least one sample at {ecg.fs} Hz, got {seconds}")
    if length > num_samples:
        raise DataError(
            f"an ECG must be at least {seconds} s long to be cropped to that, "
            f"got {num_samples / ecg.fs} s; crop to less, or use longer recordings"
        )
    begin = starts(generator, (len(ecg.values), 1), num_samples - length + 1)
    time = begin.to(ecg.values.device) + torch.arange(length, device=ecg.values.device)
    return changed(ecg, _pick(ecg.values, time))


def crop_and_stretch(ecg: Ecgs, generator: torch.Generator, *, least: float = 0.5) -> Ecgs:
    """A random stretch of each ECG, drawn out to the length of the whole: the heart beats slower.

    Args:
        ecg: millivolts, 2 samples at least.
        generator: draws the share from U(least, 1) and where the stretch begins.
        least: the least share of the time that is kept; above 0, at most 1.

    Raises:
        ValueError: ``least`` is outside its range.
        DataError: the ECGs have fewer than 2 samples.

    Source: known for images as the random resized crop.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least must be above 0 and at most 1, got {least}")
    last = _last(ecg)
    share = uniform(generator, (len(ecg.values), 1), least, 1.0)
    begin = uniform(generator, (len(ecg.values), 1), 0.0, 1.0) * (1 - share) * last
    time = begin + share.double() * torch.arange(last + 1, device=generator.device)
    return _read(ecg, time.clamp(max=last))


def warp_time(
    ecg: Ecgs, generator: torch.Generator, *, most: float = 1.2, num_knots: int = 6
) -> Ecgs:
    """Each ECG on a clock that runs faster here and slower there, and never backwards.

    The speed of the clock runs in straight lines between knots at equal distances, whose
    logarithms are from U(-log most, log most); it is then scaled so that the first and the last
    sample stay in place, and the ECG is interpolated between its samples.

    Args:
        ecg: millivolts, 2 samples at least.
        generator: draws the speeds of each ECG.
        most: the most that a knot's speed is multiplied or divided by; at least 1.
        num_knots: how many knots; at least 2.

    Raises:
        ValueError: ``most`` is below 1 or ``num_knots`` below 2.
        DataError: the ECGs have fewer than 2 samples.

    Source: after Um 2017 (arXiv:1706.00527), where the speed is a cubic spline.
    """
    return _read(ecg, warped_clock(ecg, generator, most=most, num_knots=num_knots))


def warped_clock(
    ecg: Ecgs, generator: torch.Generator, *, most: float, num_knots: int
) -> Float[Tensor, "batch time"]:
    """When ``warp_time`` reads each of its samples, in samples from the first; see there."""
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    if num_knots < 2:
        raise ValueError(f"num_knots must be at least 2, got {num_knots}")
    last = _last(ecg)
    bound = math.log(most)
    knots = uniform(generator, (len(ecg.values), num_knots), -bound, bound).double()
    step = torch.linspace(0, num_knots - 1, last, dtype=torch.float64, device=generator.device)
    near = torch.arange(num_knots, device=generator.device)[:, None]
    gained = F.pad((1 - (step - near).abs()).clamp(min=0).cumsum(dim=1), (1, 0))
    clock = torch.arange(last + 1, device=generator.device) + knots.expm1() @ gained
    return (clock * (last / clock[:, -1:])).clamp(max=last)


def permute(ecg: Ecgs, generator: torch.Generator, *, num_segments: int = 5) -> Ecgs:
    """Each ECG cut into segments of equal length, which are put together in another order.

    Args:
        ecg: millivolts.
        generator: draws the order of each ECG.
        num_segments: how many; 1 to the number of samples. Lengths differ by one sample at most.

    Raises:
        ValueError: ``num_segments`` is below 1 or above the number of samples.
    """
    num_samples = ecg.values.shape[-1]
    if not 1 <= num_segments <= num_samples:
        raise ValueError(f"num_segments must be 1 to {num_samples}, got {num_segments}")
    draw = uniform(generator, (len(ecg.values), num_segments), 0.0, 1.0)
    order = draw.argsort(dim=1).to(ecg.values.device)
    return changed(ecg, _pick(ecg.values, _rearranged(order, num_samples)))


def _rearranged(
    order: Int64[Tensor, "batch segment"], num_samples: int
) -> Int64[Tensor, "batch time"]:
    num_segments = order.shape[1]
    time = torch.arange(num_samples, device=order.device)
    edges = torch.arange(num_segments + 1, device=order.device) * num_samples // num_segments
    lengths = edges.diff()[order]
    moved_to = torch.empty_like(order).scatter_(1, order, lengths.cumsum(dim=1) - lengths)
    shift = moved_to - edges[:-1]
    segment = torch.bucketize(time, edges[1:], right=True)
    target = time + shift[:, segment]
    return torch.empty_like(target).scatter_(1, target, time.expand_as(target))


def _pick(
    values: Float[Tensor, "batch lead num_samples"], time: Int64[Tensor, "batch time"]
) -> Float[Tensor, "batch lead time"]:
    return values.gather(2, time[:, None].expand(-1, values.shape[1], -1))


def _last(ecg: Ecgs) -> int:
    num_samples = ecg.values.shape[-1]
    if num_samples < 2:
        raise DataError(
            f"an ECG must have 2 samples to be read between them, got {num_samples}; "
            "use longer recordings"
        )
    return num_samples - 1


def _read(ecg: Ecgs, time: Float[Tensor, "batch time"]) -> Ecgs:
    """The ECG between its samples, on straight lines; ``time`` in samples from the first."""
    before = time.floor().clamp(max=ecg.values.shape[-1] - 2)
    weight = (time - before).to(ecg.values.device, working_dtype(ecg.values))[:, None]
    before = before.long().to(ecg.values.device)
    left, right = _pick(ecg.values, before), _pick(ecg.values, before + 1)
    values = left.to(weight.dtype).lerp_(right.to(weight.dtype), weight)
    return changed(ecg, values)
