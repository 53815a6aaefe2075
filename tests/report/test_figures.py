"""Figures draw what the numbers say, small enough to stand in a page."""

import importlib
import re
import sys

import numpy as np
import pytest
from crossbeat.evaluation.bars import bars
from crossbeat.evaluation.ecg_page import LAYOUT, ecg_page

from crossbeat import leads
from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation import figures, forests, theme
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.signal import Ecg


def run(strength: float, seed: int) -> Predictions:
    rng = np.random.default_rng(0)
    noise = np.random.default_rng(seed)
    splits = []
    for name in ("val", "test"):
        targets = (rng.random((80, 1)) < 0.4).astype(np.float64)
        scores = strength * targets + noise.normal(size=(80, 1))
        splits.append(Scored(targets, scores, np.array([f"{name}{row}" for row in range(80)])))
    return Predictions(("pleural_effusion",), *splits)


RUNS = {
    "direct": run(0.2, 1),
    "cromotex": run(1.5, 2),
    "shuffled": run(0.2, 3),
    "teacher": run(3.0, 4),
}
RESULTS = compare(
    {name: [each] for name, each in RUNS.items()},
    method="cromotex",
    baseline="direct",
    seed=0,
    replicates=30,
)
PAINT = theme.colours(RUNS, method="cromotex", baseline="direct")


def ecg(fs: float = 500.0, seconds: float = 10.0) -> Ecg:
    rng = np.random.default_rng(0)
    independent = rng.normal(size=(8, round(fs * seconds))).cumsum(axis=1) * 0.02
    values = leads.expansion(leads.STANDARD) @ independent
    return Ecg(values.astype(np.float32), leads.STANDARD, fs)


POINTS = np.random.default_rng(0).normal(size=(1500, 2))
ALL = {
    "bars": lambda: bars(RESULTS),
    "forest": lambda: forests.forest(RESULTS),
    "differences": lambda: forests.differences(RESULTS),
    "comparisons": lambda: forests.comparisons(RESULTS),
    "roc": lambda: figures.roc(RUNS, "pleural_effusion", PAINT),
    "calibration": lambda: figures.calibration(RUNS, "pleural_effusion", PAINT),
    "embedding": lambda: figures.embedding(
        POINTS, (POINTS[:, 0] > 0).astype(float), finding="edema"
    ),
    "training": lambda: figures.training({"train": [3.0, 2.0], "val": [3.0, 2.5]}, label="loss"),
    "ecg": lambda: ecg_page(ecg()),
}


@pytest.mark.parametrize("name", ALL)
def test_a_figure_asks_for_nothing_and_fits_into_a_page(name: str) -> None:
    text = theme.svg(ALL[name]())
    outside = re.findall(r"""(?:href|src)=["'](?!data:|#)[^"']*|url\((?!#)[^)]*""", text)
    assert outside == []
    assert len(text) < 300_000


@pytest.mark.parametrize("name", ALL)
def test_a_figure_repeats_byte_for_byte(name: str) -> None:
    assert theme.svg(ALL[name]()) == theme.svg(ALL[name]())


def percent(found: dict[str, float]) -> str:
    value, low, high = (f"{100 * found[end]:.1f}" for end in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def test_bars_show_every_model_and_the_limit_with_its_interval() -> None:
    results = {**RESULTS, "limits": {"ecg-clean-labels": RESULTS["models"]["teacher"]}}
    text = theme.svg(bars(results))
    for found in RESULTS["models"].values():
        assert percent(found["mean"]["auroc"]) in text
    places = [text.index(f">{name}<") for name in BARS]
    assert places == sorted(places)
    assert "limit" not in theme.svg(bars(RESULTS))


BARS = ("X-ray teacher (reads the X-ray)", "limit: clean labels", "CroMoTEX", "direct training")


def test_the_forest_shows_every_value_with_its_interval() -> None:
    text = theme.svg(forests.forest(RESULTS))
    found = RESULTS["models"]["cromotex"]["mean"]["auroc"]
    assert percent(found) in text
    assert text.count("CroMoTEX") == 2  # the mean and the finding


def test_differences_are_the_methods_own_and_leave_the_teacher_out() -> None:
    text = theme.svg(forests.differences(RESULTS))
    assert text.count("against shuffled X-rays") == 2
    assert "teacher" not in text


def test_comparisons_have_every_pair_once_without_the_teacher() -> None:
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


def test_an_undefined_value_is_said_to_be_undefined() -> None:
    nothing = {"auroc": {"value": None, "low": None, "high": None}}
    block = {"edema": nothing, "mean": nothing}
    results = {
        "method": "b",
        "baseline": "a",
        "models": {"a": block, "b": block},
        "differences": {"b - a": block},
    }
    assert theme.svg(forests.forest(results)).count("undefined") == 4
    assert theme.svg(bars(results)).count("undefined") == 2
    assert theme.svg(forests.differences(results)).count("undefined") == 2


def test_colours_differ_and_do_not_depend_on_who_else_is_there() -> None:
    assert len(set(PAINT.values())) == len(PAINT)
    few = theme.colours(("direct", "cromotex"), method="cromotex", baseline="direct")
    assert few["cromotex"] == PAINT["cromotex"]


def test_a_figure_follows_light_and_dark() -> None:
    text = theme.svg(forests.forest(RESULTS))
    assert "prefers-color-scheme:dark" in text
    drawn = text[text.index("</style>") :]
    assert theme.INK not in drawn
    assert "var(--c0)" in drawn


def trace_heights(page) -> dict[str, float]:
    """The height of the longest line of each row, in millimetres, by the label drawn above it."""
    axes = page.axes[0]
    labels = [text.get_text() for text in axes.texts]
    black = [line for line in axes.lines if line.get_color() == "#141414"]
    traces = [line.get_ydata() for line in black if len(line.get_ydata()) > 10]
    return {label: float(np.ptp(trace)) for label, trace in zip(labels, traces, strict=False)}


def test_every_lead_stands_on_paper_at_ten_millimetres_per_millivolt() -> None:
    time = np.arange(1000) / 100
    heights = {lead: 0.1 * number for number, lead in enumerate(leads.STANDARD, start=1)}
    rows = [height * (np.floor(time * 5) % 2) for height in heights.values()]
    page = ecg_page(Ecg(np.array(rows, dtype=np.float32), leads.STANDARD, 100.0))
    assert page.get_size_inches()[0] * 25.4 == pytest.approx(250 + 20)  # 10 s and the margins
    drawn = trace_heights(page)
    for lead in sum(LAYOUT, ()):
        assert drawn[lead] == pytest.approx(10 * heights[lead], rel=1e-5), lead


def test_leads_are_taken_by_name() -> None:
    order = leads.index(leads.STANDARD, leads.MIMIC)
    given = ecg()
    shuffled = Ecg(given.values[order], leads.MIMIC, given.fs)
    assert trace_heights(ecg_page(shuffled)) == trace_heights(ecg_page(given))


def test_an_ecg_without_a_chest_lead_or_without_samples_is_refused() -> None:
    given = ecg()
    with pytest.raises(DataError, match="must have lead V6"):
        ecg_page(Ecg(given.values[:11], leads.STANDARD[:11], given.fs))
    with pytest.raises(DataError, match="needs a signal, got 1 samples"):
        ecg_page(Ecg(given.values[:, :1], leads.STANDARD, given.fs))


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "crossbeat.evaluation.theme")
    with pytest.raises(ConfigError, match=r"pip install 'crossbeat\[plots\]'"):
        importlib.import_module("crossbeat.evaluation.theme")
