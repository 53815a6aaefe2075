"""One HTML file on a study: the result as a picture first, all else folded below it.

The file is self-contained and runs no script.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from crossbeat.evaluation.report_parts import (
    Pictures,
    bullets,
    differences_table,
    document,
    facts,
    findings_table,
    folded,
    folded_section,
    metrics_table,
    paragraph,
    pictures,
    require_places,
    section,
)

from crossbeat.evaluation import names
from crossbeat.evaluation import report_words as words
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.patients import Patients
from crossbeat.evaluation.report_patients import (
    HELPED,
    MISSED,
    patients_section,
    tallies_table,
)
from crossbeat.evaluation.results import measured_on, validate
from crossbeat.files import write_whole

Json = Mapping[str, Any]

PLACES = (
    *("models", HELPED, MISSED, "differences", "findings", "roc", "calibration", "embeddings"),
    "training",
)
"""Where pictures can stand."""


def write_report(
    path: Path, results: Json, figures: Pictures, patients: Patients | None = None
) -> None:
    """Writes the report; the file appears whole or not at all.

    Args:
        path: of the HTML file; its folder must exist.
        results: as ``read_results`` returns them.
        figures: the pictures of each of ``PLACES``; a place may be left out.
        patients: whom the models find; None leaves that part out.

    Raises:
        DataError: the results are not sound.
        ValueError: a place is unknown.
    """
    require_places(figures, PLACES)
    validate(results, source="the results")
    write_whole(path, _page(results, figures, patients))


def _page(results: Json, figures: Pictures, patients: Patients | None) -> str:
    method, baseline = (names.model(results[role]).label for role in ("method", "baseline"))
    title = f"{words.capital(method)} against {baseline}"
    body = "".join(
        (
            _header(results, title),
            _result(results, figures),
            patients_section(results, patients, figures),
            _controls(results, figures),
            _findings(results, figures, patients),
            _curves(figures),
            _probes(results),
            _maps(figures),
            _limits(results),
            _record(results, figures),
            f"<footer>{paragraph(words.DISCLAIMER)}</footer>",
        )
    )
    return document(title, body)


def _header(results: Json, title: str) -> str:
    test = results["test"]
    number = len(results["seeds"])
    parts = [
        f"Cohort: {measured_on(results)}",
        f"{test['patients']:,} test patients",
        "one training run of each model" if number == 1 else f"{number} training seeds",
    ]
    return f"<header><h1>{escape(title)}</h1>{paragraph(' · '.join(parts), 'facts-line')}</header>"


def _result(results: Json, figures: Pictures) -> str:
    drawn = pictures(figures.get("models", ()))
    told = "".join(
        (
            paragraph(words.sentence(results), "headline"),
            *(paragraph(text, "caution") for text in words.remarks(results)),
            paragraph(words.DISCLAIMER, "notice"),
        )
    )
    return section("result", "The result", f'<div class="first">{drawn}<div>{told}</div></div>')


def _controls(results: Json, figures: Pictures) -> str:
    pairs, method, baseline = results["differences"], results["method"], results["baseline"]
    note = (
        "Both models of a pair are scored on the same test patients. ▲ and ▼ mark intervals "
        "that exclude 0. One point is one percent of AUROC."
    )
    own = {
        pair.removeprefix(f"{method} - "): found
        for pair, found in pairs.items()
        if pair.startswith(f"{method} - ")
    }
    others = {
        pair.removesuffix(f" - {baseline}"): found
        for pair, found in pairs.items()
        if pair.endswith(f" - {baseline}")
    }
    method_label, baseline_label = names.model(method).label, names.model(baseline).label
    return folded_section(
        "controls",
        "Controls and differences",
        bullets(words.controls(results)),
        pictures(figures.get("differences", ())),
        differences_table(own, f"{method_label} minus each model, AUROC in points"),
        differences_table(others, f"Each model minus {baseline_label}, AUROC in points"),
        paragraph(note, "note"),
    )


def _findings(results: Json, figures: Pictures, patients: Patients | None) -> str:
    models, findings = results["models"], results["test"]["findings"]
    shares = ", ".join(
        f"{names.plain(name)} {100 * _prevalence(count):.1f} %" for name, count in findings.items()
    )
    return folded_section(
        "findings",
        "Each finding and each metric",
        pictures(figures.get("findings", ())),
        findings_table(
            models, names.model, title="AUROC in percent", heading="Model", marked=results["method"]
        ),
        paragraph("The 95 % interval stands below each value.", "note"),
        tallies_table(results, patients),
        *(
            metrics_table(models, finding=finding, marked=results["method"])
            for finding in (MEAN, *findings)
        ),
        paragraph(
            "For calibration error and Brier score lower is better. The AUPRC of chance is "
            f"the prevalence: {shares}.",
            "note",
        ),
        folded("What each model is", bullets(_meanings(models))),
    )


def _curves(figures: Pictures) -> str:
    return folded_section("roc", "ROC curves", pictures(figures.get("roc", ()))) + folded_section(
        "calibration", "Calibration curves", pictures(figures.get("calibration", ()))
    )


def _maps(figures: Pictures) -> str:
    return folded_section(
        "embeddings", "Maps of the embeddings", pictures(figures.get("embeddings", ()))
    )


def _probes(results: Json) -> str:
    tables = [
        findings_table(
            models,
            names.model,
            title=f"AUROC in percent with {share} of the labels",
            heading="Encoder",
            marked=results["method"],
        )
        for share, models in results.get("probes", {}).items()
    ]
    if not tables:
        return ""
    note = (
        "A logistic regression reads the frozen embeddings and learns from a share of the labels. "
        "The encoders themselves learned from all labels; self-supervision used none."
    )
    return folded_section("probes", "Linear probes", paragraph(note, "note"), *tables)


def _limits(results: Json) -> str:
    return folded_section(
        "limits",
        "What limits this study",
        findings_table(
            results.get("limits", {}),
            names.limit,
            title="AUROC in percent",
            heading="Upper limit",
            marked="",
        ),
        bullets([*words.LIMITS, *results["cohort"].get("notes", ())]),
    )


def _record(results: Json, figures: Pictures) -> str:
    cohort = {name: value for name, value in results["cohort"].items() if name != "notes"}
    return folded_section(
        "record",
        "How the models were trained",
        pictures(figures.get("training", ())),
        facts("Cohort", cohort),
        facts("Seeds", {"training": results["seeds"]}),
        facts("Hours used", results.get("hours", {})),
        facts("Settings", results.get("settings", {})),
        facts("Versions", results.get("versions", {})),
    )


def _prevalence(count: Json) -> float:
    return count["positive"] / max(1, count["positive"] + count["negative"])


def _meanings(models: Json) -> list[str]:
    told = [names.model(model) for model in models]
    return [f"{name.label}: {name.meaning}" for name in told if name.meaning]
