"""The tables of a cohort's summary."""

from crossbeat.report.cohort_tables import tables

SPLITS = {"train": {"rows": 2, "patients": 2}}
RECORDS = {"patients": 2, "rows": 2, "ecgs": 2, "xrays": 0, "cines": 0, "long_cines": 0, "pairs": 0}
FOUND = {
    "splits": {"all": RECORDS | {"reported": 2}},
    "findings": {},
    "measurements": {},
    "gaps": {},
    "rejected": {},
    "audit": {
        "phases": {"alignment": SPLITS},
        "in_two_splits": {"patients": 0},
        "repeated_signals": {"ecg": 0},
        "alike": {"pairs": 1200, "across_splits": 3, "listed": []},
    },
}


def test_nearly_equal_signals_are_counted_among_the_leaks():
    (leaks,) = [rows for title, _, rows in tables(FOUND) if title == "Leaks"]
    assert leaks[2:] == [
        ["nearly equal signals of different patients", "1,200 pairs"],
        ["nearly equal signals in two splits", "3 pairs"],
    ]
