"""Training curves of every phase of a run."""

from collections.abc import Mapping
from typing import Any

from crossbeat.evaluation import figures, names
from crossbeat.evaluation.pictures import Picture
from crossbeat.evaluation.theme import picture
from crossbeat.recipes.run import Run

_NOT_LOSSES = ("epoch", "seconds")


def training_curves(run: Run) -> list[Picture]:
    """For every phase, the metric that chose the best epoch, epoch by epoch."""
    shown = []
    for phase in run.phases:
        history = phase["history"]
        metric = next(name for name in ("val_auroc", "val_r2", "val_loss") if name in history[0])
        curves = {metric.replace("val_", "validation "): [epoch[metric] for epoch in history]}
        if metric == "val_loss":
            curves["training loss"] = [_loss(epoch) for epoch in history]
        figure = figures.training(
            curves, label=metric.replace("val_", ""), chosen=phase["best_epoch"] + 1
        )
        shown.append(
            picture(
                figure,
                title=names.plain(phase["name"]).capitalize(),
                caption=f"{len(history)} epochs in {phase['seconds']:.0f} s.",
                alt=f"Training curve of {phase['name']}",
            )
        )
    return shown


def _loss(epoch: Mapping[str, Any]) -> float:
    """The sum of all terms of an epoch's loss."""
    terms = (name for name in epoch if name not in _NOT_LOSSES and not name.startswith("val_"))
    return float(sum(epoch[name] for name in terms))
