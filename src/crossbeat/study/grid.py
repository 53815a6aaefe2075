"""What a study is: runs of recipes on cohorts, and which of them are compared."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crossbeat.data.registry import Builder
from crossbeat.errors import ConfigError
from crossbeat.evaluation.names import LATENT
from crossbeat.recipes import Recipe, tells

Point = float | str | None

HEAD = "head"
"""The name of what a model itself says, beside its readings."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read off a trained encoder beside its own head, by a linear probe.

    Args:
        name: the same in all models that are compared in it.
        findings: may be conditions that no report mentions, if their truth is known.
        after: the phase after which the encoder is taken; None: as it is in the end.
        true_labels: the probe learns from the truth instead of from the reports.
        share: of the training patients whose labels the probe may use, above 0 and at most 1.

    Raises:
        ConfigError: a setting is out of its range.
    """

    name: str
    findings: tuple[str, ...]
    after: str | None = None
    true_labels: bool = False
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.name in (HEAD, LATENT) or ", " in self.name or " - " in self.name:
            raise ConfigError(
                f"a reading must have a name of its own without ', ' and ' - ', got {self.name!r}; "
                "choose another"
            )
        if not self.findings or not 0 < self.share <= 1:
            raise ConfigError(
                f"reading {self.name!r} must have findings and a share above 0 and at most 1, got "
                f"{len(self.findings)} findings and {self.share:g}; correct the study"
            )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a study, and where it stands in it.

    Args:
        model: what results call it. Cells of a model, point and seed whose findings differ are
            one model together.
        recipe_name: the name of the recipe that ``recipe`` is made from.
        cohort: whom it learns from and is chosen on.
        seed: of the training; cells of different models with one seed are compared with each
            other, so they have the same test patients.
        test: whose test split it is measured on; by default its own cohort's.
        point: where on the study's axis; None in a study without an axis, and for a model that
            is the same at every point.
        readings: with a name each.
        latent_limit: whether the limit of the noise-free ECG is computed as well (virtual
            patients), from the patients of ``cohort``.
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
        """The cohort whose test split it is measured on."""
        return self.test or self.cohort

    @property
    def title(self) -> str:
        """For people: the model, its place and its seed."""
        return f"{self.model}{place(self.point)}, seed {self.seed}"


def place(point: Point) -> str:
    """A point of the axis as the end of a name; nothing where there is none."""
    return "" if point is None else f" at {point:g}" if isinstance(point, float) else f" at {point}"


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question, the runs that answer it, and what is compared.

    Every model is compared with the baseline, and the method with every other model.

    Args:
        question: one sentence.
        cells: in the order in which they are run and told of.
        method: the model that the study is about.
        baseline: the model that it has to beat.
        axis: what the points of the cells are; empty where they have none.
        differences: further pairs of models to be compared, the first minus the second.
        limits: models that no other can be expected to pass.

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
            _check_group(cells, self.findings)
        _check_readings(self.cells)

    @property
    def models(self) -> tuple[str, ...]:
        """All that are compared, in the order of the cells; limits are not."""
        names = dict.fromkeys(cell.model for cell in self.cells)
        return tuple(name for name in names if name not in self.limits)

    @property
    def findings(self) -> tuple[str, ...]:
        """What every model tells, in the order of the cells."""
        return in_order(tells(cell.recipe) for cell in self.cells)

    @property
    def points(self) -> tuple[Point, ...]:
        """Along the axis, in the order of the cells; one that is None without an axis."""
        points = tuple(dict.fromkeys(cell.point for cell in self.cells if cell.point is not None))
        return points or (None,)

    @property
    def own_patients(self) -> bool:
        """Whether seeds differ in their test patients, and not in the training alone."""
        each = [
            {cell.held for cell in self.at(point) if cell.model == self.baseline}
            for point in self.points
        ]
        return any(len(held) > 1 for held in each)

    def told(self, name: str) -> tuple[str, ...]:
        """The findings of the head, of the latent limit or of a reading, in order."""
        if name in (HEAD, LATENT):
            return self.findings
        readings = (each for cell in self.cells for each in cell.readings)
        return in_order(each.findings for each in readings if each.name == name)

    def at(self, point: Point) -> tuple[Cell, ...]:
        """The cells that results at a point are made of."""
        return tuple(cell for cell in self.cells if cell.point in (None, point))


def in_order(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All names once, in the order in which they come."""
    return tuple(dict.fromkeys(name for each in names for name in each))


def groups(cells: Iterable[Cell]) -> Mapping[tuple[str, Point, int], list[Cell]]:
    """The cells that are one model together, by model, point and seed."""
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
        _refuse("a method beside its baseline", f"{study.method!r} as both")
    wrong = [name for name in known if " - " in name or ", " in name]
    if wrong:
        _refuse("models whose names have no ' - ' and no ', '", repr(wrong[0]))


def _check_axis(study: Study) -> None:
    placed = {cell.model: set[bool]() for cell in study.cells}
    for cell in study.cells:
        placed[cell.model].add(cell.point is not None)
    some = any(True in each for each in placed.values())
    if some != bool(study.axis):
        _refuse("points where it has an axis and only there", f"axis {study.axis!r}")
    mixed = [name for name, each in placed.items() if len(each) > 1]
    if mixed:
        _refuse("all cells of a model at points or none", f"both for {mixed[0]!r}")


def _check_group(cells: Sequence[Cell], findings: tuple[str, ...]) -> None:
    told = Counter(name for cell in cells for name in tells(cell.recipe))
    if set(told) != set(findings) or max(told.values()) > 1:
        _refuse(
            f"one cell for each of {', '.join(findings)}",
            f"{', '.join(told.elements())} for {cells[0].title}",
        )
    if len({(cell.cohort, cell.held) for cell in cells}) > 1:
        _refuse("one cohort for the cells that are one model together", cells[0].title)


def _check_readings(cells: Sequence[Cell]) -> None:
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
