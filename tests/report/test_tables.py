"""Tables: every number where it belongs, shares in percent, errors in their unit."""

from typing import Any

import pytest

from crossbeat.cli.tables import show
from crossbeat.report.tables import (
    Cell,
    cell,
    grids,
    markdown,
    markdown_candidates,
    of_measures,
    of_targets,
    over_what,
    sheets,
)


def found(value: float | None, half: float = 0.1, runs: int = 1) -> dict[str, Any]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    ends = {"value": value, "low": value - half, "high": value + half}
    return ends | ({"by_run": [value] * runs} if runs > 1 else {})


def block(shift: float) -> dict[str, Any]:
    return {
        name: {"r2": found(shift + at / 10), "pearson": found(0.5), "mae": found(10 + shift, 1)}
        for at, name in enumerate(("LVEDV", "RVEF", "mean"))
    }


def search(shift: float) -> dict[str, Any]:
    return {
        "recall@10": found(0.5 + shift),
        "measurement_difference@10": found(1.0 + shift),
        "LVEF_difference@10": found(0.8 + shift),
    }


SCREENED = {"LVEF below 40 %": {"auroc": found(0.8)}, "mean": {"auroc": found(0.8)}}
HEARTS: dict[str, Any] = {
    "method": "ptacl",
    "baseline": "direct",
    "models": {"direct": block(0.1), "ptacl": block(0.2), "teacher": block(0.5)},
    "limits": {"latent": block(0.7)},
    "differences": {
        "ptacl - direct": {
            "LVEDV": {"r2": found(0.2), "pearson": found(0.0), "mae": found(-3.0, 1)},
            "RVEF": {"r2": found(None), "pearson": found(-0.2), "mae": found(3.0, 1)},
            "mean": {"r2": found(-0.00001, 0.5), "pearson": found(0.1), "mae": found(-0.2)},
        },
        "ptacl - teacher": block(-0.3),
    },
    "readings": {"probe": {"models": {"direct, probe": block(0.15)}, "differences": {}}},
    "screening": {
        "models": {"ptacl": SCREENED},
        "differences": {"ptacl - direct": {"LVEF below 40 %": {"auroc": found(0.15)}}},
    },
    "retrieval": {"ptacl": search(0.0)},
    "retrieval_limits": {"random": search(-0.4)},
    "retrieval_differences": {"ptacl - global": search(-2.0)},
}


def films(shift: float = 0.0, runs: int = 1, **more: Any) -> dict[str, Any]:
    def of(value: float) -> dict[str, Any]:
        each = {"auroc": found(value, 0.01, runs), "f1": found(0.5)}
        return dict.fromkeys(("pleural_effusion", "edema", "mean"), each)

    return {
        "baseline": "direct",
        "models": {"direct": of(0.8), "clip": of(0.8 + shift)},
        "differences": {"clip - direct": of(shift)},
    } | more


@pytest.mark.parametrize(
    ("estimate", "metric", "unit", "signed", "expected"),
    [
        (found(0.8, 0.05), "auroc", "", False, Cell("80.0", "75.0 to 85.0")),
        (found(-0.125, 0.05), "r2", "", False, Cell("-12.5", "-17.5 to -7.5")),
        (found(0.5, 0.25), "pearson", "", False, Cell("0.500", "0.250 to 0.750")),
        (found(10.25, 1), "mae", "ml", False, Cell("10.2", "9.2 to 11.2")),
        (found(0.5, 0.25), "mae", "SD", False, Cell("0.500", "0.250 to 0.750")),
        (found(0.02, 0.01), "auroc", "", True, Cell("+2.0", "+1.0 to +3.0", 1)),
        (found(-0.02, 0.01), "recall@1", "", True, Cell("-2.0", "-3.0 to -1.0", -1)),
        (found(-3.0, 1.0), "mae", "ml", True, Cell("-3.0", "-4.0 to -2.0", 1)),
        (found(0.02, 0.01), "brier", "", True, Cell("+2.0", "+1.0 to +3.0", -1)),
        (found(-0.0001, 0.5), "auroc", "", True, Cell("0.0", "-50.0 to +50.0")),
        ({"value": 0.5, "low": None, "high": None}, "auroc", "", False, Cell("50.0")),
        (found(None), "auroc", "", False, Cell("not defined")),
        (None, "auroc", "", True, Cell("not defined")),
    ],
)
def test_a_cell_is_an_estimate_in_words(estimate, metric, unit, signed, expected):
    assert cell(estimate, metric, unit, signed=signed) == expected


def test_a_metric_has_a_column_for_each_target_with_its_unit():
    sheet = of_targets(HEARTS, "mae", called=str.upper)
    assert sheet.header == ["model", "LVEDV (ml)", "RVEF (%)", "mean (SD)"]
    assert sheet.rows[1] == (
        "PTACL",
        [Cell("10.2", "9.2 to 11.2")] * 2 + [Cell("10.200", "9.200 to 11.200")],
    )
    pairs = of_targets(HEARTS, "mae", part="differences")
    assert [each.better for each in pairs.rows[0][1]] == [1, -1, 1]
    assert of_targets(HEARTS, "r2", columns=["mean"]).header == ["model", "mean"]


def test_single_measurements_of_a_search_have_a_table_of_their_own():
    over_all, alone = (of_measures(HEARTS, "retrieval", alone=alone) for alone in (False, True))
    assert over_all.header[1:] == ["recall@10 (%)", "Mean difference of the 10 nearest (SD)"]
    assert (alone.header[1:], alone.texts()) == (["LVEF"], [["ptacl", "0.800 (0.700 to 0.900)"]])
    (pair,) = of_measures(HEARTS, "retrieval", ending="_differences").rows
    assert [each.better for each in pair[1]] == [-1, 1]  # less is better for distances


def test_the_terminal_has_a_table_for_everything_that_was_compared():
    told = {sheet.title: sheet for sheet in sheets(HEARTS)}
    over = "(95 % interval over patients)"
    assert list(told) == [
        f"R² in percent {over}",
        "Paired differences in points",
        *(f"Pearson r {over}", "Paired differences in Pearson r"),
        *(f"MAE {over}", "Paired differences in MAE"),
        *("Retrieval", "Retrieval, differences"),
        "Retrieval: difference of the 10 nearest in SD",
        "Retrieval: difference of the 10 nearest in SD, differences",
        *(f"probe: {metric} {over}" for metric in ("R² in percent", "Pearson r", "MAE")),
        *(f"screening: AUROC in percent {over}", "screening: Paired differences in points"),
    ]
    first = told[f"R² in percent {over}"]
    assert [name for name, _ in first.rows] == ["direct", "ptacl", "teacher", "limit: latent"]
    assert first.texts()[1][1] == "20.0 (10.0 to 30.0)"
    assert told[f"screening: AUROC in percent {over}"].header == ["model", "LVEF below 40 %"]
    assert [sheet.title for sheet in sheets(films(differences={}))] == [f"AUROC in percent {over}"]
    wide = {f"finding_{n}": {"auroc": found(n / 10)} for n in range(9)}  # is turned round
    (sheet,) = sheets({"models": {"direct": wide | {"mean": {"auroc": found(0.4)}}}})
    assert sheet.header == ["model", "direct"]
    assert sheet.texts()[3] == ["finding 3", "30.0 (20.0 to 40.0)"]


def test_titles_tell_where_and_what_intervals_are_over():
    assert over_what(films(), own_patients=True) == "patients"
    assert over_what(films(runs=2)) == "patients and runs"
    assert over_what(films(runs=2), own_patients=True) == "seeds"
    external = {
        "cohort": {"name": "virtual", "fingerprint": "a"},
        "trained_on": {"name": "mimic", "fingerprint": "b"},
    }
    first = next(iter(sheets(films(**external))))
    assert first.title.startswith("external: virtual, trained on mimic: AUROC in percent (95 %")
    along = {"axis": "patients", "points": [{"at": 24.0} | films()]}
    assert next(iter(sheets(along))).title.startswith("patients 24: AUROC in percent")


def test_the_terminal_shows_every_value(capsys):
    show(films(0.02, runs=3), as_json=False, own_patients=True)
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("over seeds", "pleural effusion", "82.0 (81.0 to 83.0)", "+2.0 (+1.0 to +3.0)"):
        assert text in shown
    show(films(), as_json=True)
    assert capsys.readouterr().out.startswith('{\n "baseline": "direct"')


def test_markdown_has_models_limits_and_pairs_in_one_table():
    tables = [table.split("\n") for table in "\n".join(markdown(HEARTS)).split("\n\n")]
    assert tables[0] == [
        "| R² in percent | LVEDV | mean |",  # RVEF is like LVEF
        "| --- | --- | --- |",
        "| `direct` | 10.0 (0.0 to 20.0) | 30.0 (20.0 to 40.0) |",
        "| `ptacl` | 20.0 (10.0 to 30.0) | 40.0 (30.0 to 50.0) |",
        "| `teacher` | 50.0 (40.0 to 60.0) | 70.0 (60.0 to 80.0) |",
        "| limit: latent | 70.0 (60.0 to 80.0) | 90.0 (80.0 to 100.0) |",
        "| ptacl − direct | +20.0 (+10.0 to +30.0) | 0.0 (-50.0 to +50.0) |",
    ]
    assert [table[0].split(" | ")[0] for table in tables[1:]] == [
        *("| probe: R² in percent", "| screening: AUROC in percent", "| Retrieval")
    ]
    assert tables[3][2:] == [
        "| `ptacl` | 50.0 (40.0 to 60.0) | 1.000 (0.900 to 1.100) |",
        "| limit: random | 10.0 (0.0 to 20.0) | 0.600 (0.500 to 0.700) |",
        "| ptacl − global | -150.0 (-160.0 to -140.0) | -1.000 (-1.100 to -0.900) |",
    ]


def test_along_an_axis_the_gains_come_first():
    alone = films(0.03)
    alone["differences"] = {}
    points = [{"at": 100.0} | films(0.02), {"at": "all"} | alone]
    first, *others = grids({"axis": "patients", "points": points})
    assert first.header == ["patients", "100", "all"]
    assert first.texts() == [
        ["`direct`", "80.0 (79.0 to 81.0)", "80.0 (79.0 to 81.0)"],
        ["clip − direct", "+2.0 (+1.0 to +3.0)", "not defined"],
    ]
    assert [sheet.title for sheet in others] == [
        *("patients 100: AUROC in percent", "patients all: AUROC in percent")
    ]


@pytest.mark.parametrize(("metric", "called"), [("auroc", "AUROC"), ("r2", "R²")])
def test_the_chosen_candidate_is_bold(metric, called):
    search = {"validation": {"clip": {"slow": 0.7, "fast": 0.8}}, "chosen": {"clip": "fast"}}
    lines = list(markdown_candidates(search | {"metric": metric}))
    assert lines[0] == f"| model | candidate | validation {called} |"
    assert lines[2:] == ["| `clip` | slow | 70.0 |", "| `clip` | **fast** | **80.0** |"]
