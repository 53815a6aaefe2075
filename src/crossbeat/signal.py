"""ECGs and batches of ECGs, and their preprocessing and normalisation.

``Ecg`` is one record as a reader returns it (NumPy), ``Ecgs`` a batch as views and encoders take it
(PyTorch); millivolts, leads by name, hertz. ``Preprocessing`` brings records of any rate and lead
order to one form; the normalisations act on batches of that form. Functions return new values.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.ndimage import median_filter
from scipy.signal import firwin, resample_poly
from torch import Tensor

from crossbeat import leads as lead_names
from crossbeat.errors import ConfigError, DataError
from crossbeat.files import ReadJson


@dataclass(frozen=True)
class Ecg:
    """One ECG.

    Args:
        values: millivolts.
        leads: the name of each row of ``values``.
        fs: sampling rate in hertz.
        unrecognised: names of the file's channels that were not read as a lead, as it spells them.
    """

    values: Float32[np.ndarray, "lead time"]
    leads: tuple[str, ...]
    fs: float
    unrecognised: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ecgs:
    """A batch of ECGs of the same leads, rate and length.

    Args:
        values: millivolts; after a normalisation, the unit that it gives.
        leads: the name of each row.
        fs: sampling rate in hertz.
    """

    values: Float[Tensor, "batch lead time"]
    leads: tuple[str, ...]
    fs: float


def resample(
    values: Float[np.ndarray, "*batch time"], fs: float, to: float
) -> Float32[np.ndarray, "*batch resampled"]:
    """The signal at another rate, by polyphase filtering.

    Outside the recording the signal counts as its mirror image, and its mean goes around the
    filter: so a constant, such as the offset of an electrode, stays a constant up to both ends.

    Args:
        values: any unit.
        fs: rate of ``values`` in hertz, to the thousandth.
        to: rate of the result in hertz, to the thousandth.

    Raises:
        ValueError: a rate is not above 0.
        DataError: the two rates have no simple ratio.
    """
    if min(fs, to) <= 0:
        raise ValueError(f"sampling rates must be above 0 Hz, got {fs} and {to}")
    ratio = Fraction(to).limit_denominator(1000) / Fraction(fs).limit_denominator(1000)
    values = values.astype(np.float32, copy=ratio == 1)
    if ratio == 1:
        return values
    up, down = ratio.as_integer_ratio()
    if max(up, down) > _MOST_STEPS:
        raise DataError(
            f"a rate must be a simple ratio of {to:g} Hz to be resampled, got {fs} Hz; is the rate "
            "in the header right?",
            rule="rate",
        )
    level = values.mean(axis=-1, keepdims=True)
    low_pass = _low_pass(max(up, down))
    return resample_poly(values - level, up, down, -1, low_pass, "symmetric") + level  # type: ignore[call-overload]


_MOST_STEPS = 100_000
"""Of the finer of two rates to one of the other: the low-pass filter grows with it."""


@lru_cache(maxsize=1)
def _low_pass(rate: int) -> Float32[np.ndarray, " tap"]:
    # That of resample_poly, which would design it anew for every record.
    return firwin(20 * rate + 1, 1 / rate, window=("kaiser", 5.0)).astype(np.float32)


def remove_baseline(
    values: Float[np.ndarray, "*batch time"], fs: float, windows: Iterable[float] = (0.2, 0.6)
) -> Float32[np.ndarray, "*batch time"]:
    """The signal less its baseline: running medians, one after the other.

    The first window takes out the QRS complex, the second the T wave; the baseline stays. Windows
    are centred, so each has an odd number of samples: the next one up if need be. Outside the
    recording the signal counts as its mirror image, so that a constant is taken out up to both
    ends. The published preprocessing has 0 there, which differs within half a window of the ends.

    Args:
        values: any unit, finite; at least one sample.
        fs: sampling rate in hertz, above 0.
        windows: seconds, each above 0.

    Source: de Chazal 2004 (doi:10.1109/TBME.2004.827359).
    """
    values = values.astype(np.float32, copy=False)
    baseline = values
    for window in windows:
        baseline = _running_median(baseline, half=round(window * fs) // 2)
    return values - baseline


def _running_median(
    values: Float32[np.ndarray, "*batch time"], half: int
) -> Float32[np.ndarray, "*batch time"]:
    # One long row is filtered ten times as fast as an array of rows: hence all rows behind one
    # another, each with its mirror image at both ends, so far that no window reaches across.
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half, half)], mode="symmetric")
    smooth = median_filter(padded.ravel(), size=2 * half + 1, mode="nearest")
    return smooth.reshape(padded.shape)[..., half : half + values.shape[-1]]


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Bring an ECG of any source to the form that a model takes, in millivolts.

    ``dataclasses.asdict`` gives its JSON form, ``Preprocessing.load`` takes it back.

    Args:
        leads: the leads in order, among the twelve.
        fs: sampling rate in hertz.
        seconds: length; a whole number of samples at ``fs``.
        baseline: whether baseline wander is removed (``remove_baseline``).

    Raises:
        ConfigError: a value breaks its rule.
    """

    leads: tuple[str, ...]
    fs: float
    seconds: float
    baseline: bool

    def __post_init__(self) -> None:
        unknown = [lead for lead in self.leads if lead not in lead_names.STANDARD]
        if unknown or not self.leads or len(set(self.leads)) < len(self.leads):
            raise ConfigError(
                f"leads must be different ones of {', '.join(lead_names.STANDARD)}, "
                f"got {', '.join(self.leads) or 'none'}; correct the list"
            )
        if self.fs <= 0:
            raise ConfigError(f"fs must be above 0 Hz, got {self.fs}; give the sampling rate")
        if self.seconds <= 0 or abs(self.seconds * self.fs - self.num_samples) > 1e-6:
            raise ConfigError(
                f"seconds must be above 0 and a whole number of samples at {self.fs} Hz, "
                f"got {self.seconds}; change the length"
            )

    @classmethod
    def load(cls, settings: ReadJson) -> "Preprocessing":
        """Build it from the output of ``dataclasses.asdict``, also after a round trip through JSON.

        Raises:
            ConfigError: a setting is missing or unknown.
        """
        known = {field.name for field in fields(cls)}
        if set(settings) != known:
            raise ConfigError(
                f"preprocessing must have the settings {', '.join(sorted(known))}, "
                f"got {', '.join(sorted(settings))}; add or remove settings"
            )
        return cls(
            leads=tuple(settings["leads"]),
            fs=float(settings["fs"]),
            seconds=float(settings["seconds"]),
            baseline=bool(settings["baseline"]),
        )

    @classmethod
    def standard(cls, *, fs: float, seconds: float) -> "Preprocessing":
        """The preprocessing of cohorts: twelve leads without baseline wander.

        Args:
            fs: sampling rate in hertz.
            seconds: length.

        Raises:
            ConfigError: a value breaks its rule.
        """
        return cls(leads=lead_names.STANDARD, fs=fs, seconds=seconds, baseline=True)

    @property
    def num_samples(self) -> int:
        """Samples of the result."""
        return round(self.seconds * self.fs)

    def apply(self, ecg: Ecg) -> Ecg:
        """One record in the model's form: its leads, rate and length; the first ``seconds``.

        Raises:
            DataError: a lead is missing, the record is too short, or a value is not finite.
        """
        return Ecg(self.apply_batch(ecg.values, ecg.leads, ecg.fs), self.leads, self.fs)

    def apply_batch(
        self, values: Float[np.ndarray, "*batch lead time"], leads: tuple[str, ...], fs: float
    ) -> Float32[np.ndarray, "*batch wanted samples"]:
        """Many records of the same leads, rate and length; each gets what ``apply`` gives it.

        The baseline is removed from the independent leads and the limb leads follow from them:
        a median of each lead by itself would break their equations.

        Args:
            values: millivolts.
            leads: the name of each row of ``values``.
            fs: sampling rate of ``values`` in hertz.

        Raises:
            DataError: a lead is missing, the records are too short, or a value is not finite.
        """
        sources = lead_names.sources(self.leads)
        if not set(sources) <= set(leads):
            return self.apply_each(values, leads, fs)
        clean = replace(self, leads=sources).apply_each(values, leads, fs)
        return np.matmul(lead_names.expansion(self.leads, sources).astype(np.float32), clean)

    def apply_each(
        self, values: Float[np.ndarray, "*batch lead time"], leads: tuple[str, ...], fs: float
    ) -> Float32[np.ndarray, "*batch wanted samples"]:
        """``apply_batch`` for leads that do not obey the limb-lead equations: each by itself.

        Raises:
            DataError: a lead is missing, the records are too short, or a value is not finite.
        """
        if not np.isfinite(values).all():
            raise DataError(
                "every value of an ECG must be finite, got NaN or infinity; "
                "repair the record or leave it out"
            )
        if values.shape[-1] < self.seconds * fs - 1e-6:
            raise DataError(
                f"the ECG must last at least {self.seconds:g} s, got "
                f"{values.shape[-1] / fs:g} s; use a longer recording"
            )
        result = resample(lead_names.complete(values, leads, self.leads), fs, self.fs)
        if self.baseline:
            result = remove_baseline(result, self.fs)
        return np.ascontiguousarray(result[..., : self.num_samples])


Batch = Float[Tensor, "batch lead time"]
Normalise = Callable[[Batch, tuple[str, ...]], Batch]
"""Takes a batch and the names of its leads; gives the batch that an encoder sees."""

GROUPS = (
    ("I", "II", "III"),
    ("aVR", "aVL", "aVF"),
    ("V1", "V2", "V3", "V4", "V5", "V6"),
)
"""The leads that ``group_z`` scales together."""


def none(values: Batch, leads: tuple[str, ...]) -> Batch:  # noqa: ARG001
    """The batch as it is, in millivolts."""
    return values


def min_max(values: Batch, leads: tuple[str, ...]) -> Batch:  # noqa: ARG001
    """Each lead of each record from -1 (its lowest value) to 1 (its highest).

    x -> 2 (x - min) / (max - min) - 1; a flat lead becomes 0. Amplitudes between leads are lost,
    and with them the limb-lead equations.
    """
    low, high = values.aminmax(dim=-1, keepdim=True)
    flat = low == high
    scaled = 2 * (values - low) / torch.where(flat, 1, high - low) - 1
    return torch.where(flat, 0, scaled)


def z(values: Batch, leads: tuple[str, ...]) -> Batch:  # noqa: ARG001
    """Each lead of each record with mean 0 and standard deviation 1 over time; flat leads 0."""
    return _standardise(values)


def group_z(values: Batch, leads: tuple[str, ...]) -> Batch:
    """As ``z``, but the leads of one of the ``GROUPS`` share their mean and deviation.

    Amplitudes within a group keep their relation. A group of which only some leads are given
    is scaled by those.

    Raises:
        ValueError: a lead is in no group.
    """
    strange = set(leads).difference(*GROUPS)
    if strange:
        raise ValueError(f"leads must be among {GROUPS}, got {', '.join(sorted(strange))}")
    result = torch.empty_like(values)
    for group in GROUPS:
        rows = [row for row, lead in enumerate(leads) if lead in group]
        if rows:
            together = values[:, rows].flatten(start_dim=1)
            result[:, rows] = _standardise(together).unflatten(1, (len(rows), -1))
    return result


def _standardise(values: Float[Tensor, "... time"]) -> Float[Tensor, "... time"]:
    low, high = values.aminmax(dim=-1, keepdim=True)
    flat = low == high
    mean = values.mean(dim=-1, keepdim=True)
    deviation = values.std(dim=-1, keepdim=True, correction=0)
    return torch.where(flat, 0, (values - mean) / torch.where(flat, 1, deviation))


NORMALISATIONS: dict[str, Normalise] = {
    "none": none,
    "min_max": min_max,
    "z": z,
    "group_z": group_z,
}
