"""Figures draw what the numbers say, small enough to stand in a page."""

import importlib
import re
import sys

import numpy as np
import pytest
from made_up import METHOD, run, runs, study

from crossbeat.errors import ConfigError
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.statistics import agreement
from crossbeat.report import figures, forests, theme
from crossbeat.report.tables import cell
from crossbeat.report.words import minus
from crossbeat.signal import Ecg
from crossbeat.targets import FINDING, MEASUREMENT

BOTH = pytest.mark.parametrize("kind", [FINDING, MEASUREMENT], ids=lambda kind: kind.name)
OTHERS = {"shuffled": 0.2, "teacher": 3.0}
RUNS = runs(FINDING, 1.5, **OTHERS)
RESULTS = {kind: study(kind, 1.5, **OTHERS) for kind in (FINDING, MEASUREMENT)}
PAINT = theme.colours(RUNS, method="cromotex", baseline="direct")
POINTS = np.random.default_rng(0).normal(size=(1500, 2))
ECG = Ecg(np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32), ("I", "II"), 500.0)
CINE = np.random.default_rng(0).integers(0, 256, (10, 16, 16)).astype(np.uint8)
ESTIMATED = run(MEASUREMENT, 1.5, rows=100)
ESTIMATED.test.targets[0] = np.nan

ALL = {
    f"{draw.__name__}-{kind.name}": lambda draw=draw, kind=kind: draw(RESULTS[kind])
    for draw in (forests.bars, forests.forest, forests.differences, forests.comparisons)
    for kind in (FINDING, MEASUREMENT)
} | {
    "roc": lambda: figures.roc(RUNS, "edema", PAINT),
    "calibration": lambda: figures.calibration(RUNS, "edema", PAINT),
    "embedding": lambda: figures.embedding(POINTS, (POINTS[:, 0] > 0) * 1.0, finding="edema"),
    "training": lambda: figures.training({"train": [3.0, 2.0], "val": [3.0, 2.5]}, label="loss"),
    "scatter": lambda: figures.scatter(ESTIMATED, "LVEF"),
    "bland_altman": lambda: figures.bland_altman(ESTIMATED, "LVEF"),
    "matrix": lambda: figures.frame_by_segment(np.eye(50)),
    "strips": lambda: figures.answering_strips(ECG, "I", CINE, (0, 3, 6), np.zeros((3, 100))),
}


@pytest.mark.parametrize("name", ALL)
def test_a_figure_needs_nothing_else_repeats_and_fits_into_a_page(name):
    text = theme.svg(ALL[name]())
    assert "prefers-color-scheme:dark" in text
    drawn = text[text.index("</style>") :]
    assert theme.INK not in drawn  # it follows light and dark
    assert re.findall(r"""(?:href|src)=["'](?!data:|#)[^"']*|url\((?!#)[^)]*""", text) == []
    assert len(text) < 300_000
    assert text == theme.svg(ALL[name]())


@BOTH
def test_bars_and_forest_show_every_model_and_the_limit_with_its_interval(kind):
    results = RESULTS[kind]
    limited = {**results, "limits": {"ecg-clean-labels": results["models"]["teacher"]}}
    text = theme.svg(forests.bars(limited))
    for found in results["models"].values():
        assert minus(str(cell(found["mean"][kind.leads], kind.leads))) in text
    labels = {
        FINDING: ("X-ray teacher (reads the X-ray)", "limit: clean labels", "CroMoTEX"),
        MEASUREMENT: ("MRI teacher (reads the cine MRI)", "limit: clean labels", "PTACL"),
    }
    places = [text.index(f">{name}<") for name in (*labels[kind], "direct training")]
    assert places == sorted(places)
    assert "limit" not in theme.svg(forests.bars(results))
    text = theme.svg(forests.forest(results))
    found = results["models"][METHOD[kind]]["mean"][kind.leads]
    assert text.count(minus(str(cell(found, kind.leads)))) == 1  # one target: no row of the mean
    assert text.count("direct training") == 1


@BOTH
def test_differences_are_the_methods_own_and_leave_the_teacher_out(kind):
    text = theme.svg(forests.differences(RESULTS[kind]))
    assert text.count("against direct training") == 1
    assert "teacher" not in text
    alone = compare(
        {name: [run(kind, 1.0)] for name in ("teacher", METHOD[kind])},
        method=METHOD[kind],
        baseline="teacher",
        seed=0,
        replicates=5,
    )
    assert not forests.has_differences(alone)
    with pytest.raises(ValueError, match="a model beside the method that is not the teacher"):
        forests.differences(alone)
    assert forests.has_differences(RESULTS[kind])
    reversed_roles = RESULTS[kind] | {"method": "teacher"}
    assert not forests.has_differences(reversed_roles)


def test_comparisons_have_every_pair_once_without_the_teacher():
    results = compare(
        {name: [each] for name, each in RUNS.items()},
        method="cromotex",
        baseline="direct",
        seed=0,
        replicates=30,
        extra=[("shuffled", "teacher"), ("direct", "shuffled")],
    )
    text = theme.svg(forests.comparisons(results))
    for title in ("against direct training", "CroMoTEX against", "further pairs"):
        assert text.count(f">{title}<") == 1
    assert text.count(">CroMoTEX<") == 1
    assert text.count(">shuffled X-rays<") == 2
    assert text.count(">direct training − shuffled X-rays<") == 1
    assert "teacher" not in text


def test_an_undefined_value_is_said_to_be_undefined():
    nothing = {"auroc": {"value": None, "low": None, "high": None}}
    block = {"edema": nothing, "mean": nothing}
    results = {"method": "b", "baseline": "a", "models": {"a": block, "b": block}}
    results["differences"] = {"b - a": block}
    for draw, times in ((forests.forest, 2), (forests.bars, 2), (forests.differences, 1)):
        assert theme.svg(draw(results)).count("not defined") == times


def test_colours_differ_and_do_not_depend_on_who_else_is_there():
    assert len({PAINT[name] for name in RUNS}) == len(RUNS)
    few = theme.colours(("direct", "cromotex"), method="cromotex", baseline="direct")
    assert few["cromotex"] == PAINT["cromotex"]
    assert few["cine-teacher"] == theme.TEACHER


def test_the_scatter_has_every_known_row_and_its_metrics():
    axes = figures.scatter(ESTIMATED, "LVEF").axes[0]
    targets, outputs = ESTIMATED.test.targets[1:, 0], ESTIMATED.test.outputs[1:, 0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), targets)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), outputs)
    r = np.corrcoef(targets, outputs)[0, 1]
    error = np.abs(targets - outputs).mean()
    assert f"\nr {r:.2f}\nMAE {error:.1f} %" in axes.texts[0].get_text()
    assert axes.get_xlim() == axes.get_ylim()
    unknown = run(MEASUREMENT, 1.0)
    unknown.test.targets[:] = np.nan
    with pytest.raises(ValueError, match="LVEF must be known for a test row"):
        figures.scatter(unknown, "LVEF")


def test_bland_altman_draws_errors_about_bias_and_limits():
    axes = figures.bland_altman(ESTIMATED, "LVEF").axes[0]
    targets, outputs = ESTIMATED.test.targets[1:, 0], ESTIMATED.test.outputs[1:, 0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), outputs - targets)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), (outputs + targets) / 2)
    found = agreement(targets, outputs, ESTIMATED.test.patients[1:], seed=0)
    levels = {line.get_ydata()[0] for line in axes.lines[1:]}
    assert levels == {0, *(end.value for end in found)}
    told = f"bias\n{found[1].value:+.1f}".replace("-", "−")
    assert told in [text.get_text() for text in axes.texts]


def test_segments_run_upwards_and_frames_to_the_right():
    found = np.zeros((4, 4))
    found[3, 0] = 1  # the last segment is like the first frame
    axes = figures.frame_by_segment(found).axes[0]
    image = axes.images[0]
    assert image.origin == "lower"
    assert image.get_array()[3, 0] == 1
    assert "frames" in axes.get_xlabel()
    assert "segments" in axes.get_ylabel()


def test_strips_are_coloured_where_they_answer_the_most():
    answers = np.array([[0.1, 0.2, 0.9, np.nan], [-0.5, -0.5, -0.5, -0.5]])
    figure = figures.answering_strips(ECG, "II", CINE, (0, 4), answers)
    pictures, strips = figure.axes[::2], figure.axes[1::2]
    np.testing.assert_array_equal(pictures[1].images[0].get_array(), CINE[4])
    assert pictures[1].get_title() == "phase 0.40"
    strength = strips[0].images[0].get_array()[0, :, 3]
    np.testing.assert_allclose(strength, [0, 0.6 * 0.125, 0.6, 0])
    assert strips[1].images[0].get_array()[0, :, 3].tolist() == [0, 0, 0, 0]
    assert strips[0].images[0].get_extent()[:2] == [0, 10]  # over the whole record
    np.testing.assert_array_equal(strips[0].lines[0].get_ydata(), ECG.values[1, ::2])
    assert strips[0].lines[0].get_xdata()[1] == pytest.approx(0.004)
    assert strips[0].get_ylabel() == "II (mV)"
    for frames in ((), (0, 1)):
        with pytest.raises(ValueError, match="each frame must have its answers"):
            figures.answering_strips(ECG, "II", CINE, frames, np.zeros((1, 100)))


RNG = np.random.default_rng(0)
GROUP = np.arange(40) % 2
FEATURES = RNG.normal(size=(40, 6)) * 0.1 + np.where(GROUP[:, None], 1.0, -1.0)


@pytest.mark.parametrize("lengths", [1.0, RNG.uniform(0.01, 100, size=(40, 1))])
def test_two_groups_stay_apart_whatever_the_length_of_an_embedding(lengths):
    points, rows = figures.embedding_map(FEATURES * lengths, seed=0)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (GROUP[rows][distances.argmin(axis=1)] == GROUP[rows]).all()


def test_the_seed_repeats_the_map_and_picks_the_samples():
    one, again, other = (figures.embedding_map(FEATURES, seed=seed, most=20) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert len(one[1]) == 20
    assert one[1].tolist() != other[1].tolist()
    with pytest.raises(ValueError, match="at least 8 samples, got 7"):
        figures.embedding_map(FEATURES[:7], seed=0)


def test_a_picture_is_part_of_the_page():
    assert theme.data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"
    with pytest.raises(ValueError, match="must be a data URI"):
        theme.Picture("https://example.org/x.png", "", "", "")


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "crossbeat.report.theme")
    with pytest.raises(ConfigError, match=r"pip install 'crossbeat\[plots\]'"):
        importlib.import_module("crossbeat.report.theme")
