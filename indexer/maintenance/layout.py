"""Layout: where clips lie on a map, so that those that sound alike lie together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...model.errors import UsageError
from ...model.extras import has_extra, need_extra

METHODS = ("pca", "umap")
"""How a map can be laid out: by the two directions in which sounds differ most, or by neighbourhoods."""

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

N_FITTED = 20_000
"""Most clips that a layout by neighbourhoods is fitted to; the others are placed among them."""

# Principal components that neighbours are looked for in: enough for them to be the same ones, and cheap.
_N_COMPONENTS = 32
_N_NEIGHBOURS = 15
_N_ANCHORS = 4
_N_AT_ONCE = 1_024
# UMAP starts from the principal components, spread as widely as its own starting points are.
_SPREAD = 10.0


def check_method(method: str | None) -> str:
    """Check how a map is to be laid out.

    Args:
        method: One of `METHODS`; None for UMAP where it is installed, otherwise PCA.

    Raises:
        UsageError: If there is no such method, or it is not installed.
    """
    if method is None:
        return "umap" if has_extra("map") else "pca"
    if method not in METHODS:
        raise UsageError(f"the method of a map must be {' or '.join(METHODS)}, not {method!r}")
    if method == "umap":
        need_extra("map", wanted_by="the method umap")
    return method


class Components:
    """The principal components of embeddings, from a sample of them.

    The signs are fixed (a component's largest entry is positive), so that the same embeddings always give the same map.

    Attributes:
        axes: Components as columns [embedding_dim, n], n at most 32, those of the largest variance first.
        mean: What is subtracted before [embedding_dim].
    """

    def __init__(self, sample: Iterator[Float], *, embedding_dim: int) -> None:
        n = 0
        total = np.zeros(embedding_dim)
        products = np.zeros((embedding_dim, embedding_dim))
        for embeddings in sample:
            n += len(embeddings)
            total += embeddings.sum(axis=0, dtype=np.float64)
            products += embeddings.T @ embeddings
        mean = total / max(n, 1)
        variances, axes = np.linalg.eigh(products / max(n, 1) - np.outer(mean, mean))
        axes = axes[:, np.argsort(-variances, kind="stable")[:_N_COMPONENTS]]
        largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
        self.axes: Float = (axes * np.where(largest < 0, -1, 1)).astype(np.float32)
        self.mean: Float = mean.astype(np.float32)

    def __call__(self, embeddings: Float) -> Float:
        """Return embeddings [n, embedding_dim] in the components [n, n_components]."""
        return np.asarray((embeddings - self.mean) @ self.axes, np.float32)


def by_components(reduced: Float) -> Float:
    """Lay clips out by their first two principal components.

    Args:
        reduced: Clips in the components [n, n_components].

    Returns:
        Places [n, 2], the middle at 0, the farthest coordinate at 1 or -1.
    """
    places = np.zeros((len(reduced), 2), np.float32)
    n_axes = min(2, reduced.shape[1])
    places[:, :n_axes] = reduced[:, :n_axes]
    return _scaled(places)


def by_neighbourhoods(reduced: Float) -> Float:
    """Lay clips out so that neighbours stay neighbours: McInnes, Healy and Melville, "UMAP", arXiv 1802.03426.

    It starts from the principal components and runs in one thread from a fixed seed, so that the same clips give the
    same map on the same machine.

    Args:
        reduced: Clips in the principal components [n, n_components].

    Returns:
        Places [n, 2], the middle at 0, the farthest coordinate at 1 or -1.
    """
    start = by_components(reduced)
    if len(reduced) <= _N_NEIGHBOURS:  # everybody is everybody's neighbour
        return start
    from umap import UMAP

    # Copies would start, and stay, on one point.
    start = _SPREAD * start + np.random.default_rng(0).normal(scale=1e-3, size=start.shape).astype(np.float32)
    layout = UMAP(n_neighbors=_N_NEIGHBOURS, min_dist=0.1, init=start, random_state=0, n_jobs=1)
    return _scaled(np.asarray(layout.fit_transform(reduced), np.float32))


def placed_among(reduced: Float, fitted: Float, places: Float) -> Iterator[Float]:
    """Place clips among others: each between the four that sound most like it, nearest the nearest.

    Args:
        reduced: The clips in the principal components [n, n_components].
        fitted: The others [m, n_components], at least one.
        places: Where they are [m, 2].

    Yields:
        Places [<= 1024, 2] of the next clips.
    """
    n_anchors = min(_N_ANCHORS, len(fitted))
    lengths = (fitted * fitted).sum(axis=1)
    for first in range(0, len(reduced), _N_AT_ONCE):
        asked = reduced[first : first + _N_AT_ONCE]
        distances = lengths - 2 * asked @ fitted.T
        nearest = np.argpartition(distances, n_anchors - 1, axis=1)[:, :n_anchors]
        near = np.take_along_axis(distances, nearest, axis=1) + (asked * asked).sum(axis=1, keepdims=True)
        # By the square of the squared distance: a copy lies on its original, and nothing lies halfway to far away.
        weights = 1 / np.maximum(near, 1e-6) ** 2
        weights /= weights.sum(axis=1, keepdims=True)
        yield (weights[:, :, None] * places[nearest]).sum(axis=1).astype(np.float32)


def _scaled(places: Float) -> Float:
    if not len(places):
        return places
    centred = places - (places.min(axis=0) + places.max(axis=0)) / 2
    farthest = float(np.abs(centred).max())
    scaled: Float = (centred / farthest if farthest > 0 else centred).astype(np.float32)
    return scaled
