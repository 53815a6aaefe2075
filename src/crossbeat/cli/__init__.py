"""The command line. Each command is a module that is imported only when it is called."""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkstemp

from crossbeat import __version__
from crossbeat.errors import STOPPED, ConfigError, UserError, suggestion
from crossbeat.files import trouble

COMMANDS = {
    "demo": "train, compare and report on virtual patients, from start to end",
    "simulate": "write virtual patients with ECGs and chest X-rays",
    "check": "check whether ECG files can be used, and if not, why not",
    "prepare": "build a cohort from the published files of a data set",
    "cohort": "show the contents of a cohort, or check its files for damage",
    "train": "train a recipe on a cohort; an interrupted run continues",
    "evaluate": "measure finished runs on the test split of their cohort",
    "study": "run a grid of trainings as one job on many processes and machines",
    "embed": "write the embeddings of a cohort's ECGs with a finished run",
    "predict": "predict findings or cardiac measurements from ECG files",
    "bench": "measure the speed and the memory of one part",
    "recipes": "list the recipes",
    "show": "show the settings of a recipe",
}

_HELP = f"""usage: crossbeat COMMAND ...

Teach an ECG encoder what another modality sees, then run on the ECG alone.

commands:
{"".join(f"  {name:<10} {summary}{chr(10)}" for name, summary in COMMANDS.items())}
crossbeat COMMAND --help lists the options of a command.
crossbeat --version prints the version.
--debug before or after a command shows where in the code an error arose.
--import FILE.py before a command runs a file of yours, such as one that registers a modality.
Exit codes: 0 success; 1 a problem with the data or the run; 2 a wrong command or setting.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Every error is one line on the error stream. What the code did not expect is written to a file
    in the folder for temporary files, which the line names.
    """
    arguments, debug = _without_debug(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0 if arguments else 2
    if name == "--version":
        print(__version__)
        return 0
    try:
        while name == "--import":
            name, arguments = _imported(arguments)
        _run(name, arguments[1:])
        print(end="", flush=True)  # a full disk or a closed pipe shows now, not when Python ends
        return 0
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 1
    except BrokenPipeError:
        _drop_output()
        return 1
    except Exception as error:
        _drop_output()
        if debug:
            traceback.print_exception(error)
        print(f"error: {_one_line(_sentence(error, name, debug))}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1


def _drop_output() -> None:
    """Let Python end without another try to print what cannot be printed."""
    try:
        print(end="", flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [each for each in arguments[:end] if each != "--debug"]
    return [*kept, *arguments[end:]], len(kept) < end


def _imported(arguments: list[str]) -> tuple[str, list[str]]:
    """Run the file of ``--import FILE COMMAND ...``; return the command and what follows."""
    if len(arguments) < 3:
        raise ConfigError("--import must have a Python file and a command behind it; add them")
    path = Path(arguments[1])
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigError(f"--import must name a Python file (.py), got {path}; check the path")
    if _is_taken(name, spec.origin):
        raise ConfigError(f"{path} must not have the name of another module; rename the file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"{path} must run without an error, got {error}; correct it (--debug shows where)"
        ) from error
    return arguments[2], arguments[2:]


def _is_taken(name: str, origin: str | None) -> bool:
    """Whether another file than ``origin`` is, or would be, imported under a name."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None) != origin
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    return found is not None and found.origin != origin


def _sentence(error: Exception, name: str, debug: bool) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            f"memory must have room for what crossbeat {name} holds in it, got too little; close "
            "other programs, or use fewer workers or smaller batches"
        )
    if isinstance(error, OSError):
        path = Path(error.filename) if isinstance(error.filename, str) else None
        if told := trouble(error, path):
            return str(told)
        if path and error.strerror:
            return (
                f"{path} must be a place that can be read and written, got: {error.strerror}; "
                "check the path and the disk"
            )
    proof = "the lines above" if debug else _log(error, name)
    return (
        f"crossbeat {name} must not fail like this, got an unexpected error; report it with {proof}"
    )


def _log(error: Exception, name: str) -> str:
    """The path of a new file with the traceback, which only its owner can read."""
    try:
        descriptor, path = mkstemp(prefix=f"crossbeat-{name}-", suffix=".log")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"crossbeat {__version__}, Python {sys.version}, {sys.platform}\n")
            traceback.print_exception(error, file=file)
    except OSError:
        return "what the option --debug shows"
    return path


def _one_line(text: str) -> str:
    """The text without what would break its line or move the cursor, such as in names of files."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split("\n")))


def _run(name: str, arguments: list[str]) -> None:
    if name not in COMMANDS:
        raise ConfigError(
            f"crossbeat has no command {name!r}"
            f"{suggestion(name, COMMANDS, 'crossbeat --help lists them')}"
        )
    module = importlib.import_module(f"crossbeat.cli.{name}")
    module.run(arguments)
