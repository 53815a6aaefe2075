from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import build, coarse_digest

from crossbeat import simulate
from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy
from crossbeat.data.sources.virtual import Virtual, recorded
from crossbeat.leads import STANDARD, limb_leads


def cohort(folder, **settings):
    wanted = {"num_patients": 60, "seed": 3, "image_size": 16} | settings
    return build(Virtual(**wanted), folder)


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crossbeat.simulate.streams.BLOCK", 40)
        yield


@pytest.fixture(scope="module")
def virtual(tmp_path_factory):
    return cohort(tmp_path_factory.mktemp("virtual") / "cohort", num_patients=20, image_size=32)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Sixty patients who have everything."""
    return cohort(tmp_path_factory.mktemp("whole") / "cohort")


@pytest.fixture(scope="module")
def less(tmp_path_factory):
    """The same sixty, half of whose training patients have an X-ray, half of them a report."""
    return cohort(tmp_path_factory.mktemp("less") / "cohort", paired=0.5, labelled=0.5)


def test_a_virtual_cohort_pairs_every_patient_with_itself(virtual):
    assert virtual.info.kind == "paired"
    assert virtual.table.height == 20
    assert virtual.table["patient"].equals(virtual.table["xray_patient"])
    sizes = [len(virtual.rows(split)) for split in ("train", "val", "test")]
    assert sizes == [14, 2, 4]


def test_the_default_settings_make_the_cohort_that_they_always_made(virtual):
    """Recorded at commit e7003f7; its ECGs again when their ends were filtered otherwise."""
    assert coarse_digest(virtual, "xray") == "355fb04eb7cb1a60"


def test_what_is_stored_is_what_was_simulated(virtual):
    patients = simulate.draw_patients(20, 3)
    rows = np.array([7, 19, 0])
    films = torch.from_numpy(simulate.xrays(patients, 3, 32)[rows])
    assert torch.equal(virtual.images("xray", rows), films)
    told = simulate.report_labels(patients, 3)
    for finding in simulate.FINDINGS:
        stored = virtual.table[f"label:{finding}"].fill_null(simulate.NOT_MENTIONED)
        np.testing.assert_array_equal(stored.to_numpy(), told[finding])
    known = simulate.truth(patients)
    for finding in (*simulate.FINDINGS, *simulate.CONDITIONS):
        truth = virtual.truth(np.arange(20), [finding])[:, 0].bool().numpy()
        np.testing.assert_array_equal(truth, known[finding])


def test_ecgs_are_millivolts_at_100_hz_that_obey_the_limb_lead_equations(virtual):
    ecgs = virtual.ecgs(np.arange(20))
    assert ecgs.values.shape == (20, 12, 1000)
    assert 0.3 < ecgs.values.amax(dim=(1, 2)).median() < 8
    row = dict(zip(STANDARD, ecgs.values.transpose(0, 1).numpy(), strict=True))
    # 3 steps of 1 microvolt; the running median is not linear, so leads differ a little more
    for lead, expected in limb_leads(row["I"], row["II"]).items():
        assert np.abs(row[lead] - expected).mean() < 0.02, lead


def test_a_patient_is_the_same_however_many_there_are(virtual, tmp_path):
    few = cohort(tmp_path / "few", num_patients=4, image_size=32)
    rows = np.arange(4)
    assert torch.equal(few.ecgs(rows).values, virtual.ecgs(rows).values)
    assert torch.equal(few.images("xray", rows), virtual.images("xray", rows))
    latent = [name for name in virtual.table.columns if name.startswith("latent:")]
    assert latent
    assert few.table.select(latent).equals(virtual.table.select(latent)[:4])


def test_whoever_lacks_an_ecg_or_an_xray_has_none_stored(whole, less):
    assert less.info.kind == "paired"
    for name in ("ecg", "xray"):
        rows = np.flatnonzero(less.table[name].is_not_null().to_numpy())
        assert less.table[name].drop_nulls().to_list() == list(range(len(rows)))
        one, other = (
            each.ecgs(rows).values if name == "ecg" else each.images(name, rows)
            for each in (less, whole)
        )
        assert torch.equal(one, other)
        files = (file for file in less.info.files if file.startswith(name))
        assert sum(less.info.files[file].rows for file in files) == len(rows)
    has = pl.col("xray").is_not_null()
    assert less.table.select((pl.col("xray_patient") == pl.col("patient")) | ~has).to_series().all()


def test_training_patients_without_a_report_have_no_label_and_keep_their_truth(whole, less):
    rows, training = np.arange(60), whole.table["split"].to_numpy() == "train"
    read = less.table["reported"].to_numpy()
    assert read[~training].all()
    assert 0 < read[training].sum() < 21
    labels = less.labels(rows, simulate.FINDINGS, ALL_NEGATIVE)
    assert labels[~read].isnan().all()
    assert torch.equal(labels[read], whole.labels(rows[read], simulate.FINDINGS, ALL_NEGATIVE))
    known, still = (
        each.truth(rows, (*simulate.FINDINGS, *simulate.CONDITIONS)) for each in (whole, less)
    )
    assert torch.equal(known, still)
    assert not known.isnan().any()


def test_outside_xrays_are_of_further_training_patients_with_a_report_and_no_ecg(tmp_path):
    whole, few, more = (
        cohort(tmp_path / str(number), num_patients=30, labelled=0.5, outside=number)
        for number in (0, 5, 30)
    )
    assert more.table.height == 60
    inside, outside = more.table[:30], more.table[30:]
    assert inside.equals(whole.table)
    assert few.table[30:].equals(more.table[30:35])
    assert outside["split"].unique().to_list() == ["train"]
    assert outside["ecg"].null_count() == 30
    assert outside["reported"].all()
    assert len({*inside["patient"], *outside["patient"]}) == 60
    rows = more.rows("train", has=("xray",))
    assert len(rows) - len(whole.rows("train", has=("xray",))) == 30
    for split in ("train", "val", "test"):
        pairs = [one.rows(split, has=("ecg", "xray")) for one in (whole, more)]
        np.testing.assert_array_equal(*pairs)
    films = torch.from_numpy(simulate.xrays(simulate.draw_patients(60, 3), 3, 16))
    assert torch.equal(more.images("xray", np.arange(30, 60)), films[30:])


def test_flipped_labels_are_of_all_splits_and_leave_nothing_open(tmp_path):
    noisy = cohort(tmp_path / "cohort", image_size=0, label_noise=0.2)
    rows = np.arange(60)
    careful = LabelPolicy(uncertain="ignore", missing="ignore")
    labels = noisy.labels(rows, simulate.FINDINGS, careful)
    flipped = simulate.flipped_truth(simulate.draw_patients(60, 3), 3, 0.2)
    np.testing.assert_array_equal(labels, np.stack(list(flipped.values()), axis=1))
    wrong = labels != noisy.truth(rows, simulate.FINDINGS)
    assert all(wrong[noisy.rows(split)].any() for split in ("train", "val", "test"))


def test_a_later_film_and_its_labels_are_of_the_later_patient(whole, tmp_path):
    now, later = whole, cohort(tmp_path / "later", hours_apart=100.0)
    labelled = [name for name in now.table.columns if name.startswith("label:")]
    assert now.table.drop(labelled).equals(later.table.drop(labelled))
    rows = np.arange(60)
    assert torch.equal(now.ecgs(rows).values, later.ecgs(rows).values)
    after = simulate.draw_patients(60, 3, hours=100.0)
    assert torch.equal(later.images("xray", rows), torch.from_numpy(simulate.xrays(after, 3, 16)))
    told = simulate.report_labels(after, 3)
    for finding in simulate.FINDINGS:
        stored = later.table[f"label:{finding}"].fill_null(simulate.NOT_MENTIONED)
        np.testing.assert_array_equal(stored.to_numpy(), told[finding])
    assert not later.table.select(labelled).equals(now.table.select(labelled))


def test_noise_of_films_has_the_spread_that_is_set_and_is_nested(whole, tmp_path):
    noisy = [cohort(tmp_path / str(noise), film_noise=noise) for noise in (10.0, 30.0)]
    clear, poor, poorer = (each.images("xray", np.arange(60)).int() for each in (whole, *noisy))
    middle = (clear > 110) & (clear < 145)  # hardly anything is clipped there
    assert (poor - clear)[middle].float().mean() == pytest.approx(0, abs=0.3)
    assert (poor - clear)[middle].float().std() == pytest.approx(10, rel=0.05)
    assert (poorer - clear)[middle].float().std() == pytest.approx(30, rel=0.05)
    whole = (poorer > 0) & (poorer < 255) & (poor > 0) & (poor < 255)
    assert (poorer - clear - 3 * (poor - clear))[whole].abs().max() <= 2  # rounding alone
    assert poorer.amin() == 0
    assert poorer.amax() == 255


def test_a_varied_cohort_is_the_same_whatever_the_number_of_workers(tmp_path):
    settings = Virtual(
        num_patients=42,
        image_size=16,
        paired=0.4,
        labelled=0.5,
        outside=45,
        label_noise=0.1,
        hours_apart=24.0,
        film_noise=8.0,
    )
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        first = settings.build(tmp_path / "one", executor=one)
        second = settings.build(tmp_path / "two", executor=two)
    assert first.fingerprint() == second.fingerprint()
    assert first.info.files == second.info.files


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, ["labels are read from simulated reports"]),
        ({"label_noise": 0.25}, ["each turned around with probability 0.25"]),
        (
            {"paired": 0.1, "labelled": 0.3},
            ["reports", "10 % of the training patients", "30 % of the training pairs"],
        ),
        ({"outside": 1200}, ["reports", "1,200 further X-rays with a report are of other"]),
        ({"hours_apart": 36.0}, ["reports", "36 hours after the ECG; the truth is of the time of"]),
        ({"film_noise": 12.5}, ["reports", "Noise of 12.5 grey levels"]),
    ],
)
def test_the_notes_say_what_was_varied(settings, notes):
    given = Virtual(**settings)._info().notes[1:]
    assert len(given) == len(notes)
    assert all(text in note for text, note in zip(notes, given, strict=True))


def test_true_labels_are_the_truth_and_the_cohort_says_so(tmp_path):
    clean = cohort(tmp_path / "cohort", num_patients=20, image_size=0, label_noise=0.0)
    rows = np.arange(20)
    labels = clean.labels(rows, simulate.FINDINGS, LabelPolicy())
    assert torch.equal(labels, clean.truth(rows, simulate.FINDINGS))
    assert clean.info.kind == "single"
    assert any("labels are the truth" in note for note in clean.info.notes)


def test_a_cohort_for_evaluation_alone_may_be_of_other_patients(virtual, tmp_path):
    tested = cohort(tmp_path / "test", num_patients=20, seed=4, image_size=0, val=0.0, test=1.0)
    assert tested.table["split"].unique().to_list() == ["test"]
    assert not set(tested.table["patient"]) & set(virtual.table["patient"])


TRAINING = np.arange(1000) % 10 > 2
"""Seven hundred of a thousand."""


@pytest.mark.parametrize(("paired", "number"), [(1.0, 700), (0.0, 0), (0.1, 70), (0.95, 665)])
def test_as_many_training_patients_have_an_xray_as_their_share(paired, number):
    there = recorded(TRAINING, 5, paired=paired)
    assert there.xray[TRAINING].sum() == number
    assert there.ecg.all()


def test_validation_and_test_patients_have_everything():
    there = recorded(TRAINING, 5, paired=0.0, labelled=0.0)
    for has in (there.ecg, there.xray, there.report):
        assert has[~TRAINING].all()
    assert not there.report[TRAINING].any()


@pytest.mark.parametrize("name", ["paired", "labelled"])
def test_a_higher_share_only_adds_patients(name):
    few, more = (
        recorded(TRAINING, 5, **({"paired": 0.4, "labelled": 0.6} | {name: share}))
        for share in (0.2, 0.5)
    )
    have = {"paired": lambda there: there.ecg & there.xray, "labelled": lambda there: there.report}[
        name
    ]
    assert have(more).sum() > have(few).sum()
    assert have(more)[have(few)].all()
    assert more.report[few.report].all()


def test_a_report_needs_an_xray_and_is_read_as_often_as_its_share():
    there = recorded(TRAINING, 5, labelled=0.25)
    assert there.report[TRAINING].sum() == 175
    assert (there.ecg & there.xray).all()
    less = recorded(TRAINING, 5, paired=0.5, labelled=0.25)
    np.testing.assert_array_equal(less.report, there.report & less.xray)
    assert less.report[TRAINING].mean() == pytest.approx(0.25 * 0.5, abs=0.03)


def test_patients_outside_follow_with_an_xray_and_its_report_alone():
    there = recorded(TRAINING, 5, labelled=0.25)
    more = there.and_outside(50)
    for name in ("ecg", "xray", "report"):
        np.testing.assert_array_equal(getattr(more, name)[:1000], getattr(there, name))
        assert (getattr(more, name)[1000:] == (name != "ecg")).all()


def test_another_seed_leaves_out_others():
    one, other = (recorded(TRAINING, seed, paired=0.5).xray for seed in (5, 6))
    assert (one != other).any()
