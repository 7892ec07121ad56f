"""The index as the ranking knows it, whatever kind it is."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ..store.manifest import IndexRecord
from .celled import Celled
from .flat import Flat
from .generation import CELLS, faiss_file, read_ids_and_sums, told
from .mapped import MappedFile

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Kind(Protocol):
    """What the flat index and the one with cells have in common."""

    @property
    def files(self) -> tuple[MappedFile, ...]:
        """What is read of it while it is searched."""

    @property
    def shape(self) -> tuple[int, int]:
        """Segments, and numbers in an embedding."""

    @property
    def nlist(self) -> int | None:
        """Number of cells, or None for none."""

    def nprobe(self, n: int, *, n_allowed: int) -> int | None:
        """Return how many cells a search visits; None where it compares all that is allowed."""

    def search(self, embedding: Float, n: int, *, n_sure: int, allowed: Bool | None) -> tuple[Float, Int]:
        """Find the nearest [m], best first."""

    def embeddings(self, positions: Int) -> Float:
        """Return embeddings [m, embedding_dim]."""


class Index:
    """One immutable generation of the index; positions number its segments from 0.

    Many threads may search one object: nothing in it changes, search parameters travel with each call, and each query
    stays in the thread that asks it.

    Attributes:
        segment_ids: Segment at each position [n], int64.
    """

    def __init__(self, kind: Kind, segment_ids: Int) -> None:
        self.segment_ids = segment_ids
        self._kind = kind

    @classmethod
    def open(cls, folder: Path, record: IndexRecord, *, embedding_dim: int) -> "Index":
        """Open the generation that a manifest names.

        Args:
            folder: The folder of all generations.
            record: What the manifest says of it.
            embedding_dim: Numbers in an embedding.

        Raises:
            CollectionError: If a file is missing or damaged, or is not what the manifest says.
        """
        segment_ids, sums = read_ids_and_sums(folder, record)
        generation = folder / record.generation
        kind: Kind
        with told(faiss_file(generation, record.kind), "read"):
            if record.kind == CELLS:
                kind = Celled.open(generation, record, embedding_dim=embedding_dim, sums=sums)
            else:
                kind = Flat.open(generation, n=record.n_segments, embedding_dim=embedding_dim, sums=sums)
        if (*kind.shape, kind.nlist) != (record.n_segments, embedding_dim, record.nlist):
            raise CollectionError(f"{readable_path(generation)}: the index is not the one that the manifest names")
        return cls(kind, segment_ids)

    def __len__(self) -> int:
        return len(self.segment_ids)

    @property
    def nlist(self) -> int | None:
        """Number of cells, or None for none."""
        return self._kind.nlist

    def nprobe(self, n: int, *, n_allowed: int) -> int | None:
        """Return how many cells a search for `n` of the allowed segments visits; None where it compares all of them."""
        return self._kind.nprobe(n, n_allowed=n_allowed) if n_allowed else None

    def search(
        self, embedding: Float, n: int, *, n_sure: int | None = None, allowed: Bool | None = None
    ) -> tuple[Float, Int]:
        """Find the segments nearest to a query.

        The fewer segments are allowed, or the more are asked for, the more cells are visited; where that would be more
        work than comparing all that is allowed, the search is exact.

        Args:
            embedding: The query [embedding_dim], unit length.
            n: Segments wanted, at least 1.
            n_sure: How many of them must be the nearest as surely as the index was tuned for; None for all.
            allowed: Whether each position may be returned [len(self)]; None for all.

        Returns:
            Scores and positions [m], best first, m the smaller of `n` and the number allowed.

        Raises:
            IndexDamagedError: If what it reads is not what was written.
        """
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        n = min(n, n_allowed)
        if not n:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        query = np.ascontiguousarray(embedding, np.float32)
        found = self._kind.search(query, n, n_sure=n if n_sure is None else min(n, n_sure), allowed=allowed)
        self._check()
        return found

    def embedding(self, position: int) -> Float:
        """Return the embedding [embedding_dim] at a position.

        Raises:
            CollectionError: If there is no such position.
        """
        if not 0 <= position < len(self):
            raise CollectionError(f"the index holds no segment at position {position}")
        found: Float = self.embeddings(np.array([position], np.int64))[0]
        return found

    def embeddings(self, positions: Int) -> Float:
        """Return the embeddings [m, embedding_dim] at positions [m], each of which the index has."""
        found = self._kind.embeddings(positions)
        self._check()
        return found

    def _check(self) -> None:
        for file in self._kind.files:
            file.check()
