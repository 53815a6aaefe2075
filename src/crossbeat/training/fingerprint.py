"""A short hash of everything that decides the outcome of a phase.

Two phases with the same fingerprint give the same weights, so a finished one need not run
again, in the same run after a kill or in another recipe that shares it.
"""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor


def describe(value: object) -> object:
    """The value as plain JSON: settings in full, arrays by their hash, functions by their name."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        contents = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": contents}
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [describe(item) for item in items]
    return _object(value)


def _object(value: object) -> object:
    if hasattr(value, "fingerprint"):
        return value.fingerprint()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            "type": type(value).__qualname__,
            **{name: describe(each) for name, each in sorted(fields.items())},
        }
    if isinstance(value, functools.partial):
        return {
            "function": describe(value.func),
            "positional": describe(value.args),
            "keywords": describe(value.keywords),
        }
    if callable(value) and hasattr(value, "__qualname__"):
        return _function(value)
    raise TypeError(f"cannot describe {type(value).__qualname__} {value!r} in a fingerprint")


def _function(value: Callable[..., object]) -> str:
    if getattr(value, "__closure__", None) and not _is_at_module_level(value):
        raise TypeError(
            f"{value.__qualname__} is a closure, whose settings cannot be read; use "
            "functools.partial of a function at module level"
        )
    return f"{value.__module__}.{value.__qualname__}"


def _is_at_module_level(value: Callable[..., object]) -> bool:
    """Such as a decorated function, which is technically a closure, but of nothing that varies."""
    found: object = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def fingerprint(value: object) -> str:
    """The SHA-256 of ``describe(value)``, in hexadecimal."""
    text = json.dumps(describe(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
