"""The space that cells and codes live in: the directions in which the embeddings of a collection differ at all."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .scan import dots

Float = npt.NDArray[np.float32]

_MIN_DIM = 32
_STEP = 16
_N_BLOCK = 1_024
_GRID = 2.0**14


@dataclass(frozen=True)
class Space:
    """Fewer dimensions, found by principal components.

    Embeddings of sounds spend nearly all their variance on a part of the dimensions, while those of texts, which lie
    away from them, spread over all: what a text has in the other dimensions adds noise to a coarse code and nothing to
    the order. Scores in this space are those of the embeddings less what is the same for all: dropping the mean of the
    sounds changes no order under the inner product.

    Attributes:
        mean: Mean embedding [embedding_dim].
        axes: Orthonormal directions [dim, embedding_dim], those of most variance first.
    """

    mean: Float
    axes: Float

    @classmethod
    def fitted(cls, sample: Float, *, share: float) -> "Space":
        """Find the directions that hold a share of the variance of a sample [n, embedding_dim]."""
        mean = sample.mean(axis=0)
        covariance = (sample.T @ sample) / len(sample) - np.outer(mean, mean)
        variances, vectors = np.linalg.eigh(covariance.astype(np.float64))
        variances = np.maximum(variances[::-1], 0)
        held = np.cumsum(variances) / max(float(variances.sum()), 1e-12)
        n_needed = int(np.searchsorted(held, share)) + 1
        dim = min(len(mean), max(_MIN_DIM, -(-n_needed // _STEP) * _STEP))
        # The last digits hang on how many threads computed them.
        axes = np.round(vectors[:, ::-1][:, :dim].T * _GRID) / _GRID
        return cls(mean=mean, axes=np.ascontiguousarray(axes, np.float32))

    @property
    def dim(self) -> int:
        """Dimensions."""
        return len(self.axes)

    def queries(self, embeddings: Float) -> Float:
        """Carry queries [n, embedding_dim] over: [n, dim]."""
        return np.ascontiguousarray(embeddings @ self.axes.T, np.float32)

    def query(self, embedding: Float) -> Float:
        """Carry one query [embedding_dim] over: [dim]."""
        return dots(self.axes, embedding)

    def segments(self, embeddings: Float) -> Float:
        """Carry what is searched [n, embedding_dim] over: [n, dim].

        Blocks are all of one size, because the last digits of a product hang on how many rows it has.
        """
        carried = np.empty((len(embeddings), self.dim), np.float32)
        block = np.zeros((_N_BLOCK, len(self.mean)), np.float32)
        for first in range(0, len(embeddings), _N_BLOCK):
            some = embeddings[first : first + _N_BLOCK]
            np.subtract(some, self.mean, out=block[: len(some)])
            carried[first : first + len(some)] = (block @ self.axes.T)[: len(some)]
        return carried
