"""Tables of a cardiac MRI study: every number where it belongs, with its unit and its interval."""

from typing import Any

import pytest
from crossbeat.evaluation.measurement_tables import Cell, markdown, print_sheets, sheets


def found(value: float | None, half: float = 0.1) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - half, "high": value + half}


def block(shift: float) -> dict[str, Any]:
    return {
        name: {"r2": found(shift + at / 10), "pearson": found(0.5), "mae": found(10 + shift, 1)}
        for at, name in enumerate(("LVEDV", "LVEF", "mean"))
    }


def search(shift: float) -> dict[str, Any]:
    return {
        "recall@10": found(0.5 + shift),
        "measurement_difference@10": found(1.0 + shift),
        "LVEF_difference@10": found(0.8 + shift),
    }


SCREENED = {"LVEF below 40 %": {"auroc": found(0.8)}, "mean": {"auroc": found(0.8)}}
RESULTS: dict[str, Any] = {
    "method": "ptacl",
    "baseline": "direct",
    "models": {"direct": block(0.1), "ptacl": block(0.2), "teacher": block(0.5)},
    "limits": {"latent": block(0.7)},
    "differences": {
        "ptacl - direct": {
            "LVEDV": {"r2": found(0.2), "pearson": found(0.0), "mae": found(-3.0, 1)},
            "LVEF": {"r2": found(None), "pearson": found(-0.2), "mae": found(3.0, 1)},
            "mean": {"r2": found(-0.00001, 0.5), "pearson": found(0.1), "mae": found(-0.2)},
        }
    },
    "screening": {
        "test": {"findings": {"LVEF below 40 %": {}}},
        "models": {"ptacl": SCREENED},
        "differences": {"ptacl - direct": {"LVEF below 40 %": {"auroc": found(0.15)}}},
    },
    "retrieval": {"ptacl": search(0.0)},
    "retrieval_limits": {"random": search(-0.4)},
    "retrieval_differences": {"ptacl - global": search(-2.0)},
}
TOLD = {sheet.title: sheet for sheet in sheets(RESULTS)}


def cell(title: str, row: str, column: str) -> Cell:
    sheet = TOLD[title]
    return dict(sheet.rows)[row][list(sheet.header).index(column) - 1]


def test_the_mean_comes_first_and_models_before_limits() -> None:
    sheet = TOLD["R² of each measurement"]
    assert [name for name, _ in sheet.rows] == ["mean", "LVEDV", "LVEF"]
    assert sheet.header[1:] == ["direct training", "PTACL", "MRI teacher", "limit: latent"]


def test_a_cell_has_the_value_of_its_model_and_measurement() -> None:
    assert cell("R² of each measurement", "LVEF", "PTACL") == Cell("0.300", "0.200 to 0.400")
    assert cell("R² of each measurement", "LVEF", "limit: latent").value == "0.800"
    assert cell("Retrieval", "random search", "recall@10").value == "0.100"
    assert cell("Screening", "PTACL", "AUROC, LVEF below 40 %").value == "0.800"


def test_errors_are_told_in_the_unit_of_their_row() -> None:
    assert cell("MAE of each measurement", "LVEDV (ml)", "PTACL") == Cell("10.2", "9.2 to 11.2")
    assert cell("MAE of each measurement", "mean (SD)", "PTACL").value == "10.200"


def test_a_difference_has_a_sign_and_says_who_is_better() -> None:
    pair = "PTACL − direct training"
    assert cell("Differences in R²", "LVEDV", pair) == Cell("+0.200", "+0.100 to +0.300", 1)
    assert cell("Differences in Pearson r", "LVEF", pair).better == -1
    assert cell("Differences in MAE", "LVEDV (ml)", pair) == Cell("−3.0", "−4.0 to −2.0", 1)
    assert cell("Differences in MAE", "LVEF (%)", pair).better == -1
    assert cell("Screening, differences", pair, "AUROC, LVEF below 40 %").better == 1


@pytest.mark.parametrize(
    ("column", "better"),
    [("recall@10", -1), ("Mean difference of the 10 nearest (SD)", 1)],
)
def test_less_is_better_for_distances_and_worse_for_recall(column: str, better: int) -> None:
    assert cell("Retrieval, differences", "PTACL − global only", column).better == better


def test_zero_has_no_sign_and_undefined_is_said() -> None:
    pair = "PTACL − direct training"
    assert cell("Differences in R²", "mean", pair).value == "0.000"
    assert cell("Differences in R²", "LVEF", pair) == Cell("undefined")


def test_single_measurements_of_a_search_have_a_table_of_their_own() -> None:
    title = "Retrieval: difference of the 10 nearest in SD"
    assert TOLD[title].header == ["Model", "LVEF"]
    assert cell(title, "random search", "LVEF").value == "0.400"
    assert TOLD["Retrieval"].header == [
        "Model",
        "recall@10",
        "Mean difference of the 10 nearest (SD)",
    ]


def test_only_what_was_measured_has_a_table() -> None:
    less = {name: RESULTS[name] for name in ("models", "differences", "baseline")}
    assert [sheet.title for sheet in sheets(less, ("r2",))] == [
        "R² of each measurement",
        "Differences in R²",
    ]


def test_one_model_alone_has_no_table_of_differences() -> None:
    alone = {"models": {"direct": block(0.1)}, "differences": {}, "baseline": "direct"}
    titles = [sheet.title for sheet in sheets(alone)]
    assert titles == [f"{metric} of each measurement" for metric in ("R²", "Pearson r", "MAE")]


def test_markdown_has_a_line_per_row_with_intervals_in_brackets() -> None:
    lines = list(markdown(TOLD["Differences in MAE"]))
    assert lines[:2] == ["| Measurement | PTACL − direct training |", "| --- | --- |"]
    assert lines[3] == "| LVEDV (ml) | −3.0 (−4.0 to −2.0) |"


def test_the_terminal_shows_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    print_sheets(sheets(RESULTS, ("mae",)))
    shown = capsys.readouterr().out
    for text in ("LVEDV (ml)", "−4.0 to −2.0", "MRI teacher", "random search", "LVEF below 40 %"):
        assert text in shown
