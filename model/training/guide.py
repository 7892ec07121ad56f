"""A linear guide from what the frozen networks hear to where the text about it lies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .hearing import Hearing
from .space import Floats, unit

# Ridge, as a share of the variance of a feature; chosen on clips of packages that the fit had not seen.
RIDGE = 0.03


@dataclass(frozen=True)
class Guide:
    """A ridge regression from features to text embeddings.

    Attributes:
        mean: Of the features, `[n_features]`.
        scale: Of the features, `[n_features]`.
        weights: `[n_features, embedding_dim]`.
        bias: `[embedding_dim]`.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    @classmethod
    def fit(
        cls, features: Floats, targets: Floats, shares: npt.NDArray[np.float64], *, ridge: float = RIDGE
    ) -> "Guide":
        """Fit to clips whose text is known.

        Args:
            features: What is heard in them, `[n_clips, n_features]`.
            targets: Where their captions lie, `[n_clips, embedding_dim]`.
            shares: How much each clip counts.
            ridge: How much weights cost.
        """
        weight = (shares / shares.mean()).astype(np.float32)[:, None]
        mean = (features * weight).mean(0)
        scale = features.std(0) + np.float32(0.05) * features.std()
        rows = (features - mean) / scale
        bias = (targets * weight).mean(0)
        weighted = rows * weight
        normal = weighted.T @ rows + np.float32(ridge * len(rows)) * np.eye(rows.shape[1], dtype=np.float32)
        return cls(mean, scale, np.linalg.solve(normal, weighted.T @ (targets - bias)), bias)

    def __call__(self, features: Floats) -> Floats:
        """Text embeddings for features `[n_clips, n_features]`, unit length."""
        return unit(((features - self.mean) / self.scale @ self.weights + self.bias).astype(np.float32))


def clip_features(hearing: Hearing) -> Floats:
    """What both networks hear in each clip: YAMNet's mean, highest and class scores, and the effects network's."""
    scores = hearing.scores.astype(np.float32).clip(1e-5, 1 - 1e-5)
    logits = np.log(scores / (1 - scores))
    n_clips = len(hearing.starts) - 1
    width = hearing.embeddings.shape[1]
    rows = np.zeros((n_clips, 2 * width + scores.shape[1] + hearing.effects.shape[1]), np.float32)
    for clip in range(n_clips):
        here = slice(int(hearing.starts[clip]), int(hearing.starts[clip + 1]))
        if here.stop > here.start:
            heard = hearing.embeddings[here].astype(np.float32)
            rows[clip] = np.concatenate([heard.mean(0), heard.max(0), logits[here].mean(0), hearing.effects[clip]])
    return rows
