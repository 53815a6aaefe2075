"""The figure along an axis draws the paired gains at their points."""

from typing import Any

import numpy as np
import pytest

from crossbeat.report import theme
from crossbeat.report.forests import along

MODELS = ("direct", "cromotex", "shuffled", "teacher")


def estimate(value: float | None, half: float | None = 0.01) -> dict[str, Any]:
    ends = [None if half is None or value is None else value + side * half for side in (-1, 1)]
    return {"mean": {"auroc": {"value": value, "low": ends[0], "high": ends[1]}}}


def point(at: float | str, *values: float | None, half: float | None = 0.01) -> dict[str, Any]:
    names = MODELS[1 : 1 + len(values)]
    return {
        "at": at,
        "method": "cromotex",
        "baseline": "direct",
        "models": dict.fromkeys(("direct", *names), estimate(0.8)),
        "differences": {
            f"{name} - direct": estimate(value, half)
            for name, value in zip(names, values, strict=True)
        },
    }


def results(*points: dict[str, Any]) -> dict[str, Any]:
    return {"axis": "labelled patients", "points": list(points)}


THREE = results(
    point(100.0, 0.01, 0.0, 0.2), point(1000.0, 0.03, -0.01, 0.2), point(300.0, 0.02, 0.0)
)


def lines(figure: Any) -> dict[str, np.ndarray]:
    """The points of each line, by its colour."""
    return {
        line.get_color(): np.array(line.get_xydata())
        for line in figure.axes[0].get_lines()
        if line.get_marker() == "o"
    }


def test_lines_are_the_gains_in_points_from_left_to_right_and_named():
    figure = along(THREE)
    drawn = lines(figure)
    np.testing.assert_allclose(drawn[theme.METHOD], [[100, 1], [300, 2], [1000, 3]])
    np.testing.assert_allclose(drawn[theme.OTHERS[0]], [[100, 0], [300, 0], [1000, -1]])
    assert theme.BASELINE not in drawn
    text = theme.svg(figure)
    for name in ("CroMoTEX", "shuffled X-rays", "points above direct training", "labelled patie"):
        assert name in text
    assert "teacher" not in text


def test_intervals_that_are_far_wider_than_the_values_run_out_of_the_picture():
    wide = along(results(point(1.0, 0.02, half=0.5), point(2.0, 0.04, half=0.5))).axes[0]
    assert wide.get_ylim() == pytest.approx((-4, 8))  # the values reach from 0 to 4
    narrow = along(results(point(1.0, 0.02), point(2.0, 0.04))).axes[0]
    assert narrow.get_ylim()[0] > -1


def test_gains_that_are_all_large_are_drawn_above_zero():
    low, high = along(results(point(1.0, 0.06), point(2.0, 0.07))).axes[0].get_ylim()
    assert low <= 0 < high


def test_names_of_lines_that_end_together_do_not_hide_each_other():
    figure = along(results(point(1.0, 0.02, 0.02), point(2.0, 0.02, 0.02)))
    heights = sorted(text.xy[1] for text in figure.axes[0].texts)
    low, high = figure.axes[0].get_ylim()
    assert heights[1] - heights[0] >= 0.05 * (high - low)


@pytest.mark.parametrize(
    ("at", "labels", "places", "scale", "turned"),
    [
        ((100.0, 900.0), None, (100, 900), "linear", 0),
        ((100.0, 1000.0), None, (100, 1000), "log", 0),  # a factor of ten
        ((0.0, 0.1, 0.4), None, (0, 0.1, 0.4), "linear", 0),
        ((0.0, 24.0, 2160.0), ["0", "24", "2160"], (0, 1, 2), "linear", 0),  # too near elsewhere
        (("lying", "upright"), ["lying", "upright"], (0, 1), "linear", 0),
        ([f"a long name {at}" for at in range(6)], None, range(6), "linear", 35),
    ],
)
def test_points_stand_where_they_can_be_read(at, labels, places, scale, turned):
    figure = along(results(*(point(each, 0.01 * n) for n, each in enumerate(at, 1))))
    axes = figure.axes[0]
    np.testing.assert_allclose(lines(figure)[theme.METHOD][:, 0], places)
    assert axes.get_xscale() == scale
    shown = axes.get_xticklabels()
    assert shown[0].get_rotation() == turned
    assert labels in (None, [label.get_text() for label in shown])


def test_what_is_undefined_is_left_out_and_a_value_may_lack_its_interval():
    figure = along(results(point(1.0, 0.01, half=None), point(2.0, None), point(3.0, 0.03)))
    np.testing.assert_allclose(lines(figure)[theme.METHOD], [[1, 1], [3, 3]])


def reached(at: float, **values: float) -> dict[str, Any]:
    models = {name: estimate(value) for name, value in values.items()}
    return {"at": at, "method": "cromotex", "baseline": "shuffled", "models": models}


def test_levels_are_in_percent_at_the_points_that_a_model_has():
    figure = along(
        results(
            reached(0.0, cromotex=0.8, shuffled=0.6, teacher=0.9),
            reached(30.0, cromotex=0.81, shuffled=0.7, direct=0.65, teacher=0.9),
            reached(300.0, cromotex=0.82, shuffled=0.7, direct=0.75, teacher=0.9),
        )
    )
    drawn = lines(figure)
    assert len(drawn) == 3
    np.testing.assert_allclose(drawn[theme.METHOD][:, 1], [80, 81, 82])
    np.testing.assert_allclose(drawn[theme.OTHERS[0]][:, 1], [65, 75])
    text = theme.svg(figure)
    assert "in percent" in text
    assert "teacher" not in text
