"""What is minimised: losses, whom a sample has as positives, how much a negative weighs."""

from crossbeat.objectives.contrastive import alignment, clip, info_nce, nt_xent, sigmoid, sup_con
from crossbeat.objectives.hardness import HARDNESS, Hardness
from crossbeat.objectives.positives import POSITIVES, any_shared, equal, jaccard, same
from crossbeat.objectives.supervised import bce, soft_bce

__all__ = [
    "HARDNESS",
    "POSITIVES",
    "Hardness",
    "alignment",
    "any_shared",
    "bce",
    "clip",
    "equal",
    "info_nce",
    "jaccard",
    "nt_xent",
    "same",
    "sigmoid",
    "soft_bce",
    "sup_con",
]
