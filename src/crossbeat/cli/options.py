"""Options of commands: built by jsonargparse, with errors that say what was meant."""

import re
import sys
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from crossbeat.errors import ConfigError, suggestion

_UNKNOWN = (
    re.compile(r"unrecognized arguments: --([\w.\-]+)"),
    re.compile(r"Key '([\w.\-]+)' is not expected"),
    re.compile(r"Option '([\w.\-]+)' is not accepted"),
)


def command(name: str, description: str) -> ArgumentParser:
    """An empty parser of a command, to which the command adds its options."""
    parser = ArgumentParser(prog=f"crossbeat {name}", description=description, exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file with any of the options")
    return parser


def parse(parser: ArgumentParser, arguments: list[str]) -> Namespace:
    """The options, with dataclasses made.

    Raises:
        ConfigError: an option is unknown, missing or has a value that it cannot have.
    """
    try:
        return parser.instantiate(parser.parse_args(arguments))
    except UserWarning:
        raise
    except SystemExit:
        raise
    except Exception as error:
        raise ConfigError(_explain(parser, str(error))) from error


def _explain(parser: ArgumentParser, text: str) -> str:
    for pattern in _UNKNOWN:
        found = pattern.search(text)
        if found:
            return _unknown(parser, found.group(1))
    return f"{parser.prog}: {' '.join(text.split())}; {parser.prog} --help lists the options"


def _unknown(parser: ArgumentParser, option: str) -> str:
    group, _, name = option.rpartition(".")
    known = [key for key in _keys(parser) if key.rpartition(".")[0] == group]
    names = [key.rpartition(".")[2] for key in known] or list(_keys(parser))
    owner = f"{parser.prog} --{group}" if group else parser.prog
    kind = "setting" if group else "option"
    return f"{owner} has no {kind} {name!r}{suggestion(name, names)}"


def _keys(parser: ArgumentParser) -> list[str]:
    keys = []
    for action in parser._actions:
        keys += [text.lstrip("-") for text in action.option_strings if text.startswith("--")]
    defaults: Any = parser.get_defaults()
    return keys + [key for key in defaults.keys(branches=True) if key not in keys]


def note(text: str) -> None:
    """A line about progress; on the error stream, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)
