"""Progress of long work: a bar on a terminal, lines elsewhere, always on the error stream."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crossbeat.cli.options import note
from crossbeat.workers import Task


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with what is done and what there is."""
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
        progress.update(task, completed=done, total=total)

    with progress:
        yield show


def over_tasks(done: Iterator[Task], total: int, what: str, *, quiet: bool) -> None:
    """Follow tasks to their end, with a bar over them.

    Args:
        done: each task when it is done.
        quiet: no bar, where each task shows its own.
    """
    if quiet:
        for task in done:
            note(f"finished {task.name}")
        return
    with bar(what) as show:
        show(0, total)
        for count, task in enumerate(done, start=1):
            show(count, total)
            note(f"  {task.name}")
