from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from published_trees import NIH, build

from crossbeat.data.sources.nih import TABLE, NihCxr14
from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def test_the_published_layout_becomes_a_cohort(source, built):
    cohort = built("nih-cxr14")
    table = cohort.table[:5]
    assert cohort.info.kind == "single"
    assert table["patient"].equals(table["xray_patient"])
    assert table["ecg"].null_count() == 5
    assert table.select("patient", "age", "sex", "note:view").rows() == [
        ("nih-1", 57, "M", "PA"),
        ("nih-1", 58, "M", "AP"),
        ("nih-2", None, "F", "PA"),
        ("nih-3", 40, "F", "AP"),
        ("nih-4", 41, "F", "PA"),
    ]
    findings = ("cardiomegaly", "pleural_effusion", "edema", "no_finding")
    assert table.select(f"label:{finding}" for finding in findings).rows() == [
        (1, 0, 0, 0),
        (1, 1, 0, 0),
        (0, 0, 0, 1),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
    ]
    assert "too good" in cohort.info.notes[0]
    expected = read_xray(source("nih-cxr14").root / "images" / NIH[3][0], 32)
    assert torch.equal(cohort.images("xray", np.array([3]))[0], torch.from_numpy(expected))


def test_images_smaller_than_the_wanted_size_are_left_out(copied, tmp_path):
    settings = copied("nih-cxr14")
    file = settings.root / "images" / NIH[1][0]
    Image.fromarray(read_xray(file, 16)).save(file)
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table.height == len(NIH) - 1
    assert cohort.info.notes[1] == "1 images of less than 32 pixels a side were left out."
    with pytest.raises(DataError, match="64 pixels or more a side"):
        build(replace(settings, image_size=64), tmp_path / "large")


def test_the_twelve_folders_of_the_whole_set_are_found(copied, tmp_path):
    settings = copied("nih-cxr14")
    (settings.root / "images_001").mkdir()
    (settings.root / "images").rename(settings.root / "images_001" / "images")
    assert build(settings, tmp_path / "c").table.height == len(NIH)


@pytest.mark.slow
def test_the_shared_images_become_a_cohort(shared, tmp_path):
    """Every tenth of them."""
    source = shared / "data/nih-cxr14"
    (tmp_path / "nih").mkdir()
    (tmp_path / "nih/images").symlink_to(source / "images")
    listed = pl.read_csv(source / TABLE, infer_schema=False)
    listed.gather_every(10).write_csv(tmp_path / "nih" / TABLE)
    cohort = build(NihCxr14(root=tmp_path / "nih", image_size=224), tmp_path / "cohort")
    assert (cohort.table.height, cohort.rejected().height) == (81, 0)
