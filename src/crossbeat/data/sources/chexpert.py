"""The cohort ``chexpert``: real chest X-rays with findings read from their reports.

Source: Irvin et al. 2019, CheXpert (arXiv:1901.07031).
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Unpack, get_args

import polars as pl

from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.builder import (
    build_files,
    check_image_size,
    divided,
    read_csv,
    settings_of,
    table_digest,
)
from crossbeat.data.splits import Shares
from crossbeat.data.table import label_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.findings import CHEXPERT
from crossbeat.readers import read_xray

View = Literal["Frontal", "Lateral"]
VIEWS: tuple[View, ...] = get_args(View)

TRAIN, EXPERTS, TEST = "train.csv", "valid.csv", "test.csv"
"""Labels of the automatic labeller, and those of radiologists; not every copy has the last."""

_COLUMNS = {
    "Path": str,
    "Sex": str,
    "Age": float,
    "Frontal/Lateral": str,
    "AP/PA": str,
    **dict.fromkeys(CHEXPERT.values(), float),
}
_FILE = r"^(?:CheXpert-v1\.0[^/]*/)?(.*?(patient\d+)/(study\d+)/([^/]+)\.\w+)$"
_EXPERTS_NOTE = (
    "The test split has labels of radiologists; those of train and val were read from reports "
    "by a labeller."
)


@dataclass(frozen=True, kw_only=True)
class CheXpert:
    """CheXpert in its published layout, full or small, or part of it.

    Args:
        root: the folder of ``train.csv``, ``valid.csv``, ``train`` and ``valid``, such as
            ``CheXpert-v1.0-small``; with ``test.csv``, its X-rays count too.
        views: the X-ray views to use.
        experts: whether patients whose X-rays radiologists labelled (``valid.csv``,
            ``test.csv``) are the test split; otherwise all patients are divided by the shares.
        image_size: height and width of the stored X-rays in pixels.
        seed: of the split.
        val: share of the patients for validation, 0 to 1; with ``experts``, of those of
            ``train.csv``.
        test: share of the patients for testing, 0 to 1; unused with
            ``experts``.

    Raises:
        ConfigError: a setting is out of its range.
    """

    root: Path
    views: tuple[View, ...] = ("Frontal",)
    experts: bool = True
    image_size: int = 224
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test

    def __post_init__(self) -> None:
        if not self.views or not set(self.views) <= set(VIEWS):
            raise ConfigError(
                f"CheXpert.views must be some of {', '.join(VIEWS)}, "
                f"got {', '.join(self.views) or 'none'}; change them"
            )
        check_image_size("CheXpert", self.image_size)
        Shares(val=self.val, test=self.test)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, crop and store the X-rays in a new folder."""
        table = self._listed()
        info = CohortInfo(
            name="chexpert",
            kind="single",
            findings=tuple(CHEXPERT),
            image_size=self.image_size,
            seed=self.seed,
            settings=settings_of(self, "root", "image_size", "seed")
            | {"tables": table_digest(*self._tables())},
            notes=(_EXPERTS_NOTE,) if self.experts else (),
        )
        load = partial(read_xray, size=self.image_size)
        return build_files(folder, info, table, {"xray": (load, self.root.parent)}, **how)

    def _tables(self) -> list[Path]:
        further = [self.root / TEST] if (self.root / TEST).is_file() else []
        return [self.root / TRAIN, self.root / EXPERTS, *further]

    def _listed(self) -> pl.DataFrame:
        reports, *experts = [self._table(path) for path in self._tables()]
        if self.experts:
            labelled = pl.concat(experts).with_columns(split=pl.lit("test"))
            return pl.concat([divided(reports, self.seed, val=self.val, test=0.0), labelled])
        return divided(pl.concat([reports, *experts]), self.seed, val=self.val, test=self.test)

    def _table(self, path: Path) -> pl.DataFrame:
        listed = read_csv(path, _COLUMNS)
        below, patient, study, view = (
            pl.col("Path").str.extract(_FILE, group).alias(str(group)) for group in range(1, 5)
        )
        wrong = listed.filter(below.is_null())
        if wrong.height:
            raise DataError(
                f"Path in {path} must be .../patientNUMBER/studyNUMBER/IMAGE, "
                f"got {wrong['Path'][0]!r}; use the table as published"
            )
        return listed.filter(pl.col("Frontal/Lateral").is_in(self.views)).select(
            pl.format("chexpert-{}", patient).alias("patient"),
            pl.format("chexpert-{}-{}-{}", patient, study, view).alias("record"),
            pl.col("Age").cast(pl.Float32).alias("age"),
            pl.col("Sex").replace_strict({"Male": "M", "Female": "F"}, default=None).alias("sex"),
            pl.coalesce("AP/PA", "Frontal/Lateral").alias("note:view"),
            pl.format("{}/{}", pl.lit(str(self.root)), below).alias("xray_file"),
            *(
                pl.col(of).cast(pl.Int8).alias(label_column(finding))
                for finding, of in CHEXPERT.items()
            ),
        )
