import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import psutil
import pytest
import torch
from filelock import FileLock

from crossbeat.errors import ConfigError, DataError
from crossbeat.workers import Task, executor_of, locked, locked_beside, process_pool, share

PARENT = """
import os, signal, time
from crossbeat.workers import process_pool
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Lightning does in its way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)
if __name__ == "__main__":
    with process_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(stubborn)
        time.sleep(2)
        print(0, flush=True)
        time.sleep(60)
"""


def openmp_threads():
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    return _openmp_effective_n_threads()


def test_a_worker_has_one_thread():
    with process_pool(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert pool.submit(openmp_threads).result() == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_worker_ends_when_its_parent_is_killed_or_interrupted(tmp_path, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.stdout.readline()
    os.kill(parent.pid, number)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.05)


@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_an_interrupt_from_the_terminal_leaves_workers_to_their_parent(seconds):
    with process_pool(1) as pool:
        answer = pool.submit(torch.get_num_threads)
        (worker,) = multiprocessing.active_children()
        time.sleep(seconds)
        os.kill(worker.pid, signal.SIGINT)
        assert answer.result() == 1


HOLDER = """
import sys, time
from pathlib import Path
from crossbeat.workers import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
HELPER = """
import sys
from pathlib import Path
from test_workers import tasks_in
from crossbeat.workers import share
print("ready", flush=True)
list(share(tasks_in(Path(sys.argv[1])), workers=1))
"""


def log(folder, name):
    with (folder / "log").open("a") as file:
        file.write(f"{name}\n")
    time.sleep(0.05)
    (folder / name / "result").touch()


def die(folder, name):
    os.kill(os.getpid(), signal.SIGKILL)


def tasks_in(folder, work=log, num=8):
    return [
        Task(name=name, result=folder / name / "result", work=partial(work, folder, name))
        for name in map(str, range(num))
    ]


def start(script, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.path.dirname(__file__)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process):
    process.kill()
    process.communicate()


def test_tasks_are_done_in_order_and_once(tmp_path):
    tasks = tasks_in(tmp_path, num=3)
    assert [task.name for task in share(tasks, workers=1)] == ["0", "1", "2"]
    assert [task.name for task in share(tasks, workers=1)] == ["0", "1", "2"]
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"]


def test_a_task_that_another_process_holds_is_passed_over_and_done_later(tmp_path):
    tasks = tasks_in(tmp_path, num=3)
    free = threading.Event()

    def hold():
        with locked(tmp_path / "0"):
            held.set()
            free.wait()

    held = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert not tasks[0].attempt()
    order = []
    for task in share(tasks, workers=1):
        order.append(task.name)
        free.set()
    thread.join()
    assert order == ["1", "2", "0"]


def test_a_lock_is_waited_for_and_freed_when_its_holder_is_killed(tmp_path):
    holder = start(HOLDER, tmp_path / "0")
    task = tasks_in(tmp_path)[0]
    assert not task.attempt()
    threading.Timer(0.3, end, [holder]).start()
    started = time.monotonic()
    with locked(tmp_path / "0"):
        assert 0.2 < time.monotonic() - started < 20
    assert task.attempt()


def test_a_lock_beside_a_folder_is_removed_when_the_folder_is_there(tmp_path):
    folder, lock = tmp_path / "new" / "a", tmp_path / "new" / ".a.lock"
    with locked_beside(folder):
        assert lock.exists()
    assert lock.exists()
    with locked_beside(folder):
        folder.mkdir()
    assert list(folder.parent.iterdir()) == [folder]


def test_a_file_in_the_place_of_a_locked_folder_is_named(tmp_path):
    (tmp_path / "outputs").touch()
    message = r"must be a folder that can be made, got: .*; choose"
    with pytest.raises(DataError, match=message), locked(tmp_path / "outputs" / "xray"):
        raise AssertionError


def test_a_place_where_no_lock_can_be_made_is_named(tmp_path, monkeypatch):
    def closed(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", closed)
    message = r"\.a\.lock must be a place where you may read and write"
    with pytest.raises(DataError, match=message), locked_beside(tmp_path / "a"):
        pytest.fail("nobody may hold the lock")


@pytest.mark.slow
def test_two_processes_and_two_workers_of_one_share_tasks_without_doing_any_twice(tmp_path):
    helper = start(HELPER, tmp_path)
    tasks = tasks_in(tmp_path)
    done = [task.name for task in share(tasks, workers=2)]
    assert helper.wait(timeout=60) == 0
    helper.stdout.close()
    assert sorted(done) == sorted((tmp_path / "log").read_text().split())
    assert sorted(done) == [task.name for task in tasks]


def test_a_worker_that_is_killed_is_told_and_what_is_finished_is_kept(tmp_path):
    tasks = [*tasks_in(tmp_path, num=1), *tasks_in(tmp_path, die, num=2)[1:]]
    tasks[0].attempt()
    with pytest.raises(DataError, match=r"one that was killed .* run the same command again"):
        list(share(tasks, workers=2))
    assert tasks[0].is_done()


@pytest.mark.parametrize(
    ("address", "workers", "message"),
    [
        (None, 0, "workers must be 1 or more, got 0"),
        ("slurm://here", 1, "executor must be dask://HOST:PORT, got 'slurm://here'"),
        ("dask://127.0.0.1:9", 1, "must be the address of a Dask scheduler"),
    ],
)
def test_an_executor_that_cannot_be_had_is_refused(
    address: str | None, workers: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossbeat.workers._ANSWER", 0.2)
    with pytest.raises(ConfigError, match=message), executor_of(address, workers=workers):
        pass
