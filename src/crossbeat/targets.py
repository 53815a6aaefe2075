"""The targets: what a model predicts, and all that follows from it.

A target is a *finding* (present or absent; the model gives log-odds) or a *measurement* (a number
with a unit). ``KINDS`` says for each kind which head predicts it, what the head learns and how well
it does. One model may predict targets of both kinds: ``Targets`` lists the findings first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from scipy.special import expit
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy
from crossbeat.encoders.heads import Regressor, classifier, mlp_classifier
from crossbeat.errors import ConfigError
from crossbeat.files import Json, ReadJson
from crossbeat.measurements import MEASUREMENTS, Measurement
from crossbeat.metrics import (
    FINDING_METRICS,
    MEAN,
    MEASUREMENT_METRICS,
    Choice,
    Metric,
    Samples,
    auroc,
)
from crossbeat.objectives import bce
from crossbeat.objectives.supervised import squared_error

Columns = Float[Tensor, "batch target"]
Rows = Int64[np.ndarray, " row"]
Patients = Shaped[np.ndarray, " sample"]


@dataclass(frozen=True)
class Answer:
    """What a model says of one target of one patient.

    Args:
        target: its name.
        kind: ``finding`` or ``measurement``.
        value: the probability of a finding, 0 to 1, calibrated on the validation patients; or a
            measurement in ``unit``.
        unit: empty for a finding.
        threshold: of a finding: the probability with the best F1 on the validation patients, 0 to
            1; it may be low for a rare finding. None for a measurement.
        positive: whether the probability reaches the threshold; None for a measurement.
        error: of a measurement: standard deviation of the errors on the validation patients, in
            ``unit``. None for a finding.
    """

    target: str
    kind: str
    value: float
    unit: str = ""
    threshold: float | None = None
    positive: bool | None = None
    error: float | None = None

    @property
    def words(self) -> str:
        """Such as ``probability 31 %`` or ``112 ml ± 24 ml``."""
        if self.error is None:
            return f"probability {100 * self.value:.0f} %"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.value:.0f}{unit} ± {self.error:.0f}{unit}"


Chosen = Mapping[str, float | None]
"""What was chosen for one target on the validation patients, by name; None: it could not be."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of target.

    Args:
        name: of one of them, as messages call it.
        plural: the setting of recipes that lists them, and the field of ``CohortInfo``.
        labels: what samples have of whom it is known, such as "labels".
        labelled: how such samples are called.
        said: how results of saved models give it.
        other: what teaches ECG models of it in results that do not say it.
        note: what readers of a table of its metrics must know, from ``describe`` of each target;
            may be empty.
        head: ends the name of the part that predicts them, after the modality.
        build: a head from the length of the embedding, the number of targets, the widths of its
            hidden layers and their dropout.
        begin: sets a head to the targets of the training patients before it learns.
        loss: of a head, its outputs and the targets.
        values: what a model learns of some rows of a cohort; NaN is to be ignored.
        truth: what a model is measured by; NaN where it is not known.
        metrics: names of the metrics of the results, in the order of the report; the first leads.
        measure: the metrics by name, with what they need from the targets and outputs of the
            validation patients.
        in_deviations: metrics in the unit of the target, whose mean over the targets is therefore
            of values in standard deviations of the truth.
        size: the number of patients that the metrics of a target rest on, from its values and the
            patient of each.
        describe: what results say of the truth of a target, from its name and its values.
        score: the leading metric over all columns, which chooses the epoch.
        choose: what an answer needs, from the targets and outputs of the validation patients.
        chosen: the names of what is chosen.
        answer: of a target, from the output of the head and what was chosen.
    """

    name: str
    plural: str
    labels: str
    labelled: str
    said: str
    other: str
    note: Callable[[ReadJson], str]
    head: str
    build: Callable[[int, int, tuple[int, ...], float], nn.Module]
    begin: Callable[[nn.Module, Columns, Sequence[str]], None]
    loss: Callable[[nn.Module, Columns, Columns], Tensor]
    values: Callable[[Cohort, Rows, Sequence[str], LabelPolicy], Tensor]
    truth: Callable[[Cohort, Rows, Sequence[str]], Tensor]
    metrics: tuple[str, ...]
    measure: Callable[[Samples, Samples], Mapping[str, Metric]]
    in_deviations: tuple[str, ...]
    size: Callable[[Samples, Patients], int]
    describe: Callable[[str, Samples], Json]
    score: Callable[[Tensor, Tensor], float]
    choose: Callable[[Samples, Samples], Chosen]
    chosen: tuple[str, ...]
    answer: Callable[[str, float, Chosen], Answer]

    @property
    def leads(self) -> str:
        """The metric that chooses epochs and that reports are about."""
        return self.metrics[0]

    def known(self, cohort: Cohort) -> tuple[str, ...]:
        """The targets of this kind that a cohort has."""
        found: tuple[str, ...] = getattr(cohort.info, self.plural)
        return found


def _classifier(dim: int, number: int, hidden: tuple[int, ...], dropout: float) -> nn.Module:
    if not hidden:
        return classifier(dim, number)
    return mlp_classifier(dim, number, hidden=hidden, dropout=dropout)


def _finding_metrics(targets: Samples, logits: Samples) -> Mapping[str, Metric]:
    choice = Choice.of(targets, logits)
    return {name: metric(choice) for name, metric in FINDING_METRICS.items()}


def _prevalences(described: ReadJson) -> str:
    shares = [
        f"{name.replace('_', ' ')} {100 * each['positive'] / max(1, sum(each.values())):.1f} %"
        for name, each in described.items()
    ]
    return f"The AUPRC of chance is the prevalence: {', '.join(shares)}."


def _smaller_class(targets: Samples, patients: Patients) -> int:
    """The number of patients with a positive row or with a negative one, whichever is smaller."""
    return min(len(np.unique(patients[targets == value])) for value in (0, 1))


def _mean_auroc(targets: Tensor, logits: Tensor) -> float:
    """The mean AUROC of the findings that have both classes; NaN if no finding has."""
    one = np.ones((1, len(targets)))
    values = [
        auroc(targets[:, i].numpy(), logits[:, i].double().numpy(), one)[0]
        for i in range(targets.shape[1])
    ]
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _calibrated(targets: Samples, logits: Samples) -> Chosen:
    choice = Choice.of(targets, logits)
    numbers = (choice.calibration.slope, choice.calibration.intercept, choice.threshold)
    return dict(zip(_CALIBRATION, (x if isfinite(x) else None for x in numbers), strict=True))


def _probability(finding: str, logit: float, chosen: Chosen) -> Answer:
    slope, intercept, threshold = (chosen[name] for name in _CALIBRATION)
    if slope is None or intercept is None or threshold is None:
        raise ConfigError(
            f"{finding} must be calibrated, got only one class of it in the validation split; "
            "leave the finding out or train on a larger cohort"
        )
    value, least = expit(slope * np.array([logit, threshold]) + intercept).tolist()
    reached = logit >= threshold
    return Answer(finding, "finding", value, threshold=least, positive=reached)


_CALIBRATION = ("slope", "intercept", "threshold")

FINDING = Kind(
    name="finding",
    plural="findings",
    labels="labels",
    labelled="labelled",
    said="probabilities, calibrated on the validation split",
    other="X-ray",
    note=_prevalences,
    head="classifier",
    build=_classifier,
    begin=lambda _head, _targets, _names: None,
    loss=lambda _head, logits, labels: bce(logits, labels),
    values=lambda cohort, rows, names, policy: cohort.labels(rows, names, policy),
    truth=lambda cohort, rows, names: cohort.truth(rows, names),
    metrics=tuple(FINDING_METRICS),
    measure=_finding_metrics,
    in_deviations=(),
    size=_smaller_class,
    describe=lambda _, targets: {
        "positive": int((targets == 1).sum()),
        "negative": int((targets == 0).sum()),
    },
    score=_mean_auroc,
    choose=_calibrated,
    chosen=_CALIBRATION,
    answer=_probability,
)
"""Present or absent: a linear or small network on the embedding gives its log-odds."""


def _regressor(dim: int, number: int, hidden: tuple[int, ...], dropout: float) -> nn.Module:
    return Regressor(dim, number, hidden=hidden, dropout=dropout)


def _differ(measured: Samples) -> bool:
    """Whether some measurements are known, finite, and not all the same."""
    known = measured[~np.isnan(measured)]
    return bool(np.isfinite(known).all()) and len(set(known.tolist())) > 1


def _scaled(regressor: nn.Module, targets: Columns, names: Sequence[str]) -> None:
    assert isinstance(regressor, Regressor)
    measured = targets.double().numpy()
    flat = [name for name, each in zip(names, measured.T, strict=True) if not _differ(each)]
    if flat:
        raise ConfigError(
            "measurements of training patients must be finite and differ, got one value, none or "
            f"infinity of {', '.join(flat)}; leave it out, or choose a larger cohort"
        )
    spread = np.nanstd(measured, axis=0)
    center = torch.from_numpy(np.nanmean(measured, axis=0))
    regressor.scale(center.float(), torch.from_numpy(spread).float())


def _squared_error(regressor: nn.Module, estimates: Columns, measured: Columns) -> Tensor:
    assert isinstance(regressor, Regressor)
    return squared_error(estimates, measured, spread=regressor.spread)


def _summary(name: str, targets: Samples) -> Json:
    known = targets[~np.isnan(targets)]
    mean, spread = (float(known.mean()), float(known.std())) if len(known) else (None, None)
    return {"unit": described(name).unit, "measured": len(known), "mean": mean, "sd": spread}


def _mean_r2(targets: Tensor, estimates: Tensor) -> float:
    """The mean R² of the measurements that differ between patients; NaN if none does."""
    measured, told = targets.double().numpy(), estimates.double().numpy()
    differ = [_differ(each) for each in measured.T]
    if not any(differ):
        return float("nan")
    measured, told = measured[:, differ], told[:, differ]
    errors = np.where(np.isnan(measured), 0.0, (told - measured) ** 2).sum(axis=0)
    spread = np.nansum((measured - np.nanmean(measured, axis=0)) ** 2, axis=0)
    return float(np.mean(1 - errors / spread))


def _error(measured: Samples, told: Samples) -> Chosen:
    """The standard deviation of the errors; None where the patients cannot show it."""
    return {"error": float(np.nanstd(told - measured)) if _differ(measured) else None}


def _with_error(measurement: str, value: float, chosen: Chosen) -> Answer:
    if chosen["error"] is None:
        raise ConfigError(
            f"{measurement} must have an error, got no two different values of it in the "
            "validation split; leave the measurement out or train on a larger cohort"
        )
    unit = described(measurement).unit
    return Answer(measurement, "measurement", value, unit=unit, error=chosen["error"])


MEASUREMENT = Kind(
    name="measurement",
    plural="measurements",
    labels="measurements",
    labelled="measured",
    said="in their units, with the error on the validation split",
    other="cine MRI",
    note=lambda _: "",
    head="regressor",
    build=_regressor,
    begin=_scaled,
    loss=_squared_error,
    values=lambda cohort, rows, names, _policy: cohort.measurements(rows, names),
    truth=lambda cohort, rows, names: cohort.measurements(rows, names),
    metrics=tuple(MEASUREMENT_METRICS),
    measure=lambda _targets, _estimates: MEASUREMENT_METRICS,
    in_deviations=("mae",),
    size=lambda targets, patients: len(np.unique(patients[~np.isnan(targets)])),
    describe=_summary,
    score=_mean_r2,
    choose=_error,
    chosen=("error",),
    answer=_with_error,
)
"""A number with a unit, such as a volume in ml: a regressor gives it in its unit."""

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (FINDING, MEASUREMENT)}
"""By name, in the order of the columns of a model that predicts both."""

SECOND = tuple(kind.plural for kind in KINDS.values())[1:]
"""Results of a model that predicts several kinds have those that do not lead under these names."""


def described(measurement: str) -> Measurement:
    """The label and the unit of a measurement; one without an entry goes by its own name."""
    plain = measurement.replace("_", " ").replace("-", " ")
    return MEASUREMENTS.get(measurement, Measurement(plain, ""))


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What one model predicts.

    Args:
        findings: names of findings of the cohort.
        measurements: names of measurements of the cohort.
        labels: how to treat uncertain and missing labels of findings.

    Raises:
        ConfigError: two targets have the same name, or one is called ``mean``.
    """

    findings: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    labels: LabelPolicy = field(default=ALL_NEGATIVE)

    def __post_init__(self) -> None:
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice or MEAN in self.names:
            raise ConfigError(
                "targets must have names of their own, and none may be 'mean', as their mean is "
                f"called, got {', '.join(self.names)}; name each once, or rename its column"
            )

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.findings, *self.measurements)

    def kinds(self) -> Iterator[tuple[Kind, tuple[str, ...], slice]]:
        """Each kind that is predicted, with its names and its columns."""
        start = 0
        for kind in KINDS.values():
            names: tuple[str, ...] = getattr(self, kind.plural)
            if names:
                yield kind, names, slice(start, start + len(names))
            start += len(names)

    @property
    def kind(self) -> Kind:
        """The kind that leads: that of the findings if there are any."""
        return next(self.kinds())[0]

    def require_in(self, cohort: Cohort) -> None:
        """Check that a cohort has all of them."""
        if not self.names:
            raise ConfigError("a recipe must predict something, got no findings and measurements")
        for kind, names, _ in self.kinds():
            _require_known(kind, names, cohort)

    def values(self, cohort: Cohort, rows: Rows) -> Tensor:
        """What a model learns of some rows, a column for each target; NaN is to be ignored."""
        columns = [kind.values(cohort, rows, names, self.labels) for kind, names, _ in self.kinds()]
        return torch.cat(columns, dim=1)


def _require_known(kind: Kind, wanted: Sequence[str], cohort: Cohort) -> None:
    known = kind.known(cohort)
    if not known:
        raise ConfigError(
            f"cohort {cohort.folder} must have {kind.plural}, got none; choose another cohort"
        )
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise ConfigError(
            f"{kind.plural} must be of {', '.join(known)}, which {cohort.folder} has, got "
            f"{', '.join(unknown)}; say --recipe.{kind.plural} {','.join(known)} or some of "
            "them, or choose another cohort"
        )
