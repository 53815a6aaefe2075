"""Export the model of a finished run and predict from single ECGs."""

from crossbeat.deploy.model import export_model, record_metrics
from crossbeat.deploy.predictor import Predictor

__all__ = ["Predictor", "export_model", "record_metrics"]
