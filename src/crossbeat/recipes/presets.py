"""Presets: settings that change the size of every recipe in the same way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from crossbeat.errors import ConfigError
from crossbeat.files import ReadJson
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.recipes import AnyRecipe, settings_in, with_settings
from crossbeat.training import Optimisation

_SMALL_ENCODER: Mapping[str, str] = {
    "cromotex": "cromotex-small",
    "resnet18": "resnet18-small",
    "resnet34": "resnet18-small",
    "biot": "biot-small",
    "eccl": "eccl-small",
    "mmcl-tiny": "fine-small",
    "densenet121": "small",
    "frames-resnet50": "frames-small",
    "mmcl-resnet50": "frames-small",
}

_DEMO_PHASES: Mapping[str, Optimisation] = {
    "teacher": Optimisation(learning_rate=2e-3, epochs=12, batch_size=64, warmup_epochs=1.0),
    "self_supervision": Optimisation(
        learning_rate=1e-3, epochs=10, batch_size=256, warmup_epochs=1.0
    ),
    "alignment": Optimisation(learning_rate=1e-3, epochs=16, batch_size=256, warmup_epochs=1.0),
    "fine_tuning": Optimisation(learning_rate=1e-3, epochs=16, batch_size=128, warmup_epochs=1.0),
    "distillation": Optimisation(learning_rate=1e-3, epochs=16, batch_size=128, warmup_epochs=1.0),
    "transfer": Optimisation(learning_rate=1e-3, epochs=16, batch_size=128, warmup_epochs=1.0),
    "masked_cine": Optimisation(learning_rate=2e-3, epochs=4, batch_size=64, warmup_epochs=1.0),
    "regression": Optimisation(learning_rate=1e-3, epochs=16, batch_size=128, warmup_epochs=1.0),
    "self_training": Optimisation(learning_rate=1e-3, epochs=16, batch_size=128, warmup_epochs=1.0),
}
"""With these settings, small encoders converge on a few thousand patients in a minute."""

_DEMO_MEASUREMENTS: Mapping[str, Optimisation] = {
    "alignment": Optimisation(learning_rate=1e-3, epochs=8, batch_size=64, warmup_epochs=1.0),
    "teacher": Optimisation(learning_rate=1e-3, epochs=16, batch_size=16, warmup_epochs=1.0),
    **dict.fromkeys(
        ("regression", "fine_tuning"),
        Optimisation(learning_rate=3e-3, epochs=16, batch_size=32, warmup_epochs=1.0, average=0.98),
    ),
}
"""Other settings for recipes that predict measurements alone, which few patients have."""

_DEMO_SETTINGS: ReadJson = {
    "shared_dim": 64,
    "temperature": 0.1,
    "self_temperature": 0.1,
    "projection_scale": 1.0,
    "teacher_scale": 1.0,
    "alignment_positives": None,
    "fine_tuning_positives": None,
    "positive_share": None,
    "masked_ecg": None,
    "frozen_cine": True,
    "encoder_scale": 0.1,
}


def demo(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe for a few minutes on two cores: small encoders, short phases, one joint model.

    A phase that the recipe leaves out stays left out. Distillation keeps its own temperature. The
    small ECG encoder of cine recipes has no patches for masked modelling, so it starts from random
    weights.
    """
    has = settings_in(recipe)
    changes: dict[str, object] = {
        name: value for name, value in _DEMO_SETTINGS.items() if name in has
    }
    for name, value in _DEMO_PHASES.items():
        usual = has.get(name)
        if isinstance(usual, Optimisation):
            changes[name] = replace(value, average=0.99 if usual.average else 0.0)
    measures = not recipe.targets.findings
    if measures:
        changes |= {name: value for name, value in _DEMO_MEASUREMENTS.items() if name in has}
    if "distillation" in has:
        changes.pop("temperature")
    for name, model in has.items():
        if isinstance(model, EcgModel):
            changes[name] = _small(model, measures=measures)
        elif isinstance(model, OtherModel):
            changes[name] = replace(model, encoder=_SMALL_ENCODER.get(model.encoder, model.encoder))
    return with_settings(recipe, changes)


def _small(model: EcgModel, *, measures: bool) -> EcgModel:
    """With a linear head and millivolts where few patients have measurements."""
    small = replace(model, encoder=_SMALL_ENCODER.get(model.encoder, model.encoder), hidden=(64,))
    return replace(small, normalisation="none", hidden=()) if measures else small


def published(recipe: AnyRecipe) -> AnyRecipe:
    """The unchanged recipe."""
    return recipe


@runtime_checkable
class Preset(Protocol):
    """Brings any recipe to another size."""

    def __call__(self, recipe: AnyRecipe) -> AnyRecipe: ...


PRESETS: dict[str, Preset] = {"published": published, "demo": demo}
"""Presets by their name for ``--preset``."""


def preset_named(name: str) -> Preset:
    """The preset with a name.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"preset must be one of {', '.join(PRESETS)}, got {name!r}; choose one of them"
        )
    return PRESETS[name]
