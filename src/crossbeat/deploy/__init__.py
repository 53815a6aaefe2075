"""Export the model of a finished run and predict from single ECGs."""

from crossbeat.deploy.heart_predictor import HeartPredictor, Measure
from crossbeat.deploy.model import export_heart_model, export_model, record_metrics
from crossbeat.deploy.predictor import Answer, Predictor
from crossbeat.deploy.saved import is_of_hearts

__all__ = [
    "Answer",
    "HeartPredictor",
    "Measure",
    "Predictor",
    "export_heart_model",
    "export_model",
    "is_of_hearts",
    "record_metrics",
]
