"""``crossbeat demo --recipe ptacl``: what beating hearts teach an ECG encoder, with controls."""

from crossbeat.cli.demo_runs import LIMIT_PATIENTS, MEASURING, PATIENTS, REPORT, Asked, Script
from crossbeat.errors import ConfigError
from crossbeat.evaluation.names import ALL_MEASURED
from crossbeat.study.demos import hearts

_SECONDS = {
    PATIENTS: 110.0,
    LIMIT_PATIENTS: 12.0,
    "ptacl": 75.0,
    ALL_MEASURED: 15.0,
    "teacher": 20.0,
    "direct": 8.0,
    "global": 45.0,
    "ptacl-shuffled-frames": 60.0,
    "shuffled": 50.0,
    MEASURING: 15.0,
    REPORT: 10.0,
}
"""The method comes first: others wait for its first phase, beside those that do not."""


def script(asked: Asked) -> Script:
    """The models of the demo, and limits that learn from the measurements of all patients.

    Raises:
        ConfigError: outside X-rays or patients for limits are asked for, which this demo has not.
    """
    for name, value in (("outside", asked.outside), ("abundant", asked.abundant)):
        if value is not None:
            raise ConfigError(
                f"--{name} must be left out with --recipe ptacl, where all models learn from the "
                f"same patients, got {value}; remove it"
            )
    study = hearts(asked.patients, asked.seed, asked.preset)
    words = {
        PATIENTS: f"Simulating {asked.patients:,} patients with beating hearts",
        LIMIT_PATIENTS: "Simulating the same patients with measurements of all for the limit",
        **{cell.model: f"{cell.model} on {{ecgs:,}} ECGs" for cell in study.cells},
    }
    return Script(study=study, words=words, seconds=_SECONDS)
