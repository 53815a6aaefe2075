"""The command line. Each command is a module that is imported only when it is called."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

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
Exit codes: 0 success; 1 a problem with the data or the run; 2 a wrong command or setting.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0 if arguments else 2
    if name == "--version":
        print(__version__)
        return 0
    try:
        return _run(name, arguments[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        told = trouble(error, Path(error.filename) if isinstance(error.filename, str) else None)
        if told is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        return 1


def _run(name: str, arguments: list[str]) -> int:
    if name not in COMMANDS:
        raise ConfigError(
            f"crossbeat has no command {name!r}{suggestion(name, list(COMMANDS))}; "
            "crossbeat --help lists them"
        )
    module = importlib.import_module(f"crossbeat.cli.{name}")
    module.run(arguments)
    return 0
