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
from crossbeat.evaluation.names import CLEAN
from crossbeat.evaluation.patients import Patients, patients_of
from crossbeat.evaluation.pictures import Picture, data_uri, xray
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.report import PLACES, write_report
from crossbeat.evaluation.report_patients import HELPED, MISSED

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


PATIENTS = patients_of(run(0.8), run(2.0))


def page(tmp_path: Path, results: dict[str, Any], figures=None, patients=None) -> str:
    write_report(tmp_path / "report.html", results, figures or {}, patients)
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
    results["cohort"]["training"] = {
        "ecgs": 9,
        "pairs": 9,
        "labelled_pairs": 3,
        "labelled_xrays": 7,
    }
    results["probes"] = {"10 %": results["models"]}
    results["settings"] = {"align": {"temperature": 0.05}}
    results["hours"] = {"training": 1.5}
    results["versions"] = {"crossbeat": "0.1.0"}
    return results


def test_the_page_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {place: [XRAY] for place in PLACES}, PATIENTS)
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
    text = page(tmp_path, results, {"models": [XRAY], HELPED: [XRAY, XRAY]}, PATIENTS)
    assert "<script" not in text
    seen = tags(text)
    assert {attributes["src"] for tag, attributes in seen if tag == "img"} == {XRAY.source}
    assert not [name for _, attributes in seen for name in attributes if name.startswith("on")]


def test_the_result_and_the_patients_come_first_and_the_rest_is_folded(tmp_path: Path) -> None:
    text = page(tmp_path, full_study(), {place: [XRAY] for place in PLACES}, PATIENTS)
    first, *rest = text.split('<section class="folded"')
    assert re.findall(r"<h2>(.*?)</h2>", first) == ["The result", "Two test patients with edema"]
    assert "<details" not in first
    assert words.sentence(full_study()) in first
    assert words.DISCLAIMER in first
    assert [re.findall(r"<h2>(.*?)</h2>", part) for part in rest] == [
        ["Controls and differences"],
        ["Each finding and each metric"],
        ["ROC curves"],
        ["Calibration curves"],
        ["Linear probes"],
        ["Maps of the embeddings"],
        ["What limits this study"],
        ["How the models were trained"],
    ]
    assert all("<details><summary>" in part for part in rest)
    for told in ("align.temperature", "0.05", "1.5", "0.1.0", "Label-matched"):
        assert told in text
    assert text.count("<img") == len(PLACES)


def test_a_section_without_content_is_left_out(tmp_path: Path) -> None:
    text = page(tmp_path, study(2.0))
    assert "ROC curves" not in text
    assert "Two test patients" not in text


@pytest.mark.parametrize(
    ("method", "told"),
    [(2.5, ": a gain of "), (0.8, " may be chance "), (-0.5, ": a loss of ")],
)
def test_the_sentence_follows_the_interval(method: float, told: str) -> None:
    said = words.sentence(study(method))
    assert told in said
    assert sum(each in said for each in ("a gain of", "may be chance", "a loss of")) == 1


def test_the_sentence_gives_both_values_and_the_interval() -> None:
    results = study(2.5)
    found = results["differences"]["cromotex - direct"]["mean"]["auroc"]
    one, other = (
        f"{100 * results['models'][name]['mean']['auroc']['value']:.1f}"
        for name in ("cromotex", "direct")
    )
    value, low, high = (f"{100 * found[end]:.1f}" for end in ("value", "low", "high"))
    assert words.sentence(results) == (
        f"CroMoTEX reaches a mean AUROC of {one}; direct training reaches {other}: "
        f"a gain of {value} points (95 % interval {low} to {high})."
    )


def test_the_ends_of_a_loss_are_told_from_small_to_large() -> None:
    results = study(-0.5)
    found = results["differences"]["cromotex - direct"]["mean"]["auroc"]
    low, high = (f"{-100 * found[end]:.1f}" for end in ("high", "low"))
    assert float(low) < float(high)
    assert f"(95 % interval {low} to {high})" in words.sentence(results)


def test_the_sentence_says_what_was_learned_from_and_how_far_the_limit_is() -> None:
    results = full_study()
    results["limits"] = {CLEAN: results["models"]["teacher"]}
    said = words.sentence(results)
    assert said.startswith(
        "With 9 pairs of ECG and X-ray, of which 3 have labels, and a teacher that has learned "
        "from 7 labelled X-rays, CroMoTEX reaches"
    )
    one, other, top = (
        results["models"][name]["mean"]["auroc"]["value"]
        for name in ("cromotex", "direct", "teacher")
    )
    share = 100 * (one - other) / (top - other)
    assert f", {share:.0f} % of the way to the clean-label limit." in said
    results["cohort"]["training"] = {"pairs": 9, "labelled_pairs": 9, "labelled_xrays": 9}
    assert words.sentence(results).startswith("With 9 pairs of ECG and X-ray, CroMoTEX reaches")


def test_a_loss_is_no_part_of_the_way_to_a_limit() -> None:
    results = study(-0.5, teacher=3.0)
    results["limits"] = {CLEAN: results["models"]["teacher"]}
    assert "of the way" not in words.sentence(results)


def test_a_control_that_does_as_well_takes_the_credit() -> None:
    told = " ".join(words.remarks(study(2.5, shuffled=2.5)))
    assert "The gain does not need the patient's own X-ray." in told
    told = " ".join(words.remarks(study(2.5, shuffled=0.8)))
    assert "does not need" not in told


def test_every_control_and_limit_has_a_sentence() -> None:
    told = " ".join(words.controls(full_study()))
    for start in ("CroMoTEX is better than shuffled X-rays by", "The X-ray teacher", "Upper limit"):
        assert start in told


def test_the_patients_are_told_with_probability_threshold_and_rule(tmp_path: Path) -> None:
    assert isinstance(PATIENTS, Patients)
    helped = PATIENTS.helped
    assert helped is not None
    text = page(tmp_path, study(2.0), {HELPED: [XRAY, XRAY], MISSED: [XRAY, XRAY]}, PATIENTS)
    for answer, says in ((helped.baseline, "is below"), (helped.method, "reaches")):
        assert (
            f"gives a probability of {100 * answer.probability:.0f} %, which {says} its "
            f"threshold of {100 * answer.threshold:.0f} %."
        ) in text
    assert f"of the {helped.among} patients whom only CroMoTEX finds" in text
    assert f"Of {PATIENTS.shown.having} test patients with edema" in text


def test_nobody_to_show_is_said(tmp_path: Path) -> None:
    same = patients_of(run(0.8), run(0.8))
    assert "CroMoTEX finds nobody whom direct training misses." in page(
        tmp_path, study(0.8), {}, same
    )


def test_the_range_over_training_seeds_is_told() -> None:
    results = study(2.0)
    results["models"]["cromotex"]["mean"]["auroc"]["by_run"] = [0.71, 0.74]
    assert "ran from 0.710 to 0.740 for CroMoTEX" in " ".join(words.remarks(results))


def test_one_training_seed_is_told_to_be_one() -> None:
    results = study(2.0)
    assert "Each model was trained once" in " ".join(words.remarks(results))
    assert "trained once" not in " ".join(words.remarks({**results, "seeds": [0, 1]}))


def test_undefined_values_are_told_as_such(tmp_path: Path) -> None:
    results = study(2.0)
    nothing = {"value": None, "low": None, "high": None}
    for block in (*results["models"].values(), *results["differences"].values()):
        for finding in block:
            block[finding] = dict.fromkeys(block[finding], nothing)
    assert "undefined" in words.sentence(results)
    assert "undefined: a class is absent" in page(tmp_path, results)


def test_an_unknown_place_and_unsound_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"figures must stand in models, .*, got margin"):
        write_report(tmp_path / "report.html", study(2.0), {"margin": [XRAY]})
    with pytest.raises(DataError, match="missing"):
        write_report(tmp_path / "report.html", {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_picture_from_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a data URI"):
        Picture("https://example.org/x.png", "", "", "")


def test_a_data_uri_holds_the_bytes() -> None:
    assert data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"
