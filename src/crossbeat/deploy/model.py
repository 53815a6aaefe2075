"""A saved model: a folder with weights, preprocessing, choices, metrics and a model card.

``seal.json`` covers all files but the metrics, which come later, and the card, which may be edited.
"""

import json
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path

from torch import nn

from crossbeat import __version__
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import KINDS as COHORT_KINDS
from crossbeat.data.info import CohortInfo
from crossbeat.encoders import ENCODERS
from crossbeat.errors import CheckpointError, ConfigError, reason
from crossbeat.files import Json, ReadJson, check_seal, write_sealed, write_whole
from crossbeat.modalities import EcgModel
from crossbeat.models import predicting_parts
from crossbeat.recipes import models_in
from crossbeat.recipes.record import RESULT
from crossbeat.recipes.run import Run, validation
from crossbeat.signal import NORMALISATIONS, Preprocessing
from crossbeat.targets import KINDS, Chosen, Kind, Targets
from crossbeat.training.checkpoint import load_tensors, load_weights, save_tensors

FORMAT = 3
WEIGHTS = "model.safetensors"
CHOSEN = "chosen.json"
_AGAIN = "copy the folder again, or run the train command of its run again"
_PREPROCESSING = tuple(field.name for field in fields(Preprocessing))


def export_model(run: Run, folder: Path, cohort: Cohort) -> None:
    """Write the ECG model of a run, with what is chosen for its targets on validation.

    ``config.json`` is written last, so a folder with this file is complete.

    Args:
        folder: made if it does not exist.
        cohort: the cohort of the training.

    Raises:
        ConfigError: the run has no ECG model.
        DataError: the disk is full.
    """
    model, targets = models_in(run.recipe).get("ecg"), run.recipe.targets
    if not isinstance(model, EcgModel):
        raise ConfigError(
            f"recipe {run.name!r} must have an ECG model to export, got a teacher; "
            "train another recipe"
        )
    kept = ("ecg_encoder", *(f"ecg_{kind.head}" for kind, _, _ in targets.kinds()))
    weights = {
        f"{part}.{name}": value
        for part in kept
        for name, value in run.parts[part].state_dict().items()
    }
    (folder / "config.json").unlink(missing_ok=True)  # until it is there again, no model is
    save_tensors(folder / WEIGHTS, weights, {"format": "pt"})
    seen = run.plan["cohort"]
    preprocessing = {name: seen[name] for name in _PREPROCESSING}
    preprocessing |= {"unit": "mV", "normalisation": model.normalisation}
    sealed = {"preprocessing.json": preprocessing, CHOSEN: _choices(run, cohort)}
    for name, contents in (sealed | {"metrics.json": {}}).items():
        write_whole(folder / name, _json(contents))
    write_whole(folder / "README.md", _card(run))
    config = {
        "format": FORMAT,
        "model_type": "crossbeat-ecg",
        "crossbeat_version": __version__,
        "recipe": run.name,
        **{kind.plural: list(getattr(targets, kind.plural)) for kind in KINDS.values()},
        "ecg": asdict(model),
        "cohort": {name: seen[name] for name in ("name", "kind", "unit")},
        "seed": run.seed,
    }
    names = (WEIGHTS, *sealed)
    write_sealed(folder, last="config.json", text=_json(config), names=names)


def record_metrics(folder: Path, results: ReadJson, model: str) -> None:
    """Write what a model reaches to its folder, in the format of ``results.json``.

    Args:
        results: of this model and others; what it reaches with a second kind of targets follows.
        model: its name in the results.
    """
    inner = {kind.plural for kind in KINDS.values()} & set(results)
    found = results["models"][model] | {name: results[name]["models"][model] for name in inner}
    write_whole(folder / "metrics.json", _json(found))


def _choices(run: Run, cohort: Cohort) -> dict[str, Chosen]:
    found: dict[str, Chosen] = {}
    for kind, names, _ in run.recipe.targets.kinds():
        val = validation(run, cohort, kind)
        columns = zip(names, val.targets.T, val.outputs.T, strict=True)
        found |= {name: kind.choose(targets, outputs) for name, targets, outputs in columns}
    return found


def _json(contents: ReadJson) -> str:
    return json.dumps(contents, indent=1) + "\n"


def _card(run: Run) -> str:
    cohort = run.plan["cohort"]
    notes = "".join(f"- {note}\n" for note in cohort["notes"])
    told = " and ".join(
        f"{', '.join(names)} ({kind.said})" for kind, names, _ in run.recipe.targets.kinds()
    )
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


@dataclass(frozen=True)
class Saved:
    """The settings of a saved model, and the shape of the cohort that its networks need."""

    folder: Path
    model: EcgModel
    preprocessing: Preprocessing
    targets: Targets
    chosen: dict[str, Chosen]
    shape: CohortInfo

    def load(self) -> nn.ModuleDict:
        """The network with its weights, in eval mode."""
        parts = predicting_parts(self.model, self.targets, self.shape, seed=0)
        path = self.folder / WEIGHTS
        weights, _ = load_tensors(path)
        load_weights(parts, weights, str(path))
        return parts.eval()


def model_folder(folder: Path) -> Path:
    """The folder of the model: ``model`` in a run, or the folder itself."""
    if (folder / "model" / "config.json").is_file():
        return folder / "model"
    if (folder / RESULT).is_file():
        raise CheckpointError(
            f"{folder} must be a run whose ECG model was saved, got a teacher, a run that was "
            "stopped before, or one of Python code without export_model; run its train command "
            "again, call export_model, or name another run"
        )
    return folder


def read_saved(folder: Path) -> Saved:
    """Read the settings of the model in a folder, or in the ``model`` folder of a run."""
    folder = model_folder(folder)
    path = folder / "config.json"
    config = read_json(path, ("format",))
    if config["format"] != FORMAT:
        raise CheckpointError(
            f"{folder} must be a model of format {FORMAT}, got {config['format']}; "
            "run the train command of its run again with this version of crossbeat"
        )
    check_seal(folder, needs=(WEIGHTS, "config.json", "preprocessing.json", CHOSEN), remedy=_AGAIN)
    config = read_json(path, (*(kind.plural for kind in KINDS.values()), "ecg", "cohort"))
    model = _ecg_model(config["ecg"], path)
    kind = config["cohort"].get("kind") if isinstance(config["cohort"], dict) else None
    rule = f"a cohort whose kind is one of {', '.join(COHORT_KINDS)}"
    _require(kind in COHORT_KINDS, path, rule, kind)
    named = {kind.plural: _names(config, kind, path) for kind in KINDS.values()}
    targets = Targets(**named)  # type: ignore[arg-type]
    _require(bool(targets.names), path, "findings or measurements", "none")
    preprocessing = _preprocessing(folder / "preprocessing.json", model)
    shape = CohortInfo(
        name=config["cohort"]["name"],
        kind=config["cohort"]["kind"],
        findings=(),
        leads=preprocessing.leads,
        fs=preprocessing.fs,
        seconds=preprocessing.seconds,
    )
    return Saved(folder, model, preprocessing, targets, _chosen(folder / CHOSEN, targets), shape)


def _preprocessing(path: Path, model: EcgModel) -> Preprocessing:
    values = read_json(path, (*_PREPROCESSING, "unit", "normalisation"))
    expected = {"unit": "mV", "normalisation": model.normalisation}
    got = {name: values[name] for name in expected}
    _require(got == expected, path, f"{expected}, as the model does", got)
    try:
        return Preprocessing.load({name: values[name] for name in _PREPROCESSING})
    except (ConfigError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} must be settings that fit together, got: {reason(error)}; {_AGAIN}"
        ) from error


def _names(config: ReadJson, kind: Kind, path: Path) -> tuple[str, ...]:
    names = config[kind.plural]
    good = isinstance(names, list) and all(isinstance(name, str) for name in names)
    good = good and len(set(names)) == len(names)
    _require(good, path, f"different names as {kind.plural}", names)
    return tuple(names)


def _chosen(path: Path, targets: Targets) -> dict[str, Chosen]:
    values = read_json(path, ())
    rule = f"exactly {', '.join(targets.names)}"
    _require(set(values) == set(targets.names), path, rule, ", ".join(values))
    for kind, names, _ in targets.kinds():
        for name in names:
            chosen = values[name]
            good = isinstance(chosen, dict) and set(chosen) == set(kind.chosen)
            good = good and all(each is None or _is_number(each) for each in chosen.values())
            _require(good, path, f"finite {', '.join(kind.chosen)} of {name}", chosen)
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and isfinite(value)


def _ecg_model(values: object, path: Path) -> EcgModel:
    known = {field.name for field in fields(EcgModel)}
    given = values if isinstance(values, dict) else {}
    good = set(given) == known and given["encoder"] in ENCODERS
    good = good and given["normalisation"] in NORMALISATIONS and isinstance(given["hidden"], list)
    what = f"{', '.join(sorted(known))} of an encoder that this version has"
    _require(good, path, what, values)
    return EcgModel(**given | {"hidden": tuple(given["hidden"])})


def _require(good: bool, path: Path, what: str, got: object) -> None:
    if not good:
        raise CheckpointError(f"{path} must have {what}, got {got}; {_AGAIN}")


def read_json(path: Path, keys: tuple[str, ...]) -> Json:
    """Read a JSON file of a saved model."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} must be a finished run or a saved model, got no {path.name}; name "
            "another folder"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} must be JSON, got: {reason(error)}; {_AGAIN}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must be a JSON object, got other contents; {_AGAIN}")
    if not set(keys) <= set(values):
        raise CheckpointError(f"{path} must have {', '.join(keys)}, got other contents; {_AGAIN}")
    return values
