"""Command-line options, built with jsonargparse, with clear error messages."""

import json
import re
import sys
from argparse import HelpFormatter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from os.path import isfile
from pathlib import Path
from types import GenericAlias
from typing import get_args, get_type_hints

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from crossbeat.cli.values import YES_OR_NO, Tree, TypeForm, alternatives, load_text, read
from crossbeat.errors import ConfigError, UserError, suggestion
from crossbeat.files import Json

_MISSING = re.compile(
    r"(?:Parser key \"(?P<group>[\w.]+)\".*)?are required: (?P<names>[\w.]+(?:, [\w.]+)*)"
)
_MORE = re.compile(r"unrecognized arguments: (.+)")


class _Parser(ArgumentParser):
    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help without the marks of code that docstrings have."""
        return super().format_help(formatter).replace("`", "")


def command(name: str, description: str) -> ArgumentParser:
    """Make the parser of a command; the command adds its own options."""
    parser = _Parser(
        prog=f"crossbeat {name}",
        description=description,
        exit_on_error=False,
        allow_abbrev=False,  # a shortened name may be a misspelt name
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    return parser


def add_checksum(parser: ArgumentParser) -> None:
    """Add ``--checksum``, which ``--no-checksum`` turns off."""
    parser.add_argument(
        "--checksum",
        type=bool,
        default=True,
        help="refuse WFDB records whose checksums or first values are wrong; --no-checksum reads "
        "them",
    )


def parse(
    parser: ArgumentParser, arguments: list[str], owners: Mapping[str, str] | None = None
) -> Namespace:
    """Parse the options and build their dataclasses.

    Dashes and underscores in the names of options are the same. ``--name`` alone says that a
    setting is true, and ``--no-name`` that it is false. Values are read by the types of
    their settings, on the command line as in a file; jsonargparse sees them as JSON.

    Args:
        owners: for each group of settings, the name that error messages use.

    Raises:
        ConfigError: an option is unknown or missing, or its value is not allowed.
    """
    plain = _Reader(parser, owners or {}).plain(arguments)
    try:
        return parser.instantiate(parser.parse_args(plain))
    except Exception as error:
        raise _in_our_words(parser, error) from error


def at_least(options: Namespace, **least: int) -> None:
    """Check whole numbers that are not settings of their own.

    Raises:
        ConfigError: an option is given and below its least value.
    """
    for name, value in least.items():
        if options[name] is not None and options[name] < value:
            raise ConfigError(f"--{name} must be {value} or more, got {options[name]}; raise it")


def note(text: str) -> None:
    """Print a progress message on the error stream, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class _Words:
    """The type of an argument that is named by its place, and that a file may name."""

    kind: TypeForm


_FLAG, _FILE = object(), object()
"""In the place of a type: an option without a value, and a file of options."""


class _Reader:
    """Checks the arguments of a command and writes them so that there is nothing to guess."""

    def __init__(self, parser: ArgumentParser, owners: Mapping[str, str]) -> None:
        self._parser, self._owners = parser, owners
        self._kinds = dict(_kinds(parser))
        self._help = f"{parser.prog} --help lists the options"

    def plain(self, arguments: list[str]) -> list[str]:
        """Options as ``--name=value``, with JSON as values, and then the other words."""
        options, words, left = [], [], list(arguments)
        while left:
            word = left.pop(0)
            if word == "--":
                words += [word, *left]
                break
            if _is_value(word):
                words.append(word)
            else:
                options.append(self._option(word, left))
        self._check(words)
        return options + words

    def _check(self, words: list[str]) -> None:
        """Each word by its place must be of the type of that place."""
        left = [word for word in words if word != "--"]
        for name, kind in self._kinds.items():
            if isinstance(kind, _Words) and left:
                several = isinstance(kind.kind, GenericAlias)
                given, left = (left, []) if several else (left[:1], left[1:])
                inner = get_args(kind.kind)[0] if several else kind.kind
                for word in given:
                    self._checked(word, inner, name.upper())

    def _option(self, word: str, left: list[str]) -> str:
        name, equals, value = word.partition("=")
        name = name.lstrip("-").replace("-", "_")
        if word == "-h":
            return word
        if name == "print_config" or name.rpartition(".")[2] == "help":
            return f"--{name}{equals}{value}"
        if not word.startswith("--"):
            told = f"; did you mean '--{name}'?" if name in self._kinds else f"; {self._help}"
            raise ConfigError(f"{self._parser.prog} has no option {word!r}{told}")
        kind = self._kinds.get(name)
        positive = name.removeprefix("no_")
        if kind is None and bool in alternatives(self._kinds.get(positive)) and not equals:
            return f"--{positive}=false"
        if kind is None or isinstance(kind, _Words):
            raise self._unknown(name)
        if kind is _FLAG:
            if equals:
                raise ConfigError(f"--{name} must have no value, got {value!r}; leave it out")
            return f"--{name}"
        return f"--{name}={self._value(name, value if equals else self._next(name, left))}"

    def _next(self, name: str, left: list[str]) -> str:
        """The value of an option, from the words after it."""
        word = left[0] if left else "--"
        alone = not _is_value(word) or self._takes_words()
        if alone and bool in alternatives(self._kinds[name]) and word.lower() not in YES_OR_NO:
            return "true"
        if not _is_value(word):
            raise ConfigError(f"--{name} must have a value, got none; {self._help}")
        return left.pop(0)

    def _takes_words(self) -> bool:
        return any(isinstance(kind, _Words) for kind in self._kinds.values())

    def _value(self, name: str, text: str) -> str:
        kind = self._kinds[name]
        if kind is _FILE:
            return json.dumps(self._file(Path(text)))
        given: Tree = text
        is_file = dict in alternatives(kind) and isfile(text)
        if is_file:
            given = _tree(Path(text))
        elif dict in alternatives(kind):
            try:
                given = load_text(text)
            except ConfigError as error:
                raise ConfigError(f"--{name} {error}, got {text!r}; correct it") from error
        value = self._read(given, name, f" in {text}" if is_file else "")
        return value if isinstance(value, str) else json.dumps(value)

    def _file(self, path: Path) -> Json:
        tree = _tree(path)
        return {name: self._read(given, name, f" in {path}") for name, given in tree.items()}

    def _read(self, given: Tree, name: str, where: str) -> TypeForm:
        kind = self._kinds.get(name)
        if kind is None:
            raise self._unknown(name, where)
        if kind is _FILE:
            raise ConfigError(f"--{name} must be on the command line, got it{where}; move it")
        if isinstance(given, dict) and dict in alternatives(kind):
            return {key: self._read(each, f"{name}.{key}", where) for key, each in given.items()}
        label = name.upper() if isinstance(kind, _Words) else f"--{name}"
        kind = bool if kind is _FLAG else kind.kind if isinstance(kind, _Words) else kind
        return self._checked(given, kind, label, where)

    def _checked(self, given: Tree, kind: TypeForm, label: str, where: str = "") -> TypeForm:
        try:
            return read(given, kind, label)
        except ConfigError as error:
            told = "" if "; did you mean" in str(error) else f"; {self._help}"
            raise ConfigError(f"{error}{where}{told}") from error

    def _unknown(self, path: str, where: str = "") -> ConfigError:
        keys = [key for key, kind in self._kinds.items() if where or not isinstance(kind, _Words)]
        group, name = "", path
        for part in path.split("."):
            name, inner = part, f"{group}.{part}".lstrip(".")
            if inner not in keys:
                break
            group = inner
        siblings = [key.rpartition(".")[2] for key in keys if key.rpartition(".")[0] == group]
        near = suggestion(name, siblings or [key.rpartition(".")[2] for key in keys])
        told = f"{near or f'; {self._help}'}"
        if not group:
            return ConfigError(f"{self._parser.prog} has no option {name!r}{where}{told}")
        first, dot, rest = group.partition(".")
        owner = self._owners.get(first, f"{self._parser.prog} --{first}")
        return ConfigError(f"{owner}{dot}{rest} has no setting {name!r}{where}{told}")


def _is_value(word: str) -> bool:
    """Whether a word is none of an option: no dash, or a dash alone or before a number."""
    return re.match(r"-[^0-9.]", word) is None


def _kinds(parser: ArgumentParser) -> Iterator[tuple[str, TypeForm]]:
    for action in parser._actions:
        kind = getattr(action, "_typehint", None)
        if isinstance(action, ActionConfigFile):
            yield action.dest, _FILE
        elif not action.option_strings:
            yield (
                action.dest,
                _Words(GenericAlias(tuple, (kind, ...)) if action.nargs in ("+", "*") else kind),
            )
        elif action.nargs == 0 and action.const is True:
            yield action.dest, _FLAG
        elif action.nargs is None:
            yield from _with_inner(action.dest, dict if kind is None else kind)


def _with_inner(name: str, kind: TypeForm) -> Iterator[tuple[str, TypeForm]]:
    """A setting, and those in it where it is a group that may be null."""
    groups = [each for each in alternatives(kind) if is_dataclass(each)]
    yield name, dict | None if groups else kind
    for group in groups:
        kinds = get_type_hints(group)
        for field in fields(group):
            yield from _with_inner(f"{name}.{field.name}", kinds[field.name])


def _tree(path: Path) -> dict[str, Tree]:
    """What a file of options says."""
    try:
        tree = load_text(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"--config must be a file, got none at {path}; check the path") from None
    except OSError as error:
        raise ConfigError(
            f"--config must be a file that you may read, got {path}: {error.strerror}; check it"
        ) from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path} must be text in UTF-8, got other bytes; save it so") from None
    except ConfigError as error:
        raise ConfigError(f"{path} {error}; correct the file") from error
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{path} must list options such as 'seed: 1', got "
            f"{'nothing' if tree is None else 'something else'}; correct the file"
        )
    return tree


def _in_our_words(parser: ArgumentParser, error: BaseException) -> UserError:
    """An error of jsonargparse as one of ours: what a setting said itself, or what is missing."""
    seen: list[BaseException] = [error]
    for each in seen:
        if isinstance(each, UserError):
            return each
        seen += [more for more in (each.__cause__, each.__context__) if more and more not in seen]
    flat = " ".join(str(error).split())
    if found := _MISSING.search(flat):
        words = {action.dest for action in parser._actions if not action.option_strings}
        group = f"{found['group']}." if found["group"] else ""
        names = [f"{group}{name}" for name in found["names"].split(", ")]
        told = " and ".join(name.upper() if name in words else f"--{name}" for name in names)
        return ConfigError(
            f"{parser.prog} must have {told}, got none; {parser.prog} --help lists the options"
        )
    if found := _MORE.search(flat):
        more = found[1].removeprefix("-- ")
        return ConfigError(
            f"{parser.prog} must have no further words, got {more!r}; leave them out"
        )
    return ConfigError(
        f"{parser.prog} must have options that go together, got others; "
        f"{parser.prog} --help lists the options"
    )
