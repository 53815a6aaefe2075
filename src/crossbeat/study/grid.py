"""Definition of a study: runs of recipes on cohorts, and the comparisons between them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crossbeat.data.registry import Builder
from crossbeat.errors import ConfigError
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.recipes import Recipe
from crossbeat.targets import SECOND

Point = float | str | None

HEAD = "head"
"""Name of the predictions of the model's own head; readings have other names."""

PROBE = "linear probe"
"""Name of the reading that every run has that predicts measurements from ECGs."""

RETRIEVAL, LOCALISATION = "retrieval", "localisation"

_PARTS = (HEAD, LATENT, RATE, RETRIEVAL, LOCALISATION, "screening", *SECOND)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A linear probe of a trained encoder, in addition to its own head.

    Args:
        name: name of the probe; models are compared if their probes have the same name.
        findings: what the probe predicts; may include conditions that no report mentions, if
            their true labels are known.
        after: take the encoder after this phase; None takes the final encoder.
        true_labels: train the probe on the true labels instead of those from reports.
        share: fraction of the training patients whose labels the probe uses, above 0 and at
            most 1.

    Raises:
        ConfigError: a setting is out of its range.
    """

    name: str
    findings: tuple[str, ...]
    after: str | None = None
    true_labels: bool = False
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.name in _PARTS or ", " in self.name or " - " in self.name:
            raise ConfigError(
                "a reading must have a unique name without ', ' and ' - ', got "
                f"{self.name!r}; choose another than {', '.join(sorted(_PARTS))}"
            )
        if not self.findings or not 0 < self.share <= 1:
            raise ConfigError(
                f"reading {self.name!r} must have findings and a share above 0 and at most 1, got "
                f"{len(self.findings)} findings and {self.share:g}; correct the study"
            )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a study, and its place in the study.

    Args:
        model: name in the results. Cells with the same model, point and seed but different
            targets form one model together.
        recipe_name: name of the recipe from which ``recipe`` was made.
        cohort: the cohort for training and validation.
        seed: seed of the training. Cells of different models with the same seed are compared, so
            they must have the same test patients.
        test: the cohort whose test split is used; by default ``cohort``.
        point: position on the study's axis; None in a study without an axis, and for a model that
            is the same at every point.
        readings: linear probes of the encoder, each with its own name.
        latent_limit: whether to also compute the upper limits from noise-free ECGs, learned from
            the patients of ``cohort`` (virtual patients only).
    """

    model: str
    recipe_name: str
    recipe: Recipe
    cohort: Builder
    seed: int
    test: Builder | None = None
    point: Point = None
    readings: tuple[Reading, ...] = ()
    latent_limit: bool = False

    @property
    def held(self) -> Builder:
        """The cohort whose test split is used."""
        return self.test or self.cohort

    @property
    def title(self) -> str:
        """A readable name: the model, its point and its seed."""
        return f"{self.model}{place(self.point)}, seed {self.seed}"


def place(point: Point) -> str:
    """A point of the axis as the end of a name; empty without a point."""
    return "" if point is None else f" at {point:g}" if isinstance(point, float) else f" at {point}"


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question, the runs that answer it, and the comparisons.

    Every model is compared with the baseline, and the method with every other model.

    Args:
        question: the question in one sentence.
        cells: the runs, in the order in which they are run and reported.
        method: the model that the study tests.
        baseline: the model with which every other model is compared.
        axis: name of the axis on which the cells have points; empty without an axis.
        differences: further pairs of models to compare, the first minus the second.
        limits: models that are upper limits for the others.

    Raises:
        ConfigError: the cells do not fit together.
    """

    question: str
    cells: tuple[Cell, ...]
    method: str
    baseline: str
    axis: str = ""
    differences: tuple[tuple[str, str], ...] = ()
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_names(self)
        _check_axis(self)
        for cells in groups(self.cells).values():
            _check_group(cells, self.targets)
        _check_readings(self.cells)

    @property
    def models(self) -> tuple[str, ...]:
        names = dict.fromkeys(cell.model for cell in self.cells)
        return tuple(name for name in names if name not in self.limits)

    @property
    def targets(self) -> tuple[str, ...]:
        """What every model predicts, in the order of the cells."""
        return in_order(cell.recipe.targets.names for cell in self.cells)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points of the axis in the order of the cells; only None without an axis."""
        points = tuple(dict.fromkeys(cell.point for cell in self.cells if cell.point is not None))
        return points or (None,)

    @property
    def own_patients(self) -> bool:
        """Whether different seeds have different test patients."""
        each = [
            {cell.held for cell in self.at(point) if cell.model == self.baseline}
            for point in self.points
        ]
        return any(len(held) > 1 for held in each)

    def told(self, name: str) -> tuple[str, ...]:
        """The targets of the head, a limit or a reading, in order."""
        readings = (each for cell in self.cells for each in cell.readings)
        return in_order(each.findings for each in readings if each.name == name) or self.targets

    def at(self, point: Point) -> tuple[Cell, ...]:
        """The cells that contribute to the results at a point."""
        return tuple(cell for cell in self.cells if cell.point in (None, point))


def in_order(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All names without duplicates, in their first order."""
    return tuple(dict.fromkeys(name for each in names for name in each))


def groups(cells: Iterable[Cell]) -> Mapping[tuple[str, Point, int], list[Cell]]:
    """Group the cells that form one model, by model, point and seed."""
    found: dict[tuple[str, Point, int], list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.model, cell.point, cell.seed), []).append(cell)
    return found


def _refuse(rule: str, got: str) -> None:
    raise ConfigError(f"a study must have {rule}, got {got}; correct the study")


def _check_names(study: Study) -> None:
    named = [study.method, study.baseline]
    known = {cell.model for cell in study.cells}
    named += [name for pair in study.differences for name in pair]
    unknown = [name for name in named if name not in study.models]
    unknown += [name for name in study.limits if name not in known]
    if unknown:
        _refuse("a cell of every model that it names", f"none of {', '.join(unknown)}")
    if study.method == study.baseline:
        _refuse("a method that differs from its baseline", f"{study.method!r} as both")
    wrong = [name for name in known if " - " in name or ", " in name]
    if wrong:
        _refuse("models whose names have no ' - ' and no ', '", repr(wrong[0]))


def _check_axis(study: Study) -> None:
    placed = {(cell.model, cell.point is not None) for cell in study.cells}
    if any(at_a_point for _, at_a_point in placed) != bool(study.axis):
        _refuse("both an axis and points, or neither", f"axis {study.axis!r}")
    mixed = [cell.model for cell in study.cells if (cell.model, cell.point is None) in placed]
    if mixed:
        _refuse("all cells of a model at points, or none of them", f"both for {mixed[0]!r}")


def _check_group(cells: Sequence[Cell], targets: tuple[str, ...]) -> None:
    told = Counter(name for cell in cells for name in cell.recipe.targets.names)
    if set(told) != set(targets) or max(told.values()) > 1:
        _refuse(
            f"one cell for each of {', '.join(targets)}",
            f"{', '.join(told.elements())} for {cells[0].title}",
        )
    if len({(cell.cohort, cell.held) for cell in cells}) > 1:
        _refuse("one cohort for all cells of a model, point and seed", cells[0].title)


def _check_readings(cells: Sequence[Cell]) -> None:
    for cell in cells:
        if cell.recipe.targets.measurements and PROBE in {each.name for each in cell.readings}:
            _refuse(f"other names of readings than that of measurements, {PROBE!r}", cell.title)
    known: dict[str, tuple[str, ...]] = {}
    for group in groups(cells).values():
        for name in in_order([each.name for each in cell.readings] for cell in group):
            told = [r.findings for cell in group for r in cell.readings if r.name == name]
            findings = tuple(sorted(finding for each in told for finding in each))
            if len(set(findings)) < len(findings):
                _refuse(f"reading {name!r} once for each finding", f"more for {group[0].title}")
            if known.setdefault(name, findings) != findings:
                _refuse(
                    f"the same findings in reading {name!r} of every model",
                    f"others for {group[0].title}",
                )
