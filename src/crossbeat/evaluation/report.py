"""One HTML file that tells a study: it asks for nothing from outside and needs no script."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from crossbeat.evaluation import names
from crossbeat.evaluation import report_words as words
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.report_parts import (
    Pictures,
    bullets,
    differences_table,
    document,
    facts,
    findings_table,
    folded,
    metrics_table,
    paragraph,
    pictures,
    require_places,
    section,
)
from crossbeat.evaluation.results import validate
from crossbeat.files import write_whole

Json = Mapping[str, Any]

PLACES = ("results", "ablations", "roc", "calibration", "embeddings", "ecg", "xrays", "training")
"""Where pictures can stand."""


def write_report(path: Path, results: Json, figures: Pictures) -> None:
    """Writes the report; the file appears whole or not at all.

    Args:
        path: of the HTML file; its folder must exist.
        results: as ``read_results`` returns them.
        figures: the pictures of each of ``PLACES``; a place may be left out.

    Raises:
        DataError: the results are not sound.
        ValueError: a place is unknown.
    """
    require_places(figures, PLACES)
    validate(results, source="the results")
    write_whole(path, _page(results, figures))


def _page(results: Json, figures: Pictures) -> str:
    method, baseline = (names.model(results[role]).label for role in ("method", "baseline"))
    title = f"{method} against {baseline}"
    body = "".join(
        (
            _header(results, title),
            _answer(results),
            _results(results, figures),
            _ablations(results, figures),
            _probes(results),
            _limits(results),
            _gallery(figures),
            _record(results, figures),
            f"<footer>{paragraph(words.DISCLAIMER)}</footer>",
        )
    )
    return document(title, body)


def _header(results: Json, title: str) -> str:
    cohort, test = results["cohort"], results["test"]
    parts = [
        f"Cohort: {cohort.get('name', 'unnamed')}",
        f"{test['patients']:,} test patients",
        f"{len(results['seeds'])} training seed{'' if len(results['seeds']) == 1 else 's'}",
    ]
    return (
        f'<header><p class="kicker">crossbeat study</p><h1>{escape(title)}</h1>'
        f"{paragraph(' · '.join(parts), 'facts-line')}"
        f"{paragraph(words.DISCLAIMER, 'notice')}</header>"
    )


def _answer(results: Json) -> str:
    first, *rest = words.answer(results) or [""]
    asked = section(
        "asked",
        "What was asked",
        paragraph(words.question(results)),
        paragraph(words.kind(results)),
    )
    short = section(
        "answer",
        "The short answer",
        paragraph(words.headline(results), "headline"),
        paragraph(first),
        bullets(rest),
    )
    return asked + short


def _results(results: Json, figures: Pictures) -> str:
    models, findings = results["models"], results["test"]["findings"]
    shares = ", ".join(
        f"{names.plain(name)} {100 * _prevalence(count):.1f} %" for name, count in findings.items()
    )
    return section(
        "results",
        "Results",
        findings_table(
            models, names.model, title="AUROC", heading="Model", marked=results["method"]
        ),
        paragraph("Below each value its 95 % interval.", "note"),
        pictures(figures.get("results", ())),
        folded(
            "All metrics, finding by finding",
            *(
                metrics_table(models, finding=finding, marked=results["method"])
                for finding in (MEAN, *findings)
            ),
            paragraph(
                "For calibration error and Brier score lower is better. The AUPRC of chance is "
                f"the prevalence: {shares}.",
                "note",
            ),
        ),
        "<h3>The models</h3>",
        bullets(_meanings(models)),
    )


def _ablations(results: Json, figures: Pictures) -> str:
    pairs, method, baseline = results["differences"], results["method"], results["baseline"]
    note = (
        "Both models of a pair are scored on the same patients. ▲ and ▼ mark intervals "
        "that exclude zero; one point is a hundredth."
    )
    gained = {
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
    return section(
        "ablations",
        "Where a gain comes from",
        paragraph(note, "note"),
        pictures(figures.get("ablations", ())),
        differences_table(gained, f"{method_label} minus each model, AUROC in points"),
        differences_table(others, f"Each model minus {baseline_label}, AUROC in points"),
    )


def _probes(results: Json) -> str:
    tables = [
        findings_table(
            models,
            names.model,
            title=f"AUROC with {share} of the labels",
            heading="Encoder",
            marked=results["method"],
        )
        for share, models in results.get("probes", {}).items()
    ]
    if not tables:
        return ""
    note = (
        "A straight cut through the frozen embeddings, fitted on a share of the labels. An encoder "
        "that was trained with labels has used all of them already; self-supervision used none."
    )
    return section("probes", "Linear probes", paragraph(note, "note"), *tables)


def _limits(results: Json) -> str:
    known = [*results.get("notes", ()), *results["cohort"].get("notes", ())]
    return section(
        "limits",
        "Limits",
        findings_table(
            results.get("limits", {}), names.limit, title="AUROC", heading="Upper limit", marked=""
        ),
        bullets([*words.LIMITS, *known]),
    )


def _gallery(figures: Pictures) -> str:
    titles = {
        "roc": "ROC curves",
        "calibration": "Calibration curves",
        "embeddings": "Embedding maps",
        "ecg": "Example ECG",
        "xrays": "Example X-rays",
    }
    return "".join(
        section(place, title, pictures(figures.get(place, ()))) for place, title in titles.items()
    )


def _record(results: Json, figures: Pictures) -> str:
    cohort = {name: value for name, value in results["cohort"].items() if name != "notes"}
    return section(
        "record",
        "How it was run",
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
