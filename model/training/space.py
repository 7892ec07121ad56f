"""The space that both towers share: the teacher's, centred on sound phrases and reduced."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Directions of little variance are raised a little: it spreads sounds apart without making noise loud.
WHITENING = 0.25


def unit(rows: Floats) -> Floats:
    """Scale rows to unit length."""
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12).astype(np.float32)


@dataclass(frozen=True)
class SharedSpace:
    """An affine map from teacher embeddings to targets.

    Attributes:
        mean: `[384]`, what all sound phrases have in common.
        projection: `[384, embedding_dim]`.
    """

    mean: Floats
    projection: Floats

    @classmethod
    def fit(cls, embeddings: Floats, *, embedding_dim: int) -> "SharedSpace":
        """Fit to teacher embeddings `[n, 384]` of sound phrases, by principal components."""
        mean = embeddings.mean(0)
        _, scales, directions = np.linalg.svd(embeddings - mean, full_matrices=False)
        weights = (scales / scales[0]) ** -WHITENING
        projection = (directions.T * weights)[:, :embedding_dim]
        return cls(mean.astype(np.float32), projection.astype(np.float32))

    def __call__(self, embeddings: Floats) -> Floats:
        """Map teacher embeddings `[n, 384]` to targets `[n, embedding_dim]` of unit length."""
        return unit(((embeddings - self.mean) @ self.projection).astype(np.float32))

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        np.savez(path, mean=self.mean, projection=self.projection)

    @classmethod
    def load(cls, path: Path) -> "SharedSpace":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["mean"], arrays["projection"])
