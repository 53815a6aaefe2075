"""The cohort ``mimic``: ECGs and chest X-rays of the same patients of one hospital.

Read from the folders as downloaded: MIMIC-IV-ECG 1.0 (doi:10.13026/4nqg-sb35), MIMIC-CXR-JPG 2.1
(doi:10.13026/jsn5-t979), MIMIC-IV-ED 2.2 (doi:10.13026/5ntk-km72) and MIMIC-IV
(doi:10.13026/kpb9-mt58).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, Unpack

import polars as pl

from crossbeat.data.build import How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.pairing import Pairing, no_stays, pair
from crossbeat.data.pairing.encounters import Encounters, block_of
from crossbeat.data.pairing.report import pairing_report, report_markdown
from crossbeat.data.sources.builder import (
    BLOCK,
    check_image_size,
    published,
    read_csv,
    read_wave,
    settings_of,
    table_digest,
    times,
)
from crossbeat.data.splits import Shares, Split, split_patients
from crossbeat.data.table import REPORTED, label_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.findings import CHEXPERT
from crossbeat.readers import read_xray
from crossbeat.signal import Preprocessing
from crossbeat.simulate.hospital import VirtualMimic

SECONDS = 10.0
FRONTAL = ("PA", "AP")
"""Views of the chest from the front or from behind."""

Labeller = Literal["chexpert", "negbio"]

_TIME = "%Y-%m-%d %H:%M:%S"
_SPLITS: dict[str, Split] = {"train": "train", "validate": "val", "test": "test"}
_PATIENT = pl.format("mimic-{}", "subject_id").alias("patient")


@dataclass(frozen=True, kw_only=True)
class Mimic:
    """Pairs of MIMIC-IV-ECG and MIMIC-CXR-JPG, and what is left without a partner.

    Args:
        ecg: the folder of MIMIC-IV-ECG 1.0 (``record_list.csv``, ``files``).
        cxr: the folder of MIMIC-CXR-JPG 2.0 or 2.1 (its tables, ``files``).
        ed: the folder of MIMIC-IV-ED's ``edstays``; only pairing by ``ed-stay`` needs it.
        hosp: the folder of MIMIC-IV's ``patients``, for age and sex; without it they are unknown.
        dicom: the folder of MIMIC-CXR (``files``), whose DICOM files are read in the place of the
            JPGs; tables are still those of MIMIC-CXR-JPG. The JPGs have equalised histograms,
            these have the window that the file asks for.
        labels: the labeller of the reports.
        radiologists: whether to use the labels of radiologists in the test split where they exist.
        pairing: which ECG goes with which X-ray.
        views: of the X-rays, by MIMIC's names.
        unpaired_xrays: whether X-rays without an ECG are kept; a teacher can learn from them.
        unpaired_ecgs: whether ECGs without an X-ray are kept; self-supervision can use them.
        split: ``patients`` divides all patients by the shares below; ``official`` takes the split
            of MIMIC-CXR, whose test split is small.
        seed: of the split by patients.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.
        fs: sampling rate of the stored ECGs in hertz.
        image_size: height and width of the stored X-rays in pixels.
        checksum: whether to leave out records without the checksums and first values that their
            WFDB headers state; ``--no-checksum`` on the command line.

    Raises:
        ConfigError: a setting is out of its range.

    Source: CroMoTEX (arXiv:2506.19329) pairs by emergency stay.
    """

    ecg: Path
    cxr: Path
    ed: Path | None = None
    hosp: Path | None = None
    dicom: Path | None = None
    labels: Labeller = "chexpert"
    radiologists: bool = True
    pairing: Pairing = Pairing()
    views: tuple[str, ...] = FRONTAL
    unpaired_xrays: bool = True
    unpaired_ecgs: bool = False
    split: Literal["patients", "official"] = "patients"
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test
    fs: float = 100.0
    image_size: int = 224
    checksum: bool = True

    def __post_init__(self) -> None:
        check_image_size("Mimic", self.image_size)
        if self.pairing.rule == "ed-stay" and self.ed is None:
            raise ConfigError(
                "Mimic.ed must be the folder of MIMIC-IV-ED for pairing by ed-stay, got none; "
                "name it, or choose --pairing.rule nearest with a --pairing.window in hours"
            )
        Shares(val=self.val, test=self.test)
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=SECONDS)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Pair, read, clean and store the records in a new folder.

        ``pairing.json`` and ``pairing.md`` beside them list what other rules would have paired.
        """
        known = self._known()
        pairs = pair(known.ecgs, known.xrays, self.pairing, stays=known.stays)
        if not pairs.height:
            raise DataError(
                f"{self.ecg} and {self.cxr} must have patients in common whose records pair by "
                f"{self.pairing}, got none among {known.ecgs.height} ECGs and "
                f"{known.xrays.height} X-rays; check the folders, or choose another rule"
            )
        labels = known.xrays.select(pl.selectors.starts_with(label_column("")))
        report = pairing_report(known.ecgs, known.xrays, known.stays, labels, self.pairing)
        wave = partial(read_wave, clean=self.preprocessing(), checksum=self.checksum)
        block = partial(
            block_of,
            pairing=self.pairing,
            read={"ecg": wave, "xray": partial(read_xray, size=self.image_size)},
            alone={"ecg": self.unpaired_ecgs, "xray": self.unpaired_xrays},
            root=self.ecg.parent,
        )
        return build_cohort(
            folder,
            self._info(pairs),
            [partial(block, part) for part in self._parts(known, pairs)],
            beside={
                "pairing.json": json.dumps(report, indent=1) + "\n",
                "pairing.md": report_markdown(report),
            },
            **how,
        )

    def _known(self) -> Encounters:
        """All patients of the tables; ``people`` are in no split yet."""
        if self.dicom is not None and not (self.dicom / "files").is_dir():
            raise DataError(
                f"{self.dicom} must hold a folder files, got none; name the folder of MIMIC-CXR as "
                "it was downloaded"
            )
        labels = _labels(published(self.cxr, f"mimic-cxr-2*-{self.labels}.csv"))
        said = labels.with_columns(pl.lit(value=True).alias(REPORTED))
        xrays = _xrays(self.cxr, self.views, self.dicom).join(
            said, on="study", how="left", maintain_order="left"
        )
        ecgs = _ecgs(self.ecg)
        stays = no_stays() if self.ed is None else _stays(self.ed)
        people = pl.concat([xrays["patient"], ecgs["patient"]]).unique().sort().to_frame()
        if self.hosp is None:
            people = people.with_columns(sex=pl.lit(None, pl.String), born=pl.lit(None, pl.Int64))
        else:
            people = people.join(_people(self.hosp), on="patient", how="left")
        return Encounters(
            ecgs=ecgs,
            xrays=xrays.with_columns(
                pl.col(REPORTED).fill_null(value=False),
                pl.col("view").alias("note:view"),
                pl.when(REPORTED).then(pl.lit(self.labels)).alias("note:labels"),
            ),
            stays=stays,
            people=people,
        )

    def _parts(self, known: Encounters, pairs: pl.DataFrame) -> Iterator[Encounters]:
        """The patients of each block, with their splits."""
        load = [_load(pairs, pairs["ecg"]), _load(pairs, pairs["xray"])]
        load += [_load(known.xrays)] if self.unpaired_xrays else []
        load += [_load(known.ecgs)] if self.unpaired_ecgs else []
        most = pl.concat(load).group_by("patient").agg(pl.col("records").max()).sort("patient")
        part = most.select("patient", part=pl.col("records").cum_sum().floordiv(BLOCK))
        splits = (
            _official_splits(self.cxr)
            if self.split == "official"
            else split_patients(most["patient"], Shares(val=self.val, test=self.test), self.seed)
        )
        people = known.people.join(part, on="patient", how="inner").with_columns(
            split=pl.col("patient").replace_strict(splits, default="train")
        )
        xrays = self._with_radiologists(known.xrays, people)
        tables = {"ecgs": known.ecgs, "xrays": xrays, "stays": known.stays}
        shared = {
            name: table.join(part, on="patient", how="inner", maintain_order="left").partition_by(
                "part", as_dict=True, include_key=False
            )
            for name, table in tables.items()
        }
        for key, group in (
            people.sort("patient")
            .partition_by("part", as_dict=True, include_key=False, maintain_order=True)
            .items()
        ):
            given = {name: parts.get(key, tables[name].clear()) for name, parts in shared.items()}
            yield Encounters(people=group, **given)

    def _with_radiologists(self, xrays: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
        """What radiologists said in the place of the labeller's words, in the test split."""
        if not self.radiologists:
            return xrays
        path = published(self.cxr, "mimic-cxr-2*-test-set-labeled.csv")
        told = _labels(path, CHEXPERT | {"lung_opacity": "Airspace Opacity"})
        tested = people.filter(pl.col("split") == "test")["patient"].implode()
        theirs = pl.col("patient").is_in(tested) & pl.col("study").is_in(told["study"].implode())
        columns = [label_column(finding) for finding in CHEXPERT]
        joined = xrays.join(told, on="study", how="left", suffix=" read", maintain_order="left")
        return joined.with_columns(
            *(pl.when(theirs).then(f"{name} read").otherwise(name).alias(name) for name in columns),
            (theirs | pl.col(REPORTED)).alias(REPORTED),
            pl.when(theirs)
            .then(pl.lit("radiologist"))
            .otherwise("note:labels")
            .alias("note:labels"),
        ).drop(f"{name} read" for name in columns)

    def _info(self, pairs: pl.DataFrame) -> CohortInfo:
        read = [
            published(self.ecg, "record_list.csv"),
            published(self.cxr, "mimic-cxr-2*-metadata.csv"),
            published(self.cxr, f"mimic-cxr-2*-{self.labels}.csv"),
        ]
        read += [published(self.ed, "edstays.csv")] if self.ed else []
        read += [published(self.hosp, "patients.csv")] if self.hosp else []
        settings = settings_of(self, "ecg", "cxr", "ed", "hosp", "dicom")
        settings["xrays"] = "JPG" if self.dicom is None else "DICOM"
        ecgs, xrays, patients = (pairs[name].n_unique() for name in ("ecg", "xray", "patient"))
        note = (
            f"The tables have {pairs.height} pairs by {self.pairing}: {ecgs} ECGs and {xrays} "
            f"X-rays of {patients} patients. Labels are those of the X-ray's report."
        )
        return CohortInfo(
            name="mimic",
            kind="paired",
            findings=tuple(CHEXPERT),
            image_size=self.image_size,
            seed=self.seed,
            settings={**settings, "tables": table_digest(*read)},
            notes=(note,),
        ).with_ecgs(self.preprocessing())


@dataclass(frozen=True, kw_only=True)
class VirtualHospital:
    """The cohort ``mimic`` of a virtual MIMIC; its files are kept beside the cohort.

    Args:
        patients: the files; cohorts that share them have the same patients in each split,
            whatever is paired.
        pairing: which ECG goes with which X-ray.
    """

    patients: VirtualMimic
    pairing: Pairing

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Write the files unless they are there, then pair and store the records.

        A share of the files is damaged on purpose; ``allow_missing`` is not used.
        """
        digest = sha256(json.dumps(asdict(self.patients)).encode()).hexdigest()[:12]
        tree = folder.with_name(f"mimic-{digest}")
        self.patients.write(tree, executor=how.get("executor"))
        return Mimic(
            ecg=tree / "mimic-iv-ecg",
            cxr=tree / "mimic-cxr-jpg",
            ed=tree / "mimic-iv-ed",
            hosp=tree / "mimic-iv/hosp",
            pairing=self.pairing,
            seed=self.patients.seed,
            val=self.patients.val,
            test=self.patients.test,
            image_size=self.patients.image_size,
        ).build(folder, **(how | {"allow_missing": True}))


def _ecgs(folder: Path) -> pl.DataFrame:
    """Every ECG: patient, record, time, and its file without suffix."""
    columns = {"subject_id": int, "study_id": int, "ecg_time": str, "path": str}
    path = published(folder, "record_list.csv")
    listed = read_csv(path, columns)
    return listed.select(
        _PATIENT,
        pl.format("ecg-{}", "study_id").alias("record"),
        times(listed["ecg_time"], path, _TIME).alias("time"),
        pl.format("{}/{}", pl.lit(str(folder)), "path").alias("file"),
    )


def _xrays(folder: Path, views: tuple[str, ...], dicom: Path | None) -> pl.DataFrame:
    """Every X-ray of some views: patient, record, study, time, view and its file."""
    texts = ("dicom_id", "ViewPosition", "StudyDate", "StudyTime")
    columns = {"subject_id": int, "study_id": int, **dict.fromkeys(texts, str)}
    path = published(folder, "mimic-cxr-2*-metadata.csv")
    listed = read_csv(path, columns)
    clock = pl.col("StudyTime").str.split(".").list.first().str.zfill(6)
    moment = listed.select(pl.concat_str("StudyDate", clock).alias("StudyTime")).to_series()
    subject = pl.col("subject_id").cast(pl.String)
    file = pl.format(
        "{}/files/p{}/p{}/s{}/{}.{}",
        pl.lit(str(dicom or folder)),
        subject.str.head(2),
        subject,
        "study_id",
        "dicom_id",
        pl.lit("dcm" if dicom else "jpg"),
    )
    seen = listed.with_columns(time=times(moment, path, "%Y%m%d%H%M%S"))
    return seen.filter(pl.col("ViewPosition").is_in(views)).select(
        _PATIENT,
        pl.format("cxr-{}", "dicom_id").alias("record"),
        pl.format("study-{}", "study_id").alias("study"),
        "time",
        pl.col("ViewPosition").alias("view"),
        file.alias("file"),
    )


def _labels(path: Path, names: Mapping[str, str] = CHEXPERT) -> pl.DataFrame:
    """What is said of each study: study and ``label:`` columns."""
    listed = read_csv(path, {"study_id": int} | dict.fromkeys(names.values(), float))
    return listed.select(
        pl.format("study-{}", "study_id").alias("study"),
        *(pl.col(of).cast(pl.Int8).alias(label_column(finding)) for finding, of in names.items()),
    ).unique("study", keep="first", maintain_order=True)


def _official_splits(folder: Path) -> dict[str, Split]:
    path = published(folder, "mimic-cxr-2*-split.csv")
    listed = read_csv(path, {"subject_id": int, "split": str})
    split = pl.col("split").replace_strict(_SPLITS)
    return dict(listed.select(_PATIENT, split).unique().rows())


def _stays(folder: Path) -> pl.DataFrame:
    path = published(folder, "edstays.csv")
    listed = read_csv(path, {"subject_id": int, "intime": str, "outtime": str})
    return listed.select(
        _PATIENT,
        times(listed["intime"], path, _TIME).alias("begin"),
        times(listed["outtime"], path, _TIME).alias("end"),
    )


def _people(folder: Path) -> pl.DataFrame:
    """Every patient's sex, and the year of birth that MIMIC's dates imply.

    Ages above 89 are given as 91, by MIMIC's own rule.
    """
    columns = {"subject_id": int, "gender": str, "anchor_age": int, "anchor_year": int}
    return read_csv(published(folder, "patients.csv"), columns).select(
        _PATIENT,
        pl.col("gender").alias("sex"),
        (pl.col("anchor_year") - pl.col("anchor_age")).alias("born"),
    )


def _load(table: pl.DataFrame, records: pl.Series | None = None) -> pl.DataFrame:
    """How many records of each patient have to be read."""
    counted = pl.len() if records is None else pl.col(records.name).n_unique()
    return table.group_by("patient").agg(counted.cast(pl.Int64).alias("records"))
