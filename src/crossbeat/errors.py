"""What the user gave us was wrong: shown as one sentence, without a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something that the user can put right; the text says what is wrong and what to do."""


class ConfigError(UserError):
    """A setting, a recipe name or a command-line value is wrong."""


class DataError(UserError):
    """A file, a signal, an image or a cohort is not what it should be.

    Args:
        text: what is wrong and what to do.
        rule: what was broken, in a word, for those who count.
    """

    def __init__(self, text: str, *, rule: str = "unreadable") -> None:
        super().__init__(text)
        self.rule = rule


class CheckpointError(UserError):
    """Weights or a run do not belong to the model or the settings that they are loaded into."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message: the known name that was probably meant, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
