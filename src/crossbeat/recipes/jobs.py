"""Several runs side by side, each in a process of its own, in an order that respects needs."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

from crossbeat.data.cohort import Cohort
from crossbeat.recipes.run import Plan, train
from crossbeat.training import TrainerSettings
from crossbeat.workers import process_pool


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run.

    Args:
        cohort: opens the cohort in the process of the run; picklable.
        folder: of the run.
        after: folders of runs whose phases this one shares and so does not run twice.
    """

    plan: Plan
    cohort: Callable[[], Cohort]
    folder: Path
    after: tuple[Path, ...] = ()


def run_jobs(
    jobs: Sequence[Job], *, shared: Path, workers: int, trainer: TrainerSettings
) -> Iterator[Job]:
    """Train all jobs and yield each when it is finished.

    With one worker everything runs here, with all cores. With more, each has a core: small
    networks gain more from running side by side than from two cores for one.

    Args:
        shared: the folder of the phases of all runs.
        workers: runs at a time, at least 1.

    Raises:
        ValueError: a job waits for a run that no job makes, or jobs wait for one another.
    """
    unknown = {str(path) for job in jobs for path in job.after} - {str(j.folder) for j in jobs}
    if unknown:
        raise ValueError(f"jobs wait for runs that no job makes: {sorted(unknown)}")
    ordered = _in_order(jobs)
    if workers > 1:
        yield from _side_by_side(jobs, shared, workers, trainer)
        return
    for job in ordered:
        _train(job, shared, trainer)
        yield job


def _in_order(jobs: Sequence[Job]) -> list[Job]:
    done: set[Path] = set()
    ordered: list[Job] = []
    waiting = list(jobs)
    while waiting:
        job = next((job for job in waiting if done.issuperset(job.after)), None)
        if job is None:
            names = sorted(str(job.folder) for job in waiting)
            raise ValueError(f"jobs wait for one another: {names}")
        waiting.remove(job)
        ordered.append(job)
        done.add(job.folder)
    return ordered


def _side_by_side(
    jobs: Sequence[Job], shared: Path, workers: int, trainer: TrainerSettings
) -> Iterator[Job]:
    done: set[Path] = set()
    waiting = list(jobs)
    running: dict[Future[None], Job] = {}
    with process_pool(workers) as pool:
        while waiting or running:
            ready = [job for job in waiting if done.issuperset(job.after)]
            for job in ready[: workers - len(running)]:
                waiting.remove(job)
                running[pool.submit(_train, job, shared, trainer)] = job
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                job = running.pop(future)
                future.result()
                done.add(job.folder)
                yield job


def _train(job: Job, shared: Path, trainer: TrainerSettings) -> None:
    train(job.plan, job.cohort(), job.folder, trainer=trainer, shared=shared)
