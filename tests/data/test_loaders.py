import numpy as np
import pytest

from crossbeat.data.loaders import balance, epoch_batches, weighted_order
from crossbeat.errors import ConfigError, DataError

NAN = float("nan")


def test_a_weighted_epoch_repeats_and_changes_with_the_epoch():
    weights = np.random.default_rng(0).random(40)
    first, again = (weighted_order(weights, seed=1, epoch=0) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != weighted_order(weights, seed=1, epoch=1).tolist()


def test_rows_come_as_often_as_their_weights_say():
    weights = np.array([0.0, 1.0, 2.0, 0.5, 1.5, 7.0])
    expected = weights / weights.sum() * len(weights)
    counts = np.array(
        [
            np.bincount(weighted_order(weights, seed=9, epoch=epoch), minlength=6)
            for epoch in range(3000)
        ]
    )
    assert (counts.sum(axis=1) == 6).all()
    assert (np.abs(counts - expected) < 1).all()
    np.testing.assert_allclose(counts.mean(axis=0), expected, atol=0.03)


def test_equal_weights_give_each_row_once():
    order = weighted_order(np.full(101, 0.37), seed=0, epoch=5)
    assert sorted(order.tolist()) == list(range(101))


def test_repetitions_of_a_row_are_spread_over_the_epoch():
    weights = np.where(np.arange(1000) < 20, 25.0, 0.5)  # 20 rows make half of the epoch
    order = weighted_order(weights, seed=0, epoch=0)
    random = np.random.default_rng(0).choice(1000, 1000, p=weights / weights.sum())
    doubled, by_chance = (
        np.mean([32 - len(np.unique(rows[i : i + 32])) for i in range(0, 960, 32)])
        for rows in (order, random)
    )
    assert doubled < 0.6 * by_chance


@pytest.mark.parametrize("weights", [[1.0, -1.0], [0.0, 0.0], [1.0, NAN]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be finite, 0 or more"):
        weighted_order(np.array(weights), seed=0, epoch=0)


def test_an_epoch_is_cut_into_full_batches_without_repetition():
    cut = epoch_batches(np.ones(10), 4, seed=0, epoch=0)
    assert [len(batch) for batch in cut] == [4, 4]
    assert len(set(np.concatenate(cut).tolist())) == 8


def test_rows_left_over_have_their_turn_in_other_epochs():
    seen = [np.concatenate(epoch_batches(np.ones(10), 4, seed=0, epoch=e)) for e in range(9)]
    assert set(np.concatenate(seen).tolist()) == set(range(10))


def test_fewer_rows_than_a_batch_make_one():
    (batch,) = epoch_batches(np.ones(3), 4, seed=0, epoch=0)
    assert sorted(batch.tolist()) == [0, 1, 2]
    (batch,) = epoch_batches(np.ones(3), 4, seed=0, epoch=0, rank=1, world=2)
    assert len(batch) == 1


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_parts_of_all_machines_are_the_batch_of_one(world):
    weights = np.random.default_rng(0).random(22)
    whole = epoch_batches(weights, 6, seed=0, epoch=2)
    parts = [
        epoch_batches(weights, 6, seed=0, epoch=2, rank=rank, world=world) for rank in range(world)
    ]
    for number, batch in enumerate(whole):
        joined = np.concatenate([parts[rank][number] for rank in range(world)])
        np.testing.assert_array_equal(joined, batch)


def test_batches_that_machines_cannot_share_are_refused():
    with pytest.raises(ConfigError, match=r"batch_size must be a multiple of 2.*got 3"):
        epoch_batches(np.ones(9), 3, seed=0, epoch=0, world=2)
    with pytest.raises(ConfigError, match=r"batch_size must be a multiple of 1.*got 0"):
        epoch_batches(np.ones(9), 0, seed=0, epoch=0)
    with pytest.raises(DataError, match="row for each of 3 machines, got 2"):
        epoch_batches(np.ones(2), 3, seed=0, epoch=0, world=3)
    with pytest.raises(ValueError, match="rank must be 0 to 1, got 2"):
        epoch_batches(np.ones(9), 4, seed=0, epoch=0, rank=2, world=2)


@pytest.mark.parametrize("prevalence", [0.02, 0.2, 0.4, 0.9])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_the_share_of_positives_is_the_wanted_one_whatever_the_prevalence(prevalence, share):
    labels = (np.random.default_rng(0).random((2000, 1)) < prevalence).astype(np.float32)
    weights = balance(labels, share)
    assert weights.sum() == pytest.approx(1)
    drawn = labels[weighted_order(weights, seed=0, epoch=0)]
    assert drawn.mean() == pytest.approx(share, abs=0.002)
    per_batch = drawn.reshape(-1, 100).mean(axis=1)
    assert np.mean(per_batch) == pytest.approx(share, abs=0.002)
    assert np.std(per_batch) < 0.1


def test_any_positive_label_counts_and_unknown_rows_have_no_weight():
    labels = np.array([[1, NAN], [0, 1], [0, NAN], [0, 0], [NAN, NAN], [0, 0]])
    np.testing.assert_allclose(balance(labels, 0.4), [0.2, 0.2, 0.2, 0.2, 0, 0.2])


def test_rows_of_which_no_label_is_known_never_come_in_a_balanced_epoch():
    labels = np.full((1000, 2), NAN)
    labels[::20] = np.arange(50)[:, None] % 5 == 0  # few are labelled, and fewer positive
    rows = weighted_order(balance(labels, 0.5), seed=0, epoch=0)
    assert len(rows) == 1000
    assert set(rows.tolist()) == set(range(0, 1000, 20))
    assert (labels[rows, 0] == 1).mean() == pytest.approx(0.5, abs=0.002)


def test_balancing_one_class_is_refused():
    with pytest.raises(DataError, match="got 0 and 3; choose another finding"):
        balance(np.zeros((3, 1)), 0.5)
    with pytest.raises(DataError, match="got 3 and 0"):
        balance(np.ones((3, 1)), 0.5)
    with pytest.raises(ValueError, match="positive_share must be above 0"):
        balance(np.ones((3, 1)), 1.0)
