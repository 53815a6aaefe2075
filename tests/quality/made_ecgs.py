"""ECGs with a fault made by hand, and what the checks say of them."""

from collections.abc import Callable

import numpy as np

from crossbeat import leads, quality, simulate
from crossbeat.quality import Verdict
from crossbeat.signal import Ecg, resample

VIRTUAL = Ecg(simulate.ecgs(simulate.draw_patients(2, 0), 0)[1], leads.STANDARD, float(simulate.FS))
"""A virtual patient of whom nothing is to be said: 10 s at 500 Hz."""


def with_values(values: np.ndarray, ecg: Ecg = VIRTUAL) -> Ecg:
    """The leads and rate of an ECG, with other values."""
    return Ecg(values.astype(np.float32), ecg.leads, ecg.fs)


def changed(ecg: Ecg, lead: str, change: Callable[[np.ndarray], object]) -> Ecg:
    """The ECG with one lead changed to what a function returns."""
    values = ecg.values.copy()
    row = ecg.leads.index(lead)
    values[row] = change(values[row])
    return with_values(values, ecg)


def put(ecg: Ecg, lead: str, where: object, to: float) -> Ecg:
    """The ECG with some samples of one lead, or of all if it has no name, set to a value."""
    values = ecg.values.copy()
    values[ecg.leads.index(lead) if lead else slice(None), where] = to
    return with_values(values, ecg)


def only(*names: str, ecg: Ecg = VIRTUAL) -> Ecg:
    """These leads of the ECG, in this order."""
    return Ecg(ecg.values[[ecg.leads.index(lead) for lead in names]], names, ecg.fs)


def at_rate(fs: float) -> Ecg:
    """The virtual ECG, resampled."""
    return Ecg(resample(VIRTUAL.values, 500.0, fs), VIRTUAL.leads, fs)


def of(ecg: Ecg, seconds: float = 10.0) -> dict[str, Verdict]:
    """The first verdict of each check, by its name."""
    found: dict[str, Verdict] = {}
    for verdict in quality.check(ecg, seconds):
        found.setdefault(verdict.name, verdict)
    return found


def told_of(ecg: Ecg, seconds: float = 10.0) -> list[tuple[str, str, str]]:
    """Name, lead and action of whatever has a message."""
    return [
        (verdict.name, verdict.lead, verdict.action)
        for verdict in quality.check(ecg, seconds)
        if verdict.message
    ]
