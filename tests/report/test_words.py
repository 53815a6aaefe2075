"""Sentences follow the numbers by the same rules whoever wins, for either kind."""

from typing import Any

import pytest
from made_up import FOUND, LABEL, METHOD, full_study, run, study

from crossbeat.evaluation.names import CLEAN
from crossbeat.evaluation.patients import Answer, Example, patients_of
from crossbeat.report import words
from crossbeat.report.tables import cell
from crossbeat.targets import FINDING, MEASUREMENT, Kind

BOTH = pytest.mark.parametrize("kind", [FINDING, MEASUREMENT], ids=lambda kind: kind.name)
KNOWN = {FINDING: ("labels", "labelled"), MEASUREMENT: ("measurements", "measured")}
CALLED = {FINDING: "AUROC", MEASUREMENT: "R²"}


def mean(results: dict[str, Any], kind: Kind, name: str) -> Any:
    return results["models"][name]["mean"][kind.leads]


@BOTH
@pytest.mark.parametrize(("skill", "word"), [(2.5, "gain"), (-0.5, "loss"), (0.8, "")])
def test_the_sentence_gives_both_values_and_an_interval_from_small_to_large(kind, skill, word):
    results = study(kind, skill)
    found = results["differences"][f"{METHOD[kind]} - direct"]["mean"][kind.leads]
    one, other = (
        f"{100 * mean(results, kind, name)['value']:.1f}".replace("-", "−")
        for name in (METHOD[kind], "direct")
    )
    value, *ends = (f"{abs(100 * found[end]):.1f}" for end in ("value", "low", "high"))
    low, high = sorted(ends, key=float)
    told = f": a {word} of {value} points (95 % interval {low} to {high})."
    said = words.sentence(results)
    assert said.startswith(
        f"{LABEL[kind]} reaches a mean {CALLED[kind]} of {one}; direct training reaches {other}"
    )
    assert said.endswith(told) == bool(word)
    assert (" may be chance " in said) == (not word)


@BOTH
def test_the_sentence_says_what_was_learned_from_and_how_far_the_limit_is(kind):
    results = full_study(kind)
    results["limits"] = {CLEAN: results["models"]["teacher"]}
    results["settings"] = {"clip": {"teacher": {"epochs": 1}}}
    said = words.sentence(results)
    other = {FINDING: "X-ray", MEASUREMENT: "cine MRI"}[kind]
    labels, known = KNOWN[kind]
    assert said.startswith(
        f"With 9 pairs of ECG and {other}, of which 3 have {labels}, and a teacher that has "
        f"learned from 7 {known} X-rays, {LABEL[kind]} reaches"
    )
    one, low, top = (
        mean(results, kind, name)["value"] for name in (METHOD[kind], "direct", "teacher")
    )
    assert f", {100 * (one - low) / (top - low):.0f} % of the way to the clean-label lim" in said
    results["cohort"]["training"] = {"pairs": 9, "labelled_pairs": 9, "labelled_xrays": 9}
    assert words.sentence(results).startswith(f"With 9 pairs of ECG and {other}, {LABEL[kind]} ")
    results["cohort"]["training"] = {"ecgs": 1200}
    assert words.sentence(results).startswith(f"With 1,200 ECGs, {LABEL[kind]} reaches")
    lost = study(kind, -0.5, teacher=3.0)
    lost["limits"] = {CLEAN: lost["models"]["teacher"]}
    assert "of the way" not in words.sentence(lost)


@BOTH
def test_the_sentence_says_how_many_ecgs_have_another_recording(kind):
    results, (labels, known) = study(kind, 2.5), KNOWN[kind]
    results["settings"] = {"clip": {"other": {"modality": "cine"}}}
    counts = {"ecgs": 1600, "pairs": 800, "labelled_pairs": 80, "labelled_cines": 80}
    results["cohort"]["training"] = counts
    old = f"With 800 pairs of ECG and cine MRI, of which 80 have {labels}, "
    assert words.sentence(results).startswith(old)  # results of older versions
    counts["labelled_ecgs"] = 160
    half = "With 1,600 ECGs, 800 of them with a cine MRI"
    assert words.sentence(results).startswith(f"{half} and 160 with {labels}, {LABEL[kind]} ")
    counts["labelled_ecgs"] = 1600
    assert words.sentence(results).startswith(f"{half}, {LABEL[kind]} ")
    counts["labelled_cines"] = 90
    taught = f"{half}, and a teacher that has learned from 90 {known} cines, "
    assert words.sentence(results).startswith(f"{half}, {LABEL[kind]} ")  # there is no teacher
    results["settings"]["clip"]["teacher"] = {"epochs": 1}
    assert words.sentence(results).startswith(taught)
    results["settings"]["clip"]["other"]["modality"] = "xray"
    assert "800 of them with an X-ray, " in words.sentence(results)


@BOTH
def test_another_modality_is_called_by_its_name(kind):
    results = full_study(kind)
    results["cohort"]["kind"] = "paired"
    results["settings"] = {"clip": {"seed": 0, "other": {"modality": "written_report"}}}
    assert words.cohort_kind(results).startswith("Each ECG and its written report come from")
    assert "pairs of ECG and written report" in words.sentence(results)
    assert words.label(results, "teacher") == "written report teacher"
    for name, told in (("xray", "X-ray"), ("cine", "cine MRI")):
        results["settings"]["clip"]["other"]["modality"] = name
        assert f"Each ECG and its {told} come" in words.cohort_kind(results)
        assert words.called(results, "clip").meaning == f"pairs ECG and {told} without labels"
    assert words.label(results, "ours {a}") == "ours {a}"


@BOTH
@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("shuffled", "The gain does not need the patient's own "),
        ("ptacl-shuffled-frames", "The gain does not need the order of the frames."),
        ("ptacl-global", "The alignment in time is not shown to matter."),
        ("cromotex-no-ssl", "is not shown to matter."),
        ("clip", "This simpler model may be enough."),
    ],
)
def test_a_control_that_does_as_well_takes_the_credit(kind, name, doubt):
    assert doubt in " ".join(words.remarks(study(kind, 2.5, **{name: 2.5})))
    assert doubt not in " ".join(words.remarks(study(kind, 2.5, **{name: 0.8})))
    assert doubt not in " ".join(words.remarks(study(kind, 0.8, **{name: 0.8})))


@BOTH
def test_every_control_teacher_and_limit_has_a_sentence(kind):
    results = full_study(kind)
    told = " ".join(words.controls(results))
    teacher = {FINDING: "The X-ray teacher reads the X-ray itself", MEASUREMENT: "The MRI teacher"}
    better = f"{LABEL[kind]} is better than {words.label(results, 'shuffled')} by +"
    for start in ("Clearly better: ", better, teacher[kind], "Upper limit, noise-free ECG"):
        assert start in told
    assert str(cell(mean(results, kind, "teacher"), kind.leads)) in told


@BOTH
def test_training_seeds_are_told(kind):
    results = study(kind, 2.0)
    assert "Each model was trained once" in " ".join(words.remarks(results))
    assert "trained once" not in " ".join(words.remarks({**results, "seeds": [0, 1]}))
    mean(results, kind, METHOD[kind])["by_run"] = [0.71, None, 0.74]
    assert f"ran from 0.710 to 0.740 for {LABEL[kind]}." in " ".join(words.remarks(results))


def test_limits_are_those_of_what_was_measured():
    of_findings, of_hearts = (
        " ".join(words.limits(full_study(kind))) for kind in (FINDING, MEASUREMENT)
    )
    assert "the calibration error and its interval are too high" in of_findings
    assert "The larger the gallery" not in of_findings
    assert "The larger the gallery" in of_hearts
    assert "R² compares with telling everyone the mean" in of_hearts


def test_other_tasks_are_told_with_their_intervals():
    results = full_study(MEASUREMENT)
    found = results["screening"]["models"]["ptacl"]["LVEF below 40 %"]["auroc"]
    assert f"LVEF below 40 %: AUROC {cell(found, 'auroc')}." in words.screened(results)
    told = words.retrieved(results)
    assert f"10 nearest in {cell(FOUND, 'recall@10')} % of searches" in told
    assert "random search 0.300 (0.200 to 0.400)" in told
    assert words.retrieved({**results, "retrieval": {"clip": {}}}) == ""


def test_whether_a_threshold_is_reached_is_said_as_the_score_decides():
    """Where calibration is flat, every probability equals the threshold."""
    before = Answer(probability=0.26, threshold=0.26, reached=False)
    after = Answer(probability=0.26, threshold=0.26, reached=True)
    example = Example(row=0, baseline=before, method=after, among=1)
    assert words.said_of(example, "edema", "crossbeat", "direct training") == (
        "The patient has edema. Direct training gives a probability of 26 %, which does not reach "
        "its threshold of 26 %. crossbeat gives a probability of 26 %, which reaches its threshold "
        "of 26 %."
    )
    assert (
        words.rule(example, "whom both miss", "rise") == "This is the only patient whom both miss."
    )


def test_found_and_missed_patients_are_counted_in_words():
    patients = patients_of(run(FINDING, 0.8), run(FINDING, 2.0))
    assert patients is not None
    tally = patients.shown
    told = words.found_in_all(tally, "CroMoTEX", "direct training")
    assert told.startswith(f"Of {tally.having} test patients with edema, direct training finds ")
    for number in (tally.by_baseline, tally.by_method, tally.gained, tally.lost, tally.without):
        assert f" {number:,} " in told or f" {number:,}." in told
