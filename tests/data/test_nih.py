import numpy as np
import pytest
import torch
from PIL import Image
from published_trees import NIH, build, write_nih

from crossbeat.data.sources.nih import NihCxr14
from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def test_the_published_layout_becomes_a_cohort(source, built):
    cohort = built("nih-cxr14")
    table = cohort.table[:5]
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
    expected = read_xray(source("nih-cxr14").root / "images" / NIH[3][0], 32)
    assert torch.equal(cohort.images("xray", np.array([3]))[0], torch.from_numpy(expected))


def test_images_smaller_than_the_wanted_size_are_left_out(tmp_path):
    source = write_nih(tmp_path / "nih", NIH)
    small = read_xray(source / "images" / NIH[1][0], 16)
    Image.fromarray(small).save(source / "images" / NIH[1][0])
    cohort = build(NihCxr14(root=source, image_size=32), tmp_path / "cohort")
    assert cohort.table.height == len(NIH) - 1
    assert cohort.info.notes[1] == "1 images of less than 32 pixels a side were left out."
    with pytest.raises(DataError, match="64 pixels or more a side"):
        build(NihCxr14(root=source, image_size=64), tmp_path / "large")


def test_the_twelve_folders_of_the_whole_set_are_found(tmp_path):
    source = write_nih(tmp_path / "nih", NIH)
    (source / "images_001").mkdir()
    (source / "images").rename(source / "images_001" / "images")
    assert build(NihCxr14(root=source, image_size=32), tmp_path / "c").table.height == len(NIH)


@pytest.mark.slow
def test_the_shared_images_become_a_cohort(tmp_path, shared):
    source = shared / "data/nih-cxr14"
    cohort = build(NihCxr14(root=source, image_size=224), tmp_path / "cohort")
    assert cohort.table.height == 808
