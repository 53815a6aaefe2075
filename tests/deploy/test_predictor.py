"""A saved model answers for a recording as its run answers for the cohort, or says why not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from crossbeat.deploy import Predictor, export_model
from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.measurements import MEASUREMENTS
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.recipes.run import predictions, validation
from crossbeat.signal import Ecg
from crossbeat.targets import MEASUREMENT


def told(predictor, ecg):
    return [answer.value for answer in predictor.predict(ecg, "test")]


def reordered(ecg, order):
    rows = [STANDARD.index(lead) for lead in order]
    return Ecg(ecg.values[rows], tuple(order), ecg.fs)


def test_a_recording_gets_the_answer_that_the_run_gives_its_row_of_the_cohort(
    run, predictor, cohort, recordings
):
    rows = cohort.rows("test")[[0, 3, 7]]
    outputs = predictions(run, cohort).test.outputs[[0, 3, 7]]
    shown = []
    for row, logits in zip(rows.tolist(), outputs, strict=True):
        answers = predictor.predict(Ecg(recordings[row], STANDARD, 500.0), "test")
        assert [answer.target for answer in answers] == list(run.recipe.targets.findings)
        for answer, logit in zip(answers, logits, strict=True):
            chosen = predictor.chosen[answer.target]
            # the cohort keeps whole microvolts, the recording does not
            expected = expit(chosen["slope"] * logit + chosen["intercept"])
            assert answer.value == pytest.approx(expected, abs=2e-3)
            assert answer.positive == (answer.value >= answer.threshold)
            least = expit(chosen["slope"] * chosen["threshold"] + chosen["intercept"])
            assert answer.threshold == pytest.approx(least)
            assert answer.words == f"probability {100 * answer.value:.0f} %"
        shown.append([answer.value for answer in answers])
    assert np.ptp(shown, axis=0).min() > 0.1  # or any answer would do


def test_a_file_gets_the_answer_that_its_signal_gets(predictor, ecg, tmp_path):
    path = write_wfdb(ecg, tmp_path / "record")
    from_file = [answer.value for answer in predictor.predict_file(path)]
    assert from_file == pytest.approx(told(predictor, ecg), abs=2e-3)
    lines = path.read_text().splitlines()
    fields = lines[1].split()
    fields[6] = str(int(fields[6]) + 1)
    path.write_text("\n".join([lines[0], " ".join(fields), *lines[2:]]) + "\n")
    with pytest.raises(DataError, match="must have the checksum"):
        predictor.predict_file(path)
    assert predictor.predict_file(path, checksum=False)


def test_the_order_of_leads_does_not_matter_but_their_names_do(predictor, ecg):
    before, values = told(predictor, ecg), ecg.values.copy()
    assert told(predictor, reordered(ecg, STANDARD[::-1])) == before
    assert told(predictor, reordered(ecg, INDEPENDENT)) == pytest.approx(before, abs=2e-3)
    order = (*STANDARD[:6], *STANDARD[:5:-1])
    assert told(predictor, replace(reordered(ecg, order), leads=STANDARD)) != before
    with pytest.raises(DataError, match="limb leads are inconsistent"):
        predictor.predict(Ecg(ecg.values[::-1].copy(), STANDARD, 500.0), "a")
    assert np.array_equal(values, ecg.values)


def test_only_the_first_ten_seconds_count(predictor, ecg):
    longer = Ecg(np.tile(ecg.values, 2), STANDARD, 500.0)
    other = Ecg(longer.values.copy(), STANDARD, 500.0)
    other.values[:, 6000:] *= 3  # from 12 s on, out of the filters' reach
    assert told(predictor, longer) == told(predictor, other)
    other.values[:, 4000:5000] *= 3
    assert told(predictor, longer) != told(predictor, other)


def test_measurements_come_in_their_unit_with_the_error_on_validation(trained, hearts, tmp_path):
    names = ("LVEF", "LVEDV")
    run = trained("direct-heart", hearts, tmp_path, "fine_tuning", measurements=names)
    export_model(run, tmp_path / "model", hearts)
    stored = hearts.ecgs(hearts.rows("test")[:1])
    wanted, val = predictions(run, hearts), validation(run, hearts, MEASUREMENT)
    ecg = Ecg(stored.values[0].numpy(), stored.leads, stored.fs)
    answers = Predictor.open(tmp_path).predict(ecg, "row")
    assert [answer.target for answer in answers] == list(names)
    assert [answer.unit for answer in answers] == [MEASUREMENTS[name].unit for name in names]
    assert [answer.value for answer in answers] == pytest.approx(wanted.test.outputs[0], abs=0.5)
    errors = (val.outputs - val.targets).std(axis=0).tolist()
    assert [answer.error for answer in answers] == pytest.approx(errors)
    assert f"{answers[1].value:.0f} ml ± {errors[1]:.0f} ml" == answers[1].words


def without(*lost):
    return lambda ecg: reordered(ecg, [lead for lead in STANDARD if lead not in lost])


def scaled(by):
    return lambda ecg: replace(ecg, values=by * ecg.values)


def spoilt(lead, samples, value):
    def spoil(ecg):
        ecg.values[STANDARD.index(lead), samples] = value
        return ecg

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without("V3"), r"rec\.hea: lead V3 is missing and does not follow"),
        (without("II", "III", "aVR", "aVL", "aVF"), "lead II, III, aVR.* missing"),
        (scaled(1000), "is the signal in microvolt?"),
        (scaled(1 / 1000), "is the signal in volt"),
        (spoilt("aVL", slice(1000, 2000), np.nan), "lead aVL lacks samples for up to 2 s"),
        (spoilt("V2", slice(None), 0.2), "lead V2 is flat; check the electrode"),
        (lambda ecg: replace(ecg, values=ecg.values[:, :1500]), "at least 10 s, got 3 s"),
    ],
    ids=["missing", "eight-without-II", "microvolt", "volt", "nan", "flat", "short"],
)
def test_bad_input_is_refused_by_name(spoil, message, predictor, ecg):
    with pytest.raises(DataError, match=message):
        predictor.predict(spoil(ecg), "rec.hea")


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0 no ECG", r"photo\.jpg must be in a format that crossbeat"),
        ("empty.hea", b"", r"empty\.hea"),
        ("text.hea", b"Dear colleague,\nthis is a letter.\n", r"text\.hea"),
        ("gone.hea", None, r"there is no file .*gone\.hea; check the path"),
    ],
)
def test_a_file_that_is_no_ecg_is_refused_by_name(name, contents, message, predictor, tmp_path):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    with pytest.raises(DataError, match=message):
        predictor.predict_file(tmp_path / name)
