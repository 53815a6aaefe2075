"""A virtual MIMIC: ECGs, X-rays, stays and tables in the layout of the published data sets.

The patients are those of the cohort ``virtual`` with the same seed, seen several times in the
course of days to months (``simulate.patient``). What is wrong in such a tree is in
``virtual_mimic_faults``; what is in its tables, in ``virtual_mimic_tables``.

Blocks of patients are written side by side. A finished block leaves a part of every table in a
folder ``.unfinished``; when all are there, the parts are joined and the folder goes. So a tree
that was interrupted is completed by the same call, and only finished blocks are kept.
"""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO

from crossbeat import simulate
from crossbeat.data.build import Progress, silent
from crossbeat.data.splits import Shares
from crossbeat.data.virtual_mimic_block import write_block
from crossbeat.data.virtual_mimic_faults import FAULTS, Faults
from crossbeat.data.virtual_mimic_tables import TABLES
from crossbeat.data.virtual_mimic_visits import SLOTS, clock_drift, drifting
from crossbeat.errors import ConfigError
from crossbeat.files import remove_drafts, write_whole
from crossbeat.workers import given_or_own, locked_beside

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
    val: float = Shares.val
    test: float = Shares.test
    compressed: bool = True
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        least = {"num_patients": 1, "seed": 0, "image_size": 16, "film_size": 16}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ConfigError(
                    f"VirtualMimic.{name} must be {value} or more, got {getattr(self, name)}; "
                    "raise it"
                )
        if self.num_patients > MOST_PATIENTS:
            raise ConfigError(
                f"VirtualMimic.num_patients must be {MOST_PATIENTS} or less, got "
                f"{self.num_patients}; lower it"
            )
        Shares(val=self.val, test=self.test)

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
            shares=Shares(val=self.val, test=self.test),
            faults=self.faults,
        )
        done = len(blocks) - len(missing)
        progress(done, len(blocks))
        with given_or_own(executor, len(missing)) as pool:
            jobs = [pool.submit(write, draws, folder, part) for part, draws in missing.items()]
            try:
                for count, job in enumerate(as_completed(jobs), start=done + 1):
                    job.result()
                    progress(count, len(blocks))
            finally:
                for job in jobs:
                    job.cancel()
        return self._join(folder, list(blocks))

    def _join(self, folder: Path, parts: list[Path]) -> dict[str, int]:
        """Write the tables and the list of faults; the number of rows of each table."""
        drift = drifting(clock_drift(self.seed, self.faults))
        write_whole(folder / FAULTS_FILE, partial(_join_faults, parts=parts, drift=drift))
        for name, table in TABLES.items():
            path = folder / table.file(compressed=self.compressed)
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
    lines = _lines(name, parts)
    if not pack:
        file.writelines(lines)
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.writelines(lines)


def _lines(name: str, parts: list[Path]) -> Iterator[bytes]:
    yield (",".join(TABLES[name].columns) + "\n").encode()
    for part in parts:
        yield json.loads(part.read_bytes())["tables"][name].encode()


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
