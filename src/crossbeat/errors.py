"""Errors in the user's input. They are shown as one sentence, without a traceback."""

import difflib
from collections.abc import Iterable

STOPPED = "stopped; run the same command again to continue"
"""Shown when the user ends a command that can continue."""


class UserError(Exception):
    """An error that the user can correct. The text says what is wrong and what to do."""


class ConfigError(UserError):
    """A setting, a recipe name or a command-line value is wrong."""


class DataError(UserError):
    """A file, a signal, an image or a cohort is invalid.

    Args:
        text: what is wrong and what to do.
        rule: the rule that was broken, in one word, so that errors can be counted.
    """

    def __init__(self, text: str, *, rule: str = "unreadable") -> None:
        super().__init__(text)
        self.rule = rule


class CheckpointError(UserError):
    """Weights or a run do not match the model or the settings that load them."""


def require_least(settings: object, **least: int) -> None:
    """Check that numbers among the settings of a dataclass are not too small.

    Args:
        settings: the dataclass.
        least: the least value of each of them, by name.

    Raises:
        ConfigError: one is smaller.
    """
    for name, value in least.items():
        if getattr(settings, name) < value:
            raise ConfigError(
                f"{type(settings).__name__}.{name} must be {value} or more, got "
                f"{getattr(settings, name)}; raise it"
            )


def suggestion(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a message: the known name that was probably meant.

    Args:
        otherwise: what to do if no known name is like it.
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else otherwise and f"; {otherwise}"


def reason(error: Exception) -> str:
    """Why a file cannot be used, in the system's words or ours, not in those of a library."""
    if isinstance(error, UserError):
        return str(error)
    told = error.strerror if isinstance(error, OSError) else None
    return told or "other contents"


_LONGEST_LIST = 200
"""Letters of a message that a list of names may take."""


def listed(names: Iterable[str]) -> str:
    """Names of a file for a message, as the file spells them; a long list is cut."""
    text = ", ".join(name.strip() or "(no name)" for name in names)
    return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST]} ..."
