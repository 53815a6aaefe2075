"""Maps keep neighbours together and repeat with their seed."""

import numpy as np
import pytest

from crossbeat.evaluation.embedding_map import embedding_map

RNG = np.random.default_rng(0)
GROUP = np.arange(40) % 2
FEATURES = RNG.normal(size=(40, 6)) * 0.1 + np.where(GROUP[:, None], 1.0, -1.0)


@pytest.mark.parametrize("lengths", [1.0, RNG.uniform(0.01, 100, size=(40, 1))])
def test_two_groups_stay_apart_whatever_the_length_of_an_embedding(lengths) -> None:
    found = embedding_map(FEATURES * lengths, seed=0)
    distances = np.linalg.norm(found.points[:, None] - found.points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    assert (GROUP[found.rows][nearest] == GROUP[found.rows]).all()


def test_the_seed_repeats_the_map_and_picks_the_samples() -> None:
    one, again, other = (embedding_map(FEATURES, seed=seed, most=20) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.points, again.points)
    np.testing.assert_array_equal(one.rows, again.rows)
    assert len(one.rows) == 20
    assert one.rows.tolist() != other.rows.tolist()


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 samples, got 7"):
        embedding_map(FEATURES[:7], seed=0)
