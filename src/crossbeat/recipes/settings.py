"""Convert recipes to plain values and back; errors name the setting and suggest a similar one."""

import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from jsonargparse import ArgumentParser

from crossbeat.errors import ConfigError, UserError, suggestion
from crossbeat.files import Json, ReadJson
from crossbeat.recipes import RECIPES, Recipe, settings_in

_KEY = re.compile(r'Parser key "recipe\.([\w.]+)"')
"""The setting in an error of jsonargparse."""


def recipe_named(name: str) -> Recipe:
    """The recipe with a name.

    Raises:
        ConfigError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ConfigError(
            f"recipe must be one of {', '.join(RECIPES)}, got {name!r}"
            f"{suggestion(name, RECIPES, 'crossbeat recipes lists them')}"
        )
    return RECIPES[name]


def to_plain(recipe: Recipe) -> Json:
    """The settings as JSON values."""
    return asdict(recipe)  # type: ignore[call-overload]


_RENAMED = {
    "phenotypes": "measurements",
    "targets": "frame_targets",
    "xray": "other",
    "cine": "other",
    "regression": "fine_tuning",
}
"""Settings of earlier runs, by what they are called in recipes that lack them."""


def from_plain(recipe: Recipe, settings: ReadJson) -> Recipe:
    """A recipe of the same kind with some settings changed.

    Args:
        recipe: provides the values of all settings that are not in ``settings``.
        settings: nested like the recipe.

    Raises:
        ConfigError: a setting is unknown, or its value is not allowed.
    """
    known = settings_in(recipe)
    settings = {
        name if name in known else _RENAMED.get(name, name): value
        for name, value in settings.items()
    }
    check_names(recipe, settings, type(recipe).__name__)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--recipe", type=type(recipe), default=recipe)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            values = parser.parse_object({"recipe": _plain(settings)})
            return parser.instantiate(values)["recipe"]
    except Exception as error:
        raise _in_our_words(type(recipe).__name__, settings, error) from error


def _in_our_words(owner: str, settings: ReadJson, error: BaseException) -> UserError:
    """An error of jsonargparse as one of ours: what a setting said itself, or its name."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UserError):
            return cause
        cause = cause.__cause__ or cause.__context__
    found = _KEY.search(str(error))
    value: Any = settings
    for part in found[1].split(".") if found else ():
        owner, value = f"{owner}.{part}", value[part]
    got = f", got {value!r}" if found else ""
    return ConfigError(f"{owner} must be a value that it takes{got}; correct the setting")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def check_names(settings: object, given: ReadJson, owner: str) -> None:
    """Check that every given name is a setting.

    Raises:
        ConfigError: a name is unknown; the message suggests a similar one.
    """
    assert is_dataclass(settings)
    known = {field.name: getattr(settings, field.name) for field in fields(settings)}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(
                f"{owner} has no setting {name!r}{suggestion(name, known, 'correct the name')}"
            )
        if isinstance(value, Mapping) and is_dataclass(known[name]):
            check_names(known[name], value, f"{owner}.{name}")
