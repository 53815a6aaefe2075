"""The settings that ``studies/settings.py`` chose; a test compares them with its results."""

from typing import Any

from common import sized
from settings import with_settings

CHOSEN = {
    "direct": "millivolts, views, average",
    "distillation": "millivolts, views",
    "crossbeat": "targets from teacher and label",
    "cromotex": "millivolts, views, average",
    "clip": "millivolts, views",
    "label-only": "millivolts, views, average, temperature 0.3",
    "biot": "millivolts, views",
    "resnet1d": "millivolts, views, average",
    "eccl": "millivolts, views, average, temperature 0.3",
}


def chosen(name: str, *, small: bool) -> Any:
    """A recipe with its chosen settings; the teacher has the settings of the demo."""
    if name == "teacher":
        return sized(name, small=small)
    return with_settings(name, CHOSEN[name], small=small)
