"""A saved model answers for a recording as its run answers for the cohort, or says why not."""

import numpy as np
import pytest
from small_models import PATIENTS, probabilities, spread

from crossbeat.deploy import Predictor
from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.recipes.run import logits
from crossbeat.signal import Ecg


def test_a_recording_gets_the_answer_that_the_run_gives_its_row_of_the_cohort(
    run, cohort, recordings
):
    predictor = Predictor.open(run.folder)
    rows = np.arange(PATIENTS)
    scores = logits(run, cohort, rows).double().numpy()
    choices = spread(run, cohort)
    told = []
    for row in (0, 3, 41):
        answers = predictor.predict(Ecg(recordings[row], STANDARD, 500.0), "test")
        assert [answer.finding for answer in answers] == list(run.recipe.findings)
        for answer, choice, score in zip(answers, choices, scores[row], strict=True):
            # the cohort keeps whole microvolts, the recording does not
            expected = float(choice.calibration.probability(np.array([score]))[0])
            assert answer.probability == pytest.approx(expected, abs=2e-3)
            assert answer.positive == (score >= choice.threshold)
        told.append([answer.probability for answer in answers])
    assert np.ptp(told, axis=0).min() > 0.1  # or any answer would do


def test_a_file_gets_the_answer_that_its_signal_gets(run, ecg, tmp_path):
    predictor = Predictor.open(run.folder / "model")
    path = write_wfdb(ecg, tmp_path / "record")
    from_file = [answer.probability for answer in predictor.predict_file(path)]
    assert from_file == pytest.approx(probabilities(predictor, ecg), abs=2e-3)


def test_a_file_with_a_wrong_checksum_gets_an_answer_only_on_demand(run, ecg, tmp_path):
    predictor = Predictor.open(run.folder)
    path = write_wfdb(ecg, tmp_path / "record")
    lines = path.read_text().splitlines()
    fields = lines[1].split()
    fields[6] = str(int(fields[6]) + 1)
    path.write_text("\n".join([lines[0], " ".join(fields), *lines[2:]]) + "\n")
    with pytest.raises(DataError, match="must have the checksum"):
        predictor.predict_file(path)
    assert predictor.predict_file(path, checksum=False)


def test_the_order_of_leads_does_not_matter(run, ecg):
    order = [7, 2, 11, 0, 5, 9, 1, 3, 10, 4, 8, 6]
    mixed = Ecg(ecg.values[order], tuple(STANDARD[row] for row in order), 500.0)
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, mixed) == probabilities(predictor, ecg)


def test_the_names_of_leads_do(run, ecg):
    predictor = Predictor.open(run.folder)
    order = [STANDARD.index(lead) for lead in (*STANDARD[:6], "V6", "V5", "V4", "V3", "V2", "V1")]
    swapped = Ecg(ecg.values[order], STANDARD, 500.0)
    assert probabilities(predictor, swapped) != probabilities(predictor, ecg)


def test_limb_leads_under_wrong_names_are_refused(run, ecg):
    with pytest.raises(DataError, match="limb leads are inconsistent"):
        Predictor.open(run.folder).predict(Ecg(ecg.values[::-1].copy(), STANDARD, 500.0), "a")


def test_eight_leads_suffice(run, ecg):
    rows = [STANDARD.index(lead) for lead in INDEPENDENT]
    eight = Ecg(ecg.values[rows], INDEPENDENT, 500.0)
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, eight) == pytest.approx(probabilities(predictor, ecg), abs=2e-3)


def test_only_the_first_ten_seconds_count(run, ecg):
    longer = Ecg(np.tile(ecg.values, 2), STANDARD, 500.0)
    other = Ecg(longer.values.copy(), STANDARD, 500.0)
    other.values[:, 6000:] *= 3  # from 12 s on, out of the filters' reach
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, longer) == probabilities(predictor, other)
    other.values[:, 4000:5000] *= 3
    assert probabilities(predictor, longer) != probabilities(predictor, other)


def test_the_input_is_not_changed(run, ecg):
    before = ecg.values.copy()
    Predictor.open(run.folder).predict(ecg, "test")
    assert np.array_equal(before, ecg.values)


def without(ecg, *lost):
    rows = [row for row, lead in enumerate(ecg.leads) if lead not in lost]
    return Ecg(ecg.values[rows], tuple(ecg.leads[row] for row in rows), ecg.fs)


def changed(ecg, change):
    values = ecg.values.copy()
    change(values)
    return Ecg(values, ecg.leads, ecg.fs)


def nan(values):
    values[4, 1000:2000] = np.nan


def flat(values):
    values[7] = 0.2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ecg: without(ecg, "V3"), r"rec\.hea: lead V3 is missing and does not follow"),
        (lambda ecg: without(ecg, "II", "III", "aVR", "aVL", "aVF"), "lead II, III, aVR.* missing"),
        (lambda ecg: Ecg(1000 * ecg.values, ecg.leads, ecg.fs), "is the signal in microvolt?"),
        (lambda ecg: Ecg(ecg.values / 1000, ecg.leads, ecg.fs), "is the signal in volt"),
        (lambda ecg: changed(ecg, nan), "lead aVL lacks samples for up to 2 s"),
        (lambda ecg: changed(ecg, flat), "lead V2 is flat; check the electrode"),
        (lambda ecg: Ecg(ecg.values[:, :1500], ecg.leads, ecg.fs), "at least 10 s, got 3 s"),
    ],
    ids=["missing", "eight-without-II", "microvolt", "volt", "nan", "flat", "short"],
)
def test_bad_input_is_refused_by_name(spoil, message, run, ecg):
    with pytest.raises(DataError, match=message):
        Predictor.open(run.folder).predict(spoil(ecg), "rec.hea")


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0 no ECG", r"photo\.jpg must be in a format that crossbeat"),
        ("empty.hea", b"", r"empty\.hea"),
        ("text.hea", b"Dear colleague,\nthis is a letter.\n", r"text\.hea"),
        ("gone.hea", None, r"there is no file .*gone\.hea; check the path"),
    ],
)
def test_a_file_that_is_no_ecg_is_refused_by_name(name, contents, message, run, tmp_path):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    with pytest.raises(DataError, match=message):
        Predictor.open(run.folder).predict_file(tmp_path / name)
