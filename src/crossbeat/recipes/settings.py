"""Recipes as plain values and back, with errors that name the setting and the nearest one."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from jsonargparse import ArgumentParser

from crossbeat.errors import ConfigError, suggestion
from crossbeat.recipes import RECIPES, Recipe


def recipe_named(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in RECIPES:
        raise ConfigError(
            f"recipe must be one of {', '.join(RECIPES)}, got {name!r}{suggestion(name, RECIPES)}"
        )
    return RECIPES[name]


def to_plain(recipe: Recipe) -> dict[str, Any]:
    """The settings as JSON values."""
    return asdict(recipe)  # type: ignore[call-overload]


def from_plain(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """A recipe of the same kind with some settings changed.

    Args:
        recipe: what is not named in ``settings`` keeps its value from here.
        settings: nested as the recipe is.

    Raises:
        ConfigError: a setting is unknown or has a value that it cannot have.
    """
    check_names(recipe, settings, type(recipe).__name__)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--recipe", type=type(recipe), default=recipe)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            values = parser.parse_object({"recipe": _plain(settings)})
            return parser.instantiate(values)["recipe"]
    except Exception as error:
        text = " ".join(str(error).split())
        raise ConfigError(f"{type(recipe).__name__}: {text}; correct the setting") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def check_names(settings: Any, given: Mapping[str, Any], owner: str) -> None:
    """Every given name must be a setting.

    Raises:
        ConfigError: one is not; names the nearest that is.
    """
    known = {field.name: getattr(settings, field.name) for field in fields(settings)}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"{owner} has no setting {name!r}{suggestion(name, known)}")
        if isinstance(value, Mapping) and is_dataclass(known[name]):
            check_names(known[name], value, f"{owner}.{name}")
