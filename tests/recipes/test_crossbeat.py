"""Crossbeat learns what the teacher believes of every pair, and without it knows no X-ray."""

from copy import deepcopy

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import EVERYTHING, NO_XRAY, QUIET, UNREPORTED, phases_of, small

from crossbeat.data.labels import LabelPolicy
from crossbeat.data.sources.matched import shuffled
from crossbeat.errors import DataError
from crossbeat.metrics import platt
from crossbeat.models import embed, told_by_heads
from crossbeat.objectives import HARDNESS, agreement, alignment, where_sure
from crossbeat.recipes.steps import EMBEDDING, TEACHER_PROBABILITY
from crossbeat.training import run_phases

FINDINGS = ("large", "silent")
READ = LabelPolicy(uncertain="negative", missing="negative")
WHOLE = EVERYTHING["crossbeat"]


class Learned:
    """A run with every phase, and the weights before and after it."""

    def __init__(self, recipe, cohort, folder):
        self.recipe, self.cohort = recipe, cohort
        self.parts = recipe.parts(cohort.info, 0)
        self.phases, self.before, self.after = {}, {}, {}
        run_phases(self._watched(), self.parts, folder, seed=0, trainer=QUIET)

    def _watched(self):
        for phase in self.recipe.phases(self.parts, self.cohort, 0):
            self.phases[phase.name] = phase
            self.before[phase.name] = deepcopy(self.parts.state_dict())
            yield phase
            self.after[phase.name] = deepcopy(self.parts.state_dict())

    def beliefs(self, cohort, rows):
        """By hand: the calibrated probabilities of the X-rays of some rows."""
        val = np.setdiff1d(self.cohort.rows("val", has=("xray",)), UNREPORTED)
        labels = self.cohort.labels(val, FINDINGS, READ)
        known, asked = self._logits(self.cohort, val), self._logits(cohort, rows)
        fitted = [
            platt(labels[:, i].double().numpy(), known[:, i].numpy()) for i in range(len(FINDINGS))
        ]
        chances = [each.probability(asked[:, i].numpy()) for i, each in enumerate(fitted)]
        return torch.from_numpy(np.stack(chances, axis=1)).float()

    def _logits(self, cohort, rows):
        with torch.no_grad():
            seen = embed(self.parts, cohort.images("xray", rows), self.recipe.other)
            return told_by_heads(self.parts, seen, "xray", self.recipe.targets).double()

    def said(self, rows):
        """By hand: the encoder's own probabilities after transfer."""
        parts = self.recipe.parts(self.cohort.info, 0)
        parts.load_state_dict(self.after["transfer"])
        parts.eval()
        with torch.no_grad():
            embedded = embed(parts, self.cohort.ecgs(rows), self.recipe.ecg)
            return told_by_heads(parts, embedded, "ecg", self.recipe.targets).sigmoid()


@pytest.fixture(scope="module")
def learned(gaps, tmp_path_factory):
    recipe = small("crossbeat", epochs=2, **WHOLE)
    return Learned(recipe, gaps, tmp_path_factory.mktemp("learned"))


@pytest.fixture(scope="module")
def mixed(gaps, tmp_path_factory):
    """The same with shuffled pairs."""
    recipe = small("crossbeat", epochs=2, shuffle_pairs=True, **WHOLE)
    return Learned(recipe, gaps, tmp_path_factory.mktemp("mixed"))


def weights(state, *parts):
    return {name: value for name, value in state.items() if name.partition(".")[0] in parts}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- targets of the transfer


def test_beliefs_are_calibrated_on_the_labels_of_the_validation_xrays(learned, gaps):
    for source in (learned.phases["transfer"].train, learned.phases["transfer"].val):
        believed = source.extra[TEACHER_PROBABILITY]
        torch.testing.assert_close(believed, learned.beliefs(gaps, source.rows))
        assert believed[:, 0].std() > 0.05  # the teacher does tell them apart


def test_a_target_blends_the_belief_with_the_label_and_is_the_belief_where_there_is_none(learned):
    source = learned.phases["transfer"].train
    believed = source.extra[TEACHER_PROBABILITY]
    labels = learned.cohort.labels(source.rows, FINDINGS, READ)
    unread = np.isin(source.rows, UNREPORTED)
    assert 0 < unread.sum() < len(unread)
    assert torch.equal(source.targets[unread], believed[unread])
    blended = 0.75 * believed + 0.25 * labels
    torch.testing.assert_close(source.targets[~unread], blended[~unread])


def test_the_best_epoch_is_chosen_by_labels(learned):
    for phase in ("transfer", "self-training"):
        source = learned.phases[phase].val
        labels = learned.cohort.labels(source.rows, FINDINGS, READ)
        assert torch.equal(source.targets.nan_to_num(9), labels.nan_to_num(9))
        assert source.targets.unique().tolist()[:2] == [0, 1]


def test_without_trust_the_contrast_stands_beside_the_labels(gaps):
    _, phases = phases_of(small("crossbeat", trust=0.0, contrast=0.1), gaps)
    source = phases["transfer"].train
    labels = gaps.labels(source.rows, FINDINGS, READ)
    assert torch.equal(source.targets.nan_to_num(9), labels.nan_to_num(9))
    assert source.targets[np.isin(source.rows, UNREPORTED)].isnan().all()
    assert source.extra[TEACHER_PROBABILITY].isfinite().all()


def test_shuffled_pairs_have_the_belief_of_another_patient_by_the_same_calibration(
    learned, mixed, gaps
):
    assert equal(
        weights(mixed.after["teacher"], "xray_encoder", "xray_classifier"),
        weights(learned.after["teacher"], "xray_encoder", "xray_classifier"),
    )
    for split in ("train", "val"):
        own, other = (getattr(each.phases["transfer"], split) for each in (learned, mixed))
        assert np.array_equal(own.rows, other.rows)
        partner = shuffled(gaps, 0, "xray").table["xray"].to_numpy()[other.rows].astype(int)
        assert not (partner == own.rows).any()  # as each row of ``tiny`` has the X-ray of its place
        believed = other.extra[TEACHER_PROBABILITY]
        place = np.searchsorted(own.rows, partner)
        torch.testing.assert_close(believed, own.extra[TEACHER_PROBABILITY][place])
        torch.testing.assert_close(other.extra[EMBEDDING], own.extra[EMBEDDING][place])
    labels = gaps.labels(mixed.phases["transfer"].train.rows, FINDINGS, READ)
    train = mixed.phases["transfer"].train
    blended = 0.75 * train.extra[TEACHER_PROBABILITY] + 0.25 * labels
    read = ~labels.isnan()
    torch.testing.assert_close(train.targets[read], blended[read])


@pytest.mark.parametrize("value", [0, 1])
def test_a_finding_of_one_class_among_the_validation_labels_is_refused(value, tiny):
    val, name = pl.col("split") == "val", "label:silent"
    constant = pl.when(val).then(pl.lit(value, pl.Int8)).otherwise(pl.col(name)).alias(name)
    cohort = tiny.with_table(tiny.table.with_columns(constant))
    with pytest.raises(DataError, match="must have positives and negatives of silent, got one cl"):
        phases_of(small("crossbeat"), cohort)
    phases_of(small("crossbeat", findings=("large",)), cohort)


# --- the contrast beside them


def test_the_contrast_counts_negatives_as_far_as_the_teacher_believes_in_them(gaps):
    recipe = small("crossbeat", label_views=None, hardness="exp", certainty=0.6, contrast=0.3)
    parts, phases = phases_of(recipe, gaps)
    batch = phases["transfer"].train.batch(np.arange(24))
    losses = phases["transfer"].step(parts, batch, torch.Generator())
    agree = agreement(batch.extra[TEACHER_PROBABILITY])
    expected = alignment(
        parts["ecg_projection"](embed(parts, batch.ecg, recipe.ecg)),
        parts["xray_projection"](batch.extra[EMBEDDING]),
        positives=torch.zeros(24, 24),
        temperature=recipe.temperature,
        own_pair=1.0,
        hardness=where_sure(HARDNESS["exp"](recipe.penalty, recipe.hard_share), agree, 0.6),
    )
    assert losses["contrast"].item() == pytest.approx(0.3 * expected.item())


def test_without_contrast_the_projections_are_left_alone(gaps):
    parts, phases = phases_of(small("crossbeat", trust=0.75, contrast=0.0), gaps)
    assert not any(name.endswith("projection") for name in parts)
    assert set(phases["transfer"].trains) == {"ecg_encoder", "ecg_classifier"}
    assert not phases["transfer"].train.targets.isnan().any()


# --- self-training


def test_self_training_starts_from_where_the_transfer_started(learned):
    parts = ("ecg_encoder", "ecg_classifier")
    start = weights(learned.after["self-supervision"], *parts)
    assert equal(weights(learned.before["transfer"], *parts), start)
    assert equal(weights(learned.before["self-training"], *parts), start)
    assert not equal(weights(learned.after["transfer"], *parts), start)
    assert not equal(
        weights(learned.before["self-supervision"], "ecg_encoder"), weights(start, "ecg_encoder")
    )


def test_self_training_blends_in_what_the_encoder_says_and_takes_it_alone_without_a_pair(learned):
    transfer, source = (learned.phases[name].train for name in ("transfer", "self-training"))
    assert source.rows.tolist() == list(range(66))
    said = learned.said(source.rows)
    pair = np.isin(source.rows, transfer.rows)
    assert source.rows[~pair].tolist() == NO_XRAY.tolist()
    torch.testing.assert_close(source.targets[~pair], said[~pair])
    torch.testing.assert_close(source.targets[pair], 0.5 * transfer.targets + 0.5 * said[pair])
    assert said[:, 0].std() > 1e-3


def test_without_trust_and_contrast_labels_alone_are_learned(gaps):
    _, phases = phases_of(small("no-alignment"), gaps)
    source = phases["transfer"].train
    assert torch.equal(source.targets, gaps.labels(source.rows, FINDINGS, READ))
