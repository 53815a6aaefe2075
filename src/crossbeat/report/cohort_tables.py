"""What a cohort's summary tells, as tables of text: for the terminal and for a page."""

from collections.abc import Iterator, Sequence

from crossbeat.data.splits import SPLITS
from crossbeat.data.summary import ALL
from crossbeat.evaluation import names
from crossbeat.files import ReadJson
from crossbeat.modalities import MODALITIES, one_of

Rows = Sequence[Sequence[str]]
Table = tuple[str, Sequence[str], Rows]
"""A title, the names of the columns, and the cells."""


_COUNTS = {"reported": "with a report"}
_SPREAD = ("mean", "deviation")


def tables(found: ReadJson) -> list[Table]:
    """What a summary tells, as tables; those without rows are left out."""
    drawn = [
        ("Records", ["split", *map(_called, _there(found))], _splits(found)),
        (
            "Findings",
            ["finding", "split", "positive", "negative", "uncertain", "not mentioned", "share"],
            list(_findings(found)),
        ),
        (
            "Cardiac measurements",
            ["measurement", "split", "measured", "mean", "standard deviation"],
            list(_measurements(found)),
        ),
        *_gaps(found["gaps"]),
        (
            "Left out",
            ["rule", "records"],
            [[rule, f"{count:,}"] for rule, count in found["rejected"].items()],
        ),
        ("Leak audit", ["seen together", *SPLITS], list(_phases(found))),
        ("Leaks", ["", "number"], list(_leaks(found))),
    ]
    return [table for table in drawn if table[2]]


def in_words(found: ReadJson) -> str:
    """Kind and form of a cohort in a line."""
    return " · ".join([found["kind"], *found["recordings"]])


def _splits(found: ReadJson) -> Rows:
    there = _there(found)
    return [
        [split, *(f"{counts[key]:,}" for key in there)] for split, counts in found["splits"].items()
    ]


def _there(found: ReadJson) -> list[str]:
    """The counts that are told: those of a modality only where there are some."""
    counts = found["splits"][ALL]
    return [key for key in counts if counts[key] or key not in MODALITIES]


def _called(count: str) -> str:
    return MODALITIES[count].label if count in MODALITIES else _COUNTS.get(count, count)


def _findings(found: ReadJson) -> Iterator[list[str]]:
    for finding, splits in found["findings"].items():
        for split, counts in splits.items():
            name = names.plain(finding) if split == ALL else ""
            known = sum(counts.values())
            share = f"{100 * counts['positive'] / known:.1f} %" if known else "–"
            yield [name, split, *(f"{count:,}" for count in counts.values()), share]


def _measurements(found: ReadJson) -> Iterator[list[str]]:
    for measurement, splits in found["measurements"].items():
        for split, told in splits.items():
            numbers = ["–" if told[key] is None else f"{told[key]:.1f}" for key in _SPREAD]
            yield [measurement if split == ALL else "", split, f"{told['measured']:,}", *numbers]


def _gaps(gaps: ReadJson) -> Iterator[Table]:
    for name, each in gaps.items():
        title = f"Hours from the ECG to the {one_of(name)}"
        quantiles = [f"{value:,.1f}" for value in each["hours"].values()]
        yield title, ["", *each["hours"]], [[f"{each['pairs']:,} pairs", *quantiles]]


def _phases(found: ReadJson) -> Iterator[list[str]]:
    for phase, splits in found["audit"]["phases"].items():
        told = [f"{each['rows']:,} rows, {each['patients']:,} patients" for each in splits.values()]
        yield [phase, *told]


def _leaks(found: ReadJson) -> Iterator[list[str]]:
    for name, count in found["audit"]["in_two_splits"].items():
        yield [f"{name} in two splits", f"{count:,}"]
    for name, count in found["audit"]["repeated_signals"].items():
        yield [f"{name} stored twice", f"{count:,}"]
    if alike := found["audit"].get("alike"):  # cohorts of older versions have none
        yield ["nearly equal signals of different patients", f"{alike['pairs']:,} pairs"]
        yield ["nearly equal signals in two splits", f"{alike['across_splits']:,} pairs"]
