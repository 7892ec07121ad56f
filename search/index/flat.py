"""The flat index: every segment compared with every query."""

from pathlib import Path
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from .scan import scan

faiss: Any = _untyped_faiss

FLAT_NAME = "embeddings.faiss"

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Flat:
    """Embeddings in single precision, in FAISS's own file."""

    nlist: int | None = None

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def open(cls, path: Path) -> "Flat":
        """Open its file.

        Raises:
            RuntimeError: If it is missing or damaged.
            ValueError: If it holds something else.
        """
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if not isinstance(index, faiss.IndexFlat):
            raise ValueError(f"{path.name} holds something else")  # noqa: TRY004 - a wrong value in a file
        return cls(index)

    @property
    def shape(self) -> tuple[int, int]:
        """Segments, and numbers in an embedding."""
        return self._index.ntotal, self._index.d

    def nprobe(self, n: int, *, n_allowed: int) -> None:
        """Say how many cells a search visits: there are none."""

    def search(self, embedding: Float, n: int, *, n_sure: int, allowed: Bool | None) -> tuple[Float, Int]:  # noqa: ARG002
        """Find the nearest [m], best first; all of them are sure."""
        return scan(self._index, embedding, n, allowed=allowed)

    def embeddings(self, positions: Int) -> Float:
        """Give embeddings [m, embedding_dim]."""
        found: Float = self._index.reconstruct_batch(positions)
        return found


def write_flat(generation: Path, embeddings: Float) -> int:
    """Write the file of a flat index into the folder of a generation, from embeddings [n, embedding_dim].

    Returns:
        Its size in bytes.
    """
    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(np.ascontiguousarray(embeddings, np.float32))
    faiss.write_index(index, str(generation / FLAT_NAME))
    return (generation / FLAT_NAME).stat().st_size
