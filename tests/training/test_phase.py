"""A source's fingerprint tells all that training sees through it, and nothing else."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import LabelPolicy
from crossbeat.data.sources.matched import shuffled
from crossbeat.errors import ConfigError
from crossbeat.training import Optimisation, Source
from crossbeat.training.fingerprint import fingerprint


def source(cohort: Cohort, *, reads: tuple[str, ...] = ("ecg",), labels: bool = False) -> Source:
    rows = cohort.rows("train", has=("ecg", "xray"))
    targets = cohort.labels(rows, ("large",), LabelPolicy())
    return Source(
        cohort=cohort, rows=rows, reads=reads, targets=targets if labels else targets[:, :0]
    )


def with_other_bytes(cohort: Cohort, prefix: str) -> Cohort:
    files = {
        name: replace(entry, sha256="0" * 64) if name.startswith(prefix) else entry
        for name, entry in cohort.info.files.items()
    }
    return replace(cohort, info=replace(cohort.info, files=files))


def test_other_labels_or_pairs_are_another_source_only_where_they_are_used(tiny: Cohort) -> None:
    relabelled = tiny.with_table(tiny.table.with_columns(pl.col("label:large") * 0))
    for other, used in (
        (relabelled, {"labels": True}),
        (shuffled(tiny, 0, "xray"), {"reads": ("ecg", "xray")}),
    ):
        assert fingerprint(source(tiny)) == fingerprint(source(other))
        assert fingerprint(source(tiny, **used)) != fingerprint(source(other, **used))


def test_the_same_data_elsewhere_are_the_same_source(tiny: Cohort) -> None:
    info = replace(tiny.info, notes=("copied",), settings={"seed": 3}, seed=3)
    copied = replace(tiny, info=info)
    assert fingerprint(source(tiny)) == fingerprint(source(copied))


@pytest.mark.parametrize(("modality", "other"), [("ecg", "xray"), ("xray", "ecg")])
def test_other_bytes_count_where_they_are_read(
    tiny: Cohort, modality: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossbeat.data.cohort.require_undamaged", lambda *_: None)
    changed = with_other_bytes(tiny, f"{modality}-")
    one, two = (fingerprint(source(cohort, reads=(modality,))) for cohort in (tiny, changed))
    assert one != two
    one, two = (fingerprint(source(cohort, reads=(other,))) for cohort in (tiny, changed))
    assert one == two


def test_other_rows_reads_or_extras_are_another_source(tiny: Cohort) -> None:
    whole = source(tiny)
    fewer = replace(whole, rows=whole.rows[1:], targets=whole.targets[1:])
    turned = replace(whole, rows=whole.rows[::-1].copy())
    taught = replace(whole, extra={"teacher": torch.zeros(len(whole), 1)})
    silent = replace(whole, reads=())
    val = replace(whole, rows=np.repeat(tiny.rows("val")[:1], len(whole)))
    changed = [whole, fewer, turned, taught, silent, val]
    assert len({fingerprint(each) for each in changed}) == len(changed)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, got 0; raise it"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
        ({"accumulate": 0}, "accumulate must be 1 or more, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, got 0.0"),
        ({"clip_norm": -1.0}, "clip_norm must be above 0, got -1.0"),
        ({"average": 1.0}, "average must be 0 or more and below 1, got 1.0"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(Optimisation(learning_rate=0.1, epochs=1, batch_size=8), **setting)
