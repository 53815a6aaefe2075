"""The cohort ``virtual-hearts``: simulated patients with an ECG and cine MRI of one heart."""

from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Bool

from crossbeat import simulate
from crossbeat.data.build import Block, How, build_cohort, require_room
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.virtual import described, standard, stored_ecgs, truths
from crossbeat.data.splits import Shares, split_patients
from crossbeat.data.table import value_column
from crossbeat.errors import ConfigError, DataError, require_least

NOTE = (
    "Simulated patients. How well cardiac measurements can be predicted from an ECG was set from "
    "physiology: results compare methods and are not evidence about patients."
)

REAL = "The surroundings of short-axis hearts come from a few real stacks, shared by all."


@dataclass(frozen=True, kw_only=True)
class VirtualHearts:
    """Virtual patients with one ECG, one mid-ventricular cine and cardiac measurements each.

    Args:
        num_patients: number of patients; patient i is the same for any number.
        seed: a different seed gives different patients; 0 or more.
        frames: of one heartbeat, 2 or more.
        cine_size: height and width of a frame in pixels, 16 or more.
        fs: sampling rate of the stored ECGs in hertz.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.
        measured: share of the training patients with known measurements, above 0 and at most 1; a
            higher share includes the patients of a lower one.
        long_axis: whether there is a long-axis cine beside the short-axis one.
        textures: a file of real short-axis stacks, as ``simulate.read_textures`` takes it, whose
            surroundings lie around the hearts; by default these are drawn, as in the long axis.

    Raises:
        ConfigError: a setting is out of its range.
    """

    num_patients: int = 3000
    seed: int = 0
    frames: int = 25
    cine_size: int = 64
    fs: float = 100.0
    val: float = Shares.val
    test: float = Shares.test
    measured: float = 1.0
    long_axis: bool = False
    textures: Path | None = None

    def __post_init__(self) -> None:
        require_least(self, num_patients=1, seed=0, frames=2, cine_size=16)
        if not 0 < self.measured <= 1:
            raise ConfigError(
                "VirtualHearts.measured must be above 0 and at most 1, got "
                f"{self.measured}; change it"
            )
        Shares(val=self.val, test=self.test)
        standard(self.fs)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Simulate the patients into a new folder; its bytes follow from settings and textures."""
        signals = ("ecg", "cine", "cine_long") if self.long_axis else ("ecg", "cine")
        require_room(folder, self._info(), dict.fromkeys(signals, self.num_patients))
        textures = None if self.textures is None else simulate.read_textures(self.textures)
        patients = simulate.draw_patients(self.num_patients, self.seed)
        table = self._table(patients)
        blocks = [
            partial(_block, self, number, patients.rows(rows), table[rows], textures)
            for number, rows in simulate.spans(self.num_patients)
        ]
        return build_cohort(folder, self._info(), blocks, **how)

    def fingerprint(self) -> dict[str, object]:
        """The settings that identify a cohort, without unused ones: older cohorts stay the same.

        Textures are known by what they hold, not by where they lie.
        """
        return {"type": type(self).__qualname__} | self._settings()

    def _settings(self) -> dict[str, object]:
        given = asdict(self)
        if not self.long_axis:
            del given["long_axis"]
        if self.textures is None:
            del given["textures"]
            return given
        return given | {"textures": _checksum(self.textures)}

    def _table(self, patients: simulate.Patients) -> pl.DataFrame:
        names = [f"h{self.seed}-{number:07d}" for number in range(len(patients))]
        splits = split_patients(names, Shares(val=self.val, test=self.test), self.seed)
        known = pl.Series(self._known(np.array([splits[name] == "train" for name in names])))
        columns = described(patients, names, splits) | {"cine_patient": names}
        if self.long_axis:
            columns["cine_long_patient"] = names
        for name, values in simulate.phenotypes(patients, self.seed).items():
            columns[value_column(name)] = pl.Series(values).set(~known, None)
        return pl.DataFrame(columns | truths(patients))

    def _known(self, training: Bool[np.ndarray, " patient"]) -> Bool[np.ndarray, " patient"]:
        """Whose measures are known: the share is met to the nearest training patient."""
        order = np.random.default_rng([self.seed, 1]).permutation(np.flatnonzero(training))
        known = ~training
        known[order[: max(1, round(self.measured * len(order)))]] = True
        return known

    def _info(self) -> CohortInfo:
        share = f"{100 * self.measured:g} % of the training patients have cardiac measurements."
        notes = [NOTE, *[share] * (self.measured < 1), *[REAL] * (self.textures is not None)]
        return CohortInfo(
            name="virtual-hearts",
            kind="paired",
            findings=(),
            measurements=tuple(simulate.PHENOTYPES),
            frames=self.frames,
            cine_size=self.cine_size,
            seed=self.seed,
            settings=self._settings(),
            notes=tuple(notes),
        ).with_ecgs(standard(self.fs))


def _checksum(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} must be a file of textures, but: {error.strerror}; check the path"
        ) from error


def _block(
    settings: VirtualHearts,
    number: int,
    patients: simulate.Patients,
    table: pl.DataFrame,
    textures: simulate.Textures | None,
) -> Block:
    stored = stored_ecgs(patients, number, settings.seed, settings.fs)
    show = partial(simulate.cine_block, frames=settings.frames, size=settings.cine_size)
    cines = show(patients, number, settings.seed, textures=textures)[:, 0]
    places = pl.int_range(pl.len(), dtype=pl.Int64)
    table = table.with_columns(ecg=places, cine=places)
    if not settings.long_axis:
        return Block(table, {"ecg": stored, "cine": cines})
    long = show(patients, number, settings.seed, view="long")[:, 0]
    signals = {"ecg": stored, "cine": cines, "cine_long": long}
    return Block(table.with_columns(cine_long=places), signals)
