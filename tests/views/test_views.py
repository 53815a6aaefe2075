"""Laws that hold for every view, and laws that hold for those which promise them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, MIMIC, STANDARD, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views import VIEWS, compose

BREAKS_EINTHOVEN = {
    "keep_leads": "a limb lead may be hidden while I and II are kept",
    "mask_leads": "a limb lead may be hidden while I and II are kept",
    "mask_time_per_lead": "each lead is hidden at its own time",
}
SAME_FOR_ALL_LEADS = ["crop", "crop_and_stretch", "mask_time", "permute", "scale", "warp_time"]
CHANGES_LENGTH = ["crop"]

every_view = pytest.mark.parametrize("name", VIEWS)


def twelve_leads(batch: int = 6, seed: int = 0, dtype: torch.dtype = torch.float32) -> Ecgs:
    """Noise in the eight independent leads; Einthoven's and Goldberger's equations hold."""
    independent = np.random.default_rng(seed).standard_normal((batch, len(INDEPENDENT), 200))
    values = torch.from_numpy(expansion(STANDARD) @ independent).to(dtype)
    assert values.shape == (batch, 12, 200)
    return Ecgs(values, STANDARD, 20.0)


def reordered(ecg: Ecgs, leads: tuple[str, ...]) -> Ecgs:
    rows = index(ecg.leads, leads)
    assert len(rows) == len(leads)
    return Ecgs(ecg.values[:, rows], leads, ecg.fs)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def limb_residuals(ecg: Ecgs) -> dict[str, float]:
    """How far each limb lead is from its own equation, at most, in millivolts."""
    row = {lead: ecg.values[:, number].double() for number, lead in enumerate(ecg.leads)}
    assert len(row) == 12
    i, ii = row["I"], row["II"]
    return {
        "III": (row["III"] - (ii - i)).abs().max().item(),
        "aVR": (row["aVR"] + (i + ii) / 2).abs().max().item(),
        "aVL": (row["aVL"] - (i - ii / 2)).abs().max().item(),
        "aVF": (row["aVF"] - (ii - i / 2)).abs().max().item(),
    }


@every_view
def test_another_seed_and_a_second_draw_give_another_view(name: str) -> None:
    ecg, generator = twelve_leads(), seeded(3)
    first, again = VIEWS[name](ecg, generator), VIEWS[name](ecg, generator)
    assert not torch.equal(first.values, again.values)
    assert not torch.equal(first.values, VIEWS[name](ecg, seeded(4)).values)


@every_view
def test_the_ecgs_of_a_batch_are_changed_differently(name: str) -> None:
    one = twelve_leads(batch=1)
    batch = replace(one, values=one.values.repeat(20, 1, 1))
    assert len(VIEWS[name](batch, seeded(0)).values.unique(dim=0)) > 15


@every_view
def test_a_view_leaves_its_input_intact(name: str) -> None:
    ecg = twelve_leads()
    before = ecg.values.clone()
    seen = VIEWS[name](ecg, seeded(0))
    seen.values.zero_()
    assert torch.equal(ecg.values, before)
    assert (ecg.leads, ecg.fs) == (STANDARD, 20.0)


@every_view
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_view_keeps_dtype_shape_leads_and_rate(name: str, dtype: torch.dtype) -> None:
    ecg = twelve_leads(dtype=dtype)
    seen = VIEWS[name](ecg, seeded(0))
    assert seen.values.dtype == dtype
    assert (seen.leads, seen.fs) == (ecg.leads, ecg.fs)
    assert seen.values.shape[:2] == ecg.values.shape[:2]
    assert (seen.values.shape == ecg.values.shape) == (name not in CHANGES_LENGTH)
    assert seen.values.isfinite().all()


@every_view
def test_precision_does_not_change_which_view_is_drawn(name: str) -> None:
    fine = VIEWS[name](twelve_leads(dtype=torch.float64), seeded(0)).values
    coarse = VIEWS[name](twelve_leads(), seeded(0)).values
    torch.testing.assert_close(coarse.double(), fine, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in VIEWS if name not in BREAKS_EINTHOVEN])
@pytest.mark.parametrize("leads", [STANDARD, MIMIC])
def test_each_limb_lead_still_obeys_its_own_equation(name: str, leads: tuple[str, ...]) -> None:
    seen = VIEWS[name](reordered(twelve_leads(), leads), seeded(0))
    assert max(limb_residuals(seen).values()) < 2e-6


@pytest.mark.parametrize("name", BREAKS_EINTHOVEN)
def test_a_view_said_to_break_the_limb_lead_equations_breaks_them(name: str) -> None:
    seen = VIEWS[name](twelve_leads(), seeded(0))
    assert min(limb_residuals(seen).values()) > 0.1


@every_view
def test_lead_order_changes_nothing_but_the_order(name: str) -> None:
    ecg = twelve_leads()
    expected = reordered(VIEWS[name](ecg, seeded(5)), MIMIC)
    seen = VIEWS[name](reordered(ecg, MIMIC), seeded(5))
    assert seen.leads == MIMIC
    torch.testing.assert_close(seen.values, expected.values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "keep_leads"])
def test_absent_leads_do_not_change_the_view_of_the_others(name: str) -> None:
    ecg = twelve_leads()
    expected = reordered(VIEWS[name](ecg, seeded(5)), INDEPENDENT)
    seen = VIEWS[name](reordered(ecg, INDEPENDENT), seeded(5))
    torch.testing.assert_close(seen.values, expected.values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", SAME_FOR_ALL_LEADS)
def test_twelve_identical_leads_stay_identical(name: str) -> None:
    ecg = twelve_leads()
    alike = replace(ecg, values=ecg.values[:, :1].repeat(1, 12, 1))
    seen = VIEWS[name](alike, seeded(0)).values
    assert (seen == seen[:, :1]).all()


@pytest.mark.parametrize(
    "name", ["jitter", "keep_leads", "mask_leads", "mask_time_per_lead", "rotate_vcg", "wander"]
)
def test_a_lead_that_is_none_of_the_twelve_is_an_error(name: str) -> None:
    values = torch.zeros(2, 9, 200)
    with pytest.raises(DataError, match="'VX'"):
        VIEWS[name](Ecgs(values, (*INDEPENDENT, "VX"), 20.0), seeded(0))


@every_view
def test_the_same_seed_repeats_a_view_bit_for_bit_in_another_process_too(name: str) -> None:
    ecg, view = twelve_leads(), compose(VIEWS[name])
    sent = pickle.loads(pickle.dumps(view))
    assert torch.equal(sent(ecg, seeded(0)).values, view(ecg, seeded(0)).values)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("crop", {"seconds": 10.0}),
        ("crop_and_stretch", {"least": 1.0}),
        ("jitter", {"sd": 0.0}),
        ("keep_leads", {"keep": 12}),
        ("mask_leads", {"probability": 0.0}),
        ("mask_time", {"share": 0.0}),
        ("mask_time_per_lead", {"share": 0.0}),
        ("permute", {"num_segments": 1}),
        ("rotate_vcg", {"angle": 0.0, "scale": 1.0}),
        ("scale", {"most": 1.0}),
        ("wander", {"most": 0.0}),
        ("warp_time", {"most": 1.0}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_settings_that_change_nothing_give_the_identity_bit_for_bit(
    name: str, settings: dict, dtype: torch.dtype
) -> None:
    ecg = reordered(twelve_leads(dtype=dtype), MIMIC)
    assert torch.equal(VIEWS[name](ecg, seeded(0), **settings).values, ecg.values)


@pytest.mark.parametrize(
    ("name", "setting", "values", "message"),
    [
        ("crop", "seconds", [0.01], "at least one sample"),
        ("crop_and_stretch", "least", [0.0, 1.1], "least must be above 0 and at most 1"),
        ("jitter", "sd", [-0.1], "sd must be at least 0"),
        ("keep_leads", "keep", [0, 13], "keep must be 1 to 12"),
        ("mask_leads", "probability", [-0.1, 1.5], "probability must be 0 to 1"),
        ("mask_time", "share", [-0.1, 1.1], "share must be 0 to 1"),
        ("mask_time_per_lead", "share", [-0.1, 1.1], "share must be 0 to 1"),
        ("permute", "num_segments", [0, 201], "num_segments must be 1 to 200"),
        ("project_vcg", "angle", [-1.0], "angle must be at least 0"),
        ("project_vcg", "scale", [0.9], "scale must be at least 1"),
        ("rotate_vcg", "angle", [-1.0], "angle must be at least 0"),
        ("rotate_vcg", "scale", [0.9], "scale must be at least 1"),
        ("scale", "most", [0.5], "most must be at least 1"),
        ("wander", "most", [-1.0], "most must be at least 0"),
        ("wander", "band", [(0.5, 0.1), (-0.1, 0.5)], "band must be 0 or more and in order"),
        ("warp_time", "most", [0.9], "most must be at least 1"),
        ("warp_time", "num_knots", [1], "num_knots must be at least 2"),
    ],
)
def test_a_setting_out_of_its_range_is_an_error(
    name: str, setting: str, values: list, message: str
) -> None:
    for value in values:
        with pytest.raises(ValueError, match=message):
            VIEWS[name](twelve_leads(), seeded(0), **{setting: value})


@pytest.mark.parametrize(
    ("name", "samples", "message"),
    [
        ("warp_time", 1, "must have 2 samples"),
        ("crop_and_stretch", 1, "must have 2 samples"),
        ("crop", 99, r"at least 5\.0 s long.*got 4\.95 s"),
    ],
)
def test_an_ecg_that_is_too_short_is_an_error(name: str, samples: int, message: str) -> None:
    ecg = twelve_leads()
    with pytest.raises(DataError, match=message):
        VIEWS[name](replace(ecg, values=ecg.values[..., :samples]), seeded(0))
