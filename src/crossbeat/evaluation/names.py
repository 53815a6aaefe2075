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
    "self-supervision": Name("self-supervision", "learns from views of ECGs, without labels"),
    "resnet1d": Name("ResNet-1D", "direct training with a residual convolutional net"),
    "biot": Name("BIOT-style", "direct training with a spectrogram transformer"),
    "eccl": Name("ECCL-style", "pairs ECG and X-ray, with a vision transformer for each lead"),
    "direct": Name("direct training", "learns from ECGs and labels, without X-rays"),
    "cromotex": Name(
        "CroMoTEX", "learns from labelled pairs of ECG and X-ray, reads the ECG alone"
    ),
    "cromotex-believed": Name(
        "CroMoTEX, all pairs", "uses the X-ray teacher's probabilities where a pair has no label"
    ),
    "ptacl": Name("PTACL", "learns from cardiac MRI, reads the ECG alone"),
    "shuffled": Name(
        "shuffled X-rays", "the same method, but each ECG has the X-ray of another patient"
    ),
    "distillation": Name("distillation", "learns the probabilities of the X-ray teacher"),
    "crossbeat": Name(
        "crossbeat", "learns the X-ray teacher's probabilities for every pair, reads the ECG alone"
    ),
    "no-alignment": Name("crossbeat, no X-rays", "the same network, with the labels alone"),
    "crossbeat-shuffled": Name(
        "shuffled X-rays", "crossbeat, but each ECG has the X-ray of another patient"
    ),
    "teacher": Name("X-ray teacher", "reads the X-ray itself"),
    "clip": Name("unsupervised pairs", "pairs ECG and X-ray without labels"),
    "label-only": Name("labels only", "contrastive training on labels, without X-rays"),
    "cromotex-no-ssl": Name(
        "CroMoTEX, no self-supervision", "the method without its self-supervised phase"
    ),
    "cromotex-no-hard-negatives": Name(
        "CroMoTEX, no hard negatives", "the method with equal weights for all negatives"
    ),
}

_LIMITS: dict[str, Name] = {
    LATENT: Name(
        "noise-free ECG, clean labels",
        "a tree model on the true electrical parameters of the heart",
    ),
    RATE: Name("heart rate alone", "a tree model on the true heart rate"),
    CLEAN: Name("clean labels", "direct training on many patients with true labels"),
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
