"""The cohort ``ukb``: resting ECGs and cine MRI of the same visit to UK Biobank.

Read from the files as downloaded (fields 20205, 20208 and 20209) and a table of measures.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Unpack

import numpy as np
import polars as pl
from jaxtyping import UInt8

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.rejected import Rejected
from crossbeat.data.sources import read_each, read_wave, spans, table_digest
from crossbeat.data.splits import Shares, split_patients
from crossbeat.data.table import owner_column, value_column
from crossbeat.data.ukb_table import FIELDS, read_measures
from crossbeat.errors import ConfigError, DataError
from crossbeat.readers import cropped, read_cine, roi_by_motion
from crossbeat.readers.cine.region import SIDE_MM
from crossbeat.signal import Preprocessing

SECONDS = 10.0

LongView = Literal["2ch", "3ch", "4ch"]
View = Literal["short"] | LongView
SERIES: Mapping[View, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "short": ("20209", ("CINE_segmented_SAX_b*", "CINE_segmented_SAX")),
        "2ch": ("20208", ("CINE_segmented_LAX_2Ch",)),
        "3ch": ("20208", ("CINE_segmented_LAX_3Ch",)),
        "4ch": ("20208", ("CINE_segmented_LAX_4Ch",)),
    }
)
"""The field of each view, and what its series are called."""

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
        phenotypes: a table with cardiac measurements, age and sex. Participants who are not listed
            are not read, so those who have withdrawn are left out. Without it, no measurement is
            known.
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
    phenotypes: Path | None = None
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
        for name, least in {"visit": 0, "frames": 2, "cine_size": 16, "side_mm": 1}.items():
            if getattr(self, name) < least:
                raise ConfigError(
                    f"Ukb.{name} must be {least} or more, got {getattr(self, name)}; raise it"
                )
        if self.cine_long is not None and self.view != "short":
            raise ConfigError(
                f"Ukb.view must be short where cine_long is given, got {self.view}; "
                "leave one of them out"
            )
        self._shares()
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=SECONDS)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean, crop and store the files in a new folder.

        Raises:
            DataError: a folder or the table is absent or damaged, nobody has both files, no record
                is usable, the folder exists, or the disk is full.
        """
        people = self._people()
        blocks = [partial(_block, self, people[rows]) for rows in spans(people.height)]
        info = self._info(people)
        return build_cohort(folder, info, blocks, **how)

    def _shares(self) -> Shares:
        return Shares(val=self.val, test=self.test)

    def _people(self) -> pl.DataFrame:
        """A row for each participant: patient, split, age, sex, measurements and files."""
        ecgs, cines = (
            _files(self.ecg, "20205", self.visit, "ecg"),
            _files(self.cine, SERIES[self.view][0], self.visit, "cine"),
        )
        how: Literal["full", "inner"] = "full" if self.unpaired else "inner"
        people = ecgs.join(cines, on="patient", how=how, coalesce=True)
        if self.cine_long is not None:
            longs = _files(self.cine_long, SERIES[self.long_view][0], self.visit, "cine_long")
            beside: Literal["full", "left"] = "full" if self.unpaired else "left"
            people = people.join(longs, on="patient", how=beside, coalesce=True)
        if self.phenotypes is not None:
            people = people.join(read_measures(self.phenotypes, self.visit), on="patient")
        if not people.drop_nulls(["ecg_file", "cine_file"]).height:
            raise DataError(
                f"{self.ecg} and {self.cine} must have participants in common, who are in the "
                f"table of phenotypes, got none among {ecgs.height} ECGs and {cines.height} cines "
                f"of visit {self.visit}; check the folders"
            )
        people = people.sort("patient")
        splits = split_patients(people["patient"], self._shares(), self.seed)
        return people.with_columns(split=pl.col("patient").replace_strict(splits))

    def _info(self, people: pl.DataFrame) -> CohortInfo:
        left_out = ["ecg", "cine", "cine_long", "phenotypes"]
        left_out += ["long_view"] if self.cine_long is None else []
        settings = {name: value for name, value in asdict(self).items() if name not in left_out}
        if self.phenotypes is not None:
            settings["table"] = table_digest(self.phenotypes)
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
            phenotypes=tuple(name for name in FIELDS if value_column(name) in people.columns),
            frames=self.frames,
            cine_size=self.cine_size,
            seed=self.seed,
            settings=settings,
            notes=(note,),
        ).with_ecgs(self.preprocessing())


def read_heart(
    file: str, settings: Ukb, view: View | None = None
) -> UInt8[np.ndarray, "frame height width"]:
    """A cine as the cohort stores it.

    Args:
        file: an archive of DICOM files, or the folder that it was unpacked to.
        settings: of the cohort.
        view: another one than ``settings.view``.

    Raises:
        DataError: the file cannot be read, has no such view, or nothing in it moves.
    """
    cine = read_cine(file, series=SERIES[view or settings.view][1])
    region = roi_by_motion(cine, side_mm=settings.side_mm)
    middle = len(cine.values) // 2
    one = replace(cine, values=cine.values[middle : middle + 1])
    squares = cropped(one, region, settings.cine_size)[0]
    phases = np.arange(settings.frames) / settings.frames
    return squares[np.rint(phases * len(squares)).astype(int) % len(squares)]


def _files(folder: Path, field: str, visit: int, name: str) -> pl.DataFrame:
    """The file of each participant."""
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


def _block(settings: Ukb, people: pl.DataFrame) -> Block:
    read = {
        "ecg": (partial(read_wave, clean=settings.preprocessing()), settings.ecg),
        "cine": (partial(read_heart, settings=settings), settings.cine),
    }
    if settings.cine_long is not None:
        read_long = partial(read_heart, settings=settings, view=settings.long_view)
        read["cine_long"] = (read_long, settings.cine_long)
    rows, arrays = people.with_row_index("row").with_columns(record="patient"), {}
    rejected: list[Rejected] = []
    for name, (of, root) in read.items():
        listed = rows.filter(pl.col(f"{name}_file").is_not_null())
        files = listed.select("record", pl.col(f"{name}_file").alias("file"))
        kept, arrays[name], lost = read_each(files, of, root, signal=name)
        places = {row: place for place, row in enumerate(listed["row"][kept])}
        there = pl.col("row").replace_strict(places, default=None, return_dtype=pl.Int64)
        rows = rows.with_columns(there.alias(name))
        rejected += lost
    usable = rows.filter(pl.any_horizontal(pl.col(list(read)).is_not_null()))
    owners = [
        pl.when(pl.col(name).is_not_null()).then("patient").alias(owner_column(name))
        for name in read
        if name != "ecg"
    ]
    table = usable.with_columns(owners).drop("row", *(f"{name}_file" for name in read))
    return Block(
        table,
        arrays["ecg"],
        rejected=tuple(rejected),
        cines=arrays["cine"],
        cines_long=arrays.get("cine_long"),
    )
