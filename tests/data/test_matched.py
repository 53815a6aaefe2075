import numpy as np
import polars as pl
import pytest
import torch
from published_trees import build, matched

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.matched import RULES, match, shuffled
from crossbeat.errors import ConfigError, DataError

RULE = (("hypertrophy", "cardiomegaly"),)


@pytest.fixture(scope="module")
def sources(source):
    return source("label-matched").ecgs.parent


def test_pairs_share_split_finding_and_sex_and_nearly_age(sources, tmp_path):
    cohort = build(matched(sources, caliper=15.0), tmp_path / "cohort")
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


def test_ecgs_without_a_related_finding_stay_without_an_xray(sources, tmp_path):
    cohort = build(matched(sources), tmp_path / "cohort")
    only_t = cohort.table.filter(pl.col("label:st_t_change") == 1)
    assert only_t.height == 10
    assert only_t["xray"].null_count() == 10
    assert cohort.table.height == 40


def test_stored_pairs_are_the_arrays_that_were_matched(sources, tmp_path):
    cohort = build(matched(sources), tmp_path / "cohort")
    ecgs, xrays = Cohort.open(sources / "ecgs"), Cohort.open(sources / "xrays")
    assert torch.equal(cohort.ecgs(np.arange(40)).values, ecgs.ecgs(np.arange(40)).values)
    rows = np.concatenate([cohort.rows(s, has=("ecg", "xray")) for s in ("train", "test")])
    for row in rows.tolist():
        own = xrays.table["patient"] == cohort.table["xray_patient"][row]
        shown = cohort.images("xray", np.array([row]))[0]
        stored = xrays.images("xray", np.flatnonzero(own.to_numpy()))
        assert any(torch.equal(shown, one) for one in stored)


def test_matching_repeats_with_its_seed_and_changes_with_another(sources, tmp_path):
    first, again, other = (
        build(matched(sources, seed=seed), tmp_path / name)
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )
    assert first.fingerprint() == again.fingerprint()
    assert not first.table["xray_patient"].equals(other.table["xray_patient"])


def people(**columns):
    table = pl.DataFrame(columns, strict=False)
    given = {"split": ["train"] * table.height, "sex": ["F"] * table.height}
    return table.with_columns(
        *(pl.Series(name, column) for name, column in given.items() if name not in columns),
        ecg=pl.int_range(pl.len()),
        xray=pl.int_range(pl.len()),
    )


def test_an_xray_is_used_no_more_than_allowed_and_shared_fairly():
    ecgs = people(**{"age": [50.0] * 5, "label:hypertrophy": [1] * 5})
    xrays = people(**{"age": [49.0, 55.0], "label:cardiomegaly": [1, 1]})
    partner = match(ecgs, xrays, RULE, caliper=10.0, most_uses=2, seed=0)
    assert sorted(partner.tolist()) == [-1, 0, 0, 1, 1]


def test_the_nearest_in_age_within_the_caliper_is_chosen():
    ecgs = people(**{"age": [50.0], "label:hypertrophy": [1]})
    xrays = people(**{"age": [61.0, 44.0, 58.0], "label:cardiomegaly": [1, 1, 1]})
    assert match(ecgs, xrays, RULE, caliper=10.0, most_uses=1, seed=0).tolist() == [1]
    with pytest.raises(DataError, match="got none; raise the caliper"):
        match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0)


def test_what_is_unknown_does_not_stand_in_the_way():
    ecgs = people(**{"age": [None], "sex": [None], "label:hypertrophy": [1]})
    xrays = people(**{"age": [20.0], "label:cardiomegaly": [1]})
    assert match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0).tolist() == [0]


def test_sex_and_finding_and_split_must_fit():
    ecgs = people(**{"age": [50.0], "label:hypertrophy": [1]})
    for wrong in ({"sex": ["M"]}, {"label:cardiomegaly": [0]}, {"split": ["val"]}):
        xrays = people(**({"age": [50.0], "label:cardiomegaly": [1]} | wrong))
        with pytest.raises(DataError, match="some ECGs must match"):
            match(ecgs, xrays, RULE, caliper=5.0, most_uses=1, seed=0)


def test_rules_of_unknown_findings_are_refused(sources, tmp_path):
    with pytest.raises(ConfigError, match=r"findings of cohort nih-cxr14 .*got gout"):
        build(matched(sources, rules=(("normal", "gout"),)), tmp_path / "cohort")


def test_shuffled_pairs_are_the_same_xrays_elsewhere_in_their_split(tiny):
    null = shuffled(tiny, 0, "xray")
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
    assert shuffled(tiny, 0, "xray").fingerprint() == null.fingerprint()
    assert not shuffled(tiny, 1, "xray").table["xray"].equals(null.table["xray"])


def test_a_single_pair_cannot_be_shuffled(tiny):
    few = tiny.with_table(tiny.table[:6])
    with pytest.raises(DataError, match="split val must have two pairs or more"):
        shuffled(few, 0, "xray")
