"""Training phases: definition, running, stopping, resuming and passing weights on."""

from crossbeat.training.hardware import TrainerSettings
from crossbeat.training.phase import Batch, Choice, Optimisation, Phase, Source
from crossbeat.training.processes import gather
from crossbeat.training.runner import PhaseRecord, run_phases

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
