"""Presets: settings that change the size of every recipe in the same way."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from crossbeat.errors import ConfigError
from crossbeat.recipes.networks import EcgModel, XrayModel
from crossbeat.training import Optimisation

_SMALL_ENCODER: Mapping[str, str] = {
    "cromotex": "cromotex-small",
    "resnet18": "resnet18-small",
    "resnet34": "resnet18-small",
    "biot": "biot-small",
    "eccl": "eccl-small",
    "mmcl-tiny": "fine-small",
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

_DEMO_HEARTS: Mapping[str, Optimisation] = {
    "alignment": Optimisation(learning_rate=1e-3, epochs=8, batch_size=64, warmup_epochs=1.0),
    "teacher": Optimisation(learning_rate=1e-3, epochs=16, batch_size=16, warmup_epochs=1.0),
    "regression": Optimisation(
        learning_rate=3e-3, epochs=16, batch_size=32, warmup_epochs=1.0, average=0.98
    ),
}
"""Other settings for recipes that predict cardiac measurements, which few patients have."""

_DEMO_SETTINGS: Mapping[str, Any] = {
    "xray": XrayModel(encoder="small"),
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


def demo(recipe: Any) -> Any:
    """The recipe for a few minutes on two cores: small encoders, short phases, one joint model.

    A phase that the recipe leaves out stays left out. Distillation keeps its own temperature. The
    small ECG encoder of cine recipes has no patches for masked modelling, so it starts from random
    weights.
    """
    has = {field.name for field in fields(recipe)}
    hearts = "measurements" in has
    changes = {name: value for name, value in _DEMO_SETTINGS.items() if name in has}
    changes |= {
        name: replace(value, average=0.99 if getattr(recipe, name).average else 0.0)
        for name, value in _DEMO_PHASES.items()
        if name in has and getattr(recipe, name) is not None
    }
    if hearts:
        changes |= {name: value for name, value in _DEMO_HEARTS.items() if name in has}
    if "distillation" in has:
        changes.pop("temperature")
    if "cine" in has:
        changes["cine"] = replace(recipe.cine, encoder="frames-small")
    if "ecg" in has:
        changes["ecg"] = _small_of_hearts(recipe.ecg) if hearts else _small(recipe.ecg)
    return replace(recipe, **changes)


def _small(model: EcgModel) -> EcgModel:
    encoder: Any = _SMALL_ENCODER.get(model.encoder, model.encoder)
    return replace(model, encoder=encoder, hidden=(64,))


def _small_of_hearts(model: EcgModel) -> EcgModel:
    """A linear head, because few patients have measurements; ECGs stay in millivolts."""
    return replace(_small(model), normalisation="none", hidden=())


def published(recipe: Any) -> Any:
    """The unchanged recipe."""
    return recipe


PRESETS: dict[str, Callable[[Any], Any]] = {"published": published, "demo": demo}
"""Presets by their name for ``--preset``."""


def preset_named(name: str) -> Callable[[Any], Any]:
    """The preset with a name.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"preset must be one of {', '.join(PRESETS)}, got {name!r}; choose one of them"
        )
    return PRESETS[name]
