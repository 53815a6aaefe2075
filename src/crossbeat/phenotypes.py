"""Cardiac measurements that cardiac MR gives: what they are called, and their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Phenotype:
    """A cardiac measurement.

    Args:
        label: a few words, for tables and figures.
        unit: empty where it has none.
    """

    label: str
    unit: str


PHENOTYPES: Mapping[str, Phenotype] = MappingProxyType(
    {
        "LVEDV": Phenotype("LV end-diastolic volume", "ml"),
        "LVESV": Phenotype("LV end-systolic volume", "ml"),
        "LVSV": Phenotype("LV stroke volume", "ml"),
        "LVEF": Phenotype("LV ejection fraction", "%"),
        "LVM": Phenotype("LV mass", "g"),
        "RVEDV": Phenotype("RV end-diastolic volume", "ml"),
        "RVESV": Phenotype("RV end-systolic volume", "ml"),
        "RVSV": Phenotype("RV stroke volume", "ml"),
        "RVEF": Phenotype("RV ejection fraction", "%"),
        "LAV": Phenotype("LA maximum volume", "ml"),
    }
)
"""Of the left (LV) and right (RV) ventricle and the left atrium (LA)."""
