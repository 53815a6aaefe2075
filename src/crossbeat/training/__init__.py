"""Training phases: definition, running, stopping, resuming and passing weights on."""

from crossbeat.training.phase import Batch, Choice, Optimisation, Phase, Source
from crossbeat.training.processes import gather
from crossbeat.training.runner import PhaseRecord, TrainerSettings, run_phases

__all__ = [
    "Batch",
    "Choice",
    "Optimisation",
    "Phase",
    "PhaseRecord",
    "Source",
    "TrainerSettings",
    "gather",
    "run_phases",
]
