"""Cardiac measurements that cardiac MR gives: what they are called, and their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Measurement:
    """A cardiac measurement.

    Args:
        label: a few words, for tables and figures.
        unit: empty where it has none.
    """

    label: str
    unit: str


MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType(
    {
        "LVEDV": Measurement("LV end-diastolic volume", "ml"),
        "LVESV": Measurement("LV end-systolic volume", "ml"),
        "LVSV": Measurement("LV stroke volume", "ml"),
        "LVEF": Measurement("LV ejection fraction", "%"),
        "LVM": Measurement("LV mass", "g"),
        "RVEDV": Measurement("RV end-diastolic volume", "ml"),
        "RVESV": Measurement("RV end-systolic volume", "ml"),
        "RVSV": Measurement("RV stroke volume", "ml"),
        "RVEF": Measurement("RV ejection fraction", "%"),
        "LAV": Measurement("LA maximum volume", "ml"),
    }
)
"""Of the left (LV) and right (RV) ventricle and the left atrium (LA)."""
