"""Beam search: the caption that a decoder finds likeliest for its length, as the MSCLAP reference searches it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import UsageError

Float = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Reader(Protocol):
    """A decoder that reads one prefix, and then tokens along several beams."""

    def begin(self, prefix: Float) -> Float:
        """Read a prefix, float32 `[prefix_length, width]`, forgetting all before.

        Returns:
            Scores of each token as the next one, before the softmax, float32 `[vocab_size]`.
        """
        ...

    def read(self, tokens: Ints, sources: Ints) -> Float:
        """Read one token more along each beam.

        Args:
            tokens: `[n_beams]`.
            sources: Which of the last call's beams each continues, `[n_beams]`; all 0 after `begin`.

        Returns:
            Scores of each token as the next one, float32 `[n_beams, vocab_size]`.
        """
        ...


def likeliest(
    reader: Reader, prefix: Float, *, stop: int, n_beams: int = 5, max_tokens: int = 67, temperature: float = 1.0
) -> list[int]:
    """Search the tokens that most likely continue a prefix, by their mean logarithmic probability.

    Several beginnings are kept at once. One that has come to the stop token is not continued; it stays among the best
    for as long as no other is likelier for its length. As `CLAPWrapper._generate_beam` does it, token for token; that
    one computes the whole text anew for each token.

    Args:
        reader: The decoder.
        prefix: What it continues, float32 `[prefix_length, width]`.
        stop: The token that ends a text.
        n_beams: Beginnings kept at once; 1 takes the likeliest token each time.
        max_tokens: Most tokens of a text.
        temperature: Above 1 makes the probabilities more alike, under 1 less.

    Returns:
        The tokens, the stop token included if it was reached.

    Raises:
        UsageError: If a number is out of its range.
    """
    if n_beams < 1 or max_tokens < 1 or not 0 < temperature < np.inf:
        raise UsageError(
            f"n_beams {n_beams} and max_tokens {max_tokens} must be at least 1, and temperature {temperature} above 0"
        )
    chances = _log_softmax(reader.begin(prefix)[None] / np.float32(temperature))[0]
    n_beams = min(n_beams, len(chances))
    new = _best(chances, n_beams)
    scores, tokens = chances[new], new[:, None]
    lengths, is_stopped = np.ones(n_beams, np.float32), new == stop
    sources = np.zeros(n_beams, np.int64)
    while tokens.shape[1] < max_tokens and not is_stopped.all():
        chances = _log_softmax(reader.read(new, sources) / np.float32(temperature))
        chances[is_stopped] = -np.inf
        chances[is_stopped, 0] = 0  # an ended text stays as it is
        lengths[~is_stopped] += 1
        means = ((scores[:, None] + chances) / lengths[:, None]).ravel()
        best = _best(means, n_beams)
        sources, new = np.divmod(best, chances.shape[1])
        lengths, is_stopped = lengths[sources], is_stopped[sources]
        tokens = np.concatenate((tokens[sources], new[:, None]), axis=1)
        scores = means[best] * lengths
        is_stopped |= new == stop
    first = int(np.argmax(scores / lengths))
    return [int(token) for token in tokens[first, : int(lengths[first])]]


def _best(values: Float, n: int) -> Ints:
    """Places of the greatest values, greatest first, the earlier of equal ones first."""
    some = np.sort(np.argpartition(-values, n - 1)[:n])
    return some[np.argsort(-values[some], kind="stable")]


def _log_softmax(scores: Float) -> Float:
    """Logarithmic probabilities over the last axis."""
    centred = scores - scores.max(-1, keepdims=True)
    chances: Float = centred - np.log(np.exp(centred).sum(-1, keepdims=True))
    return chances
