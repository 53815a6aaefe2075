"""Cohorts: tables, splits, label policies, stores, and the data sets that they are built from."""

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy
from crossbeat.data.loaders import balance, epoch_batches
from crossbeat.data.splits import Split

__all__ = [
    "ALL_NEGATIVE",
    "Cohort",
    "CohortInfo",
    "LabelPolicy",
    "Split",
    "balance",
    "epoch_batches",
]
