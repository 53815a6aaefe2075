"""Made-up studies of either kind, for the tests of what is drawn and said of them."""

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np

from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import Predictions, Scored, screening
from crossbeat.targets import FINDING, MEASUREMENT, Kind

FOUND = {"value": 0.3, "low": 0.2, "high": 0.4}
SEARCH = dict.fromkeys(("recall@10", "measurement_difference@10", "LVEF_difference@10"), FOUND)
METHOD = {FINDING: "cromotex", MEASUREMENT: "ptacl"}
LABEL = {FINDING: "CroMoTEX", MEASUREMENT: "PTACL"}


def run(kind: Kind, skill: float, *, target: str = "", rows: int = 160) -> Predictions:
    """A run with one target; a skill of 0 predicts nothing, one below 0 the opposite."""
    truth, noise = np.random.default_rng(0), np.random.default_rng(1)
    splits = []
    for name in ("val", "test"):
        if kind is FINDING:
            targets = (truth.random((rows, 1)) < 0.4).astype(np.float64)
            outputs = skill * targets + noise.normal(size=(rows, 1))
        else:
            targets = truth.normal(50, 12, (rows, 1))
            about = skill * (targets - 50) + 12 * noise.normal(size=(rows, 1))
            outputs = 50 + about * skill / (1 + skill**2)
        splits.append(Scored(targets, outputs, np.array([f"{name}{row}" for row in range(rows)])))
    return Predictions(kind, (target or {FINDING: "edema"}.get(kind, "LVEF"),), *splits)


def runs(kind: Kind, method: float, *, target: str = "", **others: float) -> dict[str, Predictions]:
    skills = {"direct": 0.8, METHOD[kind]: method, **others}
    return {name: run(kind, skill, target=target) for name, skill in skills.items()}


def study(kind: Kind, method: float, *, target: str = "", **others: float) -> dict[str, Any]:
    """The results of a study in which the baseline has a skill of 0.8."""
    return deepcopy(_compared(kind, method, target, **others))


@cache
def _compared(kind: Kind, method: float, target: str, **others: float) -> dict[str, Any]:
    said = {name: [each] for name, each in runs(kind, method, target=target, **others).items()}
    found = compare(said, method=METHOD[kind], baseline="direct", seed=0, replicates=60)
    pairs = "matched" if kind is FINDING else "virtual"
    return {"cohort": {"name": "made up", "kind": pairs}, "seeds": [0], **found}


def full_study(kind: Kind) -> dict[str, Any]:
    """A study with every optional part that its kind has."""
    results = study(kind, 2.0, shuffled=0.8, teacher=4.0)
    models = results["models"]
    counts = {"ecgs": 9, "pairs": 9, "labelled_pairs": 3, "labelled_xrays": 7}
    results["cohort"]["training"] = counts
    reading = {f"{name}, linear probe": each for name, each in models.items()}
    results |= {
        "limits": {"latent": models["teacher"]},
        "probes": {"10 %": models},
        "readings": {"linear probe": {"models": reading, "differences": {}}},
        "settings": {"align": {"temperature": 0.05}},
        "hours": {"training": 1.5},
        "versions": {"crossbeat": "0.1.0"},
        "notes": ["Made up."],
    }
    if kind is FINDING:
        second = study(MEASUREMENT, 2.0)
        kept = ("method", "baseline", "test", "models", "differences")
        return results | {"measurements": {name: second[name] for name in kept}}
    low = {name: [screening(each)] for name, each in runs(kind, 2.0).items()}
    return results | {
        "screening": compare(low, method="ptacl", baseline="direct", seed=0, replicates=20),
        "retrieval": {"ptacl": SEARCH, "global": SEARCH},
        "retrieval_limits": {"random": SEARCH, "oracle": SEARCH},
        "retrieval_differences": {"ptacl - global": SEARCH},
        "localisation": {"ptacl": {"answered@1": FOUND, "phase_error": FOUND}},
    }
