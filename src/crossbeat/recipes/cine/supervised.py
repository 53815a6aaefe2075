"""Recipes that learn measurements from one modality: the ECG alone, and the cine teacher."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.recipes.cine.contrast import HEART_ECG, HEART_VIEWS, MEASUREMENTS, REGRESSION
from crossbeat.recipes.cine.networks import CineModel, cine_parts, ecg_parts
from crossbeat.recipes.cine.phases import cine_teacher_phase, regression_phase
from crossbeat.recipes.cine.sources import HeartGoal
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.phases import VcgViews
from crossbeat.training import Optimisation, Phase


@dataclass(frozen=True, kw_only=True)
class DirectHeart:
    """Measurements from the ECG alone, trained end to end: the baseline for every transfer.

    Args:
        measurements: the cardiac measurements that one model predicts.
        label_views: views of the ECGs while measurements are learned; None uses unchanged ECGs.
    """

    measurements: tuple[str, ...] = MEASUREMENTS
    ecg: EcgModel = HEART_ECG
    label_views: VcgViews | None = HEART_VIEWS
    regression: Optimisation = REGRESSION

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return ecg_parts(self.ecg, info, len(self.measurements), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only regression, from random weights."""
        goal = HeartGoal(cohort, self.measurements, seed)
        yield regression_phase(goal, parts, self.ecg, self.regression, views=self.label_views)


@dataclass(frozen=True, kw_only=True)
class CineTeacher:
    """Measurements from the cine alone: the upper end of what could be taught.

    Args:
        measurements: the cardiac measurements that one model predicts.
    """

    measurements: tuple[str, ...] = MEASUREMENTS
    cine: CineModel = CineModel()
    teacher: Optimisation = REGRESSION

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed."""
        return cine_parts(self.cine, info, len(self.measurements), seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Only the teacher phase."""
        yield cine_teacher_phase(
            HeartGoal(cohort, self.measurements, seed), parts, self.cine, self.teacher
        )
