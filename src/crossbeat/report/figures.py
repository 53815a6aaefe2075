"""Figures of a study; each function draws one and returns it.

Needs the extra ``plots``.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from crossbeat.evaluation.choices import choose
from crossbeat.evaluation.curves import calibration_points, roc_points
from crossbeat.evaluation.theme import (
    BASELINE,
    METHOD,
    MUTED,
    OTHERS,
    RULE,
    SURFACE,
    Axes,
    Figure,
    new_axes,
    styled,
)
from jaxtyping import Float
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from crossbeat.evaluation import names
from crossbeat.evaluation.predictions import Predictions

_SMALL = 3.6


@styled
def roc(predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]) -> Figure:
    """ROC curves of several models on one finding.

    Args:
        predictions: one run per model.
        finding: one of theirs.
        paint: the colour of each model.
    """
    figure, axes = _square("false positive rate", "true positive rate")
    for model, run in predictions.items():
        column = run.findings.index(finding)
        points = roc_points(run.test.targets[:, column], run.test.scores[:, column])
        axes.plot(*points, color=paint[model], label=names.model(model).label)
    axes.legend(loc="lower right", handlelength=1.4)
    return figure


@styled
def calibration(
    predictions: Mapping[str, Predictions], finding: str, paint: Mapping[str, str]
) -> Figure:
    """Calibration curves on the test split, calibrated on validation.

    Args:
        predictions: one run per model.
        finding: one of theirs.
        paint: the colour of each model.
    """
    figure, axes = _square("calibrated probability", "share with the finding")
    for model, run in predictions.items():
        column = run.findings.index(finding)
        choice = choose(run.val)[column]
        probabilities = choice.calibration.probability(run.test.scores[:, column])
        mean, share, low, high = calibration_points(run.test.targets[:, column], probabilities)
        axes.vlines(mean, low, high, color=paint[model], lw=1.2, alpha=0.45)
        axes.plot(mean, share, "o-", color=paint[model], ms=4, label=names.model(model).label)
    axes.legend(loc="upper left", handlelength=1.4)
    return figure


@styled
def embedding(
    points: Float[np.ndarray, "point 2"],
    targets: Float[np.ndarray, " point"],
    *,
    finding: str,
    kinds: Sequence[str] = (),
) -> Figure:
    """A map of embeddings, coloured by a finding.

    Args:
        points: places on the map.
        targets: 1 positive, 0 negative, NaN unknown (not drawn).
        finding: what ``targets`` say.
        kinds: the modality of each point, drawn in different shapes; by default all are alike.
    """
    figure, axes = new_axes(_SMALL, _SMALL + 0.35)
    kind = np.array(kinds if len(kinds) else [""] * len(points))
    handles = []
    for value, colour, label in ((0, OTHERS[1], "without"), (1, BASELINE, "with")):
        for marker, name in zip("o^sD", np.unique(kind).tolist(), strict=False):
            chosen = points[(targets == value) & (kind == name)]
            text = " ".join(filter(None, (name, label, names.plain(finding))))
            line = Line2D(
                chosen[:, 0], chosen[:, 1], ls="", marker=marker, color=colour, label=text
            )
            line.set(markersize=4.5, mew=0, alpha=0.75, rasterized=True)
            axes.add_line(line)
            handles.append(Line2D([], [], ls="", marker=marker, color=colour, label=text))
    axes.autoscale_view()
    columns = 2 if len(handles) == 2 else 1
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_color(RULE)
    axes.spines[:].set_visible(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handletextpad=0.1)
    return figure


@styled
def training(curves: Mapping[str, Sequence[float]], *, label: str, chosen: int = 0) -> Figure:
    """Curves over the epochs of a phase.

    Args:
        curves: one value per epoch.
        label: what the values are.
        chosen: the epoch whose weights were kept, counted from 1; 0 if none was.
    """
    figure, axes = new_axes(_SMALL, 2.6)
    for colour, (name, values) in zip((METHOD, BASELINE, *OTHERS), curves.items(), strict=False):
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, color=colour, label=names.plain(name))
        if 0 < chosen <= len(values):
            axes.plot(chosen, values[chosen - 1], "o", color=colour, mec=SURFACE, ms=7)
    axes.set(xlabel="epoch" + (" (dot: kept)" if chosen else ""), ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure, axes = new_axes(_SMALL, _SMALL)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xticks=ticks, yticks=ticks)
    return figure, axes
