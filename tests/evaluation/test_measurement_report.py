"""The report of a cardiac MRI study: whole, honest whoever wins, safe with any text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.measurement_compare import compare_measurements
from crossbeat.evaluation.report_words import DISCLAIMER
from crossbeat.evaluation.screening import screening

from crossbeat.errors import DataError
from crossbeat.evaluation import measurement_words as words
from crossbeat.evaluation.cine_pictures import beating
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.measurement_report import PLACES, write_measurement_report

HOSTILE = """<script>alert('x')</script><img src="https://evil.example/x.png" onerror='y'>"""
HEART = beating(np.zeros((2, 8, 8), dtype=np.uint8), seconds=1.0, title=HOSTILE, caption=HOSTILE)
FOUND = {"value": 0.3, "low": 0.2, "high": 0.4}
SEARCH = dict.fromkeys(("recall@1", "recall@10", "measurement_difference@10", "ndcg@10"), FOUND)


def run(noise: float, seed: int, measurement: str) -> Estimates:
    patients, errors = np.random.default_rng(0), np.random.default_rng([seed, 1])
    splits = []
    for name in ("val", "test"):
        truth = patients.normal(50, 12, size=(120, 1))
        estimate = 50 + (truth - 50 + noise * errors.normal(size=truth.shape) * 12) / (1 + noise**2)
        splits.append(Estimated(truth, estimate, np.array([f"{name}{row}" for row in range(120)])))
    return Estimates((measurement,), *splits)


def study(noise: float, *, measurement: str = "LVEF", **others: float) -> dict[str, Any]:
    """A study in which the baseline's errors are as wide as the truth."""
    noises = {"direct": 1.0, "ptacl": noise, **others}
    runs = {name: {0: run(each, at, measurement)} for at, (name, each) in enumerate(noises.items())}
    found = compare_measurements(runs, method="ptacl", baseline="direct", seed=0, replicates=60)
    return {"cohort": {"name": "made up", "kind": "virtual"}, "seeds": [0], **found}


def full_study() -> dict[str, Any]:
    results = study(0.5, shuffled=1.2, teacher=0.1)
    runs = {"direct": {0: run(1.0, 0, "LVEF")}, "ptacl": {0: run(0.5, 1, "LVEF")}}
    screened = {name: {0: screening(each[0])} for name, each in runs.items()}
    results["screening"] = compare(
        screened, method="ptacl", baseline="direct", seed=0, replicates=20
    )
    localised = {"answered@1": FOUND, "phase_error": FOUND}
    return results | {
        "limits": {"latent": results["models"]["teacher"]},
        "retrieval": {"ptacl": SEARCH},
        "retrieval_limits": {"random": SEARCH, "oracle": SEARCH},
        "localisation": {"ptacl": localised},
        "settings": {"align": {"temperature": 0.05}},
        "versions": {"crossbeat": "0.1.0"},
        "notes": ["Made up."],
    }


def page(folder: Path, results: dict[str, Any], figures=None) -> str:
    write_measurement_report(folder / "measurement_report.html", results, figures or {})
    return (folder / "measurement_report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def test_the_page_asks_for_nothing_from_outside_and_shows_every_picture(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {place: [HEART] for place in PLACES})
    for tag, attributes in tags(text):
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "default-src 'none'" in text
    assert text.count("<img") == len(PLACES)
    assert "data:image/gif" in text


def test_every_part_of_the_study_is_told(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {"estimates": [HEART], "hearts": [HEART]})
    assert re.findall(r"<h2>(.*?)</h2>", text) == [
        "What was asked",
        "The short answer",
        "Results",
        "Where a gain comes from",
        "Estimates and truth",
        "Screening",
        "Patients with similar hearts",
        "Which part of the ECG answers to which moment",
        "Hearts that beat",
        "Limits",
        "How it was run",
    ]
    for told in ("align.temperature", "LVEF.unit", "Made up.", DISCLAIMER, "random search"):
        assert told in text
    assert "Patients with similar hearts" not in page(tmp_path, study(0.5))


def test_differences_are_marked_by_who_is_better(tmp_path: Path) -> None:
    text = page(tmp_path, study(0.3))
    for title, mark in (("R²", '"up">▲ +'), ("MAE", '"up">▲ −')):
        table = text[text.index(f"<h3>Differences in {title}") :]
        assert mark in table[: table.index("</table>")]
    assert '"down">▼ −' in page(tmp_path, study(2.0))


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    results = study(0.5, measurement=HOSTILE, **{HOSTILE: 1.0})
    results["cohort"] = {"name": HOSTILE, HOSTILE: HOSTILE, "notes": [HOSTILE]}
    results |= {
        "limits": {HOSTILE: results["models"]["direct"]},
        "retrieval": {HOSTILE: SEARCH},
        "question": HOSTILE,
        "settings": {HOSTILE: [HOSTILE]},
        "notes": [HOSTILE],
    }
    text = page(tmp_path, results, {"hearts": [HEART, HEART]})
    assert "<script" not in text
    seen = tags(text)
    assert {attributes["src"] for tag, attributes in seen if tag == "img"} == {HEART.source}
    assert not [name for _, attributes in seen for name in attributes if name.startswith("on")]


@pytest.mark.parametrize(
    ("noise", "start"),
    [(0.3, "Yes: PTACL was better"), (1.0, "Not shown"), (3.0, "No: PTACL was worse")],
)
def test_the_headline_follows_the_interval(noise: float, start: str) -> None:
    assert words.headline(study(noise)).startswith(start)


def test_the_answer_gives_values_with_their_intervals() -> None:
    results = full_study()
    told = words.answer(results)
    one = words.interval(results["models"]["ptacl"]["mean"]["r2"])
    assert f"PTACL reached a mean R² of {one}" in told[0]
    assert f"the 10 nearest other patients differ by {words.interval(FOUND)}" in told[-1]
    screened = results["screening"]["models"]["ptacl"]["LVEF below 40 %"]["auroc"]
    assert f"LVEF below 40 %: AUROC {words.interval(screened)}" in told[-2]


@pytest.mark.parametrize(
    "name", ["shuffled", "ptacl-shuffled", "ptacl-shuffled-frames", "global", "ptacl-global"]
)
def test_a_control_that_does_as_well_takes_the_credit(name: str) -> None:
    doubt = words._DOUBTS[name]
    assert doubt in " ".join(words.answer(study(0.3, **{name: 0.29})))
    assert doubt not in " ".join(words.answer(study(0.3, **{name: 1.0})))
    assert doubt not in " ".join(words.answer(study(1.0, **{name: 1.0})))


@pytest.mark.parametrize("teacher", ["teacher", "cine-teacher"])
def test_the_teachers_gap_is_told_as_a_share(teacher: str) -> None:
    results = study(0.5, **{teacher: 0.1})
    low, reached, high = (
        results["models"][name]["mean"]["r2"]["value"] for name in ("direct", "ptacl", teacher)
    )
    share = 100 * (reached - low) / (high - low)
    told = " ".join(words.answer(results))
    assert f"closed {share:.0f} % of the gap" in told
    assert "Against MRI teacher" not in told


def test_a_gap_that_is_not_there_is_not_closed() -> None:
    assert "closed 0 % of the gap" in " ".join(words.answer(study(2.0, teacher=0.1)))
    assert "no better than direct training" in " ".join(words.answer(study(0.5, teacher=3.0)))


def test_the_range_over_training_seeds_is_told() -> None:
    results = study(0.5)
    results["models"]["ptacl"]["mean"]["r2"]["by_run"] = [0.71, None, 0.74]
    assert "ran from 0.710 to 0.740 for PTACL." in " ".join(words.answer(results))


def test_one_training_seed_is_told_to_be_one() -> None:
    results = study(2.0)
    assert "Each model was trained once" in " ".join(words.answer(results))
    assert "trained once" not in " ".join(words.answer({**results, "seeds": [0, 1]}))


def test_undefined_values_are_told_as_such(tmp_path: Path) -> None:
    results = study(0.5, shuffled=1.0, teacher=0.1)
    nothing = {"value": None, "low": None, "high": None}
    for block in (*results["models"].values(), *results["differences"].values()):
        for name in block:
            block[name] = dict.fromkeys(block[name], nothing)
    assert "undefined" in words.headline(results)
    assert "<td>" in page(tmp_path, results)


def test_an_unknown_place_and_unsound_results_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(ValueError, match=r"figures must stand in results, .*, got margin"):
        write_measurement_report(path, study(0.5), {"margin": [HEART]})
    with pytest.raises(DataError, match="missing"):
        write_measurement_report(path, {}, {})
    assert list(tmp_path.iterdir()) == []
