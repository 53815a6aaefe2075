"""Label policies: how uncertain and unmentioned findings are counted."""

from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float32, Int8

from crossbeat.errors import ConfigError, DataError

POSITIVE, NEGATIVE, UNCERTAIN, MISSING = 1, 0, -1, -2
"""The codes of a label in a matrix; in a table, missing is null."""

_MEANING = {"positive": 1.0, "negative": 0.0, "ignore": nan}


@dataclass(frozen=True, kw_only=True)
class LabelPolicy:
    """How to count labels that are neither positive nor negative.

    Args:
        uncertain: what -1 counts as ("possible edema").
        missing: what null counts as (the report does not mention it).

    Raises:
        ConfigError: a value is none of the words of its type.

    Source: Irvin 2019 (arXiv:1901.07031), U-Ignore, U-Zeros and U-Ones.
    """

    uncertain: Literal["positive", "negative", "ignore"] = "ignore"
    missing: Literal["negative", "ignore"] = "negative"

    def __post_init__(self) -> None:
        allowed = {"uncertain": list(_MEANING), "missing": ["negative", "ignore"]}
        for name, words in allowed.items():
            if getattr(self, name) not in words:
                raise ConfigError(
                    f"LabelPolicy.{name} must be one of {', '.join(words)}, "
                    f"got {getattr(self, name)!r}; choose one of them"
                )

    def apply(self, codes: Int8[np.ndarray, "row finding"]) -> Float32[np.ndarray, "row finding"]:
        """Labels 1 and 0, and NaN where a label is to be ignored.

        Args:
            codes: 1 positive, 0 negative, -1 uncertain, -2 missing.
        """
        by_code = [_MEANING[self.missing], _MEANING[self.uncertain], 0.0, 1.0]
        return np.array(by_code, dtype=np.float32)[codes.astype(np.int64) - MISSING]


ALL_NEGATIVE = LabelPolicy(uncertain="negative", missing="negative")
"""The policy of CroMoTEX's code: whatever is not positive is negative."""


def label_codes(table: pl.DataFrame, columns: tuple[str, ...]) -> Int8[np.ndarray, "row finding"]:
    """The codes of some label columns of a table, null as -2."""
    if not columns:
        return np.empty((table.height, 0), dtype=np.int8)
    return np.stack([table[name].fill_null(MISSING).to_numpy() for name in columns], axis=1)


def check_labels(table: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Check that every label is 1, 0, -1 or null."""
    for name in columns:
        wrong = (~table[name].is_in([POSITIVE, NEGATIVE, UNCERTAIN])).fill_null(value=False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise DataError(
                f"label in column {name!r} must be 1, 0, -1 or empty, got "
                f"{table[name][row]!r} in row {row} (patient {table['patient'][row]}); "
                "correct the label table"
            )
