"""Rows whose reports nobody read: who learns from them, and who leaves them out."""

import numpy as np
import polars as pl
import pytest
from small_recipes import FINDINGS, NO_ECG, NO_XRAY, UNREPORTED, phases_of, run_of, small

from crossbeat.errors import ConfigError

PHASES = {
    "teacher": "labelled X-rays",
    "self-supervision": "all ECGs",
    "alignment": "labelled pairs",
    "fine-tuning": "labelled ECGs",
    "distillation": "all pairs",
    "transfer": "all pairs",
    "self-training": "all ECGs",
}
EXCEPTIONS = {
    ("clip", "alignment"): "all pairs",
    ("eccl", "alignment"): "all pairs",
    ("cromotex-believed", "alignment"): "all pairs",
    ("cromotex-believed", "fine-tuning"): "all pairs",
    ("label-only", "alignment"): "labelled ECGs",
    ("no-alignment", "transfer"): "labelled ECGs",
}


def wanted(kind, split):
    rows = {"train": np.arange(72), "val": np.arange(72, 96)}[split]
    without = [
        *(UNREPORTED if kind.startswith("labelled") else ()),
        *(() if kind.endswith("ECGs") else NO_XRAY),
        *(() if kind.endswith("X-rays") else NO_ECG),
    ]
    return [row for row in rows.tolist() if row not in without]


@pytest.mark.parametrize("name", FINDINGS)
def test_a_phase_of_labels_leaves_unread_reports_out_and_any_other_keeps_them(name, gaps):
    _, phases = phases_of(small(name), gaps)
    for phase in phases.values():
        kind = EXCEPTIONS.get((name, phase.name), PHASES[phase.name])
        assert phase.train.rows.tolist() == wanted(kind, "train"), phase.name
        kind = "labelled ECGs" if phase.name == "self-training" else kind
        assert phase.val.rows.tolist() == wanted(kind, "val"), phase.name
        assert (phase.train.targets.shape[1] == 0) == (phase.name == "self-supervision")


def test_the_kinds_of_rows_differ_in_the_cohort_of_these_tests():
    kinds = {*PHASES.values(), *EXCEPTIONS.values()}
    assert len({tuple(wanted(kind, "train")) for kind in kinds}) == len(kinds) == 5


@pytest.mark.parametrize(
    ("name", "phase"), [("clip", "alignment"), ("distillation", "distillation")]
)
def test_labels_do_not_reach_a_phase_without_them_where_reports_are_unread(name, phase, gaps):
    _, phases = phases_of(small(name), gaps)
    source = phases[phase].train
    unread = np.isin(source.rows, UNREPORTED)
    assert unread.sum() == 18
    assert source.targets[unread].isnan().all()
    assert all(value.isfinite().all() for value in source.extra.values())


@pytest.fixture(scope="module")
def unlabelled_pairs(tiny):
    """No training pair has a report; 32 training patients have an X-ray, a report and no ECG."""
    row = pl.int_range(pl.len())
    pair, outside = row < 40, (row >= 40) & (row < 72)
    labels = [name for name in tiny.table.columns if name.startswith("label:")]
    return tiny.with_table(
        tiny.table.with_columns(
            *(pl.when(~pair).then(pl.col(name)).alias(name) for name in labels),
            ecg=pl.when(~outside).then(pl.col("ecg")),
            reported=~pair,
        )
    )


@pytest.mark.parametrize("name", ["crossbeat", "cromotex-believed", "distillation"])
def test_the_teachers_probabilities_are_learned_without_any_labelled_pair(
    name, unlabelled_pairs, tmp_path
):
    run = run_of(small(name), unlabelled_pairs, tmp_path / name, name=name)
    values = [value for phase in run.phases for value in phase["history"][-1].values()]
    assert np.isfinite(values).all()


@pytest.mark.parametrize("name", ["direct", "cromotex"])
def test_a_recipe_that_needs_labelled_pairs_says_so(name, unlabelled_pairs, tmp_path):
    with pytest.raises(ConfigError, match=r"rows with .*a label in split train, got none"):
        run_of(small(name), unlabelled_pairs, tmp_path / name, name=name)
