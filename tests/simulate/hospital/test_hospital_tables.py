import numpy as np
import polars as pl
import pytest
from mimic_columns import HEADERS
from virtual_mimics import NO_ECG, labels, table, text, times, write

from crossbeat import simulate


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A tree of X-rays alone, half of whose patients are in the test split."""
    folder = tmp_path_factory.mktemp("mimic") / "films"
    return write(folder, num_patients=60, test=0.5, faults=NO_ECG)


def test_every_table_has_the_name_and_the_columns_of_the_published_one(sound):
    for name, header in HEADERS.items():
        assert text(sound / name).splitlines()[0] == header, name
    tables = {str(path.relative_to(sound)) for path in sound.glob("mimic-*/**/*.csv*")}
    assert tables == set(HEADERS)


def test_tables_are_plain_when_asked(tmp_path, films):
    settings = {"num_patients": 60, "test": 0.5, "faults": NO_ECG}
    plain = write(tmp_path / "plain", **settings, compressed=False)
    for name in HEADERS:
        assert text(plain / name.removesuffix(".gz")) == text(films / name)
    assert not list(plain.rglob("*.gz"))


@pytest.mark.parametrize(
    ("name", "column", "digit"),
    [
        ("patients", "subject_id", 1),
        ("admissions", "hadm_id", 2),
        ("edstays", "stay_id", 3),
        ("record_list", "study_id", 4),
        ("chexpert", "study_id", 5),
    ],
)
def test_identifiers_have_eight_digits_and_come_once(name, column, digit, sound):
    found = table(sound, name)[column]
    assert found.n_unique() == len(found) > 10
    assert (found // 10_000_000 == digit).all()


def test_the_patients_are_those_of_the_virtual_cohort_of_the_same_seed(sound):
    people, truth = table(sound, "patients"), table(sound, "truth")
    patients = simulate.draw_patients(40, 3)
    ages = np.floor(patients.age).astype(int)
    assert people["anchor_age"].to_list() == np.where(ages > 89, 91, ages).tolist()
    assert people["gender"].to_list() == np.where(patients.male, "M", "F").tolist()
    assert truth["subject_id"].equals(people["subject_id"])
    for name, there in simulate.truth(patients).items():
        assert truth[name].to_list() == there.astype(int).tolist()


def test_labels_are_those_of_chexpert_with_blanks_and_doubts(sound):
    told = labels(sound, "chexpert")
    columns = told.columns[2:]
    assert len(columns) == 14
    assert set(told.unpivot(columns)["value"].drop_nulls()) == {1.0, 0.0, -1.0}
    for blank in ("Support Devices", "Fracture", "Pneumothorax"):
        assert told[blank].null_count() == told.height
    rest = [name for name in columns if name != "No Finding"]
    something = told.select(pl.any_horizontal(pl.col(rest).is_in([1.0, -1.0]))).to_series()
    assert something.fill_null(value=False).equals(told["No Finding"].is_null(), check_names=False)
    assert ",1.0," in text(sound / "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz")


def test_negbio_differs_from_chexpert_now_and_then(films):
    one, other = labels(films, "chexpert"), labels(films, "negbio")
    assert one["study_id"].equals(other["study_id"])
    rest = [name for name in one.columns[2:] if name != "No Finding"]
    differ = sum((one[name].ne_missing(other[name])).sum() for name in rest)
    said = sum(one[name].is_in([1.0, -1.0]).sum() for name in rest)
    assert 0 < differ < 0.2 * said


def test_radiologists_read_part_of_the_test_studies_and_are_right(films):
    read, split = table(films, "test-set-labeled"), table(films, "split")
    tested = split.filter(pl.col("split") == "test")["study_id"].unique()
    assert 0 < read.height < len(tested)
    assert set(read["study_id"]) < set(tested)
    truth = read.select("study_id", "Edema").join(table(films, "truth-of-studies"), on="study_id")
    assert (truth["Edema"] == truth["edema"]).all()


def test_a_patient_is_in_one_part_of_the_split(films):
    split = table(films, "split")
    assert split.group_by("subject_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert set(split["split"]) == {"train", "validate", "test"}


def test_admissions_belong_to_stays_of_their_patient(sound):
    stays, admissions = table(sound, "edstays"), table(sound, "admissions")
    admitted = stays.filter(pl.col("disposition") == "ADMITTED")
    assert admitted["hadm_id"].to_list() == admissions["hadm_id"].to_list()
    assert admitted["outtime"].to_list() == admissions["edouttime"].to_list()
    assert stays.filter(pl.col("disposition") != "ADMITTED")["hadm_id"].null_count() > 0
    assert admissions.select((times("admittime") < times("dischtime")).all()).item()
