"""Sections that look at runs and patients: what is shown is of the runs and the cohort."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossbeat.beats import correspondence
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.compare import compare
from crossbeat.recipes import RECIPES, settings_in, with_settings
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, predictions, train
from crossbeat.report import run_sections
from crossbeat.report.report import Subject, write_report
from crossbeat.training import Optimisation, TrainerSettings

TARGETS: Mapping[str, tuple[str, ...]] = {"findings": ("large",), "measurements": ("LVEDV", "LVEF")}


def subject(cohort: Cohort, folder: Path, kind: str, *names: str) -> Subject:
    """Runs of the second recipe against the first, trained for an epoch."""
    trained = {}
    for name in names:
        recipe: Any = demo(RECIPES[name])
        short = {
            phase: replace(value, epochs=1, batch_size=24, warmup_epochs=0.5)
            for phase, value in settings_in(recipe).items()
            if isinstance(value, Optimisation)
        }
        plan = Plan(name=name, recipe=with_settings(recipe, short | {kind: TARGETS[kind]}), seed=0)
        quiet = TrainerSettings(accelerator="cpu", progress=False)
        trained[name] = train(plan, cohort, folder / name, trainer=quiet)
    said = {name: predictions(run, cohort) for name, run in trained.items()}
    told = {name: [each] for name, each in said.items()}
    found = compare(told, method=names[1], baseline=names[0], seed=0, replicates=10)
    results = {"cohort": {"name": cohort.info.name, "kind": "paired"}, "seeds": [0], **found}
    return Subject(results=results, said=said, runs=trained, cohort=cohort)


@pytest.fixture(scope="module")
def films(tiny, tmp_path_factory):
    return subject(tiny, tmp_path_factory.mktemp("films"), "findings", "direct", "cromotex")


@pytest.fixture(scope="module")
def hearts(tiny_hearts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("beating")
    return subject(tiny_hearts, folder, "measurements", "direct-heart", "ptacl")


def titles(text: str) -> list[str]:
    return re.findall(r"<figcaption><b>(.*?)</b>", text)


def test_patients_are_shown_with_ecg_and_xray(films, tmp_path):
    assert films.patients is not None
    shown = sum(each is not None for each in (films.patients.helped, films.patients.missed))
    assert shown > 0
    assert titles("".join(run_sections.patients(films))) == ["The ECG.", "The X-ray."] * shown
    write_report(tmp_path / "report.html", films)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Large, before alignment" in page
    assert "Hearts that beat" not in page


def test_maps_are_before_and_after_alignment_or_after_training(films):
    drawn = ["Large, before alignment", "Large, after alignment"]
    assert titles("".join(run_sections.maps(films))) == drawn
    direct = replace(films, results={**films.results, "method": "direct"})
    assert titles("".join(run_sections.maps(direct))) == ["Large, after training"]


def test_every_phase_has_its_curve(films):
    assert films.run is not None
    text = "".join(run_sections.record(films))
    assert len(titles(text)) == len(films.run.phases) > 1
    assert "1 epochs in" in text


def test_hearts_beat_with_their_measurements_and_beside_a_patient_of_screening(hearts):
    text = "".join(run_sections.hearts(hearts))
    assert text.count("data:image/gif") == 2
    assert re.search(r"LVEF \d+ %, LVEDV \d+ ml\. One beat, from the R peak on\.", text)
    patients = hearts.patients
    assert patients is not None
    shown = sum(each is not None for each in (patients.helped, patients.missed))
    text = "".join(run_sections.patients(hearts))
    assert titles(text) == ["The ECG.", "The cine MRI."] * shown


def test_segments_that_are_drawn_are_those_that_were_compared(hearts, monkeypatch):
    assert hearts.run is not None
    asked: list[str] = []

    def spied(*args, rule, **others):
        asked.append(rule)
        return correspondence(*args, rule=rule, **others)

    monkeypatch.setattr(run_sections, "correspondence", spied)
    found = {"ptacl": {"answered@1": {"value": 0.3, "low": 0.2, "high": 0.4}}}
    for rule in ("phase_pool", "linear"):
        recipe: Any = replace(hearts.run.recipe, correspondence=rule)  # type: ignore[type-var]
        runs = {"ptacl": replace(hearts.run, recipe=recipe)}
        results = {**hearts.results, "localisation": found}
        text = "".join(run_sections.localisation(replace(hearts, results=results, runs=runs)))
        assert titles(text) == [
            "Where the ECG matches a frame",
            "Which ECG segment matches which frame",
        ]
    assert asked == ["phase_pool", "linear"]
