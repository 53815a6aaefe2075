"""Run the phases of a recipe in order; finished phases are loaded, not run again."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from crossbeat.files import check_seal
from crossbeat.training.checkpoint import BEST, DONE, load_tensors, load_weights
from crossbeat.training.fingerprint import fingerprint
from crossbeat.training.hardware import TrainerSettings
from crossbeat.training.phase import Phase
from crossbeat.training.processes import ended_by_signals
from crossbeat.workers import locked

_FORMAT = 2
"""Of the folder of a phase; others are not read."""


@dataclass(frozen=True)
class PhaseRecord:
    """The result of a finished phase.

    Args:
        folder: where its weights and its record lie.
        history: for each epoch the losses, the validation scores and the seconds.
        best_epoch: counted from 0.
        seconds: wall time of all epochs.
        reused: whether it was finished before and only loaded.
    """

    name: str
    folder: Path
    history: list[dict[str, float]]
    best_epoch: int
    seconds: float
    reused: bool


def run_phases(
    phases: Iterator[Phase],
    parts: nn.ModuleDict,
    folder: Path,
    *,
    seed: int,
    trainer: TrainerSettings,
) -> list[PhaseRecord]:
    """Run phases in order; each starts from the best epochs of those before it.

    Args:
        phases: may build a phase from what the parts have learned in the phases before.
        parts: changed in place; left in eval mode with every gradient enabled.
        folder: one folder for each phase, named after it and its fingerprint; a folder that
            several recipes share lets them share the phases that they have in common.
        seed: any integer.
    """
    with ended_by_signals(trainer.processes):
        records = [_run(phase, parts, folder, seed=seed, settings=trainer) for phase in phases]
    parts.eval()
    return records


def _run(
    phase: Phase, parts: nn.ModuleDict, folder: Path, *, seed: int, settings: TrainerSettings
) -> PhaseRecord:
    used = nn.ModuleDict({name: parts[name] for name in phase.uses()})
    key = fingerprint(
        {
            "format": _FORMAT,
            "phase": phase,
            "start": dict(used.state_dict()),
            "seed": seed,
            "processes": settings.processes,
            "precision": settings.precision,
        }
    )
    home = folder / f"{phase.name}-{key[:16]}"
    reused = (home / DONE).is_file()
    if not reused:
        with locked(home) if settings.processes == 1 else nullcontext():
            reused = (home / DONE).is_file()  # another process may have been at it
            if not reused:
                from crossbeat.training.fit import fit

                fit(phase, used, home, seed=seed, settings=settings)
    load_best(used, home)
    record = json.loads((home / DONE).read_text())
    kept = {name: record[name] for name in ("history", "best_epoch", "seconds")}
    return PhaseRecord(name=phase.name, folder=home, reused=reused, **kept)


def load_best(parts: nn.ModuleDict, home: Path) -> None:
    """Load the weights of the best epoch of a finished phase into the parts that it used."""
    check_seal(home, needs=(BEST, DONE), remedy=f"remove {home}, so that it is trained again")
    weights, _ = load_tensors(home / BEST)
    used = {name.partition(".")[0] for name in weights}
    kept = nn.ModuleDict({name: parts[name] for name in parts if name in used})
    load_weights(kept, weights, str(home / BEST))
