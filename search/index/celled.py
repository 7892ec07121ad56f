"""The index with cells: the promising cells by their codes, then the candidates by their embeddings."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.errors import IndexDamagedError
from ..store.manifest import IndexRecord, Tuning
from .cells import CODES_NAME, Cells
from .costs import costs_of
from .embeddings import HalfEmbeddings
from .generation import EMBEDDINGS_NAME
from .mapped import MappedFile
from .sums import Sums

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Celled:
    """Cells and codes to find candidates by, and embeddings in half precision to rank them by."""

    def __init__(self, cells: Cells, embeddings: HalfEmbeddings, tuning: Tuning) -> None:
        self.cells = cells
        self.stored = embeddings
        self.tuning = tuning
        self.files: tuple[MappedFile, ...] = ()
        self._costs = tuning.costs or costs_of(cells, embedding_dim=embeddings.rows.shape[1], n_ranked=tuning.n_ranked)

    @classmethod
    def open(cls, generation: Path, record: IndexRecord, *, embedding_dim: int, sums: Sums | None) -> "Celled":
        """Open a generation.

        Raises:
            OSError: If a file is missing.
            RuntimeError: If a file is damaged.
            ValueError: If one is not what the manifest says.
            KeyError: If one lacks a part.
        """
        if record.tuning is None:
            raise ValueError("the manifest does not say how it is searched")
        _check_tuning(record.tuning)
        n, nlist = record.n_segments, record.nlist or 0
        of_cells, of_rows = (None, None) if sums is None else (sums[: 1 + nlist], sums[1 + nlist :])
        stored = HalfEmbeddings.open(generation / EMBEDDINGS_NAME, n=n, embedding_dim=embedding_dim, sums=of_rows)
        file = MappedFile(generation / CODES_NAME)
        engine = cls(Cells.open(generation, file, sums=of_cells), stored, record.tuning)
        engine.files = (file, stored.file)
        return engine

    @property
    def shape(self) -> tuple[int, int]:
        """Segments, and numbers in an embedding."""
        return len(self.cells), len(self.cells.space.mean)

    @property
    def nlist(self) -> int | None:
        """Number of cells."""
        return self.cells.nlist

    def nprobe(self, n: int, *, n_allowed: int) -> int | None:
        """Return how many cells a search visits; None where comparing all that is allowed is less work.

        The best `n` of a share of the segments lie as deep as the best `n / share` of all: that many more cells. What
        is less work follows from counts alone: the same search of the same index always goes the same way.
        """
        depth = n * len(self.cells) / max(1, n_allowed)
        nprobe = min(self.cells.nlist, _nprobe_at(self.tuning, depth))
        if n > n_allowed // 2:
            return None
        costs = self._costs
        visit = costs.query + costs.cell * nprobe + (costs.filter if n_allowed < len(self.cells) else 0.0)
        return None if n_allowed <= visit else nprobe

    def search(self, embedding: Float, n: int, *, n_sure: int, allowed: Bool | None) -> tuple[Float, Int]:
        """Find the nearest [m], best first; recall is kept for the first `n_sure` of them."""
        n_allowed = len(self.cells) if allowed is None else int(np.count_nonzero(allowed))
        nprobe = self.nprobe(n_sure, n_allowed=n_allowed)
        if nprobe is not None:
            scores, positions = self.visit(embedding, n, nprobe=nprobe, allowed=allowed)
            if len(scores) == n:
                return scores, positions
        return self.stored.nearest(embedding, n, allowed=allowed)

    def visit(
        self, embedding: Float, n: int, *, nprobe: int, allowed: Bool | None, n_ranked: int | None = None
    ) -> tuple[Float, Int]:
        """Find the nearest [m] in the `nprobe` most promising cells; the best `n_ranked` codes are ranked exactly."""
        if n_ranked is None:
            n_ranked = max(self.tuning.n_ranked, math.ceil(self.tuning.n_ranked * n / 10))
        n_ranked = min(n_ranked, len(self.cells))
        query = self.cells.space.query(embedding)
        cells = self.cells.choose(query, nprobe, spread_weight=self.tuning.spread_weight, allowed=allowed)
        positions = self.cells.candidates(query, cells, n_ranked, allowed=allowed)
        try:
            scores = self.stored.scores(embedding, positions)
        except IndexError as error:
            raise IndexDamagedError(f"{CODES_NAME} of the index names segments that it does not hold") from error
        # Of equals the one that comes first, as in an exact search.
        order = np.lexsort((positions, -scores))[:n]
        return scores[order], positions[order]

    def embeddings(self, positions: Int) -> Float:
        """Return embeddings [m, embedding_dim]."""
        return self.stored.embeddings(positions)


def _check_tuning(tuning: Tuning) -> None:
    depths = [route.depth for route in tuning.routes]
    if not depths or min(depths) < 1 or depths != sorted(set(depths)) or min(one.nprobe for one in tuning.routes) < 1:
        raise ValueError("the manifest has no way to search it")
    if tuning.n_ranked < 1 or not math.isfinite(tuning.spread_weight):
        raise ValueError("the manifest has odd numbers of how it is searched")


def _nprobe_at(tuning: Tuning, depth: float) -> int:
    """Read off how many cells the best `depth` segments need, between and beyond the depths that were measured."""
    depths = np.log([route.depth for route in tuning.routes])
    cells = np.log([route.nprobe for route in tuning.routes])
    at = math.log(max(depth, 1.0))
    if at > depths[-1] and len(depths) > 1:
        slope = (cells[-1] - cells[-2]) / (depths[-1] - depths[-2])
        return math.ceil(math.exp(min(50.0, cells[-1] + max(slope, 0.0) * (at - depths[-1]))))
    return math.ceil(math.exp(float(np.interp(at, depths, cells))) - 1e-9)
