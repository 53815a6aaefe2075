from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import write_nih, write_ptbxl

from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import COHORTS
from crossbeat.data.sources.matched import RULES, LabelMatched, match, shuffled
from crossbeat.data.sources.nih import NihCxr14
from crossbeat.data.sources.ptbxl import PtbXl
from crossbeat.errors import ConfigError, DataError

CODES = ["{'NORM': 100.0}", "{'LVH': 100.0}", "{'NDT': 100.0}", "{'IMI': 100.0}"]
SHOWN = ["No Finding", "Cardiomegaly", "Edema", "Effusion"]
RULE = (("hypertrophy", "cardiomegaly"),)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    ecgs = [(i, f"{i // 2}.0", 40.0 + i, i % 2, CODES[i % 4], i // 2 % 5) for i in range(40)]
    xrays = [
        (f"{i:08d}_{k:03d}.png", SHOWN[(i + k) % 4], i, 30 + i, "MF"[i % 2], "AP")
        for i in range(60)
        for k in range(2)
    ]
    with ThreadPoolExecutor(1) as executor:
        ptbxl = PtbXl(root=write_ptbxl(folder / "ptb-xl", ecgs))
        ptbxl.build(folder / "ecgs", executor=executor)
        nih = NihCxr14(root=write_nih(folder / "nih", xrays), image_size=16)
        nih.build(folder / "xrays", executor=executor)
    return folder


def build(sources: Path, folder: Path, **settings: object) -> Cohort:
    matched = LabelMatched(ecgs=sources / "ecgs", xrays=sources / "xrays", **settings)
    with ThreadPoolExecutor(1) as executor:
        return matched.build(folder, executor=executor)


def test_pairs_share_split_finding_and_sex_and_nearly_age(sources: Path, tmp_path: Path) -> None:
    cohort = build(sources, tmp_path / "cohort", caliper=15.0)
    assert cohort.info.kind == "matched"
    assert cohort.info.notes[0].startswith("ECG and X-ray are of different patients")
    xrays = Cohort.open(sources / "xrays").table
    pairs = cohort.table.filter(pl.col("xray").is_not_null())
    assert pairs.height >= 20
    for row in pairs.iter_rows(named=True):
        rule = next(rule for rule in RULES if row[f"label:{rule[0]}"] == 1)
        assert row[f"xray_label:{rule[1]}"] == 1
        others = xrays.filter(pl.col("patient") == row["xray_patient"])
        assert set(others["split"]) == {row["split"]}
        assert set(others["sex"]) == {row["sex"]}
        assert abs(others["age"][0] - row["age"]) <= 15


def test_ecgs_without_a_related_finding_stay_without_an_xray(sources: Path, tmp_path: Path) -> None:
    cohort = build(sources, tmp_path / "cohort")
    only_t = cohort.table.filter(pl.col("label:st_t_change") == 1)
    assert only_t.height == 10
    assert only_t["xray"].null_count() == 10
    assert cohort.table.height == 40


def test_stored_pairs_are_the_arrays_that_were_matched(sources: Path, tmp_path: Path) -> None:
    cohort = build(sources, tmp_path / "cohort")
    ecgs, xrays = Cohort.open(sources / "ecgs"), Cohort.open(sources / "xrays")
    assert torch.equal(cohort.ecgs(np.arange(40)).values, ecgs.ecgs(np.arange(40)).values)
    rows = np.concatenate([cohort.rows(s, has=("ecg", "xray")) for s in ("train", "test")])
    for row in rows.tolist():
        own = xrays.table["patient"] == cohort.table["xray_patient"][row]
        shown = cohort.images("xray", np.array([row]))[0]
        stored = xrays.images("xray", np.flatnonzero(own.to_numpy()))
        assert any(torch.equal(shown, one) for one in stored)


def test_matching_repeats_with_its_seed_and_changes_with_another(
    sources: Path, tmp_path: Path
) -> None:
    first, again, other = (
        build(sources, tmp_path / name, seed=seed) for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )
    assert first.fingerprint() == again.fingerprint()
    assert not first.table["xray_patient"].equals(other.table["xray_patient"])


def people(**columns: list) -> pl.DataFrame:
    table = pl.DataFrame(columns, strict=False)
    given = {"split": ["train"] * table.height, "sex": ["F"] * table.height}
    return table.with_columns(
        *(pl.Series(name, column) for name, column in given.items() if name not in columns),
        ecg=pl.int_range(pl.len()),
        xray=pl.int_range(pl.len()),
    )


def test_an_xray_is_used_no_more_than_allowed_and_shared_fairly() -> None:
    ecgs = people(**{"age": [50.0] * 5, "label:hypertrophy": [1] * 5})
    xrays = people(**{"age": [49.0, 55.0], "label:cardiomegaly": [1, 1]})
    partner = match(ecgs, xrays, RULE, caliper=10.0, most_uses=2, seed=0)
    assert sorted(partner.tolist()) == [-1, 0, 0, 1, 1]


def test_the_nearest_in_age_within_the_caliper_is_chosen() -> None:
    ecgs = people(**{"age": [50.0], "label:hypertrophy": [1]})
    xrays = people(**{"age": [61.0, 44.0, 58.0], "label:cardiomegaly": [1, 1, 1]})
    assert match(ecgs, xrays, RULE, caliper=10.0, most_uses=1, seed=0).tolist() == [1]
    with pytest.raises(DataError, match="got none; raise the caliper"):
        match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0)


def test_what_is_unknown_does_not_stand_in_the_way() -> None:
    ecgs = people(**{"age": [None], "sex": [None], "label:hypertrophy": [1]})
    xrays = people(**{"age": [20.0], "label:cardiomegaly": [1]})
    assert match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0).tolist() == [0]


def test_sex_and_finding_and_split_must_fit() -> None:
    ecgs = people(**{"age": [50.0], "label:hypertrophy": [1]})
    for wrong in ({"sex": ["M"]}, {"label:cardiomegaly": [0]}, {"split": ["val"]}):
        xrays = people(**({"age": [50.0], "label:cardiomegaly": [1]} | wrong))
        with pytest.raises(DataError, match="some ECGs must match"):
            match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0)


def test_rules_and_settings_that_are_wrong_are_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"findings of cohort nih-cxr14 .*got gout"):
        build(sources, tmp_path / "cohort", rules=(("normal", "gout"),))
    with pytest.raises(ConfigError, match="most_uses of 1 or more"):
        build(sources, tmp_path / "cohort", most_uses=0)


def test_shuffled_pairs_are_the_same_xrays_elsewhere_in_their_split(tiny: Cohort) -> None:
    null = shuffled(tiny, 0)
    assert null.info.kind == "shuffled"
    assert null.info.notes[0].startswith("Pairs are shuffled")
    assert null.fingerprint() != tiny.fingerprint()
    assert (null.table["xray"] != tiny.table["xray"]).all()
    assert null.table["xray_patient"].equals(
        pl.Series(tiny.patients(null.table["xray"].to_numpy()))
    )
    for split in ("train", "val", "test"):
        rows = tiny.rows(split)
        assert set(null.table["xray"][rows]) == set(tiny.table["xray"][rows])
    kept = [name for name in tiny.table.columns if not name.startswith("xray")]
    assert null.table.select(kept).equals(tiny.table.select(kept))
    assert shuffled(tiny, 0).fingerprint() == null.fingerprint()
    assert not shuffled(tiny, 1).table["xray"].equals(null.table["xray"])


def test_a_single_pair_cannot_be_shuffled(tiny: Cohort) -> None:
    few = tiny.with_table(tiny.table[:6])
    with pytest.raises(DataError, match="split val must have two pairs or more"):
        shuffled(few, 0)


def test_every_data_set_has_a_name() -> None:
    real = {"ptb-xl", "nih-cxr14", "chexpert", "ludb", "code-15", "cinc-2021", "mimic", "ukb"}
    assert set(COHORTS) == {"virtual", "virtual-hearts", *real, "label-matched", "files"}
    assert all(callable(builder.build) for builder in COHORTS.values())
