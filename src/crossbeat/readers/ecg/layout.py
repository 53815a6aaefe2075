"""The layout of a CSV or NumPy file: rate, unit and leads, which the file does not state."""

import math
from dataclasses import dataclass

from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD, among
from crossbeat.readers.ecg.units import MILLIVOLTS

HOW_TO_SAY = "--layout.fs 500 --layout.unit uV"
"""An example of what a user may have to add, for messages."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the numbers of a CSV or NumPy file are to be read.

    Args:
        fs: sampling rate in hertz, above 0.
        unit: of the numbers: mV, uV, V or nV.
        leads: the name of each column of a CSV file without header line, or of each row or column
            of a NumPy array, in any spelling that a file may have; empty if the header line of a
            CSV file has the names.

    Raises:
        ConfigError: a value breaks its rule.
    """

    fs: float
    unit: str
    leads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.fs < math.inf:
            raise ConfigError(f"fs must be above 0 Hz, got {self.fs}; give the sampling rate")
        if self.unit.strip().lower() not in MILLIVOLTS:
            raise ConfigError(f"unit must be mV, uV or V, got {self.unit!r}; correct it")
        names = [lead.removeprefix("-") for lead in self.names]
        if not len(self.leads) == len(names) == len(set(names)):
            raise ConfigError(
                f"leads must be different ones of {', '.join(STANDARD)}, got "
                f"{', '.join(self.leads)}; correct the list"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The leads in their standard spelling, or ``-aVR``."""
        return tuple(among(self.leads).values())
