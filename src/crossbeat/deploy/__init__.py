"""From a finished run to a model that answers for a single ECG."""

from crossbeat.deploy.model import export_model, record_metrics
from crossbeat.deploy.predictor import Answer, Predictor

__all__ = ["Answer", "Predictor", "export_model", "record_metrics"]
