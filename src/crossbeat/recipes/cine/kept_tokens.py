"""Frame tokens of a cine encoder, computed once for several models.

Reading and encoding cines takes longer than training on their tokens. Models with the same frozen
encoder therefore share its tokens within a process, as long as they fit in memory.
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
    """A cache of recent values.

    Args:
        most_bytes: maximum size of all values; the oldest is removed first.
    """

    most_bytes: int = 2**28
    values: OrderedDict[str, Tensor] = field(default_factory=OrderedDict)

    def get(self, key: str, compute: Callable[[], Tensor]) -> Tensor:
        """Return the value of a key; compute it if it is not in the cache."""
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
    """Compute the tokens of every row of a source with the current encoder.

    Args:
        parts: networks with the encoder of these cines.
        source: source of the cines; its other inputs are ignored.
        column: column of the cines.
        kept: cache that several calls share.

    Returns:
        float32 of shape ``[row, frame, dim]``; do not change it in place.
    """
    cines = replace(source, reads=(column,), targets=torch.zeros(len(source), 0), extra={})
    weights = parts[f"{column}_encoder"].state_dict()
    key = fingerprint({"weights": weights, "source": cines, "model": model})

    def tokens(batch: Batch) -> Tensor:
        cine = batch.cine if column == "cine" else batch.cine_long
        assert cine is not None
        return cine_frames(parts, cine, model, column)

    return kept.get(key, lambda: scores.over_batches(parts, cines, tokens, size=_AT_ONCE))
