"""What the tests of virtual patients share: the same patients but for some traits."""

from dataclasses import replace
from typing import TypeVar

import numpy as np

Record = TypeVar("Record")


def but(record: Record, **values: float) -> Record:
    """The same record, with one value for everybody."""
    given = {name: np.full_like(getattr(record, name), value) for name, value in values.items()}
    return replace(record, **given)


def more(record: Record, **by: float) -> Record:
    """The same record, with some values raised for everybody."""
    given = {name: getattr(record, name) + np.float32(value) for name, value in by.items()}
    return replace(record, **given)
