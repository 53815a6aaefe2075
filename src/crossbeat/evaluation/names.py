"""How models, findings and metrics are called where people read them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Name:
    """A model or a limit.

    Args:
        label: a few words, for tables and figures.
        meaning: one sentence without a full stop.
    """

    label: str
    meaning: str


@runtime_checkable
class Called(Protocol):
    """What models and metrics are called, such as this module."""

    def model(self, name: str) -> Name: ...
    def metric(self, name: str) -> str: ...


LATENT = "latent"
"""The limit that sees the noise-free ECG."""

RATE = "heart-rate"
"""The limit that sees the heart rate alone."""

CLEAN = "ecg-clean-labels"
"""The limit that a run on abundant true labels gives."""

_MODELS = {
    "self-supervision": Name("self-supervision", "views of ECGs told apart, before any label"),
    "resnet1d": Name("ResNet-1D", "direct training with a residual convolutional net"),
    "biot": Name("BIOT-style", "direct training with a spectrogram transformer"),
    "eccl": Name("ECCL-style", "pairing with the X-ray, per-lead vision transformer"),
    "direct": Name("direct training", "trained on ECGs and labels, without the other modality"),
    "cromotex": Name("CroMoTEX", "taught by the X-ray encoder, then run on the ECG alone"),
    "ptacl": Name("PTACL", "taught by the heart's motion, then run on the ECG alone"),
    "shuffled": Name("shuffled pairs", "the method, with each ECG paired to a random X-ray"),
    "distillation": Name("distillation", "trained on the teacher's soft labels"),
    "crossbeat": Name("crossbeat", "what the X-ray teacher believes of every pair"),
    "no-alignment": Name("crossbeat, no X-ray", "the same with the labels alone"),
    "crossbeat-shuffled": Name("crossbeat, shuffled pairs", "each ECG with a random X-ray"),
    "teacher": Name("X-ray teacher", "sees the X-ray itself, and learned from the same labels"),
    "clip": Name("unsupervised pairs", "contrastive pairing that ignores the labels"),
    "label-only": Name("labels only", "contrastive on labels, without the other modality"),
    "cromotex-no-ssl": Name(
        "CroMoTEX, no self-supervision", "the method without its self-supervised phase"
    ),
    "cromotex-no-hard-negatives": Name(
        "CroMoTEX, no hard negatives", "the method with all negatives weighted alike"
    ),
}

_LIMITS: dict[str, Name] = {
    LATENT: Name(
        "noise-free ECG, clean labels", "a tree on the heart's true electrical parameters"
    ),
    RATE: Name("heart rate alone", "a tree on the true heart rate"),
    CLEAN: Name(
        "direct training, clean labels", "the same network with abundant patients and true labels"
    ),
}

_METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "f1": "F1",
    "calibration_error": "Calibration error",
    "brier": "Brier score",
}


def model(name: str) -> Name:
    """How a model is called; a model without an entry goes by its own name."""
    return _MODELS.get(name, Name(plain(name), ""))


def limit(name: str) -> Name:
    """How a limit is called; a limit without an entry goes by its own name."""
    return _LIMITS.get(name, Name(plain(name), ""))


def metric(name: str) -> str:
    """How a metric is called."""
    return _METRICS.get(name, plain(name))


def plain(name: str) -> str:
    """A name in code as words."""
    return name.replace("_", " ").replace("-", " ")
