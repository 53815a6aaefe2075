"""Labels between 0 and 1: cross-entropy learns them, and all else counts them rounded."""

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import phases_of, small

from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import LabelPolicy
from crossbeat.data.loaders import balance
from crossbeat.metrics import auroc
from crossbeat.models import predict
from crossbeat.objectives import POSITIVES
from crossbeat.recipes import steps
from crossbeat.recipes.beliefs import believed_sources, self_taught_sources
from crossbeat.recipes.sources import Goal, once, paired_sources, without_targets
from crossbeat.recipes.steps import EMBEDDING, SOFT_LABELS
from crossbeat.targets import Targets
from crossbeat.training import Batch, Phase
from crossbeat.training.fingerprint import fingerprint

FINDINGS = ("large", "silent")
POLICY = LabelPolicy(uncertain="negative", missing="negative")
UNCERTAIN, MISSING = 3, 5
"""Training rows without a probability, by their labels."""


@pytest.fixture(scope="module")
def soft(tiny: Cohort) -> Cohort:
    """``tiny`` as a labeller would have told it: probabilities that round to its labels."""
    draw = np.random.default_rng(7)
    columns = []
    for finding in FINDINGS:
        label = tiny.table[f"label:{finding}"].to_numpy()
        told = (draw.random(len(label)) * 0.49 + 0.5 * label).astype(np.float32)
        columns.append(pl.Series(f"soft:{finding}", told))
    table = tiny.table.with_columns(columns).with_row_index()
    unsaid = pl.col("index").is_in([UNCERTAIN, MISSING])
    code = pl.when(pl.col("index") == UNCERTAIN).then(-1).when(~unsaid).then("label:large")
    return tiny.with_table(
        table.with_columns(
            code.cast(pl.Int8).alias("label:large"),
            pl.when(~unsaid).then("soft:large").alias("soft:large"),
        ).drop("index")
    )


def goal_of(cohort: Cohort, policy: LabelPolicy = POLICY) -> Goal:
    return Goal(cohort, Targets(findings=FINDINGS, labels=policy), 0)


def probabilities(cohort: Cohort, rows: np.ndarray) -> np.ndarray:
    """What the table says; 0 of the two rows that it does not know."""
    return np.stack([cohort.table[f"soft:{each}"].fill_null(0).to_numpy() for each in FINDINGS], 1)[
        rows
    ]


def cross_entropy(logits: torch.Tensor, targets: np.ndarray) -> float:
    """By its definition, in numpy."""
    chance = 1 / (1 + np.exp(-logits.detach().double().numpy()))
    return float(-(targets * np.log(chance) + (1 - targets) * np.log(1 - chance)).mean())


@pytest.mark.parametrize(("name", "phase"), [("direct", "fine-tuning"), ("teacher", "teacher")])
def test_cross_entropy_learns_probabilities_and_validation_has_the_auroc_of_labels(
    soft, name, phase
):
    recipe = small(name)
    parts, phases = phases_of(recipe, soft)
    given: Phase = phases[phase]
    model = recipe.other if name == "teacher" else recipe.ecg

    def told(batch: Batch) -> torch.Tensor:
        return predict(parts, batch, model=model, targets=recipe.targets).detach()

    batch = given.train.batch(np.arange(24))
    loss = given.step(parts, batch, torch.Generator())["loss"].item()
    expected = probabilities(soft, given.train.rows[:24])
    assert loss == pytest.approx(cross_entropy(told(batch), expected), rel=1e-5)
    assert loss != pytest.approx(cross_entropy(told(batch), batch.targets.numpy()), rel=1e-3)

    found = given.choice.score(parts, given.val)
    (logits,) = map(told, given.val.batches(512))
    expected = probabilities(soft, given.val.rows)
    assert found["loss"] == pytest.approx(cross_entropy(logits, expected), rel=1e-5)
    columns = zip(expected.T >= 0.5, logits.double().numpy().T, strict=True)
    one = np.ones((1, len(expected)))
    areas = [auroc(label.astype(np.float64), said, one)[0] for label, said in columns]
    assert found["auroc"] == pytest.approx(np.mean(areas))


def test_contrast_counts_rounded_labels(soft, monkeypatch):
    recipe = small("cromotex")
    parts, phases = phases_of(recipe, soft)
    train = phases["alignment"].train
    given: list[torch.Tensor] = []
    rule = POSITIVES[recipe.positives]

    def watched(labels: torch.Tensor) -> torch.Tensor:
        given.append(labels)
        return rule(labels)

    monkeypatch.setitem(POSITIVES, recipe.positives, watched)
    phases["alignment"].step(parts, train.batch(np.arange(24)), torch.Generator())
    (labels,) = given
    expected = probabilities(soft, train.rows[:24]) >= 0.5
    np.testing.assert_array_equal(labels.numpy(), expected.astype(np.float32))


def test_balancing_counts_rounded_labels(soft):
    _, phases = phases_of(small("direct", positive_share=0.5), soft)
    given: Phase = phases["fine-tuning"]
    rounded = (probabilities(soft, given.train.rows) >= 0.5).astype(np.float32)
    assert given.weights is not None
    np.testing.assert_array_equal(given.weights, balance(rounded, 0.5))


def test_a_teacher_is_blended_with_the_probabilities(soft):
    recipe = small("crossbeat")
    parts = recipe.parts(soft.info, 0)
    train, val = believed_sources(goal_of(soft), parts, recipe.other, trust=0.75, shuffle=False)
    expected = (
        0.25 * probabilities(soft, train.rows)
        + 0.75 * train.extra[steps.TEACHER_PROBABILITY].numpy()
    )
    np.testing.assert_allclose(train.targets.numpy(), expected, rtol=1e-5)
    assert SOFT_LABELS not in train.extra
    assert SOFT_LABELS in val.extra
    own, _ = self_taught_sources(goal_of(soft), parts, recipe.ecg, train, own=0.0)
    np.testing.assert_array_equal(own.targets.numpy(), train.targets.numpy())


def test_self_training_without_a_teacher_keeps_the_probabilities(soft):
    recipe = small("no-alignment")
    parts = recipe.parts(soft.info, 0)
    labelled = goal_of(soft).source("train", ("ecg",), labelled=True)
    train, _ = self_taught_sources(goal_of(soft), parts, recipe.ecg, labelled, own=0.0)
    np.testing.assert_array_equal(train.targets.numpy(), probabilities(soft, train.rows))
    assert not train.extra


def test_phases_without_labels_have_no_probabilities(soft, tiny):
    source = goal_of(soft).source("train", ("ecg",), labelled=False)
    assert set(source.extra) == {SOFT_LABELS}
    none = without_targets(source)
    assert none.targets.shape == (len(source), 0)
    assert not none.extra
    of = [phases_of(small("cromotex"), each)[1]["self-supervision"] for each in (soft, tiny)]
    assert len({fingerprint(phase) for phase in of}) == 1


def test_shuffled_pairs_keep_the_probabilities_of_the_ecg(soft):
    recipe = small("shuffled")
    parts = recipe.parts(soft.info, 0)
    pairs, _ = paired_sources(goal_of(soft), parts, recipe.xray, shuffle=False)
    mixed, _ = paired_sources(goal_of(soft), parts, recipe.xray, shuffle=True)
    told = probabilities(soft, mixed.rows)
    np.testing.assert_array_equal(mixed.extra[SOFT_LABELS].numpy(), told)
    np.testing.assert_array_equal(pairs.rows, mixed.rows)
    ecgs = [each.batch(np.arange(8)).ecg.values for each in (pairs, mixed)]
    assert torch.equal(*ecgs)
    assert (pairs.extra[EMBEDDING] != mixed.extra[EMBEDDING]).any(dim=1).all()


def test_one_xray_with_two_probabilities_is_seen_twice(soft):
    one, two, three = soft.rows("train")[6:9].tolist()
    same = ["patient", "xray_patient", "xray", "label:large", "label:silent", "soft:silent"]
    of = [one if row in (two, three) else row for row in range(soft.table.height)]
    of_two = [one if row == three else row for row in range(soft.table.height)]
    table = soft.table.with_columns(
        *(pl.col(name).gather(of) for name in same), pl.col("soft:large").gather(of_two)
    )
    source = goal_of(soft.with_table(table)).source("train", ("xray",), labelled=True)
    kept = once(source)
    np.testing.assert_array_equal(kept.rows, source.rows[source.rows != three])
    np.testing.assert_array_equal(
        kept.extra[SOFT_LABELS].numpy(), probabilities(soft.with_table(table), kept.rows)
    )


def test_labels_that_the_policy_ignores_stay_ignored(soft):
    ignore = LabelPolicy(uncertain="ignore", missing="ignore")
    source = goal_of(soft, ignore).source("train", ("ecg",), labelled=True)
    at = [source.rows.tolist().index(row) for row in (UNCERTAIN, MISSING)]
    for values in (source.targets, source.extra[SOFT_LABELS]):
        assert values[at, 0].isnan().all()
        assert int(values.isnan().sum()) == len(at)
    positive = LabelPolicy(uncertain="positive", missing="negative")
    counted = goal_of(soft, positive).source("train", ("ecg",), labelled=True)
    assert counted.extra[SOFT_LABELS][at, 0].tolist() == [1, 0]


def test_labels_of_reports_that_were_not_read_stay_unknown(soft):
    row = int(soft.rows("train")[6])
    read = pl.int_range(pl.len()) != row
    silent = (
        pl.when(read).then(f"label:{each}").cast(pl.Int8).alias(f"label:{each}")
        for each in FINDINGS
    )
    cohort = soft.with_table(soft.table.with_columns(*silent, reported=read))
    source = goal_of(cohort).source("train", ("ecg",), labelled=False)
    assert source.extra[SOFT_LABELS][source.rows.tolist().index(row)].isnan().all()


def test_a_finding_without_probabilities_has_its_labels(soft):
    cohort = soft.with_table(soft.table.drop("soft:silent"))
    source = goal_of(cohort).source("train", ("ecg",), labelled=True)
    assert torch.equal(source.extra[SOFT_LABELS][:, 1], source.targets[:, 1])
    assert not torch.equal(source.extra[SOFT_LABELS][:, 0], source.targets[:, 0])


@pytest.mark.parametrize("name", ["teacher", "cromotex", "direct", "no-alignment"])
def test_phases_of_cohorts_without_probabilities_have_none(tiny, name):
    for phase in phases_of(small(name), tiny)[1].values():
        assert SOFT_LABELS not in {*phase.train.extra, *phase.val.extra}
        assert steps.labels(phase.train) is phase.train.targets
