"""A run: a recipe trained on a cohort; an interrupted run continues from its folder."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.splits import Split
from crossbeat.data.table import signals_in
from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.files import Json, remove_drafts, require_ours
from crossbeat.modalities import EcgModel, Model, OtherModel, modality
from crossbeat.models import embedded, predict
from crossbeat.recipes import Recipe, models_in, record, settings_in, with_settings
from crossbeat.recipes.learned import Learned
from crossbeat.recipes.outputs import kept_in
from crossbeat.recipes.scores import over_batches
from crossbeat.recipes.settings import from_plain, recipe_named, to_plain
from crossbeat.targets import Kind
from crossbeat.training import Optimisation, Source, TrainerSettings, run_phases
from crossbeat.training.checkpoint import load_tensors, load_weights, save_tensors
from crossbeat.training.hardware import check_accelerator, check_batch
from crossbeat.training.processes import is_main_process, leave, share_cores
from crossbeat.training.runner import load_best
from crossbeat.workers import LOCK

Rows = Int64[np.ndarray, " row"]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        name: name of the recipe.
        parts: the trained networks in eval mode.
        plan: contents of ``run.json``.
        phases: record of each phase: name, seconds, best epoch, history, folder.
        learned: the people that it learned from; it must not be measured on them.
    """

    folder: Path
    name: str
    recipe: Recipe
    parts: nn.ModuleDict
    plan: Json
    phases: list[Json]
    learned: Learned

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open the finished run in a folder.

        Raises:
            CheckpointError: there is no finished run, a file is not as it was written, or its
                weights do not fit its settings.
        """
        record.check(folder)
        plan, phases = record.read_plan(folder), record.read_phases(folder)
        learned = Learned.read(folder)
        recipe = from_plain(recipe_named(plan["recipe"]), plan["settings"])
        parts = _untrained(recipe).parts(record.shape(plan), plan["seed"])
        weights, _ = load_tensors(folder / record.WEIGHTS)
        load_weights(parts, weights, str(folder / record.WEIGHTS))
        parts.eval()
        return cls(folder, plan["recipe"], recipe, parts, plan, phases, learned)

    def after(self, phase: str) -> "Run":
        """The run with the weights of the best epoch of a phase, before later phases.

        Raises:
            ConfigError: the recipe has no such phase.
            CheckpointError: a file of a phase is not as it was written.
        """
        names = [each["name"] for each in self.phases]
        if phase not in names:
            raise ConfigError(
                f"phase must be one of {', '.join(names)}, got {phase!r}; choose one of them"
            )
        parts = _untrained(self.recipe).parts(record.shape(self.plan), self.seed)
        for each in self.phases[: names.index(phase) + 1]:
            load_best(parts, self.folder / each["folder"])
        parts.eval()
        return replace(self, parts=parts)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.plan["seed"])


def _check_batches(recipe: Recipe, trainer: TrainerSettings) -> None:
    for name, value in settings_in(recipe).items():
        if isinstance(value, Optimisation):
            check_batch(name, value, trainer)


def _untrained(recipe: Recipe) -> Recipe:
    """The recipe without files of initial weights, because the run has its own weights."""
    models = {
        name: replace(value, weights="")
        for name, value in settings_in(recipe).items()
        if isinstance(value, OtherModel) and value.weights
    }
    return with_settings(recipe, models)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The recipe and the seed of a training.

    Args:
        name: name of the recipe in ``RECIPES``.
        seed: any integer.
    """

    name: str
    recipe: Recipe
    seed: int


def train(
    plan: Plan,
    cohort: Cohort,
    folder: Path,
    *,
    trainer: TrainerSettings,
    shared: Path | None = None,
) -> Run:
    """Train a recipe; continue an interrupted run, or open a finished run.

    Args:
        folder: folder of the run.
        shared: a folder of phases for several runs; each phase that they have in common is
            trained once. By default the run has its own folder of phases. The outputs of frozen
            networks are kept in the folder ``outputs`` beside it, which may be removed.

    Raises:
        ConfigError: the folder holds a run with other settings, the recipe does not fit the
            cohort, or the machine lacks the accelerator.
        DataError: the folder holds files that are no run's.
    """
    described = {
        "recipe": plan.name,
        "settings": to_plain(plan.recipe),
        "seed": plan.seed,
        "cohort": record.describe_cohort(cohort),
        "precision": trainer.precision,
        "processes": trainer.processes,
    }
    require_ours(folder, marks=(record.PLAN, "phases", "outputs", LOCK), what="the folder of a run")
    for place in {folder, shared or folder}:
        remove_drafts(place)
    record.require_same(folder, described, today=_as_today)
    if not record.is_finished(folder):
        check_accelerator(trainer)
        share_cores(trainer.devices)
        plan.recipe.targets.require_in(cohort)
        parts = plan.recipe.parts(cohort.info, plan.seed)
        finished = shared or folder / "phases"
        phases = plan.recipe.phases(parts, cohort, plan.seed)
        with kept_in(finished.with_name("outputs")):
            first = next(phases)
            _check_batches(plan.recipe, trainer)
            record.begin(folder, described)
            with record.alone(folder, machines=trainer.num_nodes):
                if not record.is_finished(folder):  # another process may have been at it
                    records = run_phases(
                        chain([first], phases), parts, finished, seed=plan.seed, trainer=trainer
                    )
                    if not is_main_process():
                        leave()
                    save_tensors(folder / record.WEIGHTS, parts.state_dict())
                    Learned.of(cohort).write(folder)
                    record.finish(folder, records)
    return Run.open(folder)


def _as_today(plan: Json) -> Json:
    recipe = from_plain(recipe_named(plan["recipe"]), plan["settings"])
    return plan | {"settings": to_plain(recipe)}


def evaluation_rows(cohort: Cohort, split: Split) -> Int64[np.ndarray, " row"]:
    """The rows on which all models are compared.

    If ECG and other recordings are from the same patient, these are the rows with all of them that
    the split has and ``Modality.required`` asks for. Otherwise they are all rows with an ECG,
    because the X-ray of another patient has no information about the patient.
    """
    return cohort.rows(split, has=required(cohort, split))


def required(cohort: Cohort, split: Split) -> tuple[str, ...]:
    """The modalities that every row on which models are compared has; see ``evaluation_rows``."""
    if cohort.info.kind in ("matched", "shuffled"):
        return ("ecg",)
    within = cohort.table[cohort.rows(split)]
    others = [
        name
        for name in signals_in(within)
        if name != "ecg" and modality(name).required and within[name].count()
    ]
    return ("ecg", *others)


def held_out_rows(run: Run, cohort: Cohort) -> Int64[np.ndarray, " row"]:
    """The rows of the test split on which a run is measured.

    Raises:
        ConfigError: the cohort's ECGs have another form than those that the run learned from.
        DataError: there are no such rows, or the run learned from a patient of them, in any phase.
    """
    _require_form(run, cohort)
    rows = evaluation_rows(cohort, "test")
    if not len(rows):
        raise DataError(
            f"cohort {cohort.info.name!r} in {cohort.folder} must have test patients with all of "
            "its signals, got none; build it with a test split (--test)"
        )
    run.learned.require_unseen(
        cohort, rows, run=str(run.folder), trained_on=run.plan["cohort"]["name"]
    )
    return rows


def _require_form(run: Run, cohort: Cohort) -> None:
    expected, info = record.shape(run.plan), cohort.info
    names = ("leads", "fs", "seconds", "unit", "baseline")
    other = [name for name in names if getattr(info, name) != getattr(expected, name)]
    if other and info.leads and "ecg_encoder" in run.parts:
        told = (
            ", ".join(f"{name} {getattr(each, name)}" for name in other)
            for each in (expected, info)
        )
        rule, got = told
        raise ConfigError(
            f"ECGs of cohort {info.name!r} must have {rule} as in the training of {run.folder}, "
            f"got {got}; build the cohort with these settings"
        )


def predicting(run: Run) -> Model:
    """The network of a run that predicts: that of the ECG, or of a teacher's modality."""
    models = models_in(run.recipe)
    return models.get("ecg") or next(iter(models.values()))


def _outputs(run: Run, cohort: Cohort, rows: Rows, kind: Kind) -> Float64[np.ndarray, "row t"]:
    """What a run predicts of one kind, from the ECG alone or for a teacher from its modality."""
    model, targets = predicting(run), run.recipe.targets
    (columns,) = (at for each, _, at in targets.kinds() if each is kind)
    value = partial(predict, run.parts, model=model, targets=targets)
    source = source_of(cohort, rows, model.modality)
    found = over_batches(run.parts, source, value, size=modality(model.modality).at_once)
    return found[:, columns].double().numpy()


def embeddings(run: Run, cohort: Cohort, rows: Rows) -> Float[Tensor, "row d"]:
    """The ECG embeddings, which are the input of the heads.

    Raises:
        ConfigError: the run has no ECG encoder, or the cohort's ECGs have another form than those
            that it learned from.
    """
    model = ecg_model(run)
    _require_form(run, cohort)
    source = source_of(cohort, rows, "ecg")
    return over_batches(run.parts, source, partial(embedded, run.parts, model=model))


def ecg_model(run: Run) -> EcgModel:
    """The settings of a run's ECG network."""
    model = models_in(run.recipe).get("ecg")
    if not isinstance(model, EcgModel):
        raise ConfigError(f"run {run.folder} must have an ECG encoder, got recipe {run.name!r}")
    return model


def validation(run: Run, cohort: Cohort, kind: Kind) -> Scored:
    """What the run predicts on the validation split, and the targets that it chooses by."""
    rows, targets = evaluation_rows(cohort, "val"), run.recipe.targets
    names = names_of(run, kind)
    return _scored(run, cohort, rows, kind, kind.values(cohort, rows, names, targets.labels))


def predictions(
    run: Run, cohort: Cohort, *, test: Cohort | None = None, kind: Kind | None = None
) -> Predictions:
    """What the run predicts on validation, and on test with the truth where it is known.

    Args:
        cohort: the cohort of the training; its validation split chooses thresholds and
            calibration.
        test: the cohort whose test split is used; by default ``cohort``.
        kind: of the targets; by default the one that leads.

    Raises:
        ConfigError: the run predicts no targets of this kind.
        DataError: the run learned from a patient of the test split.
    """
    held, kind = test or cohort, kind or run.recipe.targets.kind
    names, rows = names_of(run, kind), held_out_rows(run, held)
    scored = _scored(run, held, rows, kind, kind.truth(held, rows, names))
    return Predictions(kind, names, val=validation(run, cohort, kind), test=scored)


def names_of(run: Run, kind: Kind) -> tuple[str, ...]:
    """The targets of a kind that a run predicts.

    Raises:
        ConfigError: there are none.
    """
    for each, names, _ in run.recipe.targets.kinds():
        if each is kind:
            return names
    raise ConfigError(
        f"run {run.folder} must predict {kind.plural}, got recipe {run.name!r}; choose another run"
    )


def _scored(run: Run, cohort: Cohort, rows: Rows, kind: Kind, targets: Tensor) -> Scored:
    outputs = _outputs(run, cohort, rows, kind)
    return Scored(targets.double().numpy(), outputs, np.asarray(cohort.patients(rows)))


def source_of(cohort: Cohort, rows: Rows, *reads: str) -> Source:
    """Rows of a cohort to be read, without targets."""
    return Source(cohort=cohort, rows=rows, reads=reads, targets=torch.zeros(len(rows), 0))
