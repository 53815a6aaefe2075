"""One ECG with several X-rays, and one X-ray with several ECGs, are no negatives of themselves."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import phases_of, small

from crossbeat.data.cohort import Cohort
from crossbeat.objectives import clip
from crossbeat.recipes import steps
from crossbeat.recipes.phases import unchanged
from crossbeat.recipes.sources import Goal, once, paired_sources, with_shared, without_targets
from crossbeat.training import Batch


def goal_of(cohort: Cohort) -> Goal:
    return Goal(cohort, small("clip").targets, 0)


def repeated(cohort: Cohort, column: str, *, labels: bool = True) -> Cohort:
    """The third and fourth training row have the signal, and if so the labels, of the second."""
    one, *others = cohort.rows("train")[1:4].tolist()
    told = ["label:large", "label:silent"] if labels else []
    columns = ["patient", "xray_patient", column, *told]
    of = [one if row in others else row for row in range(cohort.table.height)]
    return cohort.with_table(
        cohort.table.with_columns(pl.col(name).gather(of).alias(name) for name in columns)
    )


def training_rows(cohort: Cohort, phase: str) -> np.ndarray:
    train = phases_of(small("cromotex"), cohort)[1][phase].train
    assert len(train.targets) == len(train)
    return train.rows


@pytest.mark.parametrize("labels", [True, False])
def test_self_supervision_sees_each_ecg_once(tiny, labels):
    plain = training_rows(tiny, "self-supervision")
    found = training_rows(repeated(tiny, "ecg", labels=labels), "self-supervision")
    np.testing.assert_array_equal(found, np.delete(plain, [2, 3]))


def test_the_teacher_sees_each_xray_once_unless_its_labels_differ(tiny):
    plain, cohort = training_rows(tiny, "teacher"), repeated(tiny, "xray")
    np.testing.assert_array_equal(training_rows(cohort, "teacher"), np.delete(plain, [2, 3]))
    turned = pl.when(pl.int_range(pl.len()) == int(plain[2])).then(1 - pl.col("label:silent"))
    turned = turned.otherwise("label:silent").cast(pl.Int8).alias("label:silent")
    found = training_rows(cohort.with_table(cohort.table.with_columns(turned)), "teacher")
    np.testing.assert_array_equal(found, np.delete(plain, 3))


def test_a_cohort_without_repetitions_is_trained_on_as_before(tiny):
    for reads in (("ecg",), ("xray",), ("ecg", "xray")):
        source = goal_of(tiny).source("train", reads, labelled=True)
        assert once(source) is source
        assert once(without_targets(source)).rows is source.rows
        assert with_shared(source, "ecg", "xray") is source


def test_extra_values_go_with_their_rows(tiny):
    source = goal_of(repeated(tiny, "ecg")).source("train", ("ecg",), labelled=True)
    numbers = torch.arange(len(source))
    kept = once(replace(source, extra={"number": numbers})).extra["number"]
    assert kept.tolist() == np.delete(numbers.numpy(), [2, 3]).tolist()


@pytest.mark.parametrize("column", ["ecg", "xray"])
def test_pairs_say_which_rows_share_a_signal(tiny, column):
    recipe = small("clip")
    cohort = repeated(tiny, column)
    parts = recipe.parts(cohort.info, 0)
    train, val = paired_sources(goal_of(cohort), parts, recipe.other, shuffle=False)
    assert set(train.extra) == {"embedding", f"shared_{column}"}
    assert set(val.extra) == {"embedding"}
    stored = train.extra[f"shared_{column}"]
    assert (stored[1:4] == stored[1]).all()
    assert len(stored.unique()) == len(stored) - 2


def embedded(num: int = 6, dim: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(num, dim, generator=draw), torch.randn(num, dim, generator=draw)


def slow_clip(one: torch.Tensor, other: torch.Tensor, shared: list[int], t: float) -> float:
    """Both directions by their definition, without the pairs of two rows that share a signal."""
    cosines = (
        torch.nn.functional.normalize(one, dim=1) @ torch.nn.functional.normalize(other, dim=1).T
    )
    losses = []
    for way in (cosines, cosines.T):
        for i in range(len(one)):
            of = [j for j in range(len(one)) if j == i or shared[i] != shared[j]]
            losses.append(float(torch.logsumexp(way[i, of] / t, 0) - way[i, i] / t))
    return float(np.mean(losses))


@pytest.mark.parametrize("shared", [[0, 1, 1, 1, 4, 5], [0, 1, 2, 3, 4, 0]])
def test_rows_that_share_a_signal_are_no_negatives(tiny, monkeypatch, shared):
    one, other = embedded()
    monkeypatch.setattr(steps, "_project", lambda *_: one)
    parts = torch.nn.ModuleDict({"xray_projection": torch.nn.Identity()})
    rows = tiny.rows("train")[:6]

    def loss(extra: dict[str, torch.Tensor]) -> float:
        batch = Batch(
            inputs={"ecg": tiny.ecgs(rows)},
            targets=torch.zeros(6, 0),
            extra={"embedding": other, **extra},
        )
        settings = {"model": small("clip").ecg, "other": "xray", "view": unchanged}
        found = steps.align_pairs(parts, batch, torch.Generator(), temperature=0.5, **settings)
        return float(found["loss"])

    assert loss({}) == pytest.approx(float(clip(one, other, temperature=0.5)))
    masked = loss({"shared_xray": torch.tensor(shared)})
    assert masked == pytest.approx(slow_clip(one, other, shared, 0.5), rel=1e-5)
    assert masked < loss({})


def test_positives_by_labels_stay_positives():
    pairs = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    batch = Batch(inputs={}, targets=torch.zeros(3, 0), extra={"shared_ecg": torch.zeros(3)})
    nan = torch.nan
    expected = [[1.0, nan, 1.0], [nan, 1.0, nan], [1.0, nan, 1.0]]
    found = steps._without_shared(pairs, batch)
    np.testing.assert_array_equal(found.numpy(), np.array(expected))
