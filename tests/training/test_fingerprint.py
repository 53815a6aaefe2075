from dataclasses import dataclass
from functools import partial, wraps

import numpy as np
import pytest
import torch

from crossbeat.training.fingerprint import describe, fingerprint


@dataclass(frozen=True)
class Settings:
    rate: float
    names: tuple[str, ...] = ("a",)


def add(one, other, *, scale=1.0):
    return (one + other) * scale


def test_equal_settings_have_equal_fingerprints_whatever_the_order_of_keys():
    assert fingerprint({"a": 1, "b": Settings(0.5)}) == fingerprint({"b": Settings(0.5), "a": 1})


def twice(function):
    @wraps(function)
    def called(x):
        return 2 * function(x)

    return called


@twice
def doubled(x):
    return x


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Settings(0.5), Settings(0.25)),
        (partial(add, scale=1.0), partial(add, scale=2.0)),
        (partial(add, 1), partial(add, 2)),
        (partial(add), partial(max)),
        (np.zeros(3), np.zeros(4)),
        (np.zeros(3, np.float32), np.zeros(3, np.float64)),
        (torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])),
    ],
)
def test_whatever_differs_changes_the_fingerprint(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_a_closure_is_refused_as_its_settings_cannot_be_seen():
    scale = 3.0

    def closure(x):
        return x * scale

    with pytest.raises(TypeError, match="closure is a closure"):
        describe(closure)


def test_a_decorated_function_at_module_level_is_no_closure():
    assert describe(doubled) == f"{__name__}.doubled"


def test_an_object_without_description_is_refused():
    with pytest.raises(TypeError, match="cannot describe object"):
        describe(object())
