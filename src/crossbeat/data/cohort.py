"""A cohort on disk, as training and evaluation use it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from crossbeat.data.audit import AUDIT_FILE, check_audit
from crossbeat.data.info import CohortInfo, read_info
from crossbeat.data.labels import LabelPolicy, label_codes
from crossbeat.data.rejected import REJECTED_FILE, rejected_table
from crossbeat.data.splits import Split
from crossbeat.data.store import Store
from crossbeat.data.table import (
    REPORTED,
    check_table,
    label_column,
    owner_column,
    signals_in,
    soft_label_column,
    truth_column,
    value_column,
)
from crossbeat.data.verified import require_undamaged
from crossbeat.errors import ConfigError, DataError
from crossbeat.modalities import MODALITIES, Values, modality
from crossbeat.signal import Ecgs

INFO_FILE = "cohort.json"
TABLE_FILE = "table.parquet"
Rows = Int64[np.ndarray, " row"]
_KNOWN = LabelPolicy(uncertain="ignore", missing="negative")


@dataclass(frozen=True, eq=False)
class Cohort:
    """ECGs, X-rays and cines, alone or in pairs, with labels, in a split by patient.

    Args:
        folder: where its files lie.
        info: what it is.
        table: one row per ECG, X-ray or pair (see ``crossbeat.data.table``).

    Raises:
        DataError: the table breaks a rule, or names rows that the stores do not have.
    """

    folder: Path
    info: CohortInfo
    table: pl.DataFrame

    def __post_init__(self) -> None:
        check_table(self.table, self.info.findings, self.info.measurements)
        for name in signals_in(self.table):
            self._check_rows(name, len(self._stores.get(name, ())))
        if self.info.kind == "paired":
            self._check_paired()

    @classmethod
    def open(cls, folder: Path) -> "Cohort":
        """The cohort in a folder.

        Raises:
            DataError: the folder holds no cohort, one of another version, or files that differ
                from what was built; or something is in two splits.
        """
        info = read_info(folder / INFO_FILE)
        require_undamaged(folder, info.files, [TABLE_FILE, AUDIT_FILE], again=True)
        check_audit(folder / AUDIT_FILE, table=info.files[TABLE_FILE].sha256)
        return cls(folder, info, pl.read_parquet(folder / TABLE_FILE))

    def rejected(self) -> pl.DataFrame:
        """The records that were left out: record, file, rule and reason."""
        path = self.folder / REJECTED_FILE
        return pl.read_parquet(path) if REJECTED_FILE in self.info.files else rejected_table([])

    def verify(self) -> None:
        """Read every file and compare its checksum.

        ``open`` does so for the table, and training for the signals that a phase reads.

        Raises:
            DataError: files are not what was built.
        """
        require_undamaged(self.folder, self.info.files, list(self.info.files), again=True)

    def verify_signals(self, column: str) -> None:
        """Read the files of one kind of signal and compare their checksums.

        Each file is read once until it changes, also over processes.

        Args:
            column: a name in ``MODALITIES``.

        Raises:
            DataError: files are not what was built.
        """
        names = [path.name for path in self._stores[column].paths]
        require_undamaged(self.folder, self.info.files, names)

    def rows(self, split: Split, *, has: tuple[str, ...] = ("ecg",)) -> Rows:
        """The rows of the table in a split that have a value in each column of ``has``.

        If the table lacks the column of a signal, no row has it.
        """
        if (set(MODALITIES) - set(self.table.columns)).intersection(has):
            return np.empty(0, dtype=np.int64)
        chosen = pl.all_horizontal(
            pl.col("split") == split, *(pl.col(name).is_not_null() for name in has)
        )
        return np.flatnonzero(self.table.select(chosen).to_series().to_numpy())

    def read(self, name: str, rows: Rows) -> Values:
        """The recordings of some rows in their unit; ``MODALITIES`` says which that is.

        Args:
            name: a name in ``MODALITIES``.

        Raises:
            DataError: a row has no such recording.
        """
        stored = self._stores[name].take(self._store_rows(name, rows))
        return modality(name).read(stored, self.info)

    def ecgs(self, rows: Rows) -> Ecgs:
        """The ECGs of some rows, in ``info.unit``; see ``read``."""
        found = self.read("ecg", rows)
        assert isinstance(found, Ecgs)
        return found

    def images(self, name: str, rows: Rows) -> Shaped[Tensor, "batch ..."]:
        """The recordings of another modality than the ECG of some rows; see ``read``."""
        found = self.read(name, rows)
        assert isinstance(found, Tensor)
        return found

    def measurements(self, rows: Rows, names: Sequence[str]) -> Float32[Tensor, "batch value"]:
        """Cardiac measurements in their units; NaN where one is missing.

        Raises:
            ConfigError: the cohort has no such measurement.
        """
        self._require("measurement", names, self.info.measurements)
        columns = [self.table[value_column(name)].fill_null(np.nan).to_numpy() for name in names]
        return torch.from_numpy(np.stack([column[rows] for column in columns], axis=1))

    def contents(self, column: str, rows: Rows) -> dict[str, object]:
        """All that decides what ``read`` returns for some rows.

        It is verified before, see ``verify_signals``.

        Args:
            column: a name in ``MODALITIES``.

        Raises:
            DataError: a row has none, or a file is not what was built.
        """
        self.verify_signals(column)
        return {
            "files": [self.info.files[path.name].sha256 for path in self._stores[column].paths],
            "rows": self._store_rows(column, rows),
            "shape": dict(modality(column).depends(self.info)),
        }

    def labels(
        self, rows: Rows, findings: Sequence[str], policy: LabelPolicy
    ) -> Float32[Tensor, "batch finding"]:
        """Labels from the reports, 1 or 0; NaN where the policy ignores a label.

        Where no report was read, every label is NaN, whatever the policy.

        Raises:
            ConfigError: the cohort has no such finding.
        """
        self._require("finding", findings, self.info.findings)
        labels = policy.apply(self._codes(list(map(label_column, findings)), rows))
        labels[~self._reported[rows]] = np.nan
        return torch.from_numpy(labels)

    def soft_labels(
        self, rows: Rows, findings: Sequence[str], labels: Tensor
    ) -> Float32[Tensor, "batch finding"] | None:
        """The labels before they were rounded, 0 to 1, if the cohort has any.

        Args:
            labels: as ``labels`` returns them, for findings and rows that were not rounded.
        """
        columns = {name: soft_label_column(name) for name in findings}
        if not set(columns.values()) & set(self.table.columns):
            return None
        soft = labels.clone()
        for place, column in enumerate(columns.values()):
            if column in self.table.columns:
                values = torch.tensor(self.table[column].fill_null(np.nan).to_numpy()[rows])
                known = ~(values.isnan() | labels[:, place].isnan())
                soft[known, place] = values[known]
        return soft

    def truth(self, rows: Rows, findings: Sequence[str]) -> Float32[Tensor, "batch finding"]:
        """The true findings where they are known, else those of the reports.

        Of reports, uncertain labels are ignored (NaN) and findings not mentioned are negative;
        where no report was read, all are ignored. The truth may be known of conditions that no
        report mentions.

        Raises:
            ConfigError: the cohort has no such finding.
        """
        told = [name for name in findings if truth_column(name) not in self._code_index]
        self._require("finding", told, self.info.findings)
        columns = [label_column(name) if name in told else truth_column(name) for name in findings]
        known = _KNOWN.apply(self._codes(columns, rows))
        known[np.ix_(~self._reported[rows], [name in told for name in findings])] = np.nan
        return torch.from_numpy(known)

    def patients(self, rows: Rows) -> Shaped[np.ndarray, " row"]:
        """The patient of each row: resampling for intervals is by these."""
        return self._patients[rows]

    def with_table(self, table: pl.DataFrame) -> "Cohort":
        """The same arrays under another table: other splits, pairs or labels.

        Raises:
            DataError: the table breaks a rule, or names rows that the stores do not have.
        """
        return replace(self, table=table)

    def fingerprint(self) -> str:
        """A digest of whatever training can see: the info, the arrays and the table."""
        text = BytesIO()
        self.table.write_csv(text, null_value="\x00")
        digest = sha256(self.info.to_json().encode())
        digest.update(str(self.table.schema).encode())
        digest.update(text.getvalue())
        return digest.hexdigest()

    def _require(self, what: str, names: Sequence[str], known: Sequence[str]) -> None:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ConfigError(
                f"{what} must be one of {', '.join(known) or 'none'}, which {self.folder} has, got "
                f"{', '.join(unknown)}; choose one of them, or build the cohort with them"
            )

    def _store_rows(self, column: str, rows: Rows) -> Rows:
        stored = self._rows_in[column][rows]
        if stored.size and stored.min() < 0:
            row = int(rows[stored.argmin()])
            raise DataError(
                f"row {row} of cohort {self.info.name} must have column {column!r}, got none; "
                f"choose rows with rows(split, has=({column!r},))"
            )
        return stored

    def _codes(self, columns: list[str], rows: np.ndarray) -> np.ndarray:
        chosen = np.array([self._code_index[name] for name in columns], dtype=np.int64)
        return self._code_matrix[rows[:, None], chosen]

    @cached_property
    def _code_index(self) -> dict[str, int]:
        names = [name for name in self.table.columns if name.startswith(("label:", "truth:"))]
        return {name: column for column, name in enumerate(names)}

    @cached_property
    def _code_matrix(self) -> np.ndarray:
        return label_codes(self.table, tuple(self._code_index))

    @cached_property
    def _reported(self) -> np.ndarray:
        if REPORTED not in self.table.columns:
            return np.ones(self.table.height, dtype=bool)
        return self.table[REPORTED].fill_null(value=True).to_numpy()

    @cached_property
    def _patients(self) -> np.ndarray:
        return self.table["patient"].to_numpy().astype(np.str_)

    @cached_property
    def _rows_in(self) -> dict[str, np.ndarray]:
        """The row of each store that a row of the table stands for; -1: none."""
        absent = pl.Series(np.full(self.table.height, -1))
        return {
            name: self.table.get_column(name, default=absent).fill_null(-1).to_numpy()
            for name in MODALITIES
        }

    @cached_property
    def _stores(self) -> dict[str, Store]:
        stores = {}
        for signal, each in MODALITIES.items():
            row = each.stored(self.info)
            if row is not None:
                names = sorted(name for name in self.info.files if name.startswith(f"{signal}-"))
                counts = [self.info.files[name].rows for name in names]
                stores[signal] = Store([self.folder / name for name in names], counts, row)
        return stores

    def _check_rows(self, column: str, num_rows: int) -> None:
        given = self.table[column].drop_nulls().to_numpy()
        if given.size and (given.min() < 0 or given.max() >= num_rows):
            raise DataError(
                f"column {column!r} of the table must be 0 to {num_rows - 1}, the rows stored in "
                f"{self.folder}, got {given.min()} to {given.max()}; rebuild the cohort"
            )

    def _check_paired(self) -> None:
        for owner in map(owner_column, signals_in(self.table)):
            other = self.table.filter(pl.col("patient") != pl.col(owner))
            if other.height:
                raise DataError(
                    "both signals of a paired cohort must be of one patient, got "
                    f"{other['patient'][0]} and {other[owner][0]}; "
                    "correct the pairs, or mark the cohort as matched"
                )
