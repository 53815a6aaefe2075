"""The report: complete in itself, honest whoever wins, safe with any text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation import report_words as words
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.pictures import Picture, data_uri, xray
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.report import PLACES, write_report

HOSTILE = """<script>alert('x')</script><img src="https://evil.example/x.png" onerror='y'>"""
XRAY = xray(np.zeros((8, 8), dtype=np.uint8), title=HOSTILE, caption=HOSTILE)


def run(strength: float, finding: str = "edema") -> Predictions:
    rng = np.random.default_rng(0)
    splits = []
    for name in ("val", "test"):
        targets = (rng.random((200, 1)) < 0.4).astype(np.float64)
        scores = strength * targets + rng.normal(size=(200, 1))
        splits.append(Scored(targets, scores, np.array([f"{name}{row}" for row in range(200)])))
    return Predictions((finding,), *splits)


def study(method: float, *, finding: str = "edema", **others: float) -> dict[str, Any]:
    strengths = {"direct": 0.8, "cromotex": method, **others}
    runs = {name: [run(strength, finding)] for name, strength in strengths.items()}
    found = compare(runs, method="cromotex", baseline="direct", seed=0, replicates=60)
    return {"cohort": {"name": "made up", "kind": "matched"}, "seeds": [0], **found}


def page(tmp_path: Path, results: dict[str, Any], figures=None) -> str:
    write_report(tmp_path / "report.html", results, figures or {})
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def full_study() -> dict[str, Any]:
    results = study(2.0, shuffled=0.8, teacher=4.0)
    results["limits"] = {"latent": results["models"]["teacher"]}
    results["probes"] = {"10 %": results["models"]}
    results["settings"] = {"align": {"temperature": 0.05}}
    results["hours"] = {"training": 1.5}
    results["versions"] = {"crossbeat": "0.1.0"}
    return results


def test_the_page_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {place: [XRAY] for place in PLACES})
    for tag, attributes in tags(text):
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "background"):
            assert (attributes.get(name) or "data:").startswith("data:")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    results = study(2.0, finding=HOSTILE)
    results["cohort"] = {"name": HOSTILE, HOSTILE: HOSTILE, "notes": [HOSTILE]}
    results["models"][HOSTILE] = results["models"]["direct"]
    for pair in (f"{HOSTILE} - direct", f"cromotex - {HOSTILE}"):
        results["differences"][pair] = results["differences"]["cromotex - direct"]
    results["probes"] = {HOSTILE: results["models"]}
    results["limits"] = {HOSTILE: results["models"]["direct"]}
    results["settings"] = {HOSTILE: {HOSTILE: [HOSTILE]}}
    results["versions"] = {HOSTILE: HOSTILE}
    results["notes"] = [HOSTILE]
    text = page(tmp_path, results, {"xrays": [XRAY], "ecg": [XRAY, XRAY]})
    assert "<script" not in text
    seen = tags(text)
    assert {attributes["src"] for tag, attributes in seen if tag == "img"} == {XRAY.source}
    assert not [name for _, attributes in seen for name in attributes if name.startswith("on")]


def test_every_part_of_the_study_is_told(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {place: [XRAY] for place in PLACES})
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "What was asked",
        "The short answer",
        "Results",
        "Where a gain comes from",
        "Linear probes",
        "Limits",
        "ROC curves",
        "Calibration curves",
        "Embedding maps",
        "Example ECG",
        "Example X-rays",
        "How it was run",
    ]
    for told in ("align.temperature", "0.05", "1.5", "0.1.0", words.DISCLAIMER, "Label-matched"):
        assert told in text
    assert text.count("<img") == len(PLACES)


def test_a_section_without_content_is_left_out(tmp_path: Path) -> None:
    assert "Example ECG" not in page(tmp_path, study(2.0))


@pytest.mark.parametrize(
    ("method", "start"),
    [(2.5, "Yes: CroMoTEX was better"), (0.8, "Not shown"), (-0.5, "No: CroMoTEX was worse")],
)
def test_the_headline_follows_the_interval(method: float, start: str) -> None:
    assert words.headline(study(method)).startswith(start)


def test_the_answer_gives_the_difference_with_its_interval() -> None:
    results = study(2.5)
    found = results["differences"]["cromotex - direct"]["mean"]["auroc"]
    low, high = (f"{100 * found[end]:+.1f}" for end in ("low", "high"))
    assert f"(95 % interval {low} to {high})" in words.answer(results)[0]


def test_a_control_that_does_as_well_takes_the_credit() -> None:
    told = " ".join(words.answer(study(2.5, shuffled=2.5)))
    assert "cannot be put down to who was paired with whom" in told
    told = " ".join(words.answer(study(2.5, shuffled=0.8)))
    assert "cannot be put down" not in told


def test_the_teachers_gap_is_told_as_a_share() -> None:
    results = study(2.0, teacher=3.0)
    values = [
        results["models"][name]["mean"]["auroc"]["value"]
        for name in ("direct", "cromotex", "teacher")
    ]
    share = 100 * (values[1] - values[0]) / (values[2] - values[0])
    assert f"closed {share:.0f} % of the gap" in words.answer(results)[-1]
    assert "closed none of the gap" in words.answer(study(0.5, teacher=3.0))[-1]
    assert "it had little to teach" in words.answer(study(2.0, teacher=0.1))[-1]


def test_the_range_over_training_seeds_is_told() -> None:
    results = study(2.0)
    results["models"]["cromotex"]["mean"]["auroc"]["by_run"] = [0.71, 0.74]
    assert "ran from 0.710 to 0.740 for CroMoTEX" in " ".join(words.answer(results))


def test_one_training_seed_is_told_to_be_one() -> None:
    results = study(2.0)
    assert "This is one training seed" in " ".join(words.answer(results))
    assert "one training seed" not in " ".join(words.answer({**results, "seeds": [0, 1]}))


def test_undefined_values_are_told_as_such(tmp_path: Path) -> None:
    results = study(2.0)
    nothing = {"value": None, "low": None, "high": None}
    for block in (*results["models"].values(), *results["differences"].values()):
        for finding in block:
            block[finding] = dict.fromkeys(block[finding], nothing)
    assert "undefined" in words.headline(results)
    assert "undefined: a class is absent" in page(tmp_path, results)


def test_an_unknown_place_and_unsound_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"figures must stand in results, .*, got margin"):
        write_report(tmp_path / "report.html", study(2.0), {"margin": [XRAY]})
    with pytest.raises(DataError, match="missing"):
        write_report(tmp_path / "report.html", {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_picture_from_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a data URI"):
        Picture("https://example.org/x.png", "", "", "")


def test_a_data_uri_holds_the_bytes() -> None:
    assert data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"
