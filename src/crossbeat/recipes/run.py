"""A run: a recipe trained on a cohort, kept in a folder that a second start goes on with."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.splits import Split
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.files import write_whole
from crossbeat.recipes import Recipe
from crossbeat.recipes.networks import embed_ecg
from crossbeat.recipes.scores import over_batches
from crossbeat.recipes.settings import from_plain, recipe_named, to_plain
from crossbeat.recipes.sources import Study, batch_ecg_logits, batch_xray_logits
from crossbeat.training import PhaseRecord, Source, TrainerSettings, run_phases
from crossbeat.training.checkpoint import (
    load_tensors,
    load_weights,
    save_tensors,
)
from crossbeat.training.fingerprint import fingerprint
from crossbeat.training.module import BEST
from crossbeat.training.runner import is_main_process

_PLAN = "run.json"
_RESULT = "finished.json"
_WEIGHTS = "weights.safetensors"
_VERSIONED = ("crossbeat", "torch", "lightning", "numpy", "scipy", "polars", "monai")


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        name: of the recipe.
        parts: the trained networks, in eval mode.
        plan: contents of ``run.json``.
        phases: what each phase left: name, seconds, best epoch, history, folder.
    """

    folder: Path
    name: str
    recipe: Recipe
    parts: nn.ModuleDict
    plan: dict[str, Any]
    phases: list[dict[str, Any]]

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """The finished run in a folder.

        Raises:
            CheckpointError: there is none, or its weights do not fit its settings.
        """
        plan_path, result_path = folder / _PLAN, folder / _RESULT
        if not plan_path.is_file():
            raise CheckpointError(f"{folder} must be the folder of a run, got none; train it first")
        if not result_path.is_file():
            raise CheckpointError(
                f"{folder} must be a finished run, got one that was stopped; "
                "run the same train command again to go on"
            )
        plan = json.loads(plan_path.read_text(encoding="utf-8"))
        recipe = from_plain(recipe_named(plan["recipe"]), plan["settings"])
        parts = recipe.parts(_shape(plan), plan["seed"])
        weights, _ = load_tensors(folder / _WEIGHTS)
        load_weights(parts, weights, str(folder / _WEIGHTS))
        parts.eval()
        phases = json.loads(result_path.read_text(encoding="utf-8"))["phases"]
        return cls(folder, plan["recipe"], recipe, parts, plan, phases)

    def after(self, phase: str) -> "Run":
        """The run as it was at the best epoch of a phase, before later ones changed it.

        Raises:
            ConfigError: the recipe has no such phase.
        """
        names = [each["name"] for each in self.phases]
        if phase not in names:
            raise ConfigError(
                f"phase must be one of {', '.join(names)}, got {phase!r}; choose one of them"
            )
        parts = self.recipe.parts(_shape(self.plan), self.seed)
        for each in self.phases[: names.index(phase) + 1]:
            path = self.folder / each["folder"] / BEST
            weights, _ = load_tensors(path)
            used = {name.partition(".")[0] for name in weights}
            kept = nn.ModuleDict({name: parts[name] for name in parts if name in used})
            load_weights(kept, weights, str(path))
        parts.eval()
        return replace(self, parts=parts)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.plan["seed"])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be trained.

    Args:
        name: of the recipe, in ``RECIPES``.
        seed: any integer.
    """

    name: str
    recipe: Recipe
    seed: int


def versions() -> dict[str, str]:
    """Of everything that may change a number."""
    return {"python": platform.python_version()} | {name: version(name) for name in _VERSIONED}


def _shape(plan: dict[str, Any]) -> CohortInfo:
    cohort = plan["cohort"]
    return CohortInfo(
        name=cohort["name"],
        kind=cohort["kind"],
        findings=tuple(cohort["findings"]),
        leads=tuple(cohort["leads"]),
        fs=cohort["fs"],
        seconds=cohort["seconds"],
        image_size=cohort["image_size"],
        unit=cohort["unit"],
        baseline=cohort["baseline"],
    )


def _describe(cohort: Cohort) -> dict[str, Any]:
    info = cohort.info
    names = ("name", "kind", "leads", "fs", "seconds", "image_size", "unit", "baseline", "notes")
    described = {name: getattr(info, name) for name in names}
    return {
        "folder": str(cohort.folder),
        "fingerprint": cohort.fingerprint(),
        "findings": list(info.findings),
        "settings": dict(info.settings),
        "seed": info.seed,
    } | {name: list(v) if isinstance(v, tuple) else v for name, v in described.items()}


def train(
    plan: Plan,
    cohort: Cohort,
    folder: Path,
    *,
    trainer: TrainerSettings,
    shared: Path | None = None,
) -> Run:
    """Run a recipe's phases; a run that was stopped goes on, a finished one is read.

    Args:
        folder: of the run.
        shared: a folder of phases for several runs, which then share those that they have in
            common; by default the run keeps its own.

    Raises:
        ConfigError: the folder holds a run with other settings, or the recipe does not fit the
            cohort.
    """
    described = {
        "recipe": plan.name,
        "settings": to_plain(plan.recipe),
        "seed": plan.seed,
        "cohort": _describe(cohort),
        "precision": trainer.precision,
        "processes": trainer.devices * trainer.num_nodes,
    }
    _require_same(folder, described)
    if not (folder / _RESULT).is_file():
        Study(cohort, plan.recipe.findings, plan.recipe.labels, plan.seed)  # refuses what misfits
        parts = plan.recipe.parts(cohort.info, plan.seed)
        phases = plan.recipe.phases(parts, cohort, plan.seed)
        first = next(phases)
        _begin(folder, described)
        records = run_phases(
            chain([first], phases),
            parts,
            shared or folder / "phases",
            seed=plan.seed,
            trainer=trainer,
        )
        if not is_main_process():
            raise SystemExit(0)
        _finish(folder, parts, records)
    return Run.open(folder)


def _require_same(folder: Path, plan: dict[str, Any]) -> None:
    path = folder / _PLAN
    if path.is_file() and fingerprint(json.loads(path.read_text())) != fingerprint(
        json.loads(json.dumps(plan))
    ):
        raise ConfigError(
            f"{folder} holds a run with other settings, seed or cohort; "
            "choose another --out, or remove the folder to start afresh"
        )


def _begin(folder: Path, plan: dict[str, Any]) -> None:
    if is_main_process() and not (folder / _PLAN).is_file():
        write_whole(folder / _PLAN, json.dumps(plan, indent=1))


def _finish(folder: Path, parts: nn.ModuleDict, records: Sequence[PhaseRecord]) -> None:
    save_tensors(folder / _WEIGHTS, parts.state_dict())
    phases = [
        {
            "name": record.name,
            "folder": os.path.relpath(record.folder, folder),
            "seconds": record.seconds,
            "reused": record.reused,
            "best_epoch": record.best_epoch,
            "history": record.history,
        }
        for record in records
    ]
    result = {"phases": phases, "versions": versions()}
    write_whole(folder / _RESULT, json.dumps(result, indent=1))


def evaluation_rows(cohort: Cohort, split: Split) -> Int64[np.ndarray, " row"]:
    """The rows that every model is compared on.

    Where ECG and X-ray are of one patient, those with both; elsewhere all ECGs, as the X-ray of
    somebody else tells nothing about the patient.
    """
    info = cohort.info
    if info.kind in ("matched", "shuffled"):
        return cohort.rows(split, has=("ecg",))
    there = {"ecg": bool(info.leads), "xray": bool(info.image_size)}
    return cohort.rows(split, has=tuple(name for name in there if there[name]))


def logits(run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Float[Tensor, "row f"]:
    """The log-odds of each finding: from the ECG alone, or for a teacher from the X-ray alone."""
    recipe: Any = run.recipe
    reads, value = (
        ("ecg", partial(batch_ecg_logits, model=recipe.ecg))
        if "ecg_encoder" in run.parts
        else ("xray", partial(batch_xray_logits, model=recipe.xray))
    )
    source = Source(
        cohort=cohort,
        rows=rows,
        reads=(reads,),
        targets=torch.zeros(len(rows), len(run.recipe.findings)),
    )
    return over_batches(run.parts, source, lambda batch: value(run.parts, batch))


def embeddings(run: Run, cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Float[Tensor, "row d"]:
    """The ECG embeddings, as the heads see them.

    Raises:
        ConfigError: the run's model reads X-rays.
    """
    recipe: Any = run.recipe
    if "ecg_encoder" not in run.parts:
        raise ConfigError(f"run {run.folder} must have an ECG encoder, got recipe {run.name!r}")
    empty = torch.zeros(len(rows), 0)
    source = Source(cohort=cohort, rows=rows, reads=("ecg",), targets=empty)
    return over_batches(
        run.parts, source, lambda batch: embed_ecg(run.parts, _ecgs(batch), recipe.ecg)
    )


def _ecgs(batch: Any) -> Any:
    return batch.ecg


def validation(run: Run, cohort: Cohort) -> Scored:
    """The run's scores on the validation split, with the labels."""
    rows = evaluation_rows(cohort, "val")
    return _scored(run, cohort, rows, cohort.labels(rows, run.recipe.findings, run.recipe.labels))


def predictions(run: Run, cohort: Cohort, *, test: Cohort | None = None) -> Predictions:
    """The run's scores on validation, and on test with the truth where it is known.

    Args:
        test: whose test split it is; by default the same cohort's.
    """
    held = test or cohort
    rows = evaluation_rows(held, "test")
    scored = _scored(run, held, rows, held.truth(rows, run.recipe.findings))
    return Predictions(run.recipe.findings, val=validation(run, cohort), test=scored)


def _scored(run: Run, cohort: Cohort, rows: np.ndarray, targets: Tensor) -> Scored:
    return Scored(
        targets.double().numpy(),
        logits(run, cohort, rows).double().numpy(),
        np.asarray(cohort.patients(rows)),
    )
