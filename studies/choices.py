"""The settings that ``studies/settings.py`` chose; a test holds them to its committed results."""

from typing import Any

from common import sized
from settings import with_settings

CHOSEN = {
    "direct": "millivolts, views",
    "distillation": "millivolts, views",
    "crossbeat": "targets from teacher and label",
    "cromotex": "millivolts",
    "clip": "millivolts, views",
    "label-only": "millivolts",
    "biot": "millivolts, views",
    "resnet1d": "millivolts, views",
    "eccl": "millivolts, views",
}


def chosen(name: str, *, small: bool) -> Any:
    """A recipe with its chosen settings; the teacher has those of the demo."""
    if name == "teacher":
        return sized(name, small=small)
    return with_settings(name, CHOSEN[name], small=small)
