"""How models, limits and metrics are called where people read them."""

from dataclasses import dataclass

from crossbeat.evaluation.intervals import EXPLAINED, SHARE, scale_of
from crossbeat.targets import FINDING, MEASUREMENT, Kind


@dataclass(frozen=True)
class Name:
    """A model or a limit, in a few words and in one sentence without a full stop."""

    label: str
    meaning: str = ""


LATENT = "latent"
"""The limit that sees the noise-free ECG."""

RATE = "heart-rate"
"""The limit that sees the heart rate alone."""

CLEAN = "ecg-clean-labels"
"""The limit that a run on abundant true labels gives."""

ALL_MEASURED = "ecg-all-measures"
"""The limit that a run on the measurements of all patients gives."""

TEACHERS = ("teacher", "cine-teacher")
"""The models that see the other modality."""

DEVIATIONS = "SD"
"""The unit of what is in standard deviations of the measurement."""

_MODELS = {  # other: the modality beside the ECG
    "self-supervision": Name("self-supervision", "learns from views of ECGs, without labels"),
    "resnet1d": Name("ResNet-1D", "direct training with a residual convolutional net"),
    "biot": Name("BIOT-style", "direct training with a spectrogram transformer"),
    "eccl": Name("ECCL-style", "pairs ECG and {other}, with a vision transformer for each lead"),
    "direct": Name("direct training", "learns from ECGs and labels, without {other}s"),
    "cromotex": Name(
        "CroMoTEX", "learns from labelled pairs of ECG and {other}, reads the ECG alone"
    ),
    "cromotex-believed": Name(
        "CroMoTEX, all pairs", "uses the {other} teacher's probabilities where a pair has no label"
    ),
    "ptacl": Name("PTACL", "aligned with the cine as a whole and frame by frame"),
    "shuffled": Name(
        "shuffled {other}s", "the same method, but each ECG has the {other} of another patient"
    ),
    "distillation": Name("distillation", "learns the probabilities of the {other} teacher"),
    "crossbeat": Name(
        "crossbeat",
        "learns the {other} teacher's probabilities for every pair, reads the ECG alone",
    ),
    "no-alignment": Name("crossbeat, no {other}s", "the same network, with the labels alone"),
    "crossbeat-shuffled": Name(
        "shuffled {other}s", "crossbeat, but each ECG has the {other} of another patient"
    ),
    "teacher": Name("{other} teacher", "reads the {other} itself"),
    "clip": Name("unsupervised pairs", "pairs ECG and {other} without labels"),
    "label-only": Name("labels only", "contrastive training on labels, without {other}s"),
    "cromotex-no-ssl": Name(
        "CroMoTEX, no self-supervision", "the method without its self-supervised phase"
    ),
    "cromotex-no-hard-negatives": Name(
        "CroMoTEX, no hard negatives", "the method with equal weights for all negatives"
    ),
    "global": Name("global only", "each ECG aligned with the cine of its patient as a whole"),
    "ptacl-shuffled-frames": Name(
        "PTACL, shuffled frames", "the method, with the frames of each cine in random order"
    ),
    "global-cycle": Name(
        "global, cycle", "each ECG is also aligned with the change over the cardiac cycle"
    ),
    "ptacl-cycle": Name("PTACL, cycle", "the same, and frame by frame"),
    "ptacl-no-masked": Name("PTACL, no masked modelling", "the method without its first phase"),
    "ptacl-not-centred": Name("PTACL, not centred", "moments with what is the same at all of them"),
    "ptacl-one-hot": Name("PTACL, one frame each", "a segment is like its own frame and no other"),
    "ptacl-single-beat": Name("PTACL, single beat", "the beat nearest to the middle alone"),
    "ptacl-linear": Name("PTACL, without R peaks", "the whole record mapped on one cycle"),
    "mmcl": Name("MMCL", "masked modelling, then aligned with three frames of the cine"),
    "eccl-heart": Name("ECCL", "aligned with short-axis and long-axis cines by frozen encoders"),
    "girlanda": Name("Girlanda", "aligned with the cine and with tables of the same patient"),
    "dual-phase": Name("dual phase", "aligned with end diastole and end systole"),
    "random": Name("random search", "patients drawn by lot"),
    "oracle": Name("oracle search", "knows the measurements that it looks for"),
}

_OF_MEASUREMENTS = {
    "direct": Name("direct training", "trained on ECGs and measures, without the cine"),
    "shuffled": Name("shuffled pairs", "the method, with each ECG paired to a random cine"),
    "teacher": Name("MRI teacher", "reads the cine itself"),
}
"""The models of a study of measurements that share their name with one of a study of findings."""

_SAME = {
    "direct-heart": "direct",
    "ptacl-global": "global",
    "ptacl-shuffled": "shuffled",
    "cine-teacher": "teacher",
}
"""Recipes of measurements, and the models of studies that they are."""

_LIMITS = {
    LATENT: Name(
        "noise-free ECG, clean labels",
        "a tree model on the true electrical parameters of the heart",
    ),
    RATE: Name("heart rate alone", "a tree model on the true heart rate"),
    CLEAN: Name("clean labels", "direct training on many patients with true labels"),
    ALL_MEASURED: Name("all measured", "direct training with measurements of all patients"),
}

_METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "f1": "F1",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "r2": "R²",
    "pearson": "Pearson r",
    "mae": "MAE",
    "ndcg@10": "nDCG@10",
    "measurement_difference@10": "Mean difference of the 10 nearest (SD)",
    "answered@1": "Frames answered by their segment",
    "phase_error": "Phase error (cycles)",
}
_ALONE = "_difference@10"
_LOWER = ("mae", "phase_error", "calibration_error", "brier", _ALONE)


def model(name: str, kind: Kind = FINDING, other: str = "") -> Name:
    """How a model is called; one without an entry goes by its own name.

    Args:
        other: the modality beside the ECG; by default that of the kind.
    """
    if name in _SAME:
        name, kind = _SAME[name], MEASUREMENT
    other = other or kind.other
    own = _OF_MEASUREMENTS if kind is MEASUREMENT and other == kind.other else {}
    found = own.get(name) or _MODELS.get(name) or Name(plain(name))
    return Name(*(text.replace("{other}", other) for text in (found.label, found.meaning)))


def pair(name: str, kind: Kind = FINDING, other: str = "") -> str:
    """How a pair of models, "one - other", is called."""
    return " − ".join(model(each, kind, other).label for each in name.split(" - "))


def limit(name: str) -> Name:
    """How a limit is called; a limit without an entry goes by its own name."""
    return _LIMITS.get(name, Name(plain(name)))


def metric(name: str) -> str:
    """How a metric of targets, of retrieval or of localisation is called."""
    return _METRICS.get(name, plain(name.removesuffix(_ALONE)))


def lower_is_better(name: str) -> bool:
    """Whether a metric is an error or a distance."""
    return name.endswith(_LOWER)


def in_percent(name: str) -> bool:
    """Whether a metric is a share, which people read in percent."""
    return scale_of(name) in (SHARE, EXPLAINED)


def plain(name: str) -> str:
    """A name in code as words."""
    return name.replace("_", " ").replace("-", " ")
