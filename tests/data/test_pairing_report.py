"""The report counts what the rules pair, and what clocks that are off would change."""

import json
import re
from datetime import datetime, timedelta

import polars as pl
import pytest

from crossbeat.data.pairing import Pairing, pair
from crossbeat.data.pairing.report import SHIFTS, SPREADS, WINDOWS, pairing_report, report_markdown
from crossbeat.data.pairing.timelines import RECORDS, STAYS
from crossbeat.errors import DataError

DAY = datetime(2150, 3, 1)


def table(schema, *rows):
    """Hours since the start of the day as times."""
    timed = [
        [DAY + timedelta(hours=cell) if isinstance(cell, float) else cell for cell in row]
        for row in rows
    ]
    return pl.DataFrame(timed, schema=schema, orient="row")


ECGS = table(
    RECORDS,
    ("a", "a1", 1.0),
    ("a", "a2", 1.9),
    ("b", "b1", 5.0),
    ("b", "b2", None),
    ("c", "c1", 2.0),
)
XRAYS = table(
    RECORDS,
    ("a", "x1", 1.5),
    ("a", "x2", 0.5),
    ("a", "x3", 1.8),
    ("b", "x4", 30.0),
    ("b", "x5", None),
    ("d", "x6", 1.0),
)
STAYS_OF = table(STAYS, ("a", 0.0, 2.0), ("b", 4.0, 6.0), ("b", 9.0, 8.0))
LABELS = pl.DataFrame(
    {"record": XRAYS["record"], "label:edema": pl.Series([1, 0, -1, 1, 0, None], dtype=pl.Int8)}
)


def report(chosen, **changed):
    given = {"ecgs": ECGS, "xrays": XRAYS, "stays": STAYS_OF, "labels": LABELS} | changed
    return pairing_report(**given, chosen=chosen)


def named(found, name):
    return next(rule for rule in found["rules"] if rule["name"] == name)


def clock(found, name):
    return next(each for each in found["clocks"] if each["error"] == name)


def test_every_rule_and_window_is_counted_once_and_the_chosen_one_first():
    found = report(Pairing(rule="nearest", window=24.0))
    names = [rule["name"] for rule in found["rules"]]
    assert names[0] == found["chosen"]["name"] == "nearest 24 h"
    assert len(names) == len(set(names)) == 2 + 3 * len(WINDOWS)
    other = report(Pairing(rule="within", window=2.0))
    assert other["rules"][0]["name"] == "within 2 h"
    assert len(other["rules"]) == 3 + 3 * len(WINDOWS)


def test_the_counts_are_those_of_the_pairs():
    found = named(report(Pairing()), "ed-stay")
    pairs = pair(ECGS, XRAYS, Pairing(), stays=STAYS_OF)
    assert pairs["xray_record"].to_list() == ["x1", "x2", "x3"]
    assert pairs["ecg_record"].to_list() == ["a1", "a2", "a1"]
    sizes = ("pairs", "xrays", "ecgs", "ecgs_reused", "most_uses", "patients")
    assert [found[name] for name in sizes] == [3, 3, 2, 1, 2, 1]
    assert found["hours"]["signed"]["least"] == pytest.approx(-1.4)
    assert found["hours"]["signed"]["median"] == pytest.approx(0.5)
    assert found["hours"]["signed"]["most"] == pytest.approx(0.8)
    assert found["hours"]["absolute"]["median"] == pytest.approx(0.8)


def test_prevalence_is_over_the_paired_xrays_each_of_them_once():
    found = report(Pairing())
    edema = named(found, "within 24 h")["findings"]["edema"]
    assert named(found, "within 24 h")["pairs"] == 6
    assert edema == {
        "positive": 1,
        "negative": 1,
        "uncertain": 1,
        "unknown": 0,
        "prevalence": pytest.approx(1 / 3),
    }
    assert found["records"]["findings"]["edema"]["prevalence"] == pytest.approx(2 / 6)
    assert found["records"]["findings"]["edema"]["unknown"] == 1


def test_records_without_a_time_and_stays_that_hold_nothing_are_counted():
    records = report(Pairing())["records"]
    assert records["ecgs"] == {"records": 5, "patients": 3, "without_time": 1, "in_stay": 3}
    assert records["xrays"] == {"records": 6, "patients": 3, "without_time": 1, "in_stay": 3}
    assert records["patients_with_both"] == 2
    assert records["stays"] == {"records": 3, "unusable": 1}


def test_a_clock_moves_ecgs_out_of_their_stay_and_pairs_are_lost_changed_or_gained():
    found = report(Pairing())
    # a2, at 1.9 h of a stay that ends at 2 h, leaves it: x2 changes to a1
    late = clock(found, "all clocks +15 min")
    assert (late["kept"], late["changed"], late["lost"], late["gained"]) == (
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0.0,
        0.0,
    )
    assert late["pairs"] == 3
    alone = report(Pairing(), ecgs=ECGS.filter(pl.col("record") == "a2"))
    gone = clock(alone, "all clocks +15 min")
    assert (gone["pairs"], gone["lost"], gone["kept"]) == (0, 1.0, 0.0)
    assert gone["findings"]["edema"]["prevalence"] is None


def test_a_clock_brings_an_ecg_into_reach_of_an_xray_that_had_none():
    found = report(Pairing(rule="nearest", window=0.4))
    assert found["rules"][0]["pairs"] == 2  # x1 and x3, both to a2
    back = clock(found, "all clocks -15 min")  # a1 is now 15 minutes after x2
    assert (back["kept"], back["gained"], back["pairs"]) == (1.0, 0.5, 3)


def test_without_an_error_that_matters_all_pairs_are_kept():
    found = report(Pairing(rule="nearest", window=72.0))
    assert {clock["error"] for clock in found["clocks"]} == {
        *(f"all clocks {shift:+g} min" for shift in SHIFTS),
        *(f"each by itself, SD {spread:g} min" for spread in SPREADS),
    }
    for each in found["clocks"]:
        assert each["kept"] + each["changed"] + each["lost"] == pytest.approx(1.0)
        assert each["lost"] == each["gained"] == 0


def test_random_errors_are_of_the_seed():
    clocks = [
        pairing_report(
            table(RECORDS, *(("a", f"{row}", row / 10) for row in range(60))),
            table(RECORDS, *(("a", f"{row}", row / 7) for row in range(40))),
            None,
            pl.DataFrame({"label:edema": [0] * 40}),
            Pairing(rule="nearest", window=0.1, reuse=False),
            seed=seed,
        )["clocks"]
        for seed in (0, 0, 1)
    ]
    assert clocks[0] == clocks[1]
    assert clocks[0] != clocks[2]
    assert clocks[0][: len(SHIFTS)] == clocks[2][: len(SHIFTS)]


def test_without_stays_no_rule_asks_for_them():
    found = report(Pairing(rule="within", window=1.0), stays=None)
    assert {rule["rule"] for rule in found["rules"]} == {"nearest", "within"}
    assert found["records"]["stays"] == {"records": 0, "unusable": 0}


def test_a_data_set_of_which_nothing_pairs_has_a_report():
    found = report(Pairing(), ecgs=ECGS.clear(), xrays=XRAYS.clear(), labels=LABELS.clear())
    assert {rule["pairs"] for rule in found["rules"]} == {0}
    assert found["rules"][0]["hours"]["signed"]["median"] is None
    assert {clock["kept"] for clock in found["clocks"]} == {None}
    assert "| ed-stay | 0 | 0 | – % |" in report_markdown(found)


def test_the_report_is_json_and_the_page_tells_the_same_numbers():
    found = report(Pairing())
    assert json.loads(json.dumps(found)) == found
    page = report_markdown(found)
    assert "Rule: **ed-stay**. 3 pairs of 3 X-rays and 2 ECGs, of 1 patients" in page
    assert "| ed-stay | 3 | 3 | 50.0 % | 2 | 1 | 2 | 1 |" in page
    assert "| all X-rays | 33.3 |" in page
    assert "| all clocks +15 min | 3 | 66.7 | 33.3 | 0.0 | 0.0 | 33.3 |" in page
    assert not re.search(r"-0\.0\b", page)
    for part in page.split("\n\n"):
        widths = {line.count("|") for line in part.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, part


def test_labels_that_are_not_those_of_the_xrays_are_refused():
    with pytest.raises(DataError, match="must have a row for each of 6 X-rays, got 5"):
        report(Pairing(), labels=LABELS.head(5))
    wrong = LABELS.with_columns(pl.lit(3).alias("label:edema"))
    with pytest.raises(DataError, match="label in column 'label:edema' must be 1, 0, -1 or empty"):
        report(Pairing(), labels=wrong)
