"""Parallel work: a process pool on this machine, and tasks shared with other machines.

Tasks are shared through the file system: whoever holds the lock of a task does it, and a file
says that it is done. The kernel frees the locks of a process that ends, however it ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_EXCEPTION,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout

from crossbeat.errors import ConfigError, DataError
from crossbeat.files import disk_with_room, make_folder

Result = TypeVar("Result")

LOCK = "lock"
"""The name of the file in a folder whose holder may change the folder."""

Progress = Callable[[int, int], None]
"""Called with the number of finished jobs and of all jobs."""

_PAUSE = 0.5
_DASK = "dask://"
_ANSWER = 10
"""Seconds that a scheduler has to answer."""


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes with one thread each.

    They are spawned, as forking a process in which torch has threads can hang. They end at once
    when an error or Ctrl-C ends the block, and when this process is killed: what they do must
    bear that. Ctrl-C reaches this process alone.

    Args:
        workers: at least 1.
    """
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        _start_all(pool, workers)
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - others:
            child.kill()  # Lightning would swallow a request to end
        raise
    pool.shutdown()


def _start_all(pool: ProcessPoolExecutor, workers: int) -> None:
    """Start the processes with Ctrl-C blocked, which they inherit from this one.

    A terminal sends Ctrl-C to all processes. One that dies of it breaks the pool, before this
    process can say that it was stopped.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for _ in range(workers):
            pool.submit(os.getpid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def executor_of(address: str | None, *, workers: int) -> Iterator[Executor]:
    """An executor: processes of this machine, or a cluster that sees the same files.

    Args:
        address: ``dask://HOST:PORT`` of a Dask scheduler; None: this machine.
        workers: processes of this machine, at least 1.

    Raises:
        ConfigError: there are no workers, the address is of another kind or nobody answers there,
            or the extra ``cluster`` is absent.
    """
    if address is None:
        if workers < 1:
            raise ConfigError(f"workers must be 1 or more, got {workers}; raise it")
        with ThreadPoolExecutor(1) if workers == 1 else process_pool(workers) as pool:
            yield pool
        return
    if not address.startswith(_DASK):
        raise ConfigError(f"executor must be {_DASK}HOST:PORT, got {address!r}; change it")
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "a cluster needs the package distributed, got none; pip install 'crossbeat[cluster]'"
        ) from None
    try:
        client = Client(
            f"tcp://{address.removeprefix(_DASK)}", timeout=_ANSWER, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"executor must be the address of a Dask scheduler that answers, got {address!r}; "
            "start one with dask scheduler, or check the address"
        ) from error
    with client:
        yield client.get_executor()


@contextmanager
def given_or_own(given: Executor | None, jobs: int) -> Iterator[Executor]:
    """The given executor, or a pool with one process per core, at most one per job.

    Args:
        given: stays open.
        jobs: how many there are to do, at least 0.
    """
    if given is not None:
        yield given
        return
    workers = max(1, min(jobs, os.cpu_count() or 1))
    with ThreadPoolExecutor(1) if workers == 1 else process_pool(workers) as pool:
        yield pool


@contextmanager
def cancelled_at_the_end(jobs: Sequence[Future[Any]]) -> Iterator[None]:
    """Jobs that have not begun when the block ends, such as by an error, are not done."""
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()


def silent(done: int, total: int) -> None:
    """No progress is shown."""


def _begin() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process holds a folder, and hold it while the block runs.

    Args:
        folder: made if need be.

    Raises:
        DataError: nothing can be written at this place.
    """
    with _lock(folder, wait=True):
        yield


@contextmanager
def locked_beside(path: Path) -> Iterator[None]:
    """Wait until no other process makes a folder or a file, and make it while the block runs.

    Args:
        path: a hidden lock file lies beside it until it is there.

    Raises:
        DataError: nothing can be written at this place.
    """
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with disk_with_room(Path(lock.lock_file)):
        lock.acquire(poll_interval=_PAUSE / 2)
    try:
        yield
    finally:
        if path.exists():  # now whoever waits for the lock, or makes a new one, finds the path
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


@contextmanager
def _lock(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether the folder is held; without waiting, another process may have it."""
    make_folder(folder)
    lock = FileLock(folder / LOCK)
    with suppress(Timeout):
        lock.acquire(blocking=wait, poll_interval=_PAUSE / 2)
    try:
        yield lock.is_locked
    finally:
        lock.release()


@dataclass(frozen=True, kw_only=True)
class Task:
    """Work that is done once, by the process that takes it first.

    Args:
        name: shown to the user.
        result: the file that is there once the work is done; its folder belongs to the task.
        work: makes ``result``; picklable, and able to go on where a killed process stopped.
    """

    name: str
    result: Path
    work: Callable[[], object]

    def is_done(self) -> bool:
        """Whether some process did it."""
        return self.result.is_file()

    def attempt(self) -> bool:
        """Do it unless it is done; False where another process is at it."""
        if self.is_done():
            return True
        with _lock(self.result.parent, wait=False) as mine:
            if mine and not self.is_done():
                self.work()
            return mine


def share(tasks: Sequence[Task], *, workers: int) -> Iterator[Task]:
    """See that all tasks are done, and yield each when it is, whoever did it.

    The same tasks may be shared out by other processes at the same time, on any machine that sees
    the file system. With one worker the work is done here, with all cores. With more, each has a
    core: small networks gain more from running side by side than from many cores for one.

    Args:
        tasks: in the order in which they are taken up.
        workers: processes, at least 1.

    Raises:
        DataError: a worker was killed.
    """
    left = list(tasks)
    if workers == 1 or not left:
        yield from _work_through(tasks)
        return
    with process_pool(workers) as pool:
        running: set[Future[None]] = {pool.submit(_drain, tasks) for _ in range(workers)}
        while left:
            ended, running = wait(running, timeout=_PAUSE, return_when=FIRST_EXCEPTION)
            for future in ended:
                result_of(future)
            done = [task for task in left if not running or task.is_done()]
            left = [task for task in left if task not in done]
            yield from done


def result_of(future: Future[Result]) -> Result:
    """What a process has done.

    Raises:
        DataError: it was killed; other errors as they came.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "workers must end by themselves, got one that was killed (is the memory full?); run "
            "the same command again; finished work is kept"
        ) from error


def _drain(tasks: Sequence[Task]) -> None:
    for _ in _work_through(tasks):
        pass


def _work_through(tasks: Sequence[Task]) -> Iterator[Task]:
    left = list(tasks)
    while left:
        busy = []
        for task in left:
            if task.attempt():
                yield task
            else:
                busy.append(task)
        if busy == left:
            time.sleep(_PAUSE)
        left = busy
