"""The part of the report on single patients: one whom only the method finds, one whom both miss."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from crossbeat.evaluation import names
from crossbeat.evaluation.patients import Answer, Example, Patients, Tally
from crossbeat.evaluation.pictures import Picture
from crossbeat.evaluation.report_parts import (
    Pictures,
    beside,
    paragraph,
    pictures,
    plain_table,
    section,
)
from crossbeat.evaluation.report_words import capital

Json = Mapping[str, Any]

HELPED, MISSED = "helped", "missed"
"""Where their pictures stand: the ECG, then the X-ray."""


def patients_section(results: Json, patients: Patients | None, figures: Pictures) -> str:
    """Both patients with their ECG and X-ray, and how they were chosen; nothing without any."""
    if patients is None:
        return ""
    method, baseline = _labels(results)
    finding = names.plain(patients.shown.finding)
    cards = [
        _card(
            f"{capital(method)} finds this patient, {baseline} does not",
            said_of(patients.helped, finding, method, baseline),
            _rule(patients.helped, f"whom only {method} finds", "rise in probability"),
            figures.get(HELPED, ()),
        )
        if patients.helped
        else paragraph(f"{capital(method)} finds nobody whom {baseline} misses."),
        _card(
            "Both models miss this patient",
            said_of(patients.missed, finding, method, baseline),
            _rule(patients.missed, "whom both models miss", f"probability by {method}"),
            figures.get(MISSED, ()),
        )
        if patients.missed
        else paragraph("No patient is missed by both models."),
    ]
    return section(
        "patients",
        f"Two test patients with {finding}",
        paragraph(found_in_all(patients.shown, method, baseline)),
        *cards,
    )


def tallies_table(results: Json, patients: Patients | None) -> str:
    """How many patients with every finding are found; nothing without patients."""
    if patients is None:
        return ""
    method, baseline = _labels(results)
    header = ["Finding", "Patients with it", f"Found by {baseline}", f"Found by {method}"]
    header += [f"Only by {method}", f"Only by {baseline}", "By neither", "Patients without it"]
    header += [f"False alarms, {baseline}", f"False alarms, {method}"]
    rows = []
    for each in patients.tallies:
        numbers = [each.having, each.by_baseline, each.by_method, each.gained, each.lost]
        numbers += [each.by_neither, each.without, each.alarms_baseline, each.alarms_method]
        rows.append([names.plain(each.finding).capitalize(), *map("{:,}".format, numbers)])
    return plain_table("Test patients found and missed", header, rows)


def found_in_all(tally: Tally, method: str, baseline: str) -> str:
    """How many patients with a finding two models find.

    Args:
        tally: of the finding.
        method: what it is called.
        baseline: what it is called.
    """
    return (
        f"Of {tally.having:,} test patients with {names.plain(tally.finding)}, {baseline} finds "
        f"{tally.by_baseline:,} and {method} finds {tally.by_method:,}. {capital(method)} finds "
        f"{tally.gained:,} whom {baseline} misses, and misses {tally.lost:,} whom {baseline} "
        f"finds. Of {tally.without:,} patients without the finding, {baseline} raises a false "
        f"alarm for {tally.alarms_baseline:,} and {method} for {tally.alarms_method:,}."
    )


def said_of(example: Example, finding: str, method: str, baseline: str) -> str:
    """What two models say of a patient who has a finding.

    Args:
        example: the patient.
        finding: what it is called.
        method: what it is called.
        baseline: what it is called.
    """
    told = [_said(baseline, example.baseline), _said(method, example.method)]
    return f"The patient has {finding}. {' '.join(told)}"


def _said(label: str, answer: Answer) -> str:
    below = answer.probability < answer.threshold
    outcome = "reaches" if answer.reached else "is below" if below else "does not reach"
    found, least = (100 * share for share in (answer.probability, answer.threshold))
    digits = next((n for n in range(4) if f"{found:.{n}f}" != f"{least:.{n}f}"), 0)
    return (
        f"{capital(label)} gives a probability of {found:.{digits}f} %, which {outcome} its "
        f"threshold of {least:.{digits}f} %."
    )


def _rule(example: Example, whom: str, by: str) -> str:
    if example.among == 1:
        return f"This is the only patient {whom}."
    return (
        f"How the patient was chosen: of the {example.among:,} patients {whom}, this one has the "
        f"median {by}. Thresholds were chosen on validation patients."
    )


def _card(title: str, said: str, rule: str, shown: Sequence[Picture]) -> str:
    drawn = beside(*shown) if len(shown) == 2 else pictures(shown)
    return (
        f'<article class="patient"><h3>{escape(title)}</h3>{paragraph(said)}{drawn}'
        f"{paragraph(rule, 'note')}</article>"
    )


def _labels(results: Json) -> tuple[str, str]:
    return names.model(results["method"]).label, names.model(results["baseline"]).label
