"""ECGs of virtual patients."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from crossbeat.leads import STANDARD
from crossbeat.simulate import draw_patients, ecgs

_EQUATIONS = {
    "III": lambda i, ii: ii - i,
    "aVR": lambda i, ii: -(i + ii) / 2,
    "aVL": lambda i, ii: i - ii / 2,
    "aVF": lambda i, ii: ii - i / 2,
}


@pytest.mark.parametrize("lead", list(_EQUATIONS))
def test_each_limb_lead_obeys_its_own_equation(lead: str) -> None:
    rows = dict(
        zip(STANDARD, ecgs(draw_patients(3, seed=1), seed=1).transpose(1, 0, 2), strict=True)
    )
    np.testing.assert_allclose(rows[lead], _EQUATIONS[lead](rows["I"], rows["II"]), atol=1e-6)


def test_a_patient_does_not_depend_on_how_many_are_drawn_nor_on_the_workers() -> None:
    few = ecgs(draw_patients(3, seed=2), seed=5)
    many = draw_patients(260, seed=2)
    with ThreadPoolExecutor(2) as pool:
        shared = ecgs(many, 5, pool)
    assert few.tobytes() == shared[:3].tobytes()
    assert shared[256:].tobytes() != shared[:4].tobytes()
