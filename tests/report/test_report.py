"""The report: complete in itself, honest whoever wins, safe with any text; of either kind."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_up import LABEL, METHOD, SEARCH, full_study, run, runs, study

from crossbeat.errors import DataError
from crossbeat.report import words
from crossbeat.report.report import Subject, write_report
from crossbeat.report.tables import cell
from crossbeat.report.words import minus
from crossbeat.targets import FINDING, MEASUREMENT

HOSTILE = "<script src='//x'>"
BOTH = pytest.mark.parametrize("kind", [FINDING, MEASUREMENT], ids=lambda kind: kind.name)


def page(folder: Path, results: dict[str, Any], **more: Any) -> str:
    write_report(folder / "report.html", Subject(results=results, **more))
    return (folder / "report.html").read_text(encoding="utf-8")


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


@pytest.fixture(scope="module", params=[FINDING, MEASUREMENT], ids=lambda kind: kind.name)
def whole(request, tmp_path_factory):
    """The results of a study with every optional part, and its report."""
    results = full_study(request.param)
    folder = tmp_path_factory.mktemp("whole")
    return request.param, results, page(folder, results, said=runs(request.param, 2.0))


def test_the_page_needs_nothing_but_itself(whole):
    kind, _, text = whole
    seen = tags(text)
    for tag, attributes in seen:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "background"):
            assert (attributes.get(name) or "data:").startswith("data:")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text
    assert sum(tag == "img" for tag, _ in seen) == 5 + 2 * (kind is MEASUREMENT)


@BOTH
def test_hostile_text_stays_text(kind, tmp_path):
    results = study(kind, 2.0, target=HOSTILE)
    results["cohort"] = {"name": HOSTILE, HOSTILE: HOSTILE, "notes": [HOSTILE]}
    results["models"][HOSTILE] = results["models"]["direct"]
    for pair in (f"{HOSTILE} - direct", f"{METHOD[kind]} - {HOSTILE}"):
        results["differences"][pair] = results["differences"][f"{METHOD[kind]} - direct"]
    results |= {
        "probes": {HOSTILE: results["models"]},
        "limits": {HOSTILE: results["models"]["direct"]},
        "retrieval": {HOSTILE: SEARCH},
        "settings": {HOSTILE: {HOSTILE: [HOSTILE]}},
        "versions": {HOSTILE: HOSTILE},
        "notes": [HOSTILE],
    }
    text = page(tmp_path, results, said=runs(kind, 2.0, target=HOSTILE))
    assert "<script" not in text
    for tag, attributes in tags(text):
        assert tag != "img" or (attributes["src"] or "").startswith("data:image/svg")
        assert not [name for name in attributes if name.startswith("on")]


HEADINGS = {
    FINDING: [
        *("Controls and differences", "Each finding and each metric", "Further targets"),
        *("ROC curves", "Calibration curves", "Linear probes"),
    ],
    MEASUREMENT: [
        *("Controls and differences", "Each measurement and each metric", "Estimates and truth"),
        *("Screening", "ROC curves", "Calibration curves", "Patients with similar hearts"),
        *("Which part of the ECG matches which moment", "Linear probes"),
    ],
}


def test_the_result_and_the_patients_come_first_and_the_rest_is_folded(whole):
    kind, results, text = whole
    first, *rest = text.split('<section class="folded"')
    finding = "edema" if kind is FINDING else "LVEF below 40 %"
    shown = re.findall(r"<h2>(.*?)</h2>", first)
    assert shown == ["The result", f"Two test patients with {finding}"]
    assert "<details" not in first
    assert words.sentence(results) in first
    assert words.DISCLAIMER in first
    titles = [re.findall(r"<h2>(.*?)</h2>", part)[0] for part in rest]
    assert titles == [*HEADINGS[kind], "What limits this study", "How the models were trained"]
    assert all("<details><summary>" in part for part in rest)
    for told in ("align.temperature", "0.05", "1.5", "0.1.0", "Made up.", words.limits(results)[3]):
        assert told in text


@BOTH
def test_a_section_that_does_not_apply_is_left_out(kind, tmp_path):
    text = page(tmp_path, study(kind, 2.0))
    assert re.findall(r"<h2>(.*?)</h2>", text)[1:] == [
        "Controls and differences",
        f"Each {kind.name} and each metric",
        "What limits this study",
        "How the models were trained",
    ]
    said = runs(kind, 2.0)
    for each in said.values():
        each.val.targets[:] = 0  # of one class
    assert "ROC curves" not in page(tmp_path, study(kind, 2.0), said=said)


@BOTH
def test_differences_are_marked_by_who_is_better(kind, tmp_path):
    for skill, marks in ((2.5, ('"up">▲ +', '"up">▲ −')), (-0.5, ('"down">▼ −', '"down">▼ +'))):
        text = page(tmp_path, study(kind, skill))
        errors = {FINDING: "Brier score in points", MEASUREMENT: "MAE"}
        titles = {FINDING: "AUROC in points", MEASUREMENT: "R² in points"}
        for title, mark in zip((titles[kind], errors[kind]), marks, strict=True):
            if (skill, kind) == (-0.5, FINDING) and mark == marks[1]:
                continue  # calibration gives everyone the prevalence, which is no clear loss
            table = text[text.index(f"<h3>Differences in {title}") :]
            assert mark in table[: table.index("</table>")]


def test_values_stand_in_their_tables(whole):
    kind, results, text = whole
    for metric in kind.metrics:
        (target, _), unit = results["models"][METHOD[kind]], "%" if metric == "mae" else ""
        found = cell(results["models"][METHOD[kind]][target][metric], metric, unit)
        assert f"{minus(found.value)}<small>" in text
    assert re.search(rf'<tr class="marked"><th scope="row">{LABEL[kind]}</th>', text)


def test_the_patients_are_told_with_probability_threshold_and_rule(tmp_path):
    subject = Subject(results=study(FINDING, 2.0), said=runs(FINDING, 2.0))
    helped = subject.patients.helped
    write_report(tmp_path / "report.html", subject)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for answer, says in ((helped.baseline, "is below"), (helped.method, "reach")):
        assert re.search(rf"of {100 * answer.probability:.0f} %, which {says}\w* its", text)
    assert f"of the {helped.among} patients whom only CroMoTEX finds" in text
    assert f"Of {subject.patients.shown.having} test patients with edema" in text
    same = {"direct": run(FINDING, 0.8), "cromotex": run(FINDING, 0.8)}
    text = page(tmp_path, study(FINDING, 0.8), said=same)
    assert "CroMoTEX finds nobody whom direct training misses." in text


@BOTH
def test_undefined_values_are_told_as_such_and_unsound_results_are_refused(kind, tmp_path):
    results = study(kind, 2.0, shuffled=1.0, teacher=3.0)
    nothing = {"value": None, "low": None, "high": None}
    for block in (*results["models"].values(), *results["differences"].values()):
        for target in block:
            block[target] = dict.fromkeys(block[target], nothing)
    assert "undefined" in words.sentence(results)
    assert "not defined" in page(tmp_path, results)
    (tmp_path / "report.html").unlink()
    with pytest.raises(DataError, match="missing"):
        page(tmp_path, {"models": {}})
    assert list(tmp_path.iterdir()) == []
