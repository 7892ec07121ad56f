"""Made embeddings with a modality gap, for benchmarks that need more of them than there are sounds at hand.

Sounds: 20,000 topics, the k-th as common as k ** -0.5, in families and larger families, in a space whose variance falls
off as measured on 31,573 real segments embedded by `mini` (99 % of it in a quarter of the dimensions); segments are
strewn around them, moved off the origin by half their length, and brought to unit length.

Texts: mostly a direction of their own (isotropic), a fifth the mean of all texts, and a little of a topic, spread over
the dimensions more evenly than sounds are. The weights were chosen so that 31,573 made segments are as hard to search
as the real ones: of 512 k-means cells, 95 % of the exact top 10 of a text lie in the nearest 34 (real: 25), 99 % in 83
(real: 72), and the best segment scores 4.1 standard deviations above the mean (real: 3.8); of a segment 99 % lie in the
nearest 7 (real: 12).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

# Share of the variance of real segments in the first 4, 8, 16 ... of 256 principal components.
_MEASURED = {0: 0.0, 4: 0.4755, 8: 0.6765, 16: 0.8593, 32: 0.9592, 64: 0.9904, 128: 0.9983, 256: 1.0}
_N_TOPICS = 20_000
# Topics lie in families, and these in larger ones: how many there are, and their share of the variance.
_BRANCHES = ((97, 0.5), (1_009, 0.3), (_N_TOPICS, 0.2))
_STREWN = 0.25
_SOUND_MEAN, _TEXT_MEAN = 0.58, 0.2
_TEXT_SHARED, _TEXT_OWN = 0.15, 0.97


def unit(rows: Float) -> Float:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Gap:
    """A world of made sounds and texts of `dim` dimensions."""

    def __init__(self, dim: int, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        at = np.arange(dim + 1) * 256 / dim
        shares = np.diff(np.interp(at, list(_MEASURED), list(_MEASURED.values())))
        self._scale = np.sqrt(shares).astype(np.float32)
        self._axes = np.linalg.qr(rng.standard_normal((dim, dim), np.float32))[0]
        self._topics = np.zeros((_N_TOPICS, dim), np.float32)
        for n_branches, share in _BRANCHES:
            branches = rng.standard_normal((n_branches, dim), np.float32)
            self._topics += np.float32(np.sqrt(share)) * branches[np.arange(_N_TOPICS) % n_branches]
        self._sound_mean, self._text_mean = unit(rng.standard_normal((2, dim), np.float32))
        common = np.arange(1, _N_TOPICS + 1) ** -0.5
        self._common = common / common.sum()
        self.dim = dim

    def sounds(self, n: int, *, seed: int) -> Float:
        """Embeddings of segments [n, dim]."""
        rng = np.random.default_rng([1, seed])
        points = self._topics[rng.choice(_N_TOPICS, n, p=self._common)]
        points = points + np.float32(_STREWN) * rng.standard_normal(points.shape, np.float32)
        return unit((points * self._scale) @ self._axes.T + np.float32(_SOUND_MEAN) * self._sound_mean)

    def texts(self, n: int, *, seed: int) -> Float:
        """Embeddings of texts [n, dim]."""
        rng = np.random.default_rng([2, seed])
        topics = self._topics[rng.choice(_N_TOPICS, n, p=self._common)]
        shared = unit((topics * np.sqrt(self._scale)) @ self._axes.T)
        own = unit(rng.standard_normal(shared.shape, np.float32))
        return unit(
            np.float32(_TEXT_SHARED) * shared + np.float32(_TEXT_OWN) * own + np.float32(_TEXT_MEAN) * self._text_mean
        )
