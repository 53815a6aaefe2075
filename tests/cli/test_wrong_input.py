"""Every command with every kind of wrong input: one sentence, an exit code, nothing half-written.

``WALK`` has a case for every command and kind of input, or the reason why there is none.
"""

import builtins
import errno
import io
import os
import re
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbeat.cli import COMMANDS, main
from crossbeat.cli.simulate import write_example
from crossbeat.errors import STOPPED

HERE = Path(__file__).parents[1] / "study"

KINDS = (
    "missing",
    "misnamed",
    "unreadable",
    "empty",
    "wrong type",
    "wrong unit",
    "read-only",
    "full disk",
    "interrupted",
)

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Case:
    """A wrong input.

    Args:
        words: the command line.
        says: what the error must contain: the file or the option, and the value.
        code: the exit code; 1 the data, 2 a setting.
        spoil: changes the files, or how the system answers.
        leaves: names that may be new afterwards; the same command then goes on to its end.
        again: whether to see that it does; some take minutes.
    """

    words: str
    says: str
    code: int = 2
    spoil: Callable[[Patch], object] | None = None
    leaves: tuple[str, ...] = ()
    again: bool = True


def emptied(name: str, contents: bytes = b"") -> Callable[[Patch], object]:
    return lambda _: Path(name).write_bytes(contents)


def garbage(name: str) -> Callable[[Patch], object]:
    return emptied(name, b"\x89\x00\xff\xfe garbage \x00" * 20)


def a_folder(name: str) -> Callable[[Patch], object]:
    def spoil(_: Patch) -> None:
        Path(name).unlink(missing_ok=True)
        Path(name).mkdir()

    return spoil


def closed(name: str) -> Callable[[Patch], object]:
    """Nobody may read a file; root may read everything, so the system answers in its place."""

    def refusing(opened: Callable[..., Any]) -> Callable[..., Any]:
        def refuses(file: Any, *more: Any, **named: Any) -> Any:
            if not isinstance(file, int) and str(file).endswith(name):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
            return opened(file, *more, **named)

        return refuses

    def spoil(patch: Patch) -> None:
        patch.setattr(builtins, "open", refusing(io.open))
        patch.setattr(io, "open", refusing(io.open))
        patch.setattr(os, "open", refusing(os.open))
        patch.setattr(io, "open_code", refusing(io.open_code))
        patch.setattr("_io.open_code", refusing(io.open_code))

    return spoil


def read_only(patch: Patch) -> None:
    """Nothing can be made in the current folder."""
    here, opened, low, made = str(Path.cwd()), io.open, os.open, os.mkdir

    def refuse(path: Any, inside: bool) -> None:
        if inside and not isinstance(path, int) and str(Path(path).absolute()).startswith(here):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def opens(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        refuse(file, bool(set("wxa+") & set(mode)))
        return opened(file, mode, *more, **named)

    def opens_low(path: Any, flags: int, *more: Any, **named: Any) -> int:
        refuse(path, bool(flags & os.O_CREAT))
        return low(path, flags, *more, **named)

    def makes(path: Any, *more: Any, **named: Any) -> None:
        refuse(path, not Path(path).exists())
        made(path, *more, **named)

    patch.setattr(io, "open", opens)
    patch.setattr(builtins, "open", opens)
    patch.setattr(os, "open", opens_low)
    patch.setattr(os, "mkdir", makes)


def full(patch: Patch) -> None:
    """The disk is full."""

    def fails(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr(os, "fsync", fails)


class FullOutput(io.StringIO):
    """An output whose disk is full."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


def full_output(patch: Patch) -> None:
    patch.setattr("sys.stdout", FullOutput())


def stops(name: str) -> Callable[[Patch], object]:
    """Ctrl-C while a function runs."""

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    return lambda patch: patch.setattr(name, stop)


NO_FILES = "reads no files"
NO_VALUES = "takes no numbers with a unit"
DISK = "the disk must have room for"
PLACE = "must be a place where you may read and write"
UNBUILT = ("new.request.json", "new.partial", ".new.lock")


def broken(words: str, file: str, code: int = 1, spoil: Any = closed) -> dict[str, Case]:
    """A file that is closed, empty or no text; the message names it."""
    how = {"unreadable": spoil, "empty": emptied, "wrong type": garbage}
    return {kind: Case(words, file, code, change(file)) for kind, change in how.items()}


def writing(
    words: str, place: str = PLACE, *, at: str = "os.fsync", leaves: Any = (), again: bool = True
) -> dict[str, Case]:
    """A command that writes, into a closed folder, on a full disk and until it is stopped."""
    return {
        "read-only": Case(words, place, 1, read_only),
        "full disk": Case(words, DISK, 1, full, () if leaves == UNBUILT else leaves, again),
        "interrupted": Case(words, STOPPED, 1, stops(at), leaves, again),
    }


def printing(words: str, at: str) -> dict[str, Case | str]:
    return {
        "read-only": "writes nothing but its output",
        "full disk": Case(words, DISK, 1, full_output),
        "interrupted": Case(words, STOPPED, 1, stops(at)),
    }


TABLE = "prepare files --out new --table list.csv"
VIRTUAL = "prepare virtual --out new --num_patients 8 --image_size 16 --workers 1"
SMALL = "simulate --out new --num_patients 8 --image_size 16"
PAGE = "cohort show cohort --page page.html"
EMBED = "embed run --out new.parquet"
PARQUET, WEIGHTS = "table.parquet", "weights.safetensors"
BUILT = "crossbeat.data.build.write_table"
UNIT = "unit must be mV, uV or V, got 'kV'"

WALK: dict[str, dict[str, Case | str]] = {
    "demo": {
        "missing": "has defaults for everything",
        "misnamed": Case("demo --patient 8 --out new", "no option 'patient'"),
        "unreadable": NO_FILES,
        "empty": Case("demo --patients 0 --out new", "num_patients must be 1 or more, got 0"),
        "wrong type": Case("demo --patients few --out new", "--patients must be a whole number"),
        "wrong unit": Case("demo --patients 8h --out new", "--patients must be a whole number"),
        **writing("demo --patients 8 --out new", leaves=("new",), again=False),
    },
    "simulate": {
        "missing": Case("simulate", "must have --out, got none"),
        "misnamed": Case("simulate --out new --num_patient 3", "no option 'num_patient'"),
        "unreadable": Case("simulate --out new --config o.yaml", "o.yaml", 2, closed("o.yaml")),
        "empty": Case("simulate --out new --num_patients 0", "num_patients must be 1 or more"),
        "wrong type": Case("simulate --out new --fs fast", "--fs must be a number, got 'fast'"),
        "wrong unit": Case("simulate --out new --fs 500Hz", "--fs must be a number, got '500Hz'"),
        **writing(SMALL, at=BUILT, leaves=UNBUILT),
    },
    "check": {
        "missing": Case("check gone.hea", "there is no file gone.hea", 1),
        "misnamed": Case("check patient.hea --second 5", "no option 'second'"),
        **broken("check patient.hea", "patient.hea"),
        "wrong unit": Case("check wave.csv --layout.fs 9 --layout.unit kV --layout.leads I", UNIT),
        **printing("check patient.hea", "crossbeat.cli.check.read_ecg"),
    },
    "prepare": {
        "missing": Case("prepare files --out new --table gone.csv", "gone.csv", 1),
        "misnamed": Case("prepare ptbxl --out new", "got 'ptbxl'; did you mean 'ptb-xl'?"),
        **broken(TABLE, "list.csv", spoil=a_folder),
        "wrong unit": Case(f"{TABLE} --fs 1kHz", "--fs must be a nu"),
        **writing(VIRTUAL, at=BUILT, leaves=UNBUILT),
    },
    "cohort": {
        "missing": Case("cohort show gone", "gone must be a folder with cohort.json", 1),
        "misnamed": Case("cohort shw cohort", "must be one of show, verify, got 'shw'; did you"),
        "unreadable": Case("cohort show cohort", f"cohort.json {PLACE}", 1, closed("cohort.json")),
        "empty": Case("cohort show cohort", "cohort.json", 1, emptied("cohort/cohort.json")),
        "wrong type": Case("cohort verify cohort", PARQUET, 1, garbage(f"cohort/{PARQUET}")),
        "wrong unit": Case("cohort show cohort --examples 4x", "--examples must be a whole number"),
        **writing(PAGE, "page.html must be"),
    },
    "train": {
        "missing": Case("train direct --cohort gone --out new", "gone must be a folder with", 1),
        "misnamed": Case("train dirct --cohort cohort --out new", "got 'dirct'; did you mean"),
        **broken("train direct --config o.yaml", "o.yaml", 2),
        "wrong unit": Case(
            "train direct --cohort cohort --out new --recipe.fine_tuning.epochs 3h",
            "--recipe.fine_tuning.epochs must be a whole number, got '3h'",
        ),
        **writing(
            "train direct --preset demo --config o.yaml",
            at="crossbeat.training.module.PhaseModule.training_step",
            leaves=("new", "cohort/.verified.json"),
        ),
    },
    "evaluate": {
        "missing": Case("evaluate gone", "gone must be the folder of a run, got none", 1),
        "misnamed": Case("evaluate run --sed 3", "no option 'sed'; did you mean 'seed'?"),
        "unreadable": Case("evaluate run", "run.json", 1, closed("run/run.json")),
        "empty": Case("evaluate run", "finished.json", 1, emptied("run/finished.json")),
        "wrong type": Case("evaluate run", WEIGHTS, 1, garbage(f"run/{WEIGHTS}")),
        "wrong unit": Case("evaluate run --seed 1.5", "--seed must be a whole number, got '1.5'"),
        **writing("evaluate run"),
    },
    "study": {
        "missing": Case("study gone.py", "got 'gone.py'"),
        "misnamed": Case("study question", "got 'question'"),
        **broken("study small.py", "small.py", 2),
        "empty": Case("study small.py", "must define study(*, small), got", 2, emptied("small.py")),
        "wrong unit": Case("study small.py --workers 2h", "--workers must be a whole number"),
        **writing("study small.py --small --workers 1", leaves=("runs",), again=False),
    },
    "embed": {
        "missing": Case("embed gone --out new.parquet", "gone must be the folder of a run", 1),
        "misnamed": Case("embed run --out a --split tst", "one of train, val, test, got 'tst'"),
        "unreadable": Case(EMBED, f"run/seal.json {PLACE}", 1, closed("run/seal.json")),
        "empty": Case(EMBED, "run.json", 1, emptied("run/run.json")),
        "wrong type": Case(EMBED, "learned.parquet", 1, garbage("run/learned.parquet")),
        "wrong unit": NO_VALUES,
        **writing(EMBED, "new.parquet must be"),
    },
    "predict": {
        "missing": Case("predict run gone.hea", "there is no file gone.hea", 1),
        "misnamed": Case("predict rum patient.hea", "rum", 1),
        **broken("predict run patient.hea", "patient.hea"),
        "empty": Case("predict run patient.hea", "patient.dat", 1, emptied("patient.dat")),
        "wrong unit": Case("predict run wave.csv --layout.fs 500 --layout.unit kV", UNIT),
        **printing("predict run patient.hea", "crossbeat.deploy.Predictor.predict_file"),
    },
    "bench": {
        "missing": Case("bench", "must have NAME, got none"),
        "misnamed": Case("bench pairng", "got 'pairng'; did you mean 'pairing'?"),
        "unreadable": NO_FILES,
        "empty": Case("bench ''", "got ''"),
        "wrong type": Case("bench pairing --seed one", "--seed must be a whole number, got 'one'"),
        "wrong unit": Case("bench pairing --seed 1s", "--seed must be a whole number, got '1s'"),
        **writing("bench loader --small --folder new", "new", leaves=("new",), again=False),
    },
    "recipes": {
        "missing": "needs nothing",
        "misnamed": Case("recipes --jsn", "no option 'jsn'; did you mean 'json'?"),
        **broken("recipes --config o.yaml", "o.yaml", 2),
        "wrong type": Case("recipes --json=1", "--json must have no value, got '1'"),
        "wrong unit": NO_VALUES,
        **printing("recipes", "crossbeat.cli.tables.print_table"),
    },
    "show": {
        "missing": Case("show", "must have RECIPE, got none"),
        "misnamed": Case("show dirct", "got 'dirct'; did you mean 'direct'?"),
        **broken("show direct --config o.yaml", "o.yaml", 2),
        "empty": Case("show ''", "got ''"),
        "wrong unit": NO_VALUES,
        **printing("show direct", "crossbeat.cli.show.print_table"),
    },
}

CASES = [
    pytest.param(case, id=f"{command}-{kind}")
    for command, kinds in WALK.items()
    for kind, case in kinds.items()
    if isinstance(case, Case)
]

FOREIGN = re.compile(
    r"Traceback|Errno|<class|<built|NoneType|PosixPath|np\.|\b\w*(?:Error|Exception|Warning)\b|"
    r"\b(?:polars|pydantic|jsonargparse|argparse|numpy|torch|lightning|beartype|pyarrow)\b"
)
OPTIONS = """
cohort: cohort
out: new
recipe:
  findings: [large, silent]
  ecg: {hidden: [16]}
  fine_tuning: {epochs: 1, batch_size: 24}
trainer: {progress: false, accelerator: cpu}
"""


def test_every_command_has_a_case_of_every_kind():
    assert list(WALK) == list(COMMANDS)
    for command, kinds in WALK.items():
        assert tuple(kinds) == KINDS, command


@pytest.fixture(scope="module")
def world(tiny, tmp_path_factory):
    """A folder with something for every command."""
    folder = tmp_path_factory.mktemp("world")
    with chdir(folder):
        shutil.copytree(tiny.folder, "cohort")
        Path("o.yaml").write_text(OPTIONS)
        assert main(["train", "direct", "--preset", "demo", "--config", "o.yaml"]) == 0
        Path("new").rename("run")
        write_example(Path.cwd())
        np.savetxt("wave.csv", np.zeros((5000, 1)), delimiter=",")
        Path("list.csv").write_text("ecg,large\npatient.hea,1\n")
        Path("small.py").write_text("from tiny_study import study\n__all__ = ['study']\n")
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts)
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes() if path.is_file() else b"").digest()
        for path in found
    }


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_one_sentence_and_nothing_is_half_written(
    case, world, tmp_path, monkeypatch, capsys
):
    place, traces = tmp_path / "place", tmp_path / "traces"
    shutil.copytree(world, place)
    traces.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setattr("tempfile.tempdir", str(traces))
    words = ["" if word == "''" else word for word in case.words.split()]
    with monkeypatch.context() as patch:
        before = listing(place)
        if case.spoil:
            case.spoil(patch)
            patch.setattr("sys.dont_write_bytecode", True)
        capsys.readouterr()
        spoilt = None if case.leaves else {**before, **listing_now(place)}
        code = main(words)
    shown = capsys.readouterr()
    told = [trace.read_text() for trace in traces.rglob("*.log")]
    assert not told, told
    assert code == case.code, shown.err
    *notes, last = shown.err.splitlines()
    assert not any(line.startswith("error:") for line in notes), shown.err
    assert not FOREIGN.search(shown.err + shown.out), shown.err + shown.out
    assert case.says in shown.err + shown.out
    if case.says != STOPPED:
        assert re.match(r"error: .*(must|has no|there is no|rejected).*", last), last
        assert re.search(r"; \w+", last), last
    after = listing(place)
    if not case.leaves:
        assert after == spoilt
        return
    new = {name for name in after if before.get(name) != after[name]}
    assert all(name.startswith(case.leaves) for name in new), new
    if case.again:
        assert main(words) == 0, capsys.readouterr().err


def listing_now(place: Path) -> dict[str, bytes]:
    """What there is before the command; read around a system that refuses to read."""
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(io, "open", OPEN)
        plain.setattr(builtins, "open", OPEN)
        return listing(place)


OPEN = io.open
