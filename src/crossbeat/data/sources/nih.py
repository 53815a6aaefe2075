"""The cohort ``nih-cxr14``: real chest X-rays with findings read from their reports.

Source: Wang et al. 2017, ChestX-ray8 (arXiv:1705.02315), extended to 14 findings.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import polars as pl
from PIL import Image, UnidentifiedImageError

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
from crossbeat.data.table import OLDEST, label_column
from crossbeat.errors import DataError
from crossbeat.readers import read_xray

TABLE = "Data_Entry_2017.csv"

FINDINGS = {
    "cardiomegaly": "Cardiomegaly",
    "pleural_effusion": "Effusion",
    "edema": "Edema",
    "no_finding": "No Finding",
}
"""What the table calls each finding. It names findings that are there; others are absent."""

_COLUMNS = {
    "Image Index": str,
    "Finding Labels": str,
    "Patient ID": int,
    "Patient Age": float,
    "Patient Gender": str,
    "View Position": str,
}
_CONFOUNDED = (
    "In excerpts of this data set, 'No Finding' and disease may come from different ranges of "
    "patient numbers, view positions and published image sizes (note:pixels), and a network can "
    "recognise these: results on findings of the X-ray may be too good."
)


@dataclass(frozen=True, kw_only=True)
class NihCxr14:
    """ChestX-ray14 in its published layout, or part of it.

    Args:
        root: the folder of ``Data_Entry_2017.csv`` and ``images`` (or ``images_001`` to
            ``images_012``).
        image_size: height and width of the stored X-rays in pixels. Smaller images are left out:
            enlarged ones could be recognised by their blur.
        seed: of the split.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.

    Raises:
        ConfigError: a setting is out of its range.
    """

    root: Path
    image_size: int = 64
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test

    def __post_init__(self) -> None:
        check_image_size("NihCxr14", self.image_size)
        Shares(val=self.val, test=self.test)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, crop and store the X-rays in a new folder."""
        listed = self._listed()
        pixels = pl.Series([_pixels(file) for file in listed["xray_file"]], dtype=pl.Int64)
        sized = listed.with_columns(pixels.cast(pl.String).alias("note:pixels"))
        table = sized.filter((pixels >= self.image_size).fill_null(value=True))
        if not table.height:
            raise DataError(
                f"images in {self.root} must have {self.image_size} pixels or more a side, "
                "got smaller ones only; lower image_size"
            )
        table = divided(table, self.seed, val=self.val, test=self.test)
        info = self._info(listed.height - table.height)
        load = partial(read_xray, size=self.image_size)
        return build_files(folder, info, table, {"xray": (load, self.root.parent)}, **how)

    def _info(self, num_small: int) -> CohortInfo:
        small = f"{num_small} images of less than {self.image_size} pixels a side were left out."
        return CohortInfo(
            name="nih-cxr14",
            kind="single",
            findings=tuple(FINDINGS),
            image_size=self.image_size,
            seed=self.seed,
            settings=settings_of(self, "root", "image_size", "seed")
            | {"tables": table_digest(self.root / TABLE)},
            notes=(_CONFOUNDED, small) if num_small else (_CONFOUNDED,),
        )

    def _listed(self) -> pl.DataFrame:
        listed = read_csv(self.root / TABLE, _COLUMNS)
        found = {path.name: str(path) for path in self.root.glob("images*/**/*.png")}
        name, age = pl.col("Image Index"), pl.col("Patient Age")
        named = pl.col("Finding Labels").str.split("|")
        return listed.select(
            pl.format("nih-{}", "Patient ID").alias("patient"),
            pl.format("nih-{}", name.str.strip_suffix(".png")).alias("record"),
            # A few ages are greater, by a slip of the pen: unknown.
            pl.when(age <= OLDEST).then(age).cast(pl.Float32).alias("age"),
            pl.col("Patient Gender").alias("sex"),
            pl.col("View Position").alias("note:view"),
            *(
                named.list.contains(of).cast(pl.Int8).alias(label_column(finding))
                for finding, of in FINDINGS.items()
            ),
            # A listed file that is absent keeps its place: reading it says so.
            xray_file=name.replace_strict(found, default=f"{self.root / 'images'}/" + name),
        )


def _pixels(file: str) -> int | None:
    """The shorter side; none where the file is unusable: reading it says what is wrong."""
    try:
        with Image.open(file) as image:
            return min(image.size)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
