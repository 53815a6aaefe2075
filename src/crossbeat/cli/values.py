"""Read the values of options: text of the command line, or a YAML file, by the type of a setting.

Plain text is never guessed at: ``1:30`` is no number, ``010`` neither, and ``no`` is a name where a
name is asked for.
"""

import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import yaml

from crossbeat.errors import ConfigError, suggestion
from crossbeat.files import Json

TypeForm = Any
"""A type as annotations write it, such as ``int | None``."""

Tree = None | str | list[Any] | Json
"""What YAML text holds, lists and mappings of the same, with every plain value as its text."""

_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_ZEROS = re.compile(r"[+-]?0[0-9]+.*")
_DURATION = re.compile(r"(?P<number>.+?) ?(?P<unit>s|min|h|d)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATIONS = {"seconds": ("s", "seconds"), "window": ("h", "hours")}
"""Settings that are durations, by the last part of their names: the unit of a bare number."""

YES_OR_NO = {"true": True, "false": False}
"""What a setting that is true or false may be; on the command line its name alone is true."""


def load_text(text: str) -> Tree:
    """The contents of YAML text.

    Raises:
        ConfigError: the text is not YAML, or gives a name twice.
    """
    try:
        return yaml.load(text, Loader=_Texts)
    except RecursionError:
        raise ConfigError("must be YAML that is not so deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError(f"must be YAML, got something else{where}") from error


class _Texts(yaml.SafeLoader):
    """Reads null, lists and mappings; everything else is text, whatever it looks like."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {
        letter: [each for each in found if each[0].endswith(":null")]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Json:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, name in enumerate(names):
            if not isinstance(name, str):
                raise ConfigError(f"must have names, got {name!r} as one")
            if name in names[:number]:
                raise ConfigError(f"must have each name once, got {name!r} twice")
        return super().construct_mapping(node, deep=deep)


def read(given: Tree, kind: TypeForm, name: str) -> Any:
    """The value of a setting as JSON can hold it.

    Args:
        given: text, or what a YAML file has in its place.
        kind: the type of the setting: a number, text, a path, true or false, one of some words,
            or several of one of these, and whether it may be null.
        name: of the setting, with dots; its last part says whether it is a duration.

    Raises:
        ConfigError: the value is not of the type; the message ends after the value.
    """
    kinds = alternatives(kind)
    if given is None or (given == "null" and type(None) in kinds):
        if type(None) in kinds:
            return None
    elif (value := _of_kind(given, kinds, name)) is not None:
        return value
    words = "null" if given is None else given
    near = suggestion(str(given), _choices(kinds)) if _choices(kinds) else ""
    raise ConfigError(f"{name} must be {rule(kind, name, given)}, got {words!r}{near}")


def rule(kind: TypeForm, name: str, given: Tree = None) -> str:
    """What a setting takes, in words.

    Args:
        given: a value that it does not take; the words say what is wrong with it.
    """
    kinds = alternatives(kind)
    told = [_rule(each, name, given) for each in kinds if get_origin(each) is not Literal]
    choices = _choices(kinds)
    return " or ".join(([f"one of {', '.join(choices)}"] if choices else []) + told)


def _rule(kind: TypeForm, name: str, given: Tree) -> str:
    if get_origin(kind) is tuple:
        each = get_args(kind)[0]
        if get_origin(each) is tuple:
            return "a list of pairs such as [[a, b], [c, d]]"
        inner = alternatives(each)
        if choices := _choices(inner):
            return f"some of {', '.join(choices)}, with commas between them"
        return "a list such as 1,2" if each in (int, float) else "a list such as a,b"
    zeros = isinstance(given, str) and _ZEROS.fullmatch(given)
    number = "number without leading zeros" if zeros else "number"
    if kind is float and (unit := _DURATIONS.get(name.rpartition(".")[2].lstrip("-"))):
        return f"a {number} of {unit[1]} or a duration such as 30s, 90min or 1.5h"
    words = {int: f"a whole {number}", float: f"a {number}", bool: "true or false"}
    words |= {str: "text", Path: "a path", dict: "settings such as {name: value}"}
    return "null" if kind is type(None) else words.get(kind, "a value of its kind")


def alternatives(kind: TypeForm) -> tuple[TypeForm, ...]:
    """The types of which a value may be one."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(inner for each in get_args(kind) for inner in alternatives(each))
    return (kind,)


def _choices(kinds: Iterable[TypeForm]) -> list[str]:
    return [str(word) for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]


def _of_kind(given: Tree, kinds: tuple[TypeForm, ...], name: str) -> Any:
    for kind in kinds:
        if get_origin(kind) is tuple:
            return _several(given, get_args(kind), name)
    if not isinstance(given, str):
        return None
    for kind in kinds:
        value = _READERS[kind](given, name) if kind in _READERS else None
        if value is not None:
            return value
    return given if given in _choices(kinds) else None


def _several(given: Tree, inner: tuple[TypeForm, ...], name: str) -> list[TypeForm] | None:
    items = _listed(given)
    if items is None:
        return None
    if inner[-1] is not Ellipsis:
        return (
            None
            if len(items) != len(inner)
            else [read(item, kind, name) for item, kind in zip(items, inner, strict=True)]
        )
    kinds = alternatives(inner[0])
    values = [_of_kind(item, kinds, name) for item in items]
    return None if any(value is None for value in values) else values


def _listed(given: Tree) -> list[Tree] | None:
    if isinstance(given, str) and given.strip().startswith("["):
        try:
            given = load_text(given)
        except ConfigError:
            return None
    if isinstance(given, str):
        words: list[Tree] = [word.strip() for word in given.split(",")]
        return words if all(words) else None
    return given if isinstance(given, list) else None


def _whole(text: str, _: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _number(text: str, name: str) -> float | None:
    unit = _DURATIONS.get(name.rpartition(".")[2].lstrip("-"))
    duration = _DURATION.fullmatch(text)
    if unit and duration:
        number = _plain_number(duration["number"])
        return None if number is None else number * _SECONDS[duration["unit"]] / _SECONDS[unit[0]]
    return _plain_number(text)


def _plain_number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text) or not any(letter.isdigit() for letter in text.split("e")[0]):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


_READERS: Mapping[TypeForm, Callable[..., TypeForm]] = {
    int: _whole,
    float: _number,
    bool: lambda text, _: YES_OR_NO.get(text.lower()),
    str: lambda text, _: text,
    Path: lambda text, _: text or None,
}
