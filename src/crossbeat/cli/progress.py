"""Progress of long work: a bar on a terminal, lines elsewhere, always on the error stream."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crossbeat.cli.options import note


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


def over_jobs(jobs: Iterator[Any], total: int, what: str, *, quiet: bool) -> None:
    """Run jobs to their end, with a bar over them.

    Args:
        quiet: no bar, where each job shows its own.
    """
    if quiet:
        for job in jobs:
            note(f"finished {job.folder.name}")
        return
    with bar(what) as show:
        show(0, total)
        for count, job in enumerate(jobs, start=1):
            show(count, total)
            note(f"  {job.folder.name}")
