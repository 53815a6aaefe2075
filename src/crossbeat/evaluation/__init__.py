"""Honest figures: metrics with patient-level intervals, choices made on validation, the report."""
