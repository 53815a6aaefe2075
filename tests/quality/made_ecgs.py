"""ECGs with a fault made by hand, and what the checks say of them."""

from collections.abc import Callable

import numpy as np

from crossbeat import leads, quality, simulate
from crossbeat.quality import Verdict
from crossbeat.signal import Ecg

VIRTUAL = Ecg(simulate.ecgs(simulate.draw_patients(2, 0), 0)[1], leads.STANDARD, float(simulate.FS))
"""A virtual patient of whom nothing is to be said."""


def changed(ecg: Ecg, lead: str, change: Callable[[np.ndarray], object]) -> Ecg:
    """The ECG with one lead changed in place by a function, or to what it returns."""
    values = ecg.values.copy()
    row = values[ecg.leads.index(lead)]
    result = change(row)
    if result is not None:
        row[:] = result
    return Ecg(values, ecg.leads, ecg.fs)


def scaled(ecg: Ecg, factor: float) -> Ecg:
    """The ECG with all amplitudes changed by one factor."""
    return Ecg(ecg.values * np.float32(factor), ecg.leads, ecg.fs)


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
