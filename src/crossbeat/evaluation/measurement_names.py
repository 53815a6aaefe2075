"""How measurements, their metrics and the models of a cardiac MRI study are called."""

from crossbeat.evaluation import names
from crossbeat.evaluation.names import Name
from crossbeat.measurements import MEASUREMENTS, Measurement

DEVIATIONS = "SD"
"""The unit of what is in standard deviations of the measurement."""

_SHUFFLED_FRAMES = Name(
    "PTACL, shuffled frames", "the method, with the frames of each cine in random order"
)
_SHUFFLED = Name("shuffled pairs", "the method, with each ECG paired to a random cine")
_GLOBAL = Name("global only", "each ECG aligned with the cine of its patient as a whole")
_DIRECT = Name("direct training", "trained on ECGs and measures, without the cine")
_TEACHER = Name("MRI teacher", "sees the cine itself, and learned from the same measures")

_MODELS = {
    "direct": _DIRECT,
    "direct-heart": _DIRECT,
    "global": _GLOBAL,
    "ptacl-global": _GLOBAL,
    "ptacl": Name("PTACL", "aligned with the cine as a whole and frame by frame"),
    "ptacl-shuffled-frames": _SHUFFLED_FRAMES,
    "shuffled": _SHUFFLED,
    "ptacl-shuffled": _SHUFFLED,
    "global-cycle": Name(
        "global, cycle", "each ECG is also aligned with the change over the cardiac cycle"
    ),
    "ptacl-cycle": Name("PTACL, cycle", "the same, and frame by frame"),
    "ptacl-no-masked": Name("PTACL, no masked modelling", "the method without its first phase"),
    "ptacl-not-centred": Name("PTACL, not centred", "moments with what is the same at all of them"),
    "ptacl-one-hot": Name("PTACL, one frame each", "a segment is like its own frame and no other"),
    "ptacl-single-beat": Name("PTACL, single beat", "the beat nearest to the middle alone"),
    "ptacl-linear": Name("PTACL, without R peaks", "the whole record mapped on one cycle"),
    "teacher": _TEACHER,
    "cine-teacher": _TEACHER,
    "mmcl": Name("MMCL", "masked modelling, then aligned with three frames of the cine"),
    "eccl-heart": Name("ECCL", "aligned with short-axis and long-axis cines by frozen encoders"),
    "girlanda": Name("Girlanda", "aligned with the cine and with tables of the same patient"),
    "dual-phase": Name("dual phase", "aligned with end diastole and end systole"),
    "random": Name("random search", "patients drawn by lot"),
    "oracle": Name("oracle search", "knows the measurements that it looks for"),
}

TEACHERS = ("teacher", "cine-teacher")
"""The models that see the cine."""

_METRICS = {
    "r2": "R²",
    "pearson": "Pearson r",
    "mae": "MAE",
    "ndcg@10": "nDCG@10",
    "measurement_difference@10": "Mean difference of the 10 nearest (SD)",
    "answered@1": "Frames answered by their segment",
    "phase_error": "Phase error (cycles)",
}
_ALONE = "_difference@10"
_LOWER = ("mae", "phase_error", _ALONE)


def measurement(name: str) -> Measurement:
    """What a measurement is; one without an entry goes by its own name, without a unit."""
    return MEASUREMENTS.get(name, Measurement(names.plain(name), ""))


def model(name: str) -> Name:
    """How a model of a cardiac MRI study is called."""
    return _MODELS.get(name, names.model(name))


def pair(name: str) -> str:
    """How a pair of models, "one - other", is called."""
    return " − ".join(model(each).label for each in name.split(" - "))


def metric(name: str) -> str:
    """How a metric of a measurement, of retrieval or of localisation is called."""
    return _METRICS.get(name, names.metric(name.removesuffix(_ALONE)))


def lower_is_better(name: str) -> bool:
    """Whether a metric is an error or a distance."""
    return name.endswith(_LOWER)
