"""Draw the batches of an epoch from seed and epoch, for any number of machines."""

import numpy as np
from jaxtyping import Float, Int64

from crossbeat.errors import ConfigError, DataError


def weighted_order(
    weights: Float[np.ndarray, " row"], *, seed: int, epoch: int
) -> Int64[np.ndarray, " row"]:
    """As many rows as there are weights, each as often as its weight says.

    Row i comes floor(n w_i) or ceil(n w_i) times, n w_i on average (systematic sampling), and its
    repetitions are spread over the epoch: a batch seldom has one row twice, which in contrastive
    learning would be a sample that is its own negative.

    Source: Madow 1949 (doi:10.1214/aoms/1177729988).
    """
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError("weights must be finite, 0 or more, and not all 0")
    random = np.random.default_rng([seed, epoch])
    num_rows = len(weights)
    order = random.permutation(num_rows)
    # Neighbours of equal weight: so that classes, too, come as often as their weights say.
    order = order[np.argsort(weights[order], kind="stable")]
    ends = np.cumsum(weights[order]) * (num_rows / weights.sum())
    ends[-1] = num_rows
    # Row order[k] comes once for each integer step of a random offset that falls in its interval.
    reached = np.floor(ends + random.random()).astype(np.int64)
    counts = np.diff(reached, prepend=reached[-1] - num_rows)
    rows = np.repeat(order, counts)
    copy = np.arange(num_rows) - np.repeat(np.cumsum(counts) - counts, counts)
    when = (copy + random.random(num_rows)) / np.repeat(counts, counts)
    return rows[np.argsort(when, kind="stable")]


def epoch_batches(
    weights: Float[np.ndarray, " row"],
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    rank: int = 0,
    world: int = 1,
) -> list[Int64[np.ndarray, " batch"]]:
    """The batches of an epoch, or the equal part of each that one of several machines takes.

    Rows come as ``weighted_order`` says: with equal weights each once. Batches over all machines
    are the same whatever the number of machines. Only full batches are given: rows left over
    have their turn in other epochs. Where there are fewer rows than a batch has, they make one.

    Args:
        weights: 0 or more, of any sum above 0, one per row.
        batch_size: rows of a batch over all machines; a multiple of ``world``.
        seed: 0 or more.
        epoch: 0 or more.
        rank: of this machine, 0 to ``world`` - 1.
        world: number of machines.

    Raises:
        ValueError: there is no such rank, or weights break their rule.
        ConfigError: ``batch_size`` is no multiple of ``world``, or below 1.
        DataError: there are fewer rows than machines.
    """
    if not 0 <= rank < world:
        raise ValueError(f"rank must be 0 to {world - 1}, got {rank}")
    if batch_size < 1 or batch_size % world:
        raise ConfigError(
            f"batch_size must be a multiple of {world}, the number of machines, got "
            f"{batch_size}; change it"
        )
    size = min(batch_size, len(weights) - len(weights) % world)
    if size == 0:
        raise DataError(
            f"an epoch must have a row for each of {world} machines, got {len(weights)}; "
            "use more data or fewer machines"
        )
    order = weighted_order(weights, seed=seed, epoch=epoch)
    whole = order[: len(order) // size * size].reshape(-1, world, size // world)
    return list(whole[:, rank])


def balance(
    labels: Float[np.ndarray, "row finding"], positive_share: float
) -> Float[np.ndarray, " row"]:
    """Weights by which a share of the rows drawn is positive, whatever the prevalence.

    A row is positive if any of its labels is, negative if none is and one is known. Rows of
    which no label is known (NaN) get weight 0: they never come, and an epoch stays as long, as the
    others come more often. The weights sum to 1.

    Args:
        labels: 1, 0, or NaN where a label is ignored.
        positive_share: wanted share of positive rows, above 0 and below 1.

    Raises:
        ValueError: the share is out of range.
        DataError: there are no positive or no negative rows.
    """
    if not 0 < positive_share < 1:
        raise ValueError(f"positive_share must be above 0 and below 1, got {positive_share}")
    known = (~np.isnan(labels)).any(axis=1)
    positive = (labels == 1).any(axis=1)
    negative = known & ~positive
    num_positive, num_negative = int(positive.sum()), int(negative.sum())
    if not (num_positive and num_negative):
        raise DataError(
            "balancing must have positive and negative rows, got "
            f"{num_positive} and {num_negative}; choose another finding or label policy"
        )
    return positive * (positive_share / num_positive) + negative * (
        (1 - positive_share) / num_negative
    )
