"""The cohort ``cinc-2021``: real ECGs of eight sources with diagnoses as SNOMED CT codes.

Source: Reyna et al. 2021, PhysioNet/Computing in Cardiology Challenge 2021
(doi:10.23919/CinC53138.2021.9662687).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, Unpack, get_args

import polars as pl

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.builder import (
    BLOCK,
    block_of_files,
    divided,
    read_wave,
    settings_of,
)
from crossbeat.data.splits import Shares
from crossbeat.data.table import OLDEST, REPORTED, label_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.quality import Allow, Length
from crossbeat.readers.limits import MOST_HEADER_BYTES, read_bounded
from crossbeat.signal import Preprocessing

Source = Literal[
    "cpsc_2018",
    "cpsc_2018_extra",
    "st_petersburg_incart",
    "ptb",
    "ptb-xl",
    "georgia",
    "chapman_shaoxing",
    "ningbo",
]
SOURCES: tuple[Source, ...] = get_args(Source)
"""The folders below ``training``, in the order of the challenge's table of diagnoses."""

_SCORED = """
atrial_fibrillation                    164889003            1111 1110
atrial_flutter                         164890007            0101 1111
bundle_branch_block                    6374002              0011 0101
bradycardia                            426627000            0110 0101
left_bundle_branch_block               733534002,164909002  1100 1111
right_bundle_branch_block              713427006,59118001   1110 1111
first_degree_av_block                  270492004            1100 1111
incomplete_right_bundle_branch_block   713426002            0100 1101
left_axis_deviation                    39732003             0000 1111
left_anterior_fascicular_block         445118002            0000 1101
low_qrs_voltages                       251146004            0000 1111
intraventricular_conduction_disorder   698252002            0110 1111
sinus_rhythm                           426783006            1101 1111
premature_atrial_contraction           284470004,63593006   1110 1111
pacing                                 10370003             0100 1001
poor_r_wave_progression                365413008            0000 0001
premature_ventricular_contraction      427172004,17338001   0100 0111
prolonged_pr_interval                  164947007            0000 1011
prolonged_qt_interval                  111975006            0100 1111
abnormal_q_wave                        164917005            0100 1111
right_axis_deviation                   47665007             0100 1111
sinus_arrhythmia                       427393009            0110 1101
sinus_bradycardia                      426177001            0100 1111
sinus_tachycardia                      427084000            0111 1111
abnormal_t_wave                        164934002            0100 1111
inverted_t_wave                        59931005             0110 1111
"""
"""The scored diagnoses, their codes (several count as the same one), and the sources in which
the challenge counted any record with it, in the order of ``SOURCES``.

Source: github.com/physionetchallenges/evaluation-2021 at 09de852, dx_mapping_scored.csv.
"""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A scored diagnosis."""

    codes: frozenset[str]  # of SNOMED CT; any of them counts
    sources: frozenset[str]  # those that use it; in the others, nothing is known of it


FINDINGS: dict[str, Diagnosis] = {
    name: Diagnosis(
        codes=frozenset(codes.split(",")),
        sources=frozenset(s for s, m in zip(SOURCES, some + others, strict=True) if m == "1"),
    )
    for name, codes, some, others in map(str.split, _SCORED.strip().splitlines())
}
"""The scored diagnoses by the name of the finding."""

_TOLD = re.compile(r"^#\s*(Age|Sex|Dx):[ \t]*(.*?)\s*$", re.MULTILINE)
_SEXES = {"female": "F", "f": "F", "male": "M", "m": "M"}
_NOTES = (
    (
        "The challenge does not identify patients: every record counts as a different patient, and "
        "the split is by records. Patients with several records may be in two splits, so figures "
        "may be too good."
    ),
    (
        "ptb-xl holds the records of PTB-XL under other names: do not train on one and test on the "
        "other; leave the source out instead."
    ),
    "A diagnosis that a source never uses is unknown there, not absent.",
)


@dataclass(frozen=True, kw_only=True)
class Cinc2021:
    """The training data of the CinC 2021 challenge in their published layout, or part of them.

    Args:
        root: the folder of ``training``, with ``SOURCE/g1/RECORD.hea`` and ``.mat`` below.
        sources: those to use; absent ones are skipped.
        seconds: length of the stored ECGs.
        length: how to treat longer and shorter ECGs; they last 5 s to 30 minutes.
        allow: faults with which ECGs are used all the same.
        fs: sampling rate of the stored ECGs in hertz.
        seed: of the split by records.
        val: share of the records for validation, 0 to 1.
        test: share of the records for testing, 0 to 1.
        checksum: whether to leave out records without the checksums and first values that their
            headers state; ``--no-checksum`` on the command line.

    Raises:
        ConfigError: a setting is out of its range.
    """

    root: Path
    sources: tuple[Source, ...] = SOURCES
    seconds: float = 10.0
    length: Length = Length()
    allow: Allow = Allow()
    fs: float = 100.0
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test
    checksum: bool = True

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sources) - set(SOURCES))
        if unknown or not self.sources:
            raise ConfigError(
                f"Cinc2021.sources must be some of {', '.join(SOURCES)}, "
                f"got {', '.join(unknown) or 'none'}; change them"
            )
        Shares(val=self.val, test=self.test)
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=self.seconds)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean and store the ECGs in a new folder."""
        table = self._listed()
        names = "\n".join(table["record"])
        info = CohortInfo(
            name="cinc-2021",
            kind="single",
            findings=tuple(FINDINGS),
            seed=self.seed,
            settings=settings_of(self, "root", "seconds", "fs", "seed")
            | {"records": sha256(names.encode()).hexdigest()},
            notes=_NOTES,
        ).with_ecgs(self.preprocessing())
        blocks = [partial(_block, self, rows) for rows in table.iter_slices(BLOCK)]
        return build_cohort(folder, info, blocks, **how)

    def _listed(self) -> pl.DataFrame:
        files = [
            (source, path.stem, str(path))
            for source in SOURCES
            if source in self.sources
            for path in sorted((self.root / "training" / source).glob("g*/*.hea"))
        ]
        if not files:
            raise DataError(
                f"{self.root} must hold records such as training/{self.sources[0]}/g1/NAME.hea, "
                "got none; name the folder of training"
            )
        table = pl.DataFrame(files, schema=["note:source", "name", "ecg_file"], orient="row")
        record = pl.format("cinc-{}", "name")
        table = table.with_columns(record.alias("record"), record.alias("patient")).drop("name")
        return divided(table, self.seed, val=self.val, test=self.test)


def _block(settings: Cinc2021, table: pl.DataFrame) -> Block:
    read = partial(
        read_wave,
        clean=settings.preprocessing(),
        length=settings.length,
        allow=settings.allow,
        checksum=settings.checksum,
    )
    block = block_of_files(table, {"ecg": (read, settings.root.parent)})
    files = dict(table.select("record", "ecg_file").rows())
    rows = block.table.select("record", "note:source").rows()
    told = [_told(Path(files[record]), source) for record, source in rows]
    known = pl.DataFrame(told, schema=_SCHEMA, orient="row")
    return replace(block, table=block.table.hstack(known))


_SCHEMA: dict[str, type[pl.DataType]] = {
    "age": pl.Float32,
    "sex": pl.String,
    "note:dx": pl.String,
    REPORTED: pl.Boolean,
    **dict.fromkeys(map(label_column, FINDINGS), pl.Int8),
}


def _told(header: Path, source: str) -> Sequence[object]:
    text = read_bounded(header, MOST_HEADER_BYTES).decode("utf-8", errors="replace")
    said = dict(_TOLD.findall(text))
    codes = set(re.findall(r"\d+", said.get("Dx", "")))
    return (
        _age(said.get("Age", "")),
        _SEXES.get(said.get("Sex", "").lower()),
        ",".join(sorted(codes)) or None,
        bool(codes),
        *(_label(diagnosis, codes, source) for diagnosis in FINDINGS.values()),
    )


def _age(text: str) -> float | None:
    known = re.fullmatch(r"\d{1,3}(?:\.\d*)?", text)
    return float(text) if known and float(text) <= OLDEST else None


def _label(diagnosis: Diagnosis, codes: set[str], source: str) -> int | None:
    if diagnosis.codes & codes:
        return 1
    return 0 if codes and source in diagnosis.sources else None
