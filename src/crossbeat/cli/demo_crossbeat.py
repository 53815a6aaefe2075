"""``crossbeat demo``: what an X-ray teacher adds to an ECG model, with controls and a limit."""

from crossbeat.cli.demo_runs import LIMIT_PATIENTS, MEASURING, PATIENTS, REPORT, Asked, Script
from crossbeat.evaluation.names import CLEAN
from crossbeat.study.demos import xrays

_SECONDS = {
    PATIENTS: 20.0,
    LIMIT_PATIENTS: 12.0,
    "teacher": 20.0,
    CLEAN: 30.0,
    "crossbeat": 30.0,
    "cromotex": 45.0,
    "crossbeat-shuffled": 23.0,
    "direct": 11.0,
    MEASURING: 10.0,
    REPORT: 15.0,
}
_WORDS = {
    "teacher": "the X-ray teacher on {labelled_xrays:,} X-rays",
    CLEAN: "the limit on {ecgs:,} ECGs with true labels",
    "crossbeat": "crossbeat on {pairs:,} pairs",
    "cromotex": "CroMoTEX on {labelled_pairs:,} labelled pairs",
    "crossbeat-shuffled": "crossbeat with X-rays of other patients",
    "direct": "the ECG model without X-rays on {labelled_pairs:,} ECGs",
}


def script(asked: Asked) -> Script:
    """The models of the demo, and a limit that learns from many other patients."""
    outside = 2 * asked.patients if asked.outside is None else asked.outside
    many = 9000 if asked.abundant is None else asked.abundant
    films = f" and {outside:,} X-rays of other patients" if outside else ""
    words = {
        PATIENTS: f"Simulating {asked.patients:,} patients{films}",
        LIMIT_PATIENTS: f"Simulating {many:,} patients with true labels for the limit",
    }
    study = xrays(asked.patients, asked.seed, asked.preset, outside=outside, abundant=many)
    return Script(study=study, words=words | _WORDS, seconds=_SECONDS)
