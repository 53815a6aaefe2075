"""What was measured row by row, such as the rank of a patient in a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Shaped

from crossbeat.evaluation.predictions import read_arrays, write_arrays

_PREFIX = "measure:"


@dataclass(frozen=True)
class Measured:
    """Measures of the rows of a test split.

    Args:
        patients: the patient of each row.
        measures: by name; NaN where a measure is undefined for a row.

    Raises:
        ValueError: there is no measure, or one is not there for every row.
    """

    patients: Shaped[np.ndarray, " row"]
    measures: Mapping[str, Float64[np.ndarray, " measured"]]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.measures.items()}
        if set(lengths.values()) != {len(self.patients)}:
            raise ValueError(f"every measure must have {len(self.patients)} rows, got {lengths}")


def write_measured(path: Path, measured: Measured) -> None:
    """Write measures as ``.npz``; the file appears whole or not at all."""
    arrays = {f"{_PREFIX}{name}": values for name, values in measured.measures.items()}
    write_arrays(path, arrays | {"patients": measured.patients})


def read_measured(path: Path) -> Measured:
    """Read what ``write_measured`` wrote."""
    with read_arrays(path, what="measures") as arrays:
        named = {name: arrays[name] for name in arrays if name.startswith(_PREFIX)}
        measures = {name.removeprefix(_PREFIX): values for name, values in named.items()}
        return Measured(arrays["patients"], measures)
