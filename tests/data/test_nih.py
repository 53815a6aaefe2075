from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from published_trees import write_nih

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.nih import NihCxr14
from crossbeat.errors import ConfigError, DataError
from crossbeat.readers import read_xray

ROWS = [
    (f"{patient:08d}_{number:03d}.png", findings, patient, age, sex, view)
    for patient, number, findings, age, sex, view in [
        (1, 0, "Cardiomegaly|Emphysema", 57, "M", "PA"),
        (1, 1, "Cardiomegaly|Effusion", 58, "M", "AP"),
        (2, 0, "No Finding", 411, "F", "PA"),
        (3, 0, "Edema|Pleural_Thickening", 40, "F", "AP"),
        (4, 0, "No Finding", 41, "F", "PA"),
    ]
]


def build(settings: NihCxr14, folder: Path) -> Cohort:
    with ThreadPoolExecutor(1) as executor:
        return settings.build(folder, executor=executor, allow_missing=True)


def test_the_published_layout_becomes_a_cohort(tmp_path: Path) -> None:
    source = write_nih(tmp_path / "nih", ROWS)
    cohort = build(NihCxr14(root=source, image_size=32), tmp_path / "cohort")
    table = cohort.table
    assert cohort.info.kind == "single"
    assert table["patient"].to_list() == ["nih-1", "nih-1", "nih-2", "nih-3", "nih-4"]
    assert table["patient"].equals(table["xray_patient"])
    assert table["ecg"].null_count() == 5
    assert table["age"].to_list() == [57, 58, None, 40, 41]
    assert table["sex"].to_list() == ["M", "M", "F", "F", "F"]
    assert table["note:view"].to_list() == ["PA", "AP", "PA", "AP", "PA"]
    assert table["label:cardiomegaly"].to_list() == [1, 1, 0, 0, 0]
    assert table["label:pleural_effusion"].to_list() == [0, 1, 0, 0, 0]
    assert table["label:edema"].to_list() == [0, 0, 0, 1, 0]
    assert table["label:no_finding"].to_list() == [0, 0, 1, 0, 1]
    assert "too good" in cohort.info.notes[0]
    expected = read_xray(source / "images" / ROWS[3][0], 32)
    assert torch.equal(cohort.images("xray", np.array([3]))[0], torch.from_numpy(expected))


def test_another_seed_is_another_split_by_patient(tmp_path: Path) -> None:
    rows = [(f"{i:08d}_{k:03d}.png", "Edema", i, 50, "F", "AP") for i in range(12) for k in (0, 1)]
    source = write_nih(tmp_path / "nih", rows)
    first, second = (
        build(NihCxr14(root=source, image_size=32, seed=seed), tmp_path / f"{seed}")
        for seed in (0, 1)
    )
    assert not first.table["split"].equals(second.table["split"])
    assert [len(first.rows(split, has=("xray",))) for split in ("val", "test")] == [2, 4]


def test_images_smaller_than_the_wanted_size_are_left_out(tmp_path: Path) -> None:
    source = write_nih(tmp_path / "nih", ROWS)
    small = read_xray(source / "images" / ROWS[1][0], 16)
    Image.fromarray(small).save(source / "images" / ROWS[1][0])
    cohort = build(NihCxr14(root=source, image_size=32), tmp_path / "cohort")
    assert cohort.table.height == 4
    assert cohort.info.notes[1] == "1 images of less than 32 pixels a side were left out."
    with pytest.raises(DataError, match="64 pixels or more a side"):
        build(NihCxr14(root=source, image_size=64), tmp_path / "large")


def test_the_twelve_folders_of_the_whole_set_are_found(tmp_path: Path) -> None:
    source = write_nih(tmp_path / "nih", ROWS)
    (source / "images_001").mkdir()
    (source / "images").rename(source / "images_001" / "images")
    assert build(NihCxr14(root=source, image_size=32), tmp_path / "c").table.height == 5


def test_missing_images_are_named(tmp_path: Path) -> None:
    source = write_nih(tmp_path / "nih", ROWS)
    (source / "images" / ROWS[4][0]).unlink()
    cohort = build(NihCxr14(root=source, image_size=32), tmp_path / "cohort")
    assert cohort.rejected()["file"].to_list() == ["nih/images/00000004_000.png"]


def test_settings_and_tables_that_are_wrong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"image_size must be 1 pixel or more, got 0"):
        NihCxr14(root=tmp_path, image_size=0)
    (tmp_path / "Data_Entry_2017.csv").write_text("Image Index,Patient ID\na.png,1\n")
    with pytest.raises(DataError, match=r"lacks Finding Labels, Patient Age"):
        build(NihCxr14(root=tmp_path), tmp_path / "cohort")


@pytest.mark.slow
def test_the_shared_images_become_a_cohort(tmp_path: Path, shared: Path) -> None:
    source = shared / "data/nih-cxr14"
    cohort = build(NihCxr14(root=source, image_size=224), tmp_path / "cohort")
    assert cohort.table.height == 808
