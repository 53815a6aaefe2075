"""Contrastive losses need the whole batch: gather it from all processes, with gradients."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

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
