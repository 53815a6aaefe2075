"""Command-line options, built with jsonargparse, with clear error messages."""

import re
import sys
from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from crossbeat.errors import ConfigError, UserError, suggestion

_UNKNOWN = (
    re.compile(r"unrecognized arguments: --(?P<name>[\w.\-]+)"),
    re.compile(r"Key '(?P<name>[\w.\-]+)' is not expected"),
    re.compile(r"Group '(?P<group>[\w.\-]+)' does not accept option '(?P<name>[\w.\-]+)'"),
    re.compile(r"Parser key \"(?P<group>[\w.\-]+)\".*Option '(?P<name>[\w.\-]+)' is not accepted"),
    re.compile(r"^Option '(?P<name>[\w.\-]+)' is not accepted"),
)
_KEY = re.compile(r'Parser key "([\w.\-]+)"')
_EXPECTED = re.compile(r"Expected a (?:<class '(\w+)'>|typing\.Literal\[([^\]]*)\])")
_OWN = re.compile(r"Errors: - ([^-][^:]*? must be .+?, got .+?) - Expected")
_VALUE = re.compile(r"(?:Got|Given) value: (.*?)(?: - Expected|$)")
_RULES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list such as [a, b]",
    "NoneType": "null",
}
"""Types in jsonargparse's messages, and the words that our messages use for them."""


def command(name: str, description: str) -> ArgumentParser:
    """Make the parser of a command; the command adds its own options."""
    parser = ArgumentParser(
        prog=f"crossbeat {name}",
        description=description,
        exit_on_error=False,
        allow_abbrev=False,  # a shortened name may be a misspelt name
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    return parser


def add_no_checksum(parser: ArgumentParser) -> None:
    """Add ``--no-checksum``, which sets ``checksum`` to false; it is true by default."""
    parser.add_argument(
        "--no-checksum",
        dest="checksum",
        action="store_false",
        help="read WFDB records whose checksums or first values are wrong",
    )


def parse(
    parser: ArgumentParser, arguments: list[str], owners: Mapping[str, str] | None = None
) -> Namespace:
    """Parse the options and build their dataclasses.

    Args:
        owners: for each group of settings, the name that error messages use.

    Raises:
        ConfigError: an option is unknown or missing, or its value is not allowed.
    """
    try:
        return parser.instantiate(parser.parse_args(arguments))
    except UserError:
        raise
    except Exception as error:
        raise ConfigError(_explain(parser, str(error), owners or {})) from error


def _explain(parser: ArgumentParser, text: str, owners: Mapping[str, str]) -> str:
    flat = " ".join(text.split())
    for pattern in _UNKNOWN:
        found = pattern.search(flat)
        if found:
            parts = found.groupdict()
            path = ".".join(filter(None, (parts.get("group"), parts["name"])))
            return _unknown(parser, path, owners)
    if own := _OWN.search(flat):  # the error of a dataclass that may be null
        return own.group(1)
    key, expected, value = ".".join(_KEY.findall(flat)), _rule(flat), _VALUE.search(flat)
    if key and expected and value:
        flat = f"--{key} must be {expected}, got {value.group(1)!r}"
        return f"{flat}; {parser.prog} --help lists the options"
    return f"{parser.prog}: {flat}; {parser.prog} --help lists the options"


def _rule(text: str) -> str:
    asked = text.partition("Got value")[0]
    rules = [
        _RULES.get(kind, kind) if kind else f"one of {words.replace(chr(39), '')}"
        for kind, words in _EXPECTED.findall(asked)
    ]
    return " or ".join(rules)


def _unknown(parser: ArgumentParser, path: str, owners: Mapping[str, str]) -> str:
    keys, group, name = _keys(parser), "", path
    for part in path.split("."):
        name, inner = part, f"{group}.{part}".lstrip(".")
        if not any(key == inner or key.startswith(f"{inner}.") for key in keys):
            break
        group = inner
    siblings = [key.rpartition(".")[2] for key in keys if key.rpartition(".")[0] == group]
    near = suggestion(name, siblings or [key.rpartition(".")[2] for key in keys])
    if not group:
        return f"{parser.prog} has no option {name!r}{near}"
    first, dot, rest = group.partition(".")
    owner = owners.get(first, f"{parser.prog} --{first}")
    return f"{owner}{dot}{rest} has no setting {name!r}{near}"


def _keys(parser: ArgumentParser) -> list[str]:
    keys = []
    for action in parser._actions:
        keys += [text.lstrip("-") for text in action.option_strings if text.startswith("--")]
    defaults: Any = parser.get_defaults()
    # jsonargparse adds this part to the names of settings that may be null
    inner = [key.replace(".init_args", "") for key in defaults.keys(branches=True)]
    return keys + [key for key in inner if key not in keys]


def note(text: str) -> None:
    """Print a progress message on the error stream, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)
