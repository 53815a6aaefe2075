"""Rows whose reports nobody read: who learns from them, and who leaves them out."""

import numpy as np
import pytest
from small_recipes import FINDINGS, NO_ECG, NO_XRAY, UNREPORTED, phases_of, small, with_gaps

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
def test_a_phase_of_labels_leaves_unread_reports_out_and_any_other_keeps_them(name, tiny):
    _, phases = phases_of(small(name), with_gaps(tiny))
    for phase in phases.values():
        kind = EXCEPTIONS.get((name, phase.name), PHASES[phase.name])
        assert phase.train.rows.tolist() == wanted(kind, "train"), phase.name
        if phase.name != "self-training":
            assert phase.val.rows.tolist() == wanted(kind, "val"), phase.name
        else:
            assert phase.val.rows.tolist() == wanted("labelled ECGs", "val")


def test_the_kinds_of_rows_differ_in_the_cohort_of_these_tests():
    kinds = {*PHASES.values(), *EXCEPTIONS.values()}
    assert len({tuple(wanted(kind, "train")) for kind in kinds}) == len(kinds) == 5


@pytest.mark.parametrize(
    ("name", "phase"), [("clip", "alignment"), ("distillation", "distillation")]
)
def test_labels_do_not_reach_a_phase_without_them_where_reports_are_unread(name, phase, tiny):
    _, phases = phases_of(small(name), with_gaps(tiny))
    source = phases[phase].train
    unread = np.isin(source.rows, UNREPORTED)
    assert unread.sum() == 18
    assert source.targets[unread].isnan().all()
    assert all(value.isfinite().all() for value in source.extra.values())
