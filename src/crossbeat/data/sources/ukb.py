"""The cohort ``ukb``: resting ECGs and cine MRI of the same visit to UK Biobank.

Read from the files as downloaded (fields 20205, 20208 and 20209) and a table of measures.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import polars as pl
from jaxtyping import UInt8

from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.builder import (
    build_files,
    divided,
    header_of,
    read_csv,
    read_wave,
    settings_of,
    table_digest,
)
from crossbeat.data.splits import Shares
from crossbeat.data.table import value_column
from crossbeat.errors import ConfigError, DataError, require_least
from crossbeat.readers import cropped, read_cine, roi_by_motion
from crossbeat.readers.cine.region import SIDE_MM
from crossbeat.signal import Preprocessing

SECONDS = 10.0

LongView = Literal["2ch", "3ch", "4ch"]
View = Literal["short"] | LongView
SERIES: Mapping[View, tuple[str, tuple[str, ...]]] = {
    "short": ("20209", ("CINE_segmented_SAX_b*", "CINE_segmented_SAX")),
    "2ch": ("20208", ("CINE_segmented_LAX_2Ch",)),
    "3ch": ("20208", ("CINE_segmented_LAX_3Ch",)),
    "4ch": ("20208", ("CINE_segmented_LAX_4Ch",)),
}
"""The field of each view, and what its series are called."""

FIELDS: Mapping[str, int] = {
    "LVEDV": 24100,
    "LVESV": 24101,
    "LVSV": 24102,
    "LVEF": 24103,
    "LVM": 24105,
    "RVEDV": 24106,
    "RVESV": 24107,
    "RVSV": 24108,
    "RVEF": 24109,
    "LAV": 24110,
}
"""The field of each measure, in ml, % and g; LAV is the largest volume of the left atrium.

Source: Bai 2020 (10.1038/s41591-020-1009-y).
"""

_EID, _SEX, _AGE = "eid", 31, 21003
_SEXES = {"0": "F", "1": "M", "Female": "F", "Male": "M"}

_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+)(\.xml|\.zip|)")
"""Of a participant's file: who, field, visit, number."""


@dataclass(frozen=True, kw_only=True)
class Ukb:
    """Participants of UK Biobank with an ECG at rest and a cine of the heart, of one visit.

    Files are found by their names, ``1234567_20205_2_0.xml`` and ``1234567_20209_2_0.zip``, in any
    folder below; of several of one visit, the one of the lowest number is taken. An archive may be
    unpacked, to a folder of its name.

    Args:
        ecg: the folder of field 20205.
        cine: the folder of field 20209 for the short axis, or 20208 for the long ones.
        cine_long: the folder of field 20208, for a long-axis cine beside the short-axis one of
            whoever has both; needs the short ``view``.
        measurements: a table with cardiac measurements, age and sex. Participants who are not
            listed are not read, so those who have withdrawn are left out. Without it, no
            measurement is known.
        view: which cine is stored: the middle one of the short-axis slices, or a long axis that
            shows two, three or four chambers.
        long_view: which long axis is stored beside the short one, where ``cine_long`` is given.
        visit: which instance: 2 is the first with imaging, 3 the repeated one.
        frames: of the stored cines, 2 or more; of others than a cine has, those nearest in phase.
        cine_size: height and width of a stored frame in pixels, 16 or more.
        side_mm: width in mm of the stored square around the heart, above 0.
        unpaired: whether participants with only an ECG or only a cine are kept.
        fs: sampling rate of the stored ECGs in hertz.
        seed: of the split by participants.
        val: share of the participants for validation, 0 to 1.
        test: share of the participants for testing, 0 to 1.

    Raises:
        ConfigError: a setting is out of its range.
    """

    ecg: Path
    cine: Path
    cine_long: Path | None = None
    measurements: Path | None = None
    view: View = "short"
    long_view: LongView = "4ch"
    visit: int = 2
    frames: int = 50
    cine_size: int = 64
    side_mm: float = SIDE_MM
    unpaired: bool = False
    fs: float = 100.0
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test

    def __post_init__(self) -> None:
        require_least(self, visit=0, frames=2, cine_size=16, side_mm=1)
        if self.cine_long is not None and self.view != "short":
            raise ConfigError(
                f"Ukb.view must be short where cine_long is given, got {self.view}; "
                "leave one of them out"
            )
        Shares(val=self.val, test=self.test)
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=SECONDS)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean, crop and store the files in a new folder."""
        people = self._people()
        read = {
            "ecg": (partial(read_wave, clean=self.preprocessing()), self.ecg),
            "cine": (partial(read_heart, settings=self), self.cine),
        }
        if self.cine_long is not None:
            read_long = partial(read_heart, settings=self, view=self.long_view)
            read["cine_long"] = (read_long, self.cine_long)
        rows = people.with_columns(record="patient")
        return build_files(folder, self._info(people), rows, read, **how)

    def _people(self) -> pl.DataFrame:
        """A row for each participant: patient, split, age, sex, measurements and files."""
        ecgs = _files(self.ecg, "20205", self.visit, "ecg")
        cines = _files(self.cine, SERIES[self.view][0], self.visit, "cine")
        how: Literal["full", "inner"] = "full" if self.unpaired else "inner"
        people = ecgs.join(cines, on="patient", how=how, coalesce=True)
        if self.cine_long is not None:
            longs = _files(self.cine_long, SERIES[self.long_view][0], self.visit, "cine_long")
            beside: Literal["full", "left"] = "full" if self.unpaired else "left"
            people = people.join(longs, on="patient", how=beside, coalesce=True)
        if self.measurements is not None:
            people = people.join(read_measures(self.measurements, self.visit), on="patient")
        if not people.drop_nulls(["ecg_file", "cine_file"]).height:
            raise DataError(
                f"{self.ecg} and {self.cine} must have participants in common, who are in the "
                f"table of measurements, got none among {ecgs.height} ECGs and {cines.height} "
                f"cines of visit {self.visit}; check the folders"
            )
        return divided(people.sort("patient"), self.seed, val=self.val, test=self.test)

    def _info(self, people: pl.DataFrame) -> CohortInfo:
        settings = settings_of(self, "ecg", "cine", "cine_long", "measurements")
        if self.cine_long is None:
            del settings["long_view"]
        if self.measurements is not None:
            settings["table"] = table_digest(self.measurements)
        pairs = people.drop_nulls(["ecg_file", "cine_file"]).height
        note = (
            f"The folders have files of {pairs} participants with both ECG and cine at visit "
            f"{self.visit}. A cine shows a square of {self.side_mm:g} mm around the part that "
            "moves most."
        )
        return CohortInfo(
            name="ukb",
            kind="paired",
            findings=(),
            measurements=tuple(name for name in FIELDS if value_column(name) in people.columns),
            frames=self.frames,
            cine_size=self.cine_size,
            seed=self.seed,
            settings=settings,
            notes=(note,),
        ).with_ecgs(self.preprocessing())


def read_heart(
    file: str, settings: Ukb, view: View | None = None
) -> UInt8[np.ndarray, "frame height width"]:
    """A cine, an archive of DICOM files or their folder, as the cohort stores it."""
    cine = read_cine(file, series=SERIES[view or settings.view][1])
    region = roi_by_motion(cine, side_mm=settings.side_mm)
    middle = len(cine.values) // 2
    one = replace(cine, values=cine.values[middle : middle + 1])
    squares = cropped(one, region, settings.cine_size)[0]
    phases = np.arange(settings.frames) / settings.frames
    return squares[np.rint(phases * len(squares)).astype(int) % len(squares)]


def _files(folder: Path, field: str, visit: int, name: str) -> pl.DataFrame:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; name the one that holds field {field}")
    found: dict[str, tuple[int, str]] = {}
    for root, folders, files in os.walk(folder):
        for file in sorted([*folders, *files]):
            told = _NAME.fullmatch(file)
            if told is None or (told[2], int(told[3])) != (field, visit):
                continue
            mine = (int(told[4]), os.path.join(root, file))
            found[told[1]] = min(mine, found.get(told[1], mine))
        folders[:] = sorted(each for each in folders if _NAME.fullmatch(each) is None)
    return pl.DataFrame(
        {"patient": list(found), f"{name}_file": [file for _, file in found.values()]},
        schema={"patient": pl.String, f"{name}_file": pl.String},
    )


def read_measures(path: Path, visit: int) -> pl.DataFrame:
    """The participants with age, sex and measurements: patient, age, sex and ``value:`` columns.

    Columns of the CSV table may be called as on UK Biobank's showcase (``24103-2.0``) or its
    research platform (``p24103_i2``, ``participant.p24103_i2``), or as the measure (``LVEF``).
    """
    there = header_of(path)
    known = {name: _column(there, field, visit, name) for name, field in FIELDS.items()}
    named = {name: column for name, column in known.items() if column is not None}
    eid = _first(there, (_EID, f"participant.{_EID}"))
    if eid is None or not named:
        raise DataError(
            f"{path} must have the column {_EID} and measures of visit {visit} such as "
            f"24103-{visit}.0, p24103_i{visit} or LVEF, got {', '.join(there)[:300]}; export them"
        )
    age, sex = _column(there, _AGE, visit, "age"), _column(there, _SEX, 0, "sex")
    types: dict[str, type] = dict.fromkeys(named.values(), float) | {eid: str}
    types |= ({} if age is None else {age: float}) | ({} if sex is None else {sex: str})
    table = read_csv(path, types)
    twice = table.filter(pl.col(eid).is_duplicated() | pl.col(eid).is_null())
    if twice.height:
        raise DataError(
            f"{path} must list every participant once, got {twice[eid][0] or 'one without eid'} "
            f"in {twice.height} rows; drop the others"
        )
    return table.select(
        pl.col(eid).alias("patient"),
        pl.lit(None, pl.Float32).alias("age") if age is None else pl.col(age).alias("age"),
        pl.lit(None, pl.String).alias("sex") if sex is None else _sexes(path, table[sex]),
        *(pl.col(column).alias(value_column(name)) for name, column in named.items()),
    )


def _column(there: list[str], field: int, visit: int, name: str) -> str | None:
    platform = f"p{field}" if field == _SEX else f"p{field}_i{visit}"
    return _first(there, (f"{field}-{visit}.0", platform, f"participant.{platform}", name))


def _first(there: list[str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in there), None)


def _sexes(path: Path, told: pl.Series) -> pl.Series:
    unknown = set(told.drop_nulls()) - set(_SEXES)
    if unknown:
        raise DataError(
            f"{path}: sex must be 0 or Female, 1 or Male, got {', '.join(sorted(unknown))[:80]}; "
            "export field 31 as it is"
        )
    return told.replace_strict(_SEXES, return_dtype=pl.String).alias("sex")
