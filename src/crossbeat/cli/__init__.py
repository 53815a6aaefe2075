"""The command line. Each command is a module that is imported only when it is called."""

import importlib
import sys
from collections.abc import Sequence

from crossbeat import __version__
from crossbeat.errors import ConfigError, UserError, suggestion

COMMANDS = {
    "demo": "the whole way on virtual patients: train, compare, report",
    "simulate": "write a cohort of virtual patients with ECGs and chest X-rays",
    "check": "whether ECG files may be used, and if not, why not",
    "prepare": "build a cohort from the published files of a data set",
    "cohort": "what is in a cohort, in tables and on a page with examples",
    "train": "train a recipe on a cohort; a run that was stopped goes on",
    "evaluate": "measure finished runs on the test split of their cohort",
    "study": "a grid of runs as one job, on any number of processes and machines",
    "embed": "write the embeddings of a cohort's ECGs by a finished run",
    "predict": "probabilities of findings for ECG files",
    "bench": "how fast a part is, and how much memory it takes",
    "recipes": "list the recipes",
    "show": "the settings of a recipe",
}

_HELP = f"""usage: crossbeat COMMAND ...

Teach an ECG encoder what another modality sees, then run on the ECG alone.

commands:
{"".join(f"  {name:<10} {summary}{chr(10)}" for name, summary in COMMANDS.items())}
crossbeat COMMAND --help tells the options of a command; crossbeat --version the version.
Exit codes: 0 done; 1 the data or the run is at fault; 2 the command or a setting is.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and tell the shell how it went."""
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
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 1
    except BrokenPipeError:
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
