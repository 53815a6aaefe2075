"""The cohort ``ukb``, from trees in the layout of UK Biobank."""

import numpy as np
import pytest
from published_trees import (
    FRAMES,
    UKB_HEAD,
    UKB_ROWS,
    build,
    long_axis,
    short_axis,
    ukb,
    write_ukb,
    write_ukb_ecg,
)

from cine_dicoms import slice_files, write_folder, write_zip
from crossbeat import simulate
from crossbeat.data.sources.builder import read_wave
from crossbeat.data.sources.ukb import FIELDS, read_heart, read_measures
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD


@pytest.fixture
def tree(tmp_path):
    return write_ukb(tmp_path)


def test_ecgs_and_cines_of_a_visit_become_pairs_with_measures(tree):
    cohort = build(ukb(tree), tree / "cohort")
    columns = ["patient", "ecg", "cine", "cine_patient", "sex", "age", "value:LVEDV", "value:LVEF"]
    assert cohort.table.sort("patient").select(columns).rows() == [
        ("1000011", 0, 0, "1000011", "F", 61.0, 120.5, 58.0),
        ("1000022", 1, 1, "1000022", "M", 70.0, 160.0, None),
        ("1000033", 2, 2, "1000033", None, None, 140.0, 61.0),
    ]
    assert (cohort.info.kind, cohort.info.measurements) == ("paired", ("LVEDV", "LVEF"))
    assert (cohort.info.frames, cohort.info.cine_size, cohort.info.leads) == (10, 32, STANDARD)
    assert cohort.ecgs(np.array([0])).values.shape == (1, 12, 1000)
    assert cohort.rejected().height == 0
    stored = cohort.images("cine", np.array([0]))[0].numpy()
    np.testing.assert_array_equal(
        stored, read_heart(str(tree / "cine" / "1000011_20209_2_0.zip"), ukb(tree))
    )


def test_the_middle_slice_is_cut_out_about_what_moves(tree):
    heart = read_heart(str(tree / "cine" / "1000011_20209_2_0.zip"), ukb(tree))
    blood = heart > 128
    areas = blood.sum(axis=(1, 2)) * (60 / 32) ** 2
    radii = 16 + 5 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    np.testing.assert_allclose(areas, np.pi * radii**2, rtol=0.12)
    assert [float(place.mean()) for place in np.nonzero(blood[0])] == pytest.approx(
        [15.5, 15.5], abs=1
    )


def test_a_view_of_the_long_axis_is_found_in_its_field(tree):
    write_zip(tree / "long" / "1000011_20208_2_0.zip", long_axis())
    made = ukb(tree, cine=tree / "long", view="4ch")
    cohort = build(made, tree / "cohort")
    assert cohort.table["patient"].to_list() == ["1000011"]
    assert cohort.images("cine", np.array([0])).shape == (1, 10, 32, 32)


def test_a_long_axis_stands_beside_the_short_one_of_whoever_has_it(tree):
    write_zip(tree / "long" / "1000022_20208_2_0.zip", long_axis())
    (tree / "long" / "1000033_20208_2_0.zip").write_bytes(b"PK\x03\x04 cut off")
    write_zip(tree / "long" / "1000044_20208_3_0.zip", long_axis())
    made = ukb(tree, cine_long=tree / "long", long_view="2ch")
    cohort = build(made, tree / "cohort")
    columns = ["patient", "cine", "cine_patient", "cine_long", "cine_long_patient"]
    assert cohort.table.sort("patient").select(columns).rows() == [
        ("1000011", 0, "1000011", None, None),
        ("1000022", 1, "1000022", 0, "1000022"),
        ("1000033", 2, "1000033", None, None),
    ]
    assert cohort.rejected()["record"].to_list() == ["1000033"]
    row = np.flatnonzero(cohort.patients(np.arange(3)) == "1000022")
    stored = cohort.images("cine_long", row)[0].numpy()
    file = str(tree / "long" / "1000022_20208_2_0.zip")
    np.testing.assert_array_equal(stored, read_heart(file, ukb(tree, view="2ch")))
    assert (stored != cohort.images("cine", row)[0].numpy()).any()


def test_without_a_table_nothing_is_measured_and_what_has_no_partner_stays_on_request(tree):
    write_zip(tree / "long" / "1000055_20208_2_0.zip", long_axis())
    made = ukb(tree, cine_long=tree / "long", measurements=None, unpaired=True)
    cohort = build(made, tree / "cohort")
    assert cohort.info.measurements == ()
    rows = cohort.table.sort("patient").select(
        "patient", "ecg", "cine", "cine_patient", "cine_long"
    )
    assert rows.rows()[2:] == [
        ("1000033", 2, 2, "1000033", None),
        ("1000044", 3, None, None, None),
        ("1000055", None, None, None, 0),
    ]


@pytest.mark.parametrize(("stored", "wanted", "taken"), [(10, 5, [0, 2, 4, 6, 8]), (4, 6, None)])
def test_frames_are_those_nearest_in_phase(tmp_path, stored, wanted, taken):
    path = str(write_folder(tmp_path / "1_20209_2_0", short_axis(1, frames=stored)))
    tree = tmp_path
    whole = read_heart(path, ukb(tree, frames=stored))
    some = read_heart(path, ukb(tree, frames=wanted))
    nearest = [0, 1, 1, 2, 3, 3] if taken is None else taken
    np.testing.assert_array_equal(some, whole[nearest])


def test_whoever_the_table_does_not_list_is_left_out(tree):
    (tree / "measures.csv").write_text("\n".join([UKB_HEAD, *UKB_ROWS[:2]]) + "\n")
    cohort = build(ukb(tree), tree / "cohort")
    assert sorted(cohort.table["patient"]) == ["1000011", "1000022"]


def test_of_two_files_of_a_visit_the_first_counts_and_folders_are_read(tree):
    write_ukb_ecg(tree / "ecg" / "1000011_20205_2_1.xml", 9)
    (tree / "cine" / "1000011_20209_2_0.zip").unlink()
    write_folder(tree / "cine" / "1000011_20209_2_0", short_axis())
    again = build(ukb(tree), tree / "again")
    assert again.table.height == 3
    first = str(tree / "ecg" / "10" / "1000011_20205_2_0.xml")
    stored = read_wave(first, clean=ukb(tree).preprocessing())
    np.testing.assert_allclose(again.ecgs(np.array([0])).values[0], stored / 1000, atol=1e-6)


def test_what_cannot_be_read_is_told_and_the_rest_stays(tree):
    (tree / "cine" / "1000011_20209_2_0.zip").write_bytes(b"PK\x03\x04 cut off")
    (tree / "ecg" / "1000033_20205_2_0.xml").write_text("<CardiologyXML/>")
    write_zip(
        tree / "cine" / "1000022_20209_2_0.zip",
        slice_files("CINE_segmented_SAX", 0.0, values=np.full((3, 8, 8), 9, np.uint16)),
    )
    cohort = build(ukb(tree), tree / "cohort")
    assert cohort.table.sort("patient").select("patient", "ecg", "cine").rows() == [
        ("1000011", 0, None),
        ("1000022", 1, None),
        ("1000033", None, 0),
    ]
    told = cohort.rejected().sort("file").select("record", "file", "reason").rows()
    assert [row[:2] for row in told] == [
        ("1000011", "1000011_20209_2_0.zip"),
        ("1000022", "1000022_20209_2_0.zip"),
        ("1000033", "1000033_20205_2_0.xml"),
    ]
    for row, reason in zip(
        told, ("sound zip archive", "that moves", "one rhythm strip"), strict=True
    ):
        assert reason in row[2]
        assert str(tree) not in row[2]


@pytest.mark.parametrize(
    "head",
    [
        "eid,p31,p21003_i2,p24103_i2",
        "participant.eid,sex,age,participant.p24103_i2",
        "eid,31-0.0,21003-2.0,LVEF",
    ],
)
def test_columns_are_known_by_each_of_their_names(tmp_path, head):
    (tmp_path / "a.csv").write_text(f"{head}\n17,Male,64,55.5\n18,Female,,\n")
    assert read_measures(tmp_path / "a.csv", 2).rows() == [
        ("17", 64.0, "M", 55.5),
        ("18", None, "F", None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eid,24103-3.0\n1,60\n", r"measures of visit 2 such as 24103-2\.0, p24103_i2 or LVEF"),
        ("id,LVEF\n1,60\n", "must have the column eid and measures"),
        ("eid,LVEF\n1,60\n2,50\n1,61\n", "must list every participant once, got 1 in 2 rows"),
        ("eid,LVEF,sex\n1,60,9\n", "sex must be 0 or Female, 1 or Male, got 9"),
        ("eid,LVEF\n1,high\n", "must fit their columns"),
    ],
)
def test_tables_that_cannot_be_are_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_measures(tmp_path / "a.csv", 2)


def test_folders_without_anybody_in_both_are_refused(tree):
    with pytest.raises(DataError, match=r"participants in common, .* got none among 1 ECGs and 0"):
        build(ukb(tree, visit=3), tree / "cohort")
    with pytest.raises(DataError, match=r"there is no folder .*gone; name the one that holds fie"):
        build(ukb(tree, cine=tree / "gone"), tree / "cohort")


def test_every_measure_has_a_field_of_its_own():
    assert len(set(FIELDS.values())) == len(FIELDS)
    assert set(FIELDS) == set(simulate.PHENOTYPES)
