"""The bank: how well ordinary descriptions are answered by a collection, to measure an answer with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.errors import CollectionError
from ...model.paths import readable_path
from .arrays import READING_ERRORS, read_arrays, save_arrays

BANK_NAME = "bank.npz"

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bank:
    """Descriptions of all kinds of sounds, asked of a collection when its index was built.

    Attributes:
        embeddings: Embeddings of the descriptions [n, embedding_dim], float16.
        best_scores: Score of the best segment for each of them [n], lowest first.
    """

    embeddings: npt.NDArray[np.float16]
    best_scores: Float

    @classmethod
    def asked(cls, embeddings: Float, best_scores: Float) -> "Bank":
        """Make a bank of descriptions [n, embedding_dim] and the best score of each [n]."""
        return cls(embeddings.astype(np.float16), np.sort(best_scores).astype(np.float32))

    @classmethod
    def read(cls, generation: Path) -> "Bank":
        """Read the bank of an index generation.

        Raises:
            CollectionError: If it is missing or damaged.
        """
        try:
            parts = read_arrays(generation / BANK_NAME)
            bank = cls(parts["embeddings"], parts["best_scores"])
        except READING_ERRORS as error:
            why = getattr(error, "strerror", None) or "it is damaged"
            raise CollectionError(f"{readable_path(generation)}: the bank cannot be read ({why})") from error
        shape, kinds = bank.embeddings.shape, [str(bank.embeddings.dtype), str(bank.best_scores.dtype)]
        if len(shape) != 2 or shape[:1] != bank.best_scores.shape or kinds != ["float16", "float32"]:
            raise CollectionError(f"{readable_path(generation)}: the bank cannot be read (it is damaged)")
        return bank

    def write(self, generation: Path) -> None:
        """Write it into the folder of an index generation.

        Raises:
            OSError: If the folder cannot be written.
        """
        with (generation / BANK_NAME).open("wb") as file:
            save_arrays(file, embeddings=self.embeddings, best_scores=self.best_scores)

    def calibrated(self, score: float) -> float:
        """Say where the score of a text stands, 0 to 100: the share of descriptions whose best answer scores lower.

        Between two descriptions it grows evenly, so that equal steps of the score are never jumps.
        """
        n = len(self.best_scores)
        if not n:
            return 0.0
        shares = (np.arange(n) + 0.5) / n
        return 100.0 * float(np.interp(score, self.best_scores, shares, left=0.0, right=1.0))
