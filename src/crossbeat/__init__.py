"""Teach an ECG encoder what another modality sees, then run on the ECG alone."""

__version__ = "0.1.0"
