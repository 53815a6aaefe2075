"""Random numbers that depend on the seed, the block and a name, and on nothing else.

Everything virtual is made per block of ``BLOCK`` patients, and every named quantity of a block has
its own generator, whose rows are filled one patient after the other. So patient i is the same
patient however many are drawn, in whatever order, by however many workers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from math import sqrt
from typing import TypeVar
from zlib import crc32

import numpy as np
from jaxtyping import Float32

AHEAD = 4
"""Blocks that may be under way at once, so that a slow reader does not fill the memory."""

Made = TypeVar("Made")

Numbers = Float32[np.ndarray, "patient ..."]

BLOCK = 256
"""Patients per block."""


@dataclass(frozen=True)
class Draws:
    """The random numbers of the first ``num`` patients of one block.

    Args:
        seed: of the whole cohort; 0 or more.
        block: which block of ``BLOCK`` patients.
        num: patients wanted of it, 1 to ``BLOCK``.
        act: what they are for: the same name in another act is another quantity.
        kept: of quantities that have changed since, by name: how much they still have in common
            with what they were, 1 (all) to 0 (nothing). However much time has passed, they move
            towards the same new numbers.
    """

    seed: int
    block: int
    num: int
    act: str
    kept: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if self.num > BLOCK:
            raise ValueError(f"a block holds {BLOCK} patients, got {self.num}")

    def stream(self, name: str) -> np.random.Generator:
        """The generator of one named quantity."""
        entropy = [self.seed, self.block, crc32(f"{self.act}/{name}".encode())]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))

    def normal(self, name: str, *shape: int) -> Numbers:
        """Standard normal numbers; ``kept`` is their correlation with what they were."""
        first = self.stream(name).standard_normal((self.num, *shape), dtype=np.float32)
        if name not in self.kept:
            return first
        kept = self.kept[name]
        later = self.stream(f"{name} later").standard_normal((self.num, *shape), dtype=np.float32)
        return kept * first + sqrt(1 - kept**2) * later

    def uniform(self, name: str, *shape: int) -> Numbers:
        """Numbers spread evenly over [0, 1); ``kept`` is how often one is what it was."""
        first = self.stream(name).random((self.num, *shape), dtype=np.float32)
        if name not in self.kept:
            return first
        stays = self.stream(f"{name} stays").random((self.num, *shape), dtype=np.float32)
        later = self.stream(f"{name} later").random((self.num, *shape), dtype=np.float32)
        return np.where(stays < self.kept[name], first, later)


def spans(num: int, size: int | None = None) -> Iterator[tuple[int, slice]]:
    """Each block's number and the rows of ``num`` patients that it holds, by default ``BLOCK``."""
    size = size or BLOCK
    for block, start in enumerate(range(0, num, size)):
        yield block, slice(start, min(start + size, num))


def in_order(
    make: Callable[..., Made], jobs: Iterable[tuple], executor: Executor | None
) -> Iterator[Made]:
    """``make(*job)`` of each job in order; an executor keeps up to ``AHEAD`` calls under way."""
    if executor is None:
        yield from (make(*job) for job in jobs)
        return
    waiting: deque[Future[Made]] = deque()
    for job in jobs:
        waiting.append(executor.submit(make, *job))
        if len(waiting) == AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
