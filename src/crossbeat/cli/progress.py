"""Progress of long work: a bar on a terminal, lines elsewhere, always on the error stream."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.text import Text

from crossbeat.cli.options import note

_TRUSTED = 20.0
"""Seconds of work that the expected pace counts for beside the pace that is measured."""


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with what is done and what there is.

    Where there is no terminal, nothing is shown before the first call.
    """
    console = Console(file=sys.stderr)
    progress = Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    task = progress.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        progress.start()
        progress.update(task, completed=done, total=total)

    if console.is_terminal:
        progress.start()
    try:
        yield show
    finally:
        if progress.live.is_started:  # otherwise it would print an empty line
            progress.stop()


class TimeLeft:
    """How long work still takes, from how long its steps took where they were measured.

    Args:
        seconds: that each step takes on the machine where it was measured; above 0.
        now: tells the time in seconds.
    """

    def __init__(
        self, seconds: Mapping[str, float], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._now = seconds, now
        self._shares = dict.fromkeys(seconds, 0.0)
        self._began = now()
        self._ends = self._began + sum(seconds.values())

    def reach(self, step: str, share: float = 1.0) -> None:
        """Take note that a share of a step, 0 to 1, is done."""
        self._shares[step] = share
        done = sum(self._seconds[name] * part for name, part in self._shares.items())
        now = self._now()
        pace = (now - self._began + _TRUSTED) / (done + _TRUSTED)
        self._ends = now + pace * (sum(self._seconds.values()) - done)

    def __str__(self) -> str:
        left = self._ends - self._now()
        if left < 50:
            return "less than 1 min left"
        return f"about {max(1, round(left / 60))} min left"


class Line:
    """One line that says what is being done and how long all of it still takes.

    Made by ``one_line``.
    """

    def __init__(self, left: TimeLeft, *, is_terminal: bool) -> None:
        self._left, self._is_terminal, self._text = left, is_terminal, ""
        self._spinner = Spinner("dots")

    def say(self, text: str) -> None:
        """Say what is being done from now on."""
        if text != self._text:
            self._text = text
            if not self._is_terminal:
                note(str(self))

    def reach(self, step: str, share: float = 1.0) -> None:
        """Take note that a share of a step, 0 to 1, is done."""
        self._left.reach(step, share)

    def __str__(self) -> str:
        return f"{self._text}, {self._left}"

    def __rich__(self) -> Spinner:
        self._spinner.update(text=Text(str(self), no_wrap=True, overflow="ellipsis"))
        return self._spinner


@contextmanager
def one_line(seconds: Mapping[str, float]) -> Iterator[Line]:
    """A line that is renewed on a terminal, and printed anew elsewhere.

    Args:
        seconds: that each step takes where it was measured; above 0.
    """
    console = Console(file=sys.stderr)
    line = Line(TimeLeft(seconds), is_terminal=console.is_terminal)
    if not console.is_terminal:
        yield line
        return
    with Live(line, console=console, refresh_per_second=4, transient=True):
        yield line
