"""Records longer or shorter than needed: which part is taken, and how short ones are continued."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, changed, of

from crossbeat import leads, quality
from crossbeat.errors import DataError
from crossbeat.quality import Length
from crossbeat.signal import Ecg


def counted(num: int) -> Ecg:
    """A virtual ECG over and over, for so many samples."""
    values = np.tile(VIRTUAL.values, (1, -(-num // 5000)))[:, :num]
    return Ecg(np.ascontiguousarray(values), VIRTUAL.leads, VIRTUAL.fs)


@pytest.mark.parametrize(("longer", "start"), [("first", 0), ("middle", 1001), ("last", 2003)])
def test_the_part_that_is_asked_for_is_taken(longer: str, start: int) -> None:
    ecg = counted(7003)
    got = quality.require(ecg, "a", 10.0, Length(longer=longer)).values
    np.testing.assert_array_equal(got, ecg.values[:, start : start + 5000])


def test_by_default_the_first_part_is_taken_and_a_short_one_refused() -> None:
    ecg = counted(6000)
    np.testing.assert_array_equal(quality.require(ecg, "a", 10.0).values, ecg.values[:, :5000])
    with pytest.raises(DataError, match="must last at least 10 s, got 8 s"):
        quality.require(counted(4000), "a", 10.0)


def test_the_message_names_the_option_that_helps_and_only_where_it_does() -> None:
    option = "with --length.shorter pad (Length(shorter='pad'))"
    assert quality.require(counted(4999), "a", 10.0, Length(shorter="pad")).values.shape[1] == 5000
    for num, length, helps in (
        (4999, Length(), True),
        (1250, Length(), True),
        (1249, Length(), False),
        (1249, Length(shorter="pad"), False),
    ):
        with pytest.raises(DataError, match="must last at least") as told:
            quality.require(counted(num), "a", 10.0, length)
        assert (option in str(told.value)) == helps


def test_what_is_not_taken_is_not_judged() -> None:
    def lose(row: np.ndarray) -> None:
        row[:1000] = np.nan

    ecg = changed(counted(8000), "V1", lose)
    assert quality.require(ecg, "a", 10.0, Length(longer="last")).values.shape == (12, 5000)
    with pytest.raises(DataError, match="lead V1 lacks samples"):
        quality.require(ecg, "a", 10.0, Length(longer="first"))


def test_a_short_one_is_continued_by_the_median_of_each_lead_if_asked_for() -> None:
    ecg = counted(3000)
    (found,) = (
        verdict
        for verdict in quality.check(ecg, 10.0, Length(shorter="pad"))
        if verdict.action != "ok"
    )
    assert (found.name, found.value, found.action) == ("length", 6.0, "repair")
    assert found.message == "the ECG lasts 6 s; each lead is padded to 10 s with its median"
    got = quality.require(ecg, "a", 10.0, Length(shorter="pad")).values
    np.testing.assert_array_equal(got[:, :3000], ecg.values)
    v1 = leads.STANDARD.index("V1")
    assert (got[v1, 3000:] == np.median(ecg.values[v1])).all()


def test_padding_obeys_the_limb_lead_equations() -> None:
    got = quality.require(counted(3000), "a", 10.0, Length(shorter="pad"))
    rows = dict(zip(got.leads, got.values[:, 3000:], strict=True))
    for lead, row in leads.limb_leads(rows["I"], rows["II"]).items():
        np.testing.assert_allclose(rows[lead], row, atol=1e-6)


def test_hardly_anything_is_not_padded() -> None:
    with pytest.raises(DataError, match=r"must last at least 2\.5 s, got 2 s"):
        quality.require(counted(1000), "a", 10.0, Length(shorter="pad"))


def test_padding_is_no_dropout() -> None:
    (found,) = quality.check(counted(3000), 10.0, Length(shorter="pad"))[1:2]
    assert found.name == "length"
    names = {verdict.name: verdict.action for verdict in quality.check(counted(3000), 6.0)}
    assert names["dropout"] == "ok"


@pytest.mark.parametrize("longer", ["first", "middle", "last"])
def test_the_verdict_names_the_policy(longer: str) -> None:
    found = quality.check(VIRTUAL, 5.0, Length(longer=longer))[1]
    assert f"the {longer} 5 s of a longer record are used" in found.rule
    assert (found.value, found.action) == (10.0, "ok")


def test_the_length_is_that_of_the_whole_record() -> None:
    assert of(counted(6000))["length"].value == 12.0
