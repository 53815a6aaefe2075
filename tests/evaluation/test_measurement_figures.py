"""Figures of measurements draw what the numbers say, small enough to stand in a page."""

import re

import numpy as np
import pytest
from crossbeat.evaluation.agreement import agreement
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.measurement_compare import compare_measurements
from crossbeat.evaluation.theme import TEACHER, svg

from crossbeat.evaluation import measurement_figures as figures


def run(noise: float, seed: int, rows: int = 100) -> Estimates:
    patients, errors = np.random.default_rng(0), np.random.default_rng([seed, 1])
    splits = []
    for name in ("val", "test"):
        truth = patients.normal(size=(rows, 2)) * [30, 8] + [150, 60]
        estimate = truth + noise * errors.normal(size=truth.shape) * [30, 8]
        splits.append(Estimated(truth, estimate, np.array([f"{name}{row}" for row in range(rows)])))
    splits[1].truth[0, 1] = np.nan
    return Estimates(("LVEDV", "LVEF"), *splits)


RUNS = {"direct": run(0.9, 1), "ptacl": run(0.5, 2), "teacher": run(0.1, 3)}
RESULTS = compare_measurements(
    {name: {0: each} for name, each in RUNS.items()},
    method="ptacl",
    baseline="direct",
    seed=0,
    replicates=30,
)
ALL = {
    "scatter": lambda: figures.scatter(RUNS["ptacl"], "LVEF"),
    "bland_altman": lambda: figures.bland_altman(RUNS["ptacl"], "LVEF"),
    "forest": lambda: figures.measurement_forest(RESULTS),
    "errors": lambda: figures.measurement_forest(RESULTS, metric="mae"),
    "differences": lambda: figures.measurement_differences(RESULTS),
}


@pytest.mark.parametrize("name", ALL)
def test_a_figure_asks_for_nothing_repeats_and_fits_into_a_page(name: str) -> None:
    text = svg(ALL[name]())
    assert re.findall(r"""(?:href|src)=["'](?!data:|#)[^"']*|url\((?!#)[^)]*""", text) == []
    assert len(text) < 100_000
    assert text == svg(ALL[name]())


def test_the_scatter_has_every_known_row_and_its_metrics() -> None:
    axes = figures.scatter(RUNS["ptacl"], "LVEF").axes[0]
    points = axes.lines[0]
    known = RUNS["ptacl"].test.truth[1:, 1]
    np.testing.assert_array_equal(points.get_xdata(), known)
    np.testing.assert_array_equal(points.get_ydata(), RUNS["ptacl"].test.estimate[1:, 1])
    told = RESULTS["models"]["ptacl"]["LVEF"]
    expected = f"R² {told['r2']['value']:.2f}\nr {told['pearson']['value']:.2f}\nMAE "
    assert axes.texts[0].get_text() == f"{expected}{told['mae']['value']:.1f} %"
    assert axes.get_xlim() == axes.get_ylim()


def test_bland_altman_draws_errors_about_bias_and_limits() -> None:
    test = RUNS["ptacl"].test
    axes = figures.bland_altman(RUNS["ptacl"], "LVEF").axes[0]
    truth, estimate = test.truth[1:, 1], test.estimate[1:, 1]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), estimate - truth)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), (estimate + truth) / 2)
    found = agreement(truth, estimate, test.patients[1:], seed=0)
    levels = {line.get_ydata()[0] for line in axes.lines[1:]}
    assert levels == {0, found.bias.value, found.lower.value, found.upper.value}
    assert f"bias\n{found.bias.value:+.1f}".replace("-", "−") in [
        text.get_text() for text in axes.texts
    ]


def drawn(figure) -> dict[str, list[tuple[float, float]]]:
    """The points of each colour, the uppermost first."""
    points: dict[str, list[tuple[float, float]]] = {}
    for line in figure.axes[0].lines:
        if line.get_marker() == "o" and len(line.get_xdata()) == 1:
            at = (line.get_ydata()[0], line.get_xdata()[0])
            points.setdefault(line.get_color(), []).append(at)
    return {colour: sorted(each, reverse=True) for colour, each in points.items()}


def test_a_forest_has_a_row_per_measurement_and_a_line_per_model() -> None:
    figure = figures.measurement_forest(RESULTS)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["mean", "LVEDV", "LVEF"]
    values = [[value for _, value in each] for each in drawn(figure).values()]
    expected = [
        [found[name]["r2"]["value"] for name in rows] for found in RESULTS["models"].values()
    ]
    assert values == expected


def test_errors_have_their_unit_at_the_row() -> None:
    labels = figures.measurement_forest(RESULTS, metric="mae").axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["mean (SD)", "LVEDV (ml)", "LVEF (%)"]


def test_differences_are_the_methods_own_and_leave_the_teacher_out() -> None:
    figure = figures.measurement_differences(RESULTS)
    assert len(drawn(figure)) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "against direct training"
    ]


@pytest.mark.parametrize("name", ["teacher", "cine-teacher"])
def test_a_teacher_has_its_colour_and_is_drawn_where_there_is_nobody_else(name: str) -> None:
    runs = {name: {0: RUNS["teacher"]}, "ptacl": {0: RUNS["ptacl"]}}
    alone = compare_measurements(runs, method="ptacl", baseline=name, seed=0, replicates=9)
    figure = figures.measurement_differences(alone)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["against MRI teacher"]
    assert list(drawn(figure)) == [TEACHER]


def test_a_measurement_that_nobody_has_cannot_be_drawn() -> None:
    unknown = run(0.5, 2)
    unknown.test.truth[:, 1] = np.nan
    with pytest.raises(ValueError, match="LVEF must be known for a test row"):
        figures.scatter(unknown, "LVEF")
