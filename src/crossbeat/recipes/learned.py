"""The people that a run learned from: no model is measured on them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.data.cohort import Cohort
from crossbeat.data.people import OWN_SOURCES, in_common, people
from crossbeat.data.table import write_table
from crossbeat.errors import CheckpointError, DataError, reason
from crossbeat.recipes.record import LEARNED, RESULT

_SCHEMA = {"source": pl.String(), "digest": pl.UInt64()}
_SHOWN = 2
_AGAIN = f"copy the run again, or remove its {RESULT} and run its train command again"


@dataclass(frozen=True)
class Learned:
    """The people that a run learned from or chose on, in all its phases, its teacher's too.

    Args:
        digests: ``source`` and ``digest`` of each, as ``crossbeat.data.people`` has them.
        other_patients: whether ids of the user's own tables name other people than the same ids
            in training.
    """

    digests: pl.DataFrame
    other_patients: bool = False

    @classmethod
    def of(cls, cohort: Cohort) -> "Learned":
        """Everybody in the training and the validation split of a cohort.

        No phase can use other rows, and thresholds and calibration use the validation split. The
        owners of X-rays and cines count as well.
        """
        rows = np.flatnonzero(cohort.table["split"].is_in(["train", "val"]).to_numpy())
        return cls(
            people(cohort, rows).select("source", "digest").unique().sort("source", "digest")
        )

    @classmethod
    def read(cls, folder: Path) -> "Learned":
        """What ``write`` has written.

        Raises:
            CheckpointError: the file is absent or damaged.
        """
        path = folder / LEARNED
        try:
            digests = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise CheckpointError(
                f"{path} must be a Parquet file, got: {reason(error)}; {_AGAIN}"
            ) from error
        if dict(digests.schema) != _SCHEMA:
            raise CheckpointError(
                f"{path} must have the columns {', '.join(_SCHEMA)}, got "
                f"{', '.join(digests.columns)}; {_AGAIN}"
            )
        return cls(digests)

    def write(self, folder: Path) -> None:
        """Write the file ``LEARNED`` into the folder of the run."""
        write_table(folder / LEARNED, self.digests)

    def require_unseen(
        self, cohort: Cohort, rows: Int64[np.ndarray, " row"], *, run: str, trained_on: str
    ) -> None:
        """Check that nobody in some rows is one of the people that the run learned from.

        Args:
            rows: indices into the cohort's table.
            run: named in the error.
            trained_on: name of the cohort of the training, for the error.

        Raises:
            DataError: somebody is.
        """
        tested = people(cohort, rows)
        known = in_common(tested, self.digests, own=not self.other_patients)
        if not known.height:
            return
        number = tested["patient"].n_unique()
        shown = " and ".join(known["patient"].head(_SHOWN))
        hint = "evaluate on other patients"
        if set(OWN_SOURCES) & {*known["source"], *self.digests["source"].unique()}:
            hint += ", or add --other_patients if these ids name other people"
        raise DataError(
            f"{run} must not be measured on patients that it learned from, got {known.height} of "
            f"{number} test patients of cohort {cohort.info.name!r} who are in its training "
            f"cohort {trained_on!r}, such as {shown}; {hint}"
        )
