"""A virtual MIMIC: ECGs, X-rays, stays and tables in the layout of the published data sets.

The patients are those of the cohort ``virtual`` with the same seed, seen several times in the
course of days to months (``simulate.patient``). A tree that was interrupted is completed by the
same call, and only finished blocks are kept.
"""

import gzip
import json
import shutil
from collections import Counter
from concurrent.futures import Executor, as_completed
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from crossbeat import simulate
from crossbeat.errors import ConfigError, require_least
from crossbeat.files import remove_drafts, write_whole
from crossbeat.simulate.hospital.faults import FAULTS, Faults
from crossbeat.simulate.hospital.records import Films, patients_at, write_ecgs, write_films
from crossbeat.simulate.hospital.tables import (
    FOLDERS,
    TABLES,
    People,
    ecg_rows,
    hospital_rows,
    text,
    truth_rows,
    xray_rows,
)
from crossbeat.simulate.hospital.visits import (
    SLOTS,
    clock_drift,
    drifting,
    faulty,
    ids,
    patient_numbers,
    visits,
)
from crossbeat.simulate.patient import draw_block
from crossbeat.workers import (
    Progress,
    cancelled_at_the_end,
    given_or_own,
    locked_beside,
    result_of,
    silent,
)

MARKER = "virtual-mimic.json"
"""The file of a finished tree with its settings and the number of rows of its tables."""

FAULTS_FILE = "faults.json"
"""The file that lists every faulty row."""

MOST_PATIENTS = 10_000_000 // SLOTS
"""Beyond, identifiers of eight digits would come twice."""

_DRAFT = ".unfinished"


@dataclass(frozen=True, kw_only=True)
class VirtualMimic:
    """The settings of a tree.

    Args:
        num_patients: how many, 1 to ``MOST_PATIENTS``; what is recorded of a patient does not
            depend on how many come after.
        seed: a different seed gives different patients; 0 or more.
        image_size: height and width of the stored X-rays in pixels, 16 or more.
        film_size: height and width at which X-rays are drawn before they are enlarged, 16 or more;
            the time that a tree takes is mostly theirs.
        val: share of the patients in the part "validate" of MIMIC-CXR's split, 0 to 1.
        test: share of the patients in the part "test", 0 to 1.
        compressed: whether what is published as ``.csv.gz`` is written so, or as ``.csv``.
        faults: how often something is wrong.

    Raises:
        ConfigError: a setting is out of its range.
    """

    num_patients: int = 2000
    seed: int = 0
    image_size: int = 256
    film_size: int = 128
    val: float = 0.1
    test: float = 0.2
    compressed: bool = True
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        require_least(self, num_patients=1, seed=0, image_size=16, film_size=16)
        if self.num_patients > MOST_PATIENTS:
            raise ConfigError(
                f"VirtualMimic.num_patients must be {MOST_PATIENTS} or less, got "
                f"{self.num_patients}; lower it"
            )
        if not (min(self.val, self.test) >= 0 and self.val + self.test <= 1):
            raise ConfigError(
                "shares val and test must be 0 or more, and 1 or less together, "
                f"got {self.val} and {self.test}; change them"
            )

    def write(
        self, folder: Path, *, executor: Executor | None = None, progress: Progress = silent
    ) -> None:
        """Write the tree, complete it, or do nothing if it is there.

        Its bytes follow from the settings alone.

        Args:
            folder: of the tree; new, or begun by the same settings.
            executor: runs the blocks; it must see the same file system. By default a process per
                core, if there is more than one block.
            progress: called with the number of finished blocks and of all.

        Raises:
            ConfigError: the folder holds something else, or a tree of other settings.
            DataError: the disk is full.
        """
        draft = folder / _DRAFT
        if self._is_written(folder) and not draft.exists():
            return
        with locked_beside(folder):
            if not self._is_written(folder):
                _begin(draft, asdict(self))
                remove_drafts(folder)
                rows = self._write(folder, draft, executor, progress)
                contents = {"settings": asdict(self), "rows": rows}
                write_whole(folder / MARKER, json.dumps(contents, indent=1))
            shutil.rmtree(draft, ignore_errors=True)

    def _is_written(self, folder: Path) -> bool:
        if not (folder / MARKER).is_file():
            return False
        _check_same(folder, json.loads((folder / MARKER).read_text())["settings"], asdict(self))
        return True

    def _write(
        self, folder: Path, draft: Path, executor: Executor | None, progress: Progress
    ) -> dict[str, int]:
        blocks = {
            draft / f"block-{number:05d}.json": simulate.Draws(
                self.seed, number, rows.stop - rows.start, "mimic"
            )
            for number, rows in simulate.spans(self.num_patients)
        }
        missing = {part: draws for part, draws in blocks.items() if not part.is_file()}
        write = partial(
            write_block,
            sizes=(min(self.film_size, self.image_size), self.image_size),
            shares=(self.val, self.test),
            faults=self.faults,
        )
        done = len(blocks) - len(missing)
        progress(done, len(blocks))
        with given_or_own(executor, len(missing)) as pool:
            jobs = [pool.submit(write, draws, folder, part) for part, draws in missing.items()]
            with cancelled_at_the_end(jobs):
                for count, job in enumerate(as_completed(jobs), start=done + 1):
                    result_of(job)
                    progress(count, len(blocks))
        return self._join(folder, list(blocks))

    def _join(self, folder: Path, parts: list[Path]) -> dict[str, int]:
        """Write the tables and the list of faults; the number of rows of each table."""
        drift = drifting(clock_drift(self.seed, self.faults))
        write_whole(folder / FAULTS_FILE, partial(_join_faults, parts=parts, drift=drift))
        for name, (file, _) in TABLES.items():
            path = folder / (file if self.compressed else file.removesuffix(".gz"))
            join = partial(_join_table, name=name, parts=parts, pack=path.suffix == ".gz")
            write_whole(path, join)
        rows: Counter[str] = Counter()
        for part in parts:
            rows.update(json.loads(part.read_bytes())["rows"])
        return dict(rows)


def _begin(draft: Path, settings: dict) -> None:
    folder, plan = draft.parent, draft / "settings.json"
    if plan.is_file():
        _check_same(folder, json.loads(plan.read_text()), settings)
    elif folder.exists() and any(each.name != _DRAFT for each in folder.iterdir()):
        raise ConfigError(
            f"{folder} must be free or a virtual MIMIC, got a folder with other files; choose "
            "another"
        )
    write_whole(plan, json.dumps(settings, indent=1))


def _check_same(folder: Path, there: dict, wanted: dict) -> None:
    if there != wanted:
        differ = [name for name in wanted if there.get(name) != wanted[name]]
        raise ConfigError(
            f"{folder} was written with other settings of {', '.join(differ)}; choose another "
            "folder, or remove it"
        )


def _join_table(file: IO[bytes], *, name: str, parts: list[Path], pack: bool) -> None:
    lines = (json.loads(part.read_bytes())["tables"][name] for part in parts)
    zipped = partial(gzip.GzipFile, filename="", mode="wb", fileobj=file, mtime=0)
    with zipped() if pack else nullcontext(file) as out:
        out.write(f"{TABLES[name][1]}\n".encode())
        out.writelines(line.encode() for line in lines)


def _join_faults(file: IO[bytes], *, parts: list[Path], drift: list[list[int]]) -> None:
    for number, name in enumerate(FAULTS):
        entries = (
            [drift]
            if name == "clock_drift"
            else (json.loads(part.read_bytes())["faults"][name] for part in parts)
        )
        file.write(f"{',' if number else '{'}\n {json.dumps(name)}: [".encode())
        begun = False
        for some in entries:
            lines = ",\n  ".join(json.dumps(entry) for entry in some)
            file.write(f"{',' if begun and lines else ''}\n  {lines}".encode() if lines else b"")
            begun = begun or bool(lines)
        file.write(b"\n ]" if begun else b"]")
    file.write(b"\n}\n")


def write_block(
    draws: simulate.Draws,
    folder: Path,
    part: Path,
    *,
    sizes: tuple[int, int],
    shares: tuple[float, float],
    faults: Faults,
) -> None:
    """Write the files of some patients, and then their part of the tables.

    Args:
        part: a JSON file, for the rows of all tables as CSV, how many there are, and the faults.
        sizes: pixels per side of the X-rays, as they are drawn and as they are stored.
        shares: of the patients in the parts "validate" and "test" of MIMIC-CXR's split.
    """
    seen = visits(draws, faults)
    people = _people(draws, shares)
    tables = hospital_rows(people, seen)
    subjects = pl.DataFrame({"patient": np.arange(draws.num), "subject_id": people.subjects})
    ecgs, xrays = (
        rows.join(subjects, on="patient", how="left", maintain_order="left")
        for rows in (seen.ecgs, seen.xrays)
    )
    films = _located(seen.films, xrays, draws.seed)
    tables |= _ecgs(folder / FOLDERS["ecg"], ecgs, draws)
    tables |= _xrays(folder / FOLDERS["cxr"], (xrays, films), people, sizes)
    truth = [tables.pop(f"truth_of_{modality}s") for modality in ("ecg", "xray")]
    tables["truth_of_studies"] = pl.concat(truth)
    contents = {
        "tables": {
            name: tables[name].select(header.split(",")).write_csv(include_header=False)
            for name, (_, header) in TABLES.items()
        },
        "rows": {name: tables[name].height for name in TABLES},
        "faults": faulty(seen, films, tables),
    }
    write_whole(part, json.dumps(contents))


def _people(draws: simulate.Draws, shares: tuple[float, float]) -> People:
    val, test = shares
    limits = (test, test + val)
    split = np.searchsorted(limits, draws.uniform("split"), side="right")
    return People(
        draws,
        ids(patient_numbers(draws), 1, draws.seed),
        draw_block(draws.block, draws.seed, draws.num),
        np.array(["test", "validate", "train"])[split],
    )


def _ecgs(folder: Path, rows: pl.DataFrame, draws: simulate.Draws) -> dict[str, pl.DataFrame]:
    subject, study = pl.col("subject_id"), pl.col("study_id")
    ecgs = rows.with_columns(
        path=pl.format("files/p{}/p{}/s{}/{}", subject // 10_000, subject, study, study),
        ecg_time=text(pl.col("ecg_time")),
    )
    patients = patients_at(ecgs.filter(pl.col("copy") == 0), draws)
    write_ecgs(folder, ecgs, patients, draws)
    known = simulate.truth(patients)
    at_each = {name: there[ecgs["signal"].to_numpy()] for name, there in known.items()}
    return ecg_rows(ecgs, patients) | {"truth_of_ecgs": truth_rows(ecgs, at_each, "ecg")}


def _located(films: pl.DataFrame, xrays: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The images with their names and paths."""
    studies = xrays.select("study_id", "subject_id", xray=pl.int_range(pl.len()))
    rows = films.join(studies, on="xray", how="left", maintain_order="left")
    names = [
        _dicom_id(f"{seed}/{study}/{view}")
        for study, view in rows.select("study_id", "view").rows()
    ]
    subject = pl.col("subject_id")
    return rows.with_columns(dicom_id=pl.Series(names, dtype=pl.String)).with_columns(
        path=pl.format(
            "files/p{}/p{}/s{}/{}.jpg", subject // 1_000_000, subject, "study_id", "dicom_id"
        )
    )


def _dicom_id(name: str) -> str:
    """Forty digits in five groups."""
    digits = sha256(name.encode()).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))


def _xrays(
    folder: Path,
    rows: tuple[pl.DataFrame, pl.DataFrame],  # studies, images
    people: People,
    sizes: tuple[int, int],
) -> dict[str, pl.DataFrame]:
    xrays, films = rows
    aside = films.filter(pl.col("view") == "lateral")
    aside = aside.select("xray", lateral_path="path", lateral_fault="fault")
    made: dict[str, Films] = {}
    taken = []
    for view, beside in (("frontal", aside), ("second", aside.clear())):
        some = films.filter(pl.col("view") == view)
        some = some.join(beside, on="xray", how="left", maintain_order="left")
        patients = patients_at(xrays[some["xray"].to_numpy()], people.draws)
        made[view] = write_films(folder, some, patients, people.draws, sizes)
        taken.append(
            some.select("xray", "view").with_columns(
                anteroposterior=pl.Series(made[view].anteroposterior),
                supine=pl.Series(made[view].supine),
            )
        )
    films = films.join(pl.concat(taken), on=["xray", "view"], how="left", maintain_order="left")
    films = films.with_columns(size=pl.lit(sizes[1]))
    patients = patients_at(xrays, people.draws)
    tables = xray_rows(people, xrays, films, (made["frontal"], patients))
    return {**tables, "truth_of_xrays": tables.pop("truth_of_studies")}
