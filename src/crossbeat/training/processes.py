"""The processes of one training: they gather each batch, and end together.

They end on a signal, with the main process, or when done. Contrastive losses need the whole batch.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

import psutil
import torch
import torch.distributed as dist
from torch import Tensor

from crossbeat.errors import STOPPED

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
_PAUSE = 0.5
_alone = ContextVar("_alone", default=False)


@contextmanager
def alone() -> Iterator[None]:
    """Within the block, ``gather`` returns what it is given: one process scores the whole data."""
    before = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(before)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        pieces = [torch.empty_like(local) for _ in range(dist.get_world_size())]
        dist.all_gather(pieces, local.contiguous())
        ctx.rows = local.shape[0]
        return torch.cat(pieces)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        start = dist.get_rank() * ctx.rows
        return gradient[start : start + ctx.rows]


def gather(local: Tensor) -> Tensor:
    """The rows of all processes, in the order of their ranks.

    With one process, and within ``alone``, it is ``local`` itself.

    Every process then computes the loss of the whole batch. Gradients are summed over the
    processes on their way back; as DistributedDataParallel averages over the same processes,
    the parameters receive the gradient of the whole batch.

    Args:
        local: any shape, the same on every process.
    """
    many = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
    if _alone.get() or not many:
        return local
    return _Gather.apply(local)


def is_main_process() -> bool:
    """Whether this process is the one that writes files.

    Before the processes know each other, the launcher's variables say it, as to Lightning.
    """
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank() == 0
    return next((os.environ[name] for name in _RANKS if name in os.environ), "0") == "0"


@contextmanager
def ended_by_signals(processes: int) -> Iterator[None]:
    """Within the block, Ctrl-C and SIGTERM end the training at once.

    A single process raises ``KeyboardInterrupt``. Of several, each may wait for another in C++
    code, where Python runs no handler of signals: a thread ends the process and those that it
    started, with exit code 1. A process of a rank above 0 on its machine (``LOCAL_RANK``) also
    ends within a second of its parent. Outside the main thread, where handlers cannot be set,
    signals keep their meaning.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    single = processes == 1
    handlers = (
        {signal.SIGTERM: signal.default_int_handler}
        if single
        else dict.fromkeys(_SIGNALS, leave_it_to_the_thread)
    )
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with nullcontext() if single else _thread():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def share_cores(devices: int) -> None:
    """Divide the threads of torch among the processes, unless ``OMP_NUM_THREADS`` is set.

    Lightning does so in the first phase that is trained. Done from the start, a run that continues
    in a later phase computes with as many threads as an uninterrupted one.
    """
    if devices > 1 and "OMP_NUM_THREADS" not in os.environ:
        threads = max(1, torch.get_num_threads() // devices)
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)  # for the processes that this one starts


def leave() -> NoReturn:
    """End this process, which is not the main one, with success."""
    if dist.is_initialized() and dist.get_backend() == "gloo":
        # its threads may still hold tensors, which they cannot release while Python ends
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    raise SystemExit(0)  # Lightning ends the group of NCCL as Python ends


def leave_it_to_the_thread(number: int, frame: FrameType | None) -> None:
    """A handler of signals that does nothing: a thread of ``ended_by_signals`` sees them."""


@contextmanager
def _thread() -> Iterator[None]:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()


def _watch(reader: socket.socket) -> None:
    parent = os.getppid()
    with reader:
        reader.settimeout(_PAUSE)
        while True:
            try:
                received = reader.recv(1)
            except TimeoutError:
                if _was_started_by_another() and os.getppid() != parent:
                    os._exit(1)
                continue
            if not received:
                return
            if received[0] in _SIGNALS:
                _end()


def _was_started_by_another() -> bool:
    return int(os.environ.get("LOCAL_RANK", "0")) > 0


def _end() -> NoReturn:
    if _was_started_by_another():
        time.sleep(2 * _PAUSE)  # the main process ends first, and sees no lost connection
    else:
        for child in psutil.Process().children(recursive=True):
            child.kill()
        if is_main_process():
            os.write(2, f"{STOPPED}\n".encode())
    os._exit(1)
