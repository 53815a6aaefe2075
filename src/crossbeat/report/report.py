"""The report: one self-contained HTML file, made of sections that know when they apply.

A section asks the results and the runs what there is (findings with both classes, an ECG encoder, a
cohort with cines), never which recipe or kind of study it is. Needs the extra ``plots``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from crossbeat.evaluation import names
from crossbeat.evaluation.results import external, validate
from crossbeat.files import write_whole
from crossbeat.report import figures, words
from crossbeat.report import result_sections as of_results
from crossbeat.report import run_sections as of_runs
from crossbeat.report.page import document, paragraph, section
from crossbeat.report.subject import Subject
from crossbeat.targets import MEASUREMENT, SECOND


@dataclass(frozen=True)
class Section:
    """A part of the report; its title may hold ``{kind}`` and ``{finding}``."""

    name: str
    title: str
    applies: Callable[[Subject], bool]
    parts: Callable[[Subject], Iterator[str]]
    is_folded: bool = True

    def html(self, subject: Subject) -> str:
        """The section; empty if it does not apply."""
        if not self.applies(subject):
            return ""
        finding = names.plain(subject.patients.shown.finding) if subject.patients else ""
        title = self.title.format(kind=subject.kind.name, finding=finding)
        return section(self.name, title, self.parts(subject), is_folded=self.is_folded)


def write_report(path: Path, subject: Subject) -> None:
    """Write the report, whole or not at all; without runs it tells what the results hold."""
    results = subject.results
    validate(results, source="the results")
    method, baseline = words.roles(results)
    title = f"{words.capital(method)} against {baseline}"
    number = len(results["seeds"])
    told = [
        f"Cohort: {external(results) or results['cohort'].get('name', 'unnamed')}",
        f"{results['test'].get('patients', 0):,} test patients",
        "one training run of each model" if number == 1 else f"{number} training seeds",
    ]
    header = f"<header><h1>{escape(title)}</h1>{paragraph(' · '.join(told), 'facts-line')}</header>"
    body = "".join(each.html(subject) for each in SECTIONS)
    footer = f"<footer>{paragraph(words.DISCLAIMER)}</footer>"
    write_whole(path, document(title, header + body + footer))


def _always(_: Subject) -> bool:
    return True


def _has(*parts: str) -> Callable[[Subject], bool]:
    return lambda it: any(it.results.get(part) for part in parts)


def _is_decided(it: Subject) -> bool:
    return bool(it.decided)


def _can_be_mapped(it: Subject) -> bool:
    return it.run is not None and "ecg_encoder" in it.run.parts and bool(it.decided)


SECTIONS = (
    Section("result", "The result", _always, of_results.result, is_folded=False),
    Section(
        "patients",
        "Two test patients with {finding}",
        lambda it: it.patients is not None,
        of_runs.patients,
        is_folded=False,
    ),
    Section(
        "hearts",
        "Hearts that beat",
        lambda it: it.cohort is not None and it.cohort.info.frames > 0,
        of_runs.hearts,
        is_folded=False,
    ),
    Section("controls", "Controls and differences", _always, of_results.controls),
    Section("targets", "Each {kind} and each metric", _always, of_results.targets),
    Section(
        "estimates",
        "Estimates and truth",
        lambda it: it.kind is MEASUREMENT and it.results["method"] in it.said,
        of_runs.estimates,
    ),
    Section("measurements", "Further targets", _has(*SECOND), of_results.second_kind),
    Section("screening", "Screening", _has("screening"), of_results.screened),
    Section("roc", "ROC curves", _is_decided, of_runs.curves(figures.roc, "ROC curve")),
    Section(
        "calibration",
        "Calibration curves",
        _is_decided,
        of_runs.curves(figures.calibration, "Calibration"),
    ),
    Section("retrieval", "Patients with similar hearts", _has("retrieval"), of_results.retrieval),
    Section(
        "localisation",
        "Which part of the ECG matches which moment",
        _has("localisation"),
        of_runs.localisation,
    ),
    Section("probes", "Linear probes", _has("readings", "probes"), of_results.probes),
    Section("embeddings", "Maps of the embeddings", _can_be_mapped, of_runs.maps),
    Section("limits", "What limits this study", _always, of_results.limits),
    Section("record", "How the models were trained", _always, of_runs.record),
)
"""In the order of the page."""
