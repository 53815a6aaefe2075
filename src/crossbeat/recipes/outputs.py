"""Outputs of frozen networks: computed once, kept on disk, and shared by the runs of a study.

A frozen network reads its inputs without random views, so its outputs depend on nothing but its
weights, its settings and the data. These three name the file of the outputs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from crossbeat.errors import CheckpointError
from crossbeat.recipes.scores import over_batches
from crossbeat.training import Batch, Source
from crossbeat.training.checkpoint import load_tensors, save_tensors
from crossbeat.training.fingerprint import fingerprint
from crossbeat.workers import locked

OUTPUTS = "outputs.safetensors"
_AT_ONCE = 512
_FOLDER: ContextVar[Path | None] = ContextVar("folder of outputs", default=None)


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Keep the outputs that are computed in the block in a folder, and read those that are there.

    The folder may be removed at any time: the outputs are then computed again.
    """
    before = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(before)


def frozen_outputs(
    parts: nn.ModuleDict,
    used: Sequence[str],
    source: Source,
    reads: str,
    value: Callable[[nn.ModuleDict, Batch], Tensor],
    *,
    size: int = _AT_ONCE,
) -> Tensor:
    """The output of a frozen network for every row of a source.

    Every signal is read once, in the order of the store, so the outputs of a set of signals are the
    same whichever recipe asks first and however it pairs them.

    Args:
        used: names of the parts that ``value`` uses.
        source: its rows are used, and nothing else.
        reads: the only modality that ``value`` reads.
        value: one output for each sample of a batch; a function at module level, or a partial of
            one, whose settings then belong to the name of the file.
        size: samples in a batch, at least 1.

    Returns:
        the outputs in the order of the source; do not change them in place.

    Raises:
        DataError: a file of the cohort is not what was built.
        CheckpointError: the file of the outputs is damaged, or holds those of something else.
    """
    contents = source.cohort.contents(reads, source.rows)
    stored, first, back = np.unique(
        np.asarray(contents["rows"]), return_index=True, return_inverse=True
    )
    key = fingerprint(
        {
            "weights": {name: parts[name].state_dict() for name in used},
            "value": value,
            "data": contents | {"rows": stored},
            "size": size,
        }
    )
    asked = Source(
        cohort=source.cohort,
        rows=source.rows[first],
        reads=(reads,),
        targets=torch.zeros(len(first), 0),
    )
    compute = partial(over_batches, parts, asked, partial(value, parts), size=size)
    folder = _FOLDER.get()
    found = compute() if folder is None else _kept(folder / f"{reads}-{key[:16]}", key, compute)
    in_order = np.array_equal(back, np.arange(len(source)))
    return found if in_order else found[torch.from_numpy(back)]


def _kept(home: Path, key: str, compute: Callable[[], Tensor]) -> Tensor:
    path = home / OUTPUTS
    if not path.is_file():
        with locked(home):  # others that need the same outputs wait for them
            if not path.is_file():
                values = compute().contiguous()
                save_tensors(path, {"outputs": values}, {"fingerprint": _mark(key, values)})
                return values
    tensors, told = load_tensors(path)
    if set(tensors) != {"outputs"} or _mark(key, tensors["outputs"]) != told.get("fingerprint"):
        raise CheckpointError(
            f"{path} must be as it was written, got other contents; remove {home}, so that the "
            "outputs are computed again"
        )
    return tensors["outputs"]


def _mark(key: str, values: Tensor) -> str:
    return fingerprint({"of": key, "outputs": values})
