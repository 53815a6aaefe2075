"""What the tests of the contrastive losses share: embeddings, pair weights, every loss by name."""

import math

import torch

from crossbeat import objectives
from crossbeat.objectives import HARDNESS, alignment, clip, info_nce, nt_xent, sigmoid, sup_con

NEITHER = math.nan


def embeddings(num_samples: int = 12, *, seed: int = 0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    anchor, other = torch.randn(2, num_samples, 5, generator=generator, dtype=dtype)
    return anchor, other


def some_pairs(num_samples: int = 12):
    """Weights of every kind: positives of several weights, negatives, pairs that are neither."""
    generator = torch.Generator().manual_seed(1)
    choices = torch.tensor([0.0, 0.0, 0.3, 1.0, NEITHER])
    chosen = torch.randint(len(choices), (num_samples, num_samples), generator=generator)
    return choices[chosen].fill_diagonal_(1)


def two_classes(num_samples: int = 12):
    return objectives.same(torch.arange(num_samples) % 2)


LOSSES = {
    "info_nce": lambda a, b, t: info_nce(a, b, temperature=t, positives=some_pairs(len(a))),
    "clip": lambda a, b, t: clip(a, b, temperature=t),
    "alignment": lambda a, b, t: alignment(
        a, b, positives=two_classes(len(a)), temperature=t, own_pair=2.0
    ),
    "alignment_hard": lambda a, b, t: alignment(
        a,
        b,
        positives=two_classes(len(a)),
        temperature=t,
        own_pair=2.0,
        hardness=HARDNESS["exp"](5.0, 0.1),
    ),
    "sup_con": lambda a, b, t: sup_con(
        a, b, positives=two_classes(len(a)), temperature=t, own_pair=False
    ),
    "nt_xent": lambda a, b, t: nt_xent(a, b, temperature=t),
    "sigmoid": lambda a, b, t: sigmoid(a, b, scale=1 / t, bias=-10.0),
}
