"""Losses, rules for positive pairs, and weights of hard negatives."""

from crossbeat.objectives.contrastive import alignment, clip, info_nce, nt_xent, sigmoid, sup_con
from crossbeat.objectives.masked import masked_error
from crossbeat.objectives.pairs import (
    HARDNESS,
    POSITIVES,
    Hardness,
    agreement,
    any_shared,
    equal,
    jaccard,
    likely,
    same,
    where_sure,
)
from crossbeat.objectives.supervised import bce, blend, soft_bce
from crossbeat.objectives.temporal import embed_segments, temporal_alignment

__all__ = [
    "HARDNESS",
    "POSITIVES",
    "Hardness",
    "agreement",
    "alignment",
    "any_shared",
    "bce",
    "blend",
    "clip",
    "embed_segments",
    "equal",
    "info_nce",
    "jaccard",
    "likely",
    "masked_error",
    "nt_xent",
    "same",
    "sigmoid",
    "soft_bce",
    "sup_con",
    "temporal_alignment",
    "where_sure",
]
