"""Embeddings drawn in the plane."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class EmbeddingMap:
    """Points of a map, without a unit.

    Args:
        points: one place per drawn sample.
        rows: which samples were drawn.
    """

    points: Float[np.ndarray, "point 2"]
    rows: Int64[np.ndarray, " point"]


def embedding_map(
    features: Float[np.ndarray, "sample dim"],
    *,
    seed: int,
    most: int = 1500,
    perplexity: float = 30.0,
) -> EmbeddingMap:
    """t-SNE of at most ``most`` samples, started from their principal components.

    Neighbours on the map are neighbours among the embeddings (by cosine distance); distances
    between far groups, and the sizes of groups, mean nothing.

    Args:
        features: one embedding per sample.
        seed: picks the samples and fixes the map.
        most: samples drawn, at least 8.
        perplexity: effective number of neighbours; lowered to a third of the samples.

    Raises:
        ValueError: fewer than 8 samples would be drawn.

    Source: van der Maaten and Hinton 2008.
    """
    count = min(most, len(features))
    if count < 8:
        raise ValueError(f"a map needs at least 8 samples, got {count}")
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(features))[:count])
    drawn = features[rows].astype(np.float64)
    unit = drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-12)
    width = min(50, unit.shape[1], count)
    reduced = PCA(width, random_state=seed).fit_transform(unit)
    tsne = TSNE(perplexity=min(perplexity, count / 3), init="pca", random_state=seed)
    with threadpool_limits(1):  # threads that wait for each other cost more than they save
        return EmbeddingMap(tsne.fit_transform(reduced), rows)
