"""Phases of training: what one is, how it runs, stops, resumes and hands its weights over."""

from crossbeat.training.gather import gather
from crossbeat.training.phase import Batch, Choice, Optimisation, Phase, Source
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
