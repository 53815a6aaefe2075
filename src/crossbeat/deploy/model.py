"""Save a model: a folder with weights, preprocessing, calibration, metrics and a model card.

``seal.json`` covers all files but the metrics, which come later, and the card, which may be edited.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from crossbeat import __version__
from crossbeat.errors import ConfigError
from crossbeat.evaluation.choices import Choice
from crossbeat.evaluation.estimates import Estimated
from crossbeat.files import write_sealed, write_whole
from crossbeat.recipes import HeartRecipe, predicted_names
from crossbeat.recipes.run import Run
from crossbeat.signal import Preprocessing
from crossbeat.training.checkpoint import save_tensors

FORMAT = 2
WEIGHTS = "model.safetensors"
KEPT = ("ecg_encoder", "ecg_classifier")
"""The parts that predict findings from an ECG; all others are only for training."""

KEPT_OF_HEARTS = ("ecg_encoder", "ecg_regressor")
"""The parts that predict cardiac measurements from an ECG."""


def export_model(run: Run, folder: Path, choices: Sequence[Choice]) -> None:
    """Write the ECG model of a run that predicts findings.

    ``config.json`` is written last, so a folder with this file is complete.

    Args:
        folder: made if it does not exist.
        choices: threshold and calibration of each finding, chosen on the validation split.

    Raises:
        ConfigError: the run has no ECG model.
        DataError: the disk is full.
    """
    findings = predicted_names(run.recipe)
    told = {"calibration.json": _calibration(findings, choices)}
    _export(run, folder, KEPT, told, {"findings": list(findings)})


def export_heart_model(run: Run, folder: Path, val: Estimated) -> None:
    """Write the ECG model of a run that predicts cardiac measurements.

    Args:
        folder: made if it does not exist.
        val: its estimates for the validation patients; the model is saved with their errors.

    Raises:
        ConfigError: the run has no ECG model.
        DataError: the disk is full.
    """
    measurements = predicted_names(run.recipe)
    off = np.nanstd(val.estimate - val.truth, axis=0).tolist()
    errors = {"errors.json": dict(zip(measurements, off, strict=True))}
    _export(run, folder, KEPT_OF_HEARTS, errors, {"measurements": list(measurements)})


def _export(
    run: Run,
    folder: Path,
    kept: tuple[str, ...],
    told: Mapping[str, Any],
    tells_what: Mapping[str, Any],
) -> None:
    if any(name not in run.parts for name in kept):
        raise ConfigError(
            f"recipe {run.name!r} must have an ECG model to export, got a model of images; "
            "train another recipe"
        )
    recipe: Any = run.recipe
    cohort = run.plan["cohort"]
    preprocessing = Preprocessing(
        leads=tuple(cohort["leads"]),
        fs=cohort["fs"],
        seconds=cohort["seconds"],
        baseline=cohort["baseline"],
    )
    weights = {
        f"{part}.{name}": value
        for part in kept
        for name, value in run.parts[part].state_dict().items()
    }
    (folder / "config.json").unlink(missing_ok=True)  # until it is there again, no model is
    save_tensors(folder / WEIGHTS, weights, {"format": "pt"})
    preprocessed = {"unit": "mV", "normalisation": recipe.ecg.normalisation}
    sealed = {"preprocessing.json": asdict(preprocessing) | preprocessed, **told}
    for name, contents in (sealed | {"metrics.json": {}}).items():
        write_whole(folder / name, _json(contents))
    write_whole(folder / "README.md", _card(run))
    config = {
        "format": FORMAT,
        "model_type": "crossbeat-ecg",
        "crossbeat_version": __version__,
        "recipe": run.name,
        **tells_what,
        "ecg": asdict(recipe.ecg),
        "cohort": {name: cohort[name] for name in ("name", "kind", "unit")},
        "seed": run.seed,
    }
    names = (WEIGHTS, *sealed)
    write_sealed(folder, last="config.json", text=_json(config), names=names)


def _json(contents: Mapping[str, Any]) -> str:
    return json.dumps(contents, indent=1) + "\n"


def record_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Write the test results of a model to its folder, in the format of ``results.json``."""
    write_whole(folder / "metrics.json", _json(metrics))


def _calibration(findings: Sequence[str], choices: Sequence[Choice]) -> dict[str, Any]:
    return {
        finding: {
            "slope": _plain(choice.calibration.slope),
            "intercept": _plain(choice.calibration.intercept),
            "threshold": _plain(choice.threshold),
        }
        for finding, choice in zip(findings, choices, strict=True)
    }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _card(run: Run) -> str:
    cohort = run.plan["cohort"]
    notes = "".join(f"- {note}\n" for note in cohort["notes"])
    what = ", ".join(predicted_names(run.recipe))
    told = f"the probability of {what}, calibrated on the validation split"
    if isinstance(run.recipe, HeartRecipe):
        told = f"{what} in ml, % or g, each with its error on the validation split"
    return f"""---
library_name: crossbeat
tags: [ecg, cross-modal]
license: mit
---
# {run.name} on {cohort["name"]}

An ECG model trained by crossbeat {__version__} with recipe `{run.name}`, seed {run.seed}. It reads
{len(cohort["leads"])} leads ({", ".join(cohort["leads"])}), {cohort["seconds"]:g} s at
{cohort["fs"]:g} Hz; `preprocessing.json` describes the preprocessing. It predicts
{told}.

After `crossbeat evaluate`, `metrics.json` holds its results on the test split.

## Training data

Cohort `{cohort["name"]}` (kind: {cohort["kind"]}).
{notes}
## Not a medical device

For research only. It is not cleared for diagnosis and was trained only on patients of its cohort.
"""
