"""Who the patients of two cohorts are, whatever the spelling of their ids."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crossbeat.data.people import EXACT_IDS, canonical, in_common, people, spellings


@pytest.mark.parametrize("text", ["7", "007", " 7", "7 ", "7.0", "7.", "007.00", "\t7\n"])
def test_spellings_of_a_number_are_one_id(text):
    assert canonical(text) == "7"


@pytest.mark.parametrize(("text", "same"), [("P 7", "p7"), ("ABC", " abc"), ("0", "00.0")])
def test_blanks_and_case_do_not_count(text, same):
    assert canonical(text) == canonical(same)


@pytest.mark.parametrize("text", ["70", "0.7", "7.01", "7.05", "p7", "7-0", "-7", "77", ""])
def test_other_ids_stay_other_ids(text):
    assert canonical(text) != "7"


def test_ids_of_two_spellings_are_listed_together():
    assert spellings(["7", "p1", "007", "7", "8", "P1 ", "9.5"]) == [("007", "7"), ("P1 ", "p1")]


def named(tiny, ids, *, name="tiny", **settings):
    """``tiny`` with other ids in its first rows, all in training."""
    rows = len(ids)
    table = tiny.table.head(rows).with_columns(
        patient=pl.Series(ids), xray_patient=pl.Series(ids), split=pl.lit("train")
    )
    info = replace(tiny.info, name=name, settings=settings)
    return replace(tiny, info=info, table=table)


def common(some, others, *, own=True):
    tested, learned = (people(each, np.arange(each.table.height)) for each in (some, others))
    return in_common(tested, learned, own=own)["patient"].to_list()


@pytest.mark.parametrize(
    ("ids", "others", "same"),
    [
        (["007", "8"], ["7.0"], ["007"]),  # two of the user's own tables
        (["7"], ["mimic-7"], ["7"]),  # one of them may be made from the public data set
        (["mimic-7"], ["7"], ["mimic-7"]),
        (["mimic-7"], ["MIMIC-007"], ["mimic-7"]),  # one public data set
        (["mimic-7"], ["ptbxl-7"], []),  # two: equal numbers are different people
        (["v1-0000007"], ["v1-0000007"], ["v1-0000007"]),  # virtual patients of one seed
        (["v1-0000007"], ["h1-0000007"], ["v1-0000007"]),  # drawn from it in the same way
        (["v1-0000007"], ["v2-0000007"], []),
        (["v1-0000007"], ["7"], []),
    ],
)
def test_equal_ids_are_the_same_people_by_their_sources(ids, others, same, tiny):
    assert common(named(tiny, ids), named(tiny, others)) == same


def test_participants_of_uk_biobank_have_bare_ids(tiny):
    ukb = named(tiny, ["1000017"], name="ukb")
    assert common(ukb, ukb) == ["1000017"]
    assert common(ukb, named(tiny, ["mimic-1000017"])) == []
    assert common(ukb, named(tiny, ["1000017"])) == ["1000017"]
    assert common(ukb, ukb, own=False) == ["1000017"]


def test_own_ids_may_be_said_to_name_other_people(tiny):
    own = named(tiny, ["7", "mimic-8"])
    assert common(own, own, own=False) == ["mimic-8"]


def test_owners_of_pictures_count(tiny):
    ecgs, films = named(tiny, ["7"]), named(tiny, ["8"])
    info = replace(ecgs.info, kind="matched")
    table = ecgs.table.with_columns(xray_patient=pl.lit("8"))
    matched = replace(ecgs, info=info, table=table)
    assert common(films, matched) == ["8"]
    assert common(matched, ecgs) == ["7"]


def test_exact_ids_are_taken_as_they_are_written(tiny):
    exact = named(tiny, ["007", "7"], **{EXACT_IDS: True})
    other = named(tiny, ["7"], **{EXACT_IDS: True})
    assert set(common(exact, other)) == {"7"}
    assert common(exact, other, own=False) == []


def test_exact_ids_are_found_in_cohorts_whose_ids_are_not_exact(tiny):
    plain, ids = named(tiny, ["P9", "007"]), ["P9", "7", "mimic-5"]
    exact = named(tiny, ids, **{EXACT_IDS: True})
    assert set(common(exact, plain)) == {"P9", "7"}
    assert set(common(plain, exact)) == {"P9", "007"}
    mimic = named(tiny, ["mimic-5"], name="mimic")
    assert common(exact, mimic) == common(exact, mimic, own=False) == ["mimic-5"]


def test_one_character_in_two_encodings_of_unicode_is_one_id():
    assert canonical("Ren\u00e9") == canonical("Rene\u0301")
    assert canonical("\uff17") == "7"
