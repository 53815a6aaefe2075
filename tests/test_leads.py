"""Lead names, orders, limb-lead equations and the inverse Dower transform."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbeat import leads
from crossbeat.errors import DataError
from crossbeat.simulate.ecg import DOWER


def electrodes(time: int = 50, seed: int = 0) -> dict[str, np.ndarray]:
    """The twelve leads of random potentials at the nine electrodes, from their definitions."""
    rng = np.random.default_rng(seed)
    ra, la, ll = rng.standard_normal((3, time))
    wilson = (ra + la + ll) / 3
    limb = {
        "I": la - ra,
        "II": ll - ra,
        "III": ll - la,
        "aVR": ra - (la + ll) / 2,
        "aVL": la - (ra + ll) / 2,
        "aVF": ll - (ra + la) / 2,
    }
    chest = {f"V{k}": v - wilson for k, v in enumerate(rng.standard_normal((6, time)), start=1)}
    return limb | chest


def stack(ecg: dict[str, np.ndarray], order: tuple[str, ...]) -> np.ndarray:
    return np.stack([ecg[lead] for lead in order])


@pytest.mark.parametrize("lead", ["III", "aVR", "aVL", "aVF"])
def test_each_limb_lead_follows_from_the_electrodes(lead: str) -> None:
    ecg = electrodes()
    derived = leads.limb_leads(ecg["I"], ecg["II"])
    assert list(derived) == ["III", "aVR", "aVL", "aVF"]
    np.testing.assert_allclose(derived[lead], ecg[lead], atol=1e-12)


def test_limb_leads_keep_single_precision() -> None:
    one = np.ones(3, np.float32)
    assert all(lead.dtype == np.float32 for lead in leads.limb_leads(one, one).values())


@given(st.sampled_from(leads.STANDARD), st.sampled_from([str.lower, str.upper, str.title]))
def test_names_in_any_case_have_one_spelling(lead: str, case: Callable[[str], str]) -> None:
    assert leads.canonical(f" {case(lead)} ") == lead


@pytest.mark.parametrize("name", ["", "V7", "MLII", "vx", "aV R", "-aVR", "dI", "V3R", "Lead 1"])
def test_a_name_that_is_no_lead_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"got '{name}'; rename the lead"):
        leads.canonical(name)


@pytest.mark.parametrize(
    ("name", "lead"),
    [("DII", "II"), ("D3", "III"), ("C4", "V4"), ("EKG I", "I"), ("MDC_ECG_LEAD_AVL", "aVL")],
)
def test_other_spellings_have_one_standard_spelling(name: str, lead: str) -> None:
    assert leads.canonical(name) == lead


CHEST = tuple(f"C{number}" for number in range(1, 7))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((*leads.STANDARD[:6], *CHEST), leads.STANDARD),
        (("I", "II", *CHEST, "Resp"), leads.INDEPENDENT),
        (("DI", "D2", "EKG C1", "Lead C3"), ("I", "II", "V1", "V3")),
    ],
)
def test_electrodes_of_the_chest_are_leads_in_an_ecg(
    names: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert tuple(leads.among(names).values()) == found


@pytest.mark.parametrize(
    "others",
    [
        ("C3", "C4"),
        ("ECG I", "ECG II", "C3", "C4"),
        CHEST,
        ("ECG I", "ECG II", *CHEST[:5]),
        ("ECG I", "ECG II", *CHEST, "Fz"),
        ("ECG I", "ECG II", *CHEST, "O1-A2"),
        ("ECG I", "ECG II", *CHEST, "EEG Fpz-Cz"),
        ("ECG I", "ECG II", *CHEST, "FC3"),
    ],
)
def test_electrodes_of_an_eeg_are_no_leads(others: tuple[str, ...]) -> None:
    assert set(leads.among(others).values()) <= {"I", "II"}


def test_a_name_of_any_length_is_read_or_not() -> None:
    assert leads.among(["I" * 10**6, " " * 100 + "I", "lead " * 10**5]) == {}
    assert leads.among(["  I  "]) == {0: "I"}


@pytest.mark.parametrize(
    ("code", "scheme", "lead"),
    [
        ("2:1", "MDC", "I"),
        ("2:61", "MDC", "III"),
        ("2:65", "MDC", "-aVR"),
        ("5.6.3-9-8", "SCPECG", "V6"),
        ("131329", "MDC", "I"),
        ("131389", "MDC", "III"),
        ("131392", "MDC", "aVF"),
        ("131336", "", None),
        ("1", "LN", None),
        ("2:0", "MDC", None),
        ("131328", "MDC", None),
        ("2:16", "MDC", ""),
        ("131344", "MDC", ""),
        ("MDC_ECG_LEAD_V2", "", "V2"),
        ("MDC_ECG_LEAD_V2R", "", ""),
        ("Lead I", "MDC", None),
    ],
)
def test_numbers_of_leads_are_those_of_the_standards(
    code: str, scheme: str, lead: str | None
) -> None:
    assert leads.coded(code, scheme) == lead


def test_mimic_order_is_standard_with_avf_before_avl() -> None:
    assert leads.MIMIC[3:6] == ("aVR", "aVF", "aVL")
    assert sorted(leads.MIMIC) == sorted(leads.STANDARD)
    assert leads.MIMIC[:4] + leads.MIMIC[6:] == leads.STANDARD[:4] + leads.STANDARD[6:]


@given(st.permutations(leads.STANDARD), st.permutations(leads.STANDARD))
def test_leads_are_reordered_by_name(given_order: list[str], wanted: list[str]) -> None:
    ecg = electrodes(time=3)
    values = leads.complete(stack(ecg, tuple(given_order)), given_order, wanted)
    np.testing.assert_array_equal(values, stack(ecg, tuple(wanted)))


def test_missing_limb_leads_are_derived_and_given_ones_kept() -> None:
    ecg = electrodes() | {"aVL": np.zeros(50)}
    have = ("aVL", *leads.INDEPENDENT)
    values = leads.complete(stack(ecg, have), have, leads.MIMIC)
    np.testing.assert_allclose(values, stack(ecg, leads.MIMIC), atol=1e-12)


def test_a_batch_is_completed_as_its_records_are() -> None:
    batch = np.stack([stack(electrodes(seed=s), leads.INDEPENDENT) for s in range(3)])
    together = leads.complete(batch, leads.INDEPENDENT, leads.STANDARD)
    for row, record in zip(together, batch, strict=True):
        np.testing.assert_array_equal(
            row, leads.complete(record, leads.INDEPENDENT, leads.STANDARD)
        )


@pytest.mark.parametrize("absent", ["I", "II", "V1", "V6"])
def test_an_independent_lead_cannot_be_derived(absent: str) -> None:
    have = tuple(lead for lead in leads.INDEPENDENT if lead != absent)
    with pytest.raises(DataError, match=rf"must have lead .*\b{absent}\b"):
        leads.complete(np.zeros((7, 5)), have, leads.STANDARD)


def test_rows_and_names_must_agree() -> None:
    with pytest.raises(ValueError, match="zip"):
        leads.complete(np.zeros((3, 5)), ("I", "II"), ("I",))


def test_index_says_where_leads_stand_and_names_every_missing_one() -> None:
    assert leads.index(leads.MIMIC, ("aVL", "I")) == [5, 0]
    with pytest.raises(DataError, match="must have lead V2, V3, got I, II"):
        leads.index(("I", "II"), ("I", "V2", "V3"))


def test_expansion_computes_leads_from_eight() -> None:
    ecg = electrodes()
    for order in (leads.STANDARD, leads.MIMIC, leads.INDEPENDENT, ("aVF", "V2")):
        matrix = leads.expansion(order)
        np.testing.assert_allclose(
            matrix @ stack(ecg, leads.INDEPENDENT), stack(ecg, order), atol=1e-12
        )


def test_expansion_refuses_an_unknown_lead() -> None:
    with pytest.raises(ValueError, match="got V9"):
        leads.expansion(("I", "V9"))


def test_inverse_dower_is_the_pseudo_inverse_of_dowers_matrix() -> None:
    """Edenbrandt and Pahlm made theirs so from Dower 1980, and print three decimals."""
    np.testing.assert_allclose(leads.INVERSE_DOWER, np.linalg.pinv(DOWER), atol=1e-3)
