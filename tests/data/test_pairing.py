"""Every rule of pairing equals the same rule in plain loops, on whatever tables."""

import tracemalloc
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slow_pairing import slow_pairs

from crossbeat.data.pairing import Pairing, pair
from crossbeat.data.pairing.timelines import RECORDS, STAYS
from crossbeat.errors import ConfigError, DataError

DAY = datetime(2150, 3, 1)
PAIRINGS = [
    Pairing(),
    Pairing(reuse=False),
    *(
        Pairing(rule="nearest", window=window, reuse=reuse)
        for window in (0.0, 1.5, 24.0)
        for reuse in (True, False)
    ),
    *(Pairing(rule="within", window=window) for window in (0.0, 1.5, 24.0)),
]


def moment(hours):
    return None if hours is None else DAY + timedelta(hours=hours)


def records(*rows):
    """Patient, record and hours since the start of the day."""
    given = [(patient, record, moment(hours)) for patient, record, hours in rows]
    return pl.DataFrame(given, schema=RECORDS, orient="row")


def spans(*rows):
    """Patient, and hours since the start of the day at which a stay begins and ends."""
    given = [(patient, moment(begin), moment(end)) for patient, begin, end in rows]
    return pl.DataFrame(given, schema=STAYS, orient="row")


def chosen(table):
    """X-ray and ECG of each pair."""
    return table.select("xray_record", "ecg_record").rows()


PATIENTS = st.sampled_from("ab")
HOURS = st.none() | st.integers(0, 8).map(lambda halves: halves / 2)
TABLES = st.lists(st.tuples(PATIENTS, st.sampled_from("pqrst"), HOURS), max_size=14).map(
    lambda rows: records(*rows)
)
STAY_TABLES = st.lists(st.tuples(PATIENTS, HOURS, HOURS), max_size=6).map(lambda rows: spans(*rows))


@pytest.mark.parametrize("pairing", PAIRINGS, ids=str)
@settings(max_examples=25, deadline=None)
@given(ecgs=TABLES, xrays=TABLES, stays=STAY_TABLES)
@example(  # as near before as after
    ecgs=records(("a", "p", 3.0), ("a", "q", 1.0)), xrays=records(("a", "x", 2.0)), stays=spans()
)
def test_the_pairs_are_those_of_plain_loops(pairing, ecgs, xrays, stays):
    found = pair(ecgs, xrays, pairing, stays=stays)
    slow = slow_pairs(
        ecgs, xrays, stays, rule=pairing.rule, window=pairing.window, reuse=pairing.reuse
    )
    assert found.select("xray", "ecg").rows() == slow


def test_the_columns_tell_rows_records_and_signed_hours():
    ecgs = records(("a", "e0", None), ("a", "e1", 10.0))
    xrays = records(("b", "x0", 9.0), ("a", "x1", 8.5), ("a", "x2", None))
    found = pair(ecgs, xrays, Pairing(rule="nearest", window=2.0))
    row = {"patient": "a", "ecg": 1, "ecg_record": "e1", "xray": 1, "xray_record": "x1"}
    assert found.to_dicts() == [{**row, "hours": -1.5}]


def test_the_xrays_of_a_stay_take_its_ecgs_in_turn_and_then_the_first_again():
    ecgs = records(("a", "late", 3.0), ("a", "early", 1.0), ("a", "elsewhere", 9.0))
    xrays = records(("a", "x0", 2.0), ("a", "x1", 0.0), ("a", "x2", 4.0), ("a", "x3", 4.1))
    stays = spans(("a", 0.0, 4.0), ("b", 0.0, 9.0))
    turns = [("x0", "late"), ("x1", "early")]
    assert chosen(pair(ecgs, xrays, Pairing(), stays=stays)) == [*turns, ("x2", "late")]
    assert chosen(pair(ecgs, xrays, Pairing(reuse=False), stays=stays)) == turns


def test_stays_of_a_patient_that_touch_are_one():
    ecgs, xrays = records(("a", "e", 1.0)), records(("a", "x", 7.0))
    chain = [("a", 4.0, 5.0), ("a", 0.0, 2.0), ("a", 2.0, 4.0), ("a", 4.5, 7.0)]
    assert chosen(pair(ecgs, xrays, Pairing(), stays=spans(*chain))) == [("x", "e")]
    broken = [*chain[:2], ("a", 2.1, 4.0), chain[3]]
    assert chosen(pair(ecgs, xrays, Pairing(), stays=spans(*broken))) == []


def test_a_short_stay_within_a_long_one_does_not_cut_it():
    ecgs, xrays = records(("a", "e", 0.5)), records(("a", "x", 7.0))
    stays = spans(("a", 0.0, 10.0), ("a", 1.0, 2.0), ("a", 5.0, 6.0))
    assert chosen(pair(ecgs, xrays, Pairing(), stays=stays)) == [("x", "e")]


def test_a_stay_that_ends_before_it_begins_or_has_no_end_holds_nothing():
    ecgs, xrays = records(("a", "e", 1.0)), records(("a", "x", 1.0))
    stays = spans(("a", 2.0, 0.0), ("a", 0.0, None), ("a", None, 2.0))
    assert pair(ecgs, xrays, Pairing(), stays=stays).is_empty()


def test_of_two_ecgs_as_near_the_earlier_is_taken_and_of_one_time_the_first_by_record():
    xrays = records(("a", "x", 5.0))
    pairing = Pairing(rule="nearest", window=1.0)
    assert chosen(pair(records(("a", "p", 6.0), ("a", "q", 4.0)), xrays, pairing)) == [("x", "q")]
    assert chosen(pair(records(("a", "q", 6.0), ("a", "p", 6.0)), xrays, pairing)) == [("x", "p")]
    twice = pair(records(("a", "p", 6.0), ("a", "p", 6.0)), xrays, pairing)
    assert twice["ecg"].to_list() == [0]


def test_one_to_one_the_smallest_gap_goes_first():
    ecgs = records(("a", "e0", 5.0), ("a", "e1", 8.0))
    xrays = records(("a", "x0", 2.0), ("a", "x1", 4.0), ("a", "x2", 5.5))
    once = pair(ecgs, xrays, Pairing(rule="nearest", window=24.0, reuse=False))
    assert chosen(once) == [("x1", "e1"), ("x2", "e0")]
    again = pair(ecgs, xrays, Pairing(rule="nearest", window=24.0))
    assert chosen(again) == [("x0", "e0"), ("x1", "e0"), ("x2", "e0")]


def test_a_gap_as_long_as_the_window_is_near_and_a_microsecond_more_is_not():
    ecgs = records(("a", "e", 2.0))
    for rule in ("nearest", "within"):
        for hours, pairs in ((3.5, 1), (0.5, 1), (3.5 + 1 / 3.6e9, 0), (0.5 - 1 / 3.6e9, 0)):
            found = pair(ecgs, records(("a", "x", hours)), Pairing(rule=rule, window=1.5))
            assert found.height == pairs, (rule, hours)


@pytest.mark.parametrize("rule", ["ed-stay", "nearest"])
@pytest.mark.parametrize("reuse", [True, False])
def test_a_patient_with_thousands_of_records_is_paired_without_all_combinations(
    rule, reuse, monkeypatch
):
    num = 5000
    minutes = np.random.default_rng(0).integers(0, 7 * 24 * 60, (2, num))
    ecgs, xrays = (
        records(*(("a", f"{row:04d}", hours) for row, hours in enumerate((of / 60).tolist())))
        for of in minutes
    )
    window = None if rule == "ed-stay" else 24.0
    stays = spans(("a", 0.0, 200.0))
    tracemalloc.start()
    found = pair(ecgs, xrays, Pairing(rule=rule, window=window, reuse=reuse), stays=stays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < num * num  # a byte for each combination
    assert found["xray"].n_unique() == found.height > 0.9 * num
    assert reuse or found["ecg"].n_unique() == found.height


def test_gaps_that_shrink_from_record_to_record_are_paired_one_by_one():
    hours = np.cumsum(np.arange(400, 0, -1) / 60).tolist()
    ecgs = records(*(("a", f"{row:03d}", each) for row, each in enumerate(hours[::2])))
    xrays = records(*(("a", f"{row:03d}", each) for row, each in enumerate(hours[1::2])))
    found = pair(ecgs, xrays, Pairing(rule="nearest", window=24.0, reuse=False))
    assert chosen(found) == [(f"{row:03d}", f"{row:03d}") for row in range(200)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 24.0}, "window must not be given with rule ed-stay, got 24.0"),
        ({"rule": "nearest"}, "window must be 0 to 876600 hours with rule nearest, got None"),
        ({"rule": "within", "window": -1.0}, "got -1.0"),
        ({"rule": "within", "window": float("nan")}, "got nan"),
        ({"rule": "nearest", "window": float("inf")}, "got inf"),
        ({"rule": "within", "window": 1.0, "reuse": False}, "reuse must be true with rule within"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Pairing(**settings)


def test_a_rule_that_is_none_is_refused():
    pairing = Pairing()
    object.__setattr__(pairing, "rule", "neerest")
    with pytest.raises(ConfigError, match="got 'neerest'; did you mean 'nearest'"):
        pairing.__post_init__()


def test_pairing_by_stay_without_stays_is_refused():
    with pytest.raises(ConfigError, match="must have a table of emergency stays, got none"):
        pair(records(), records(), Pairing())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (pl.col("time").dt.date(), r"column 'time' of the ECGs must be Datetime.*, got Date"),
        (pl.lit(None, pl.String).alias("patient"), "must name its patient, got 1 without"),
    ],
)
def test_tables_of_other_columns_are_refused(changed, message):
    ecgs = records(("a", "e", 1.0))
    with pytest.raises(DataError, match=message):
        pair(ecgs.with_columns(changed), records(), Pairing(rule="within", window=1.0))
    with pytest.raises(DataError, match=r"column 'time' of the X-rays must be .* no such column"):
        pair(ecgs, ecgs.drop("time"), Pairing(rule="within", window=1.0))
