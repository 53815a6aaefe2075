from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from crossbeat import simulate
from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import LabelPolicy
from crossbeat.data.virtual import Virtual
from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD, limb_leads


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("virtual") / "cohort"
    with ThreadPoolExecutor(1) as executor:
        return Virtual(num_patients=20, seed=3, image_size=32).build(folder, executor=executor)


def test_a_virtual_cohort_pairs_every_patient_with_itself(virtual: Cohort) -> None:
    assert virtual.info.kind == "paired"
    assert virtual.table.height == 20
    assert virtual.table["patient"].equals(virtual.table["xray_patient"])
    sizes = [len(virtual.rows(split)) for split in ("train", "val", "test")]
    assert sizes == [14, 2, 4]


def test_what_is_stored_is_what_was_simulated(virtual: Cohort) -> None:
    patients = simulate.draw_patients(20, 3)
    rows = np.array([7, 19, 0])
    films = torch.from_numpy(simulate.xrays(patients, 3, 32)[rows])
    assert torch.equal(virtual.xrays(rows), films)
    told = simulate.report_labels(patients, 3)
    for finding in simulate.FINDINGS:
        stored = virtual.table[f"label:{finding}"].fill_null(simulate.NOT_MENTIONED)
        np.testing.assert_array_equal(stored.to_numpy(), told[finding])
    known = simulate.truth(patients)
    for finding in (*simulate.FINDINGS, *simulate.CONDITIONS):
        truth = virtual.truth(np.arange(20), [finding])[:, 0].bool().numpy()
        np.testing.assert_array_equal(truth, known[finding])


def test_ecgs_are_millivolts_at_100_hz_that_obey_the_limb_lead_equations(virtual: Cohort) -> None:
    ecgs = virtual.ecgs(np.arange(20))
    assert ecgs.values.shape == (20, 12, 1000)
    assert 0.3 < ecgs.values.amax(dim=(1, 2)).median() < 8
    row = dict(zip(STANDARD, ecgs.values.transpose(0, 1).numpy(), strict=True))
    # 3 steps of 1 microvolt; the running median is not linear, so leads differ a little more
    for lead, expected in limb_leads(row["I"], row["II"]).items():
        assert np.abs(row[lead] - expected).mean() < 0.02, lead


def test_a_patient_is_the_same_however_many_there_are(virtual: Cohort, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        few = Virtual(num_patients=4, seed=3, image_size=32).build(
            tmp_path / "few", executor=executor
        )
    rows = np.arange(4)
    assert torch.equal(few.ecgs(rows).values, virtual.ecgs(rows).values)
    assert torch.equal(few.xrays(rows), virtual.xrays(rows))
    latent = [name for name in virtual.table.columns if name.startswith("latent:")]
    assert latent
    assert few.table.select(latent).equals(virtual.table.select(latent)[:4])


@pytest.mark.parametrize("name", ["num_patients", "image_size", "seed"])
def test_a_setting_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"Virtual\.{name} must be .* or more, got -1"):
        Virtual(**{name: -1})


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave something for training"):
        Virtual(val=0.5, test=0.5)


def test_true_labels_are_the_truth_and_the_cohort_says_so(tmp_path: Path) -> None:
    settings = Virtual(num_patients=20, seed=3, image_size=0, true_labels=True)
    with ThreadPoolExecutor(1) as executor:
        clean = settings.build(tmp_path / "cohort", executor=executor)
    rows = np.arange(20)
    labels = clean.labels(rows, simulate.FINDINGS, LabelPolicy())
    assert torch.equal(labels, clean.truth(rows, simulate.FINDINGS))
    assert clean.info.kind == "single"
    assert any("labels are the truth" in note for note in clean.info.notes)


def test_patients_of_another_seed_have_other_names(virtual: Cohort, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        other = Virtual(num_patients=20, seed=4, image_size=0).build(
            tmp_path / "cohort", executor=executor
        )
    assert not set(other.table["patient"]) & set(virtual.table["patient"])
