"""The sections of the report that look at runs, and at single patients of the cohort."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape

import numpy as np

from crossbeat.beats import correspondence, r_peaks
from crossbeat.evaluation import names
from crossbeat.evaluation.localisation import answering_steps
from crossbeat.evaluation.patients import Example
from crossbeat.evaluation.predictions import Predictions
from crossbeat.files import ReadJson
from crossbeat.modalities import one_of
from crossbeat.models import num_steps
from crossbeat.recipes.aligned import has_moments, moments_alike, other_model, rule_of
from crossbeat.recipes.run import Run, embeddings
from crossbeat.report import figures, words
from crossbeat.report.page import beside, facts, paragraph, pictures
from crossbeat.report.pictures import CINES, drawn, ecg_of
from crossbeat.report.result_sections import measured
from crossbeat.report.subject import Subject
from crossbeat.report.theme import Figure, Picture, colours, picture
from crossbeat.targets import KINDS, described

_CURVES = ("cromotex", "distillation", *names.TEACHERS)
"""Models whose curves are drawn beside those of the baseline and the method."""
_ESTIMATED = ("LVEDV", "LVESV", "LVEF")
"""Measurements whose single estimates are drawn."""
_HEARTS = 2
_MAPPED, _AVERAGED = 1000, 200  # test patients of a map, and of mean similarities
_NOT_LOSSES = ("epoch", "seconds")

Draw = Callable[[Mapping[str, Predictions], str, Mapping[str, str]], Figure]
"""A figure of a finding, from what models say and their colours."""


def patients(it: Subject) -> Iterator[str]:
    """Two patients with their recordings, and how they were chosen."""
    patients = it.patients
    assert patients is not None
    method, baseline = words.roles(it.results)
    yield paragraph(words.found_in_all(patients.shown, method, baseline))
    for example, title, rule, nobody in (
        (
            patients.helped,
            f"{words.capital(method)} finds this patient, {baseline} does not",
            (f"whom only {method} finds", "rise in probability"),
            f"{words.capital(method)} finds nobody whom {baseline} misses.",
        ),
        (
            patients.missed,
            "Both models miss this patient",
            ("whom both models miss", f"probability by {method}"),
            "No patient is missed by both models.",
        ),
    ):
        if example is None:
            yield paragraph(nobody)
            continue
        said = words.said_of(example, names.plain(patients.shown.finding), method, baseline)
        yield (
            f'<article class="patient"><h3>{escape(title)}</h3>{paragraph(said)}'
            f"{_recordings(it, example)}{paragraph(words.rule(example, *rule), 'note')}</article>"
        )


def _recordings(it: Subject, example: Example) -> str:
    """The ECG and what else of the patient can be drawn."""
    if it.cohort is None:
        return ""
    others = "It is shown for the reader. The ECG models do not read it."
    captions = {"ecg": "Both models read this ECG and nothing else."}
    shown = [
        replace(each, title=f"The {one_of(name)}.", caption=captions.get(name, others))
        for name, each in drawn(it.cohort, int(it.rows[example.row])).items()
    ]
    return beside(*shown) if len(shown) == 2 else pictures(shown)


def hearts(it: Subject) -> Iterator[str]:
    """The first test patients' hearts."""
    assert it.cohort is not None
    shown = []
    for row in it.rows[:_HEARTS].tolist():
        patient = str(it.cohort.table["patient"][row])
        beating = drawn(it.cohort, row, among=CINES, most=1)
        shown += [replace(each, title=patient) for each in beating.values()]
    yield pictures(shown)


def curves(draw: Draw, title: str) -> Callable[[Subject], Iterator[str]]:
    """A curve for each finding with both classes."""

    def parts(it: Subject) -> Iterator[str]:
        method, baseline = it.results["method"], it.results["baseline"]
        order = dict.fromkeys((baseline, method, *_CURVES))
        there = [name for name in order if name in it.findings]
        paint = colours(there, method=method, baseline=baseline)
        shown = {it.label(name): it.findings[name] for name in there}
        inks = {it.label(name): paint[name] for name in there}
        yield pictures(
            [
                picture(
                    draw(shown, finding, inks),
                    title=words.titled(finding),
                    caption=f"{title} on the test split.",
                    alt=f"{title} of {len(shown)} models for {names.plain(finding)}",
                )
                for finding in it.decided
            ]
        )

    return parts


def estimates(it: Subject) -> Iterator[str]:
    """Single estimates and their errors."""
    run, label = it.said[it.results["method"]], it.label(it.results["method"])
    shown = []
    for name in (name for name in _ESTIMATED if name in run.names):
        called = described(name).label
        shown += [
            picture(
                figures.scatter(run, name),
                title=f"{name}, estimated by {label}",
                caption=f"{called} of test patients; dashed: the line of equality.",
                alt=f"Scatter plot of estimated against measured {called}",
            ),
            picture(
                figures.bland_altman(run, name),
                title=f"{name}, errors",
                caption="Bias and limits of agreement; bands: their 95 % intervals.",
                alt=f"Bland-Altman plot of {called}",
            ),
        ]
    yield pictures(shown)


def localisation(it: Subject) -> Iterator[str]:
    """How well segments of the ECG match frames of the cine."""
    yield paragraph(
        "Segment s of the ECG belongs to frame s of the cine. By lot the segment that matches is a "
        "quarter of a cycle away.",
        "note",
    )
    yield pictures(_moments(it, it.run) if it.run and has_moments(it.run) else [])
    yield from measured(it, "localisation")


def _moments(it: Subject, run: Run) -> list[Picture]:
    """The mean similarity of segments and frames, and one patient's ECG beside three frames."""
    cohort = it.cohort
    assert cohort is not None
    found = moments_alike(run, cohort, it.rows[:_AVERAGED])
    known = np.flatnonzero(~np.isnan(found).any(axis=(1, 2)))
    if not len(known):
        return []
    row = int(it.rows[known[0]])
    name = other_model(run).modality
    ecg, cine = ecg_of(cohort, row), cohort.images(name, np.array([row]))[0].numpy()
    which = correspondence(
        r_peaks(ecg),
        rule=rule_of(run),
        segments=len(cine),
        steps=num_steps(run.parts, cohort.info),
        seconds=cohort.info.seconds,
    )
    shown = (0, len(cine) // 3, 2 * len(cine) // 3)
    answers = [answering_steps(found[known[0]][:, frame], which) for frame in shown]
    return [
        picture(
            figures.frame_by_segment(found[known].mean(axis=0)),
            title="Which ECG segment matches which frame",
            caption=f"Mean cosine of ECG segment and cine frame over {len(known):,} test "
            "patients; dashed: where they belong together.",
            alt="Matrix of the similarity of ECG segments and cine frames",
        ),
        picture(
            figures.answering_strips(ecg, "II", cine, shown, np.stack(answers)),
            title="Where the ECG matches a frame",
            caption="The bluer, the more this part of the ECG is like the frame beside it.",
            alt="3 frames of a cine, each beside an ECG that is coloured where it matches",
            wide=True,
        ),
    ]


def maps(it: Subject) -> Iterator[str]:
    """The embeddings before and after alignment, or as they are where nothing was aligned."""
    assert it.run is not None
    assert it.cohort is not None
    test = it.findings[it.results["method"]]
    phases = [phase["name"] for phase in it.run.phases]
    stages = {"after training": it.run}
    if "alignment" in phases:
        at = phases.index("alignment")
        before = it.run.after(phases[at - 1]) if at else it.run
        stages = {"before alignment": before, "after alignment": it.run.after("alignment")}
    shown = []
    for when, stage in stages.items():
        vectors = embeddings(stage, it.cohort, it.rows).double().numpy()
        points, drawn = figures.embedding_map(vectors, seed=it.run.seed, most=_MAPPED)
        shown += [
            picture(
                figures.embedding(points, test.test.targets[drawn, column], finding=finding),
                title=f"{words.titled(finding)}, {when}",
                caption=f"t-SNE of {len(drawn)} test ECGs by the encoder {when}.",
                alt=f"Map of ECG embeddings {when}, coloured by {names.plain(finding)}",
            )
            for column, finding in enumerate(test.names)
        ]
    yield pictures(shown)


def record(it: Subject) -> Iterator[str]:
    """Cohort, settings, training curves and versions."""
    results = it.results
    cohort = {name: value for name, value in results["cohort"].items() if name != "notes"}
    yield pictures(_training(it.run) if it.run else [])
    yield facts("Cohort", cohort)
    yield facts(
        f"{words.titled(it.kind.plural)} of the test patients", results["test"][it.kind.plural]
    )
    yield facts("Seeds", {"training": results["seeds"]})
    yield facts("Hours used", results.get("hours", {}))
    yield facts("Settings", results.get("settings", {}))
    yield facts("Versions", results.get("versions", {}))


def _training(run: Run) -> list[Picture]:
    """For every phase, the metric that chose the best epoch, epoch by epoch."""
    shown = []
    for phase in run.phases:
        history = phase["history"]
        asked = (*(f"val_{kind.leads}" for kind in KINDS.values()), "val_loss")
        metric = next(name for name in asked if name in history[0])
        curves = {metric.replace("val_", "validation "): [epoch[metric] for epoch in history]}
        if metric == "val_loss":
            curves["training loss"] = [_loss(epoch) for epoch in history]
        chosen = phase["best_epoch"] + 1
        shown.append(
            picture(
                figures.training(curves, label=metric.replace("val_", ""), chosen=chosen),
                title=words.titled(phase["name"]),
                caption=f"{len(history)} epochs in {phase['seconds']:.0f} s.",
                alt=f"Training curve of {phase['name']}",
            )
        )
    return shown


def _loss(epoch: ReadJson) -> float:
    terms = (name for name in epoch if name not in _NOT_LOSSES and not name.startswith("val_"))
    return float(sum(epoch[name] for name in terms))
