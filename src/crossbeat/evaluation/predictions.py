"""What a trained model said about the validation and the test split."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from crossbeat.errors import DataError


@dataclass(frozen=True)
class Scored:
    """Samples of one split with a model's scores.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: logits or any real number; higher means more likely.
        patients: the patient of each sample.

    Raises:
        ValueError: the three do not describe the same samples.
        DataError: a score is not finite.
    """

    targets: Float[np.ndarray, "sample finding"]
    scores: Float[np.ndarray, "sample finding"]
    patients: Shaped[np.ndarray, " row"]

    def __post_init__(self) -> None:
        if self.targets.shape != self.scores.shape or len(self.patients) != len(self.targets):
            raise ValueError(
                "targets, scores and patients must describe the same samples and findings, got "
                f"{self.targets.shape}, {self.scores.shape} and {self.patients.shape}"
            )
        if not np.isfinite(self.scores).all():
            raise DataError("scores must be finite, got NaN or infinity; did training diverge?")


@dataclass(frozen=True)
class Predictions:
    """One run of one model.

    Args:
        findings: the name of each column.
        val: what thresholds and calibration are chosen on.
        test: what is reported.

    Raises:
        DataError: a patient is in both splits.
        ValueError: there is not one name per column.
    """

    findings: tuple[str, ...]
    val: Scored
    test: Scored

    def __post_init__(self) -> None:
        for split in (self.val, self.test):
            if split.targets.shape[1] != len(self.findings):
                raise ValueError(
                    f"{len(self.findings)} findings are named, got {split.targets.shape[1]} columns"
                )
        both = np.intersect1d(self.val.patients, self.test.patients)
        if len(both):
            raise DataError(
                f"a patient must be in one split only, got {len(both)} in both val and test "
                f"(first: {both.tolist()[0]!r}); rebuild the cohort's splits"
            )
