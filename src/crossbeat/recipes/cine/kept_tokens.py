"""Tokens of each frame by a cine encoder as it is, computed once while several models ask.

Reading and encoding the cines costs more than training on their tokens. Models that share a frozen
encoder share its tokens, within a process and while they are small.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from crossbeat.data.cohort import CineColumn
from crossbeat.recipes import scores
from crossbeat.recipes.cine.networks import CineModel, cine_frames
from crossbeat.training import Batch, Source
from crossbeat.training.fingerprint import fingerprint

_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was computed last, as far as it fits.

    Args:
        most_bytes: of all that is kept; the oldest goes first.
    """

    most_bytes: int = 2**28
    values: OrderedDict[str, Tensor] = field(default_factory=OrderedDict)

    def get(self, key: str, compute: Callable[[], Tensor]) -> Tensor:
        """The value of a key, computed unless it is kept."""
        if key in self.values:
            self.values.move_to_end(key)
            return self.values[key]
        value = compute()
        if value.nbytes <= self.most_bytes:
            self.values[key] = value
        while sum(each.nbytes for each in self.values.values()) > self.most_bytes:
            self.values.popitem(last=False)
        return value


_KEPT = Kept()


def frame_tokens(
    parts: nn.ModuleDict,
    source: Source,
    model: CineModel,
    *,
    column: CineColumn = "cine",
    kept: Kept = _KEPT,
) -> Tensor:
    """The tokens of every row of a source, by the encoder as it is now.

    Args:
        parts: with the encoder of these cines.
        source: of which the cines are read, whatever else it reads.
        column: which cines.
        kept: what several calls share.

    Returns:
        float32 of shape ``[row, frame, dim]``; not to be written to.
    """
    cines = replace(source, reads=(column,), targets=torch.zeros(len(source), 0), extra={})
    weights = parts[f"{column}_encoder"].state_dict()
    key = fingerprint({"weights": weights, "source": cines, "model": model})

    def tokens(batch: Batch) -> Tensor:
        cine = batch.cine if column == "cine" else batch.cine_long
        assert cine is not None
        return cine_frames(parts, cine, model, column)

    return kept.get(key, lambda: scores.over_batches(parts, cines, tokens, size=_AT_ONCE))
