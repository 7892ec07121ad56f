"""The flat index: every segment compared with every query."""

from pathlib import Path
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from .layout import flat_offset
from .mapped import MappedFile
from .scan import scan
from .sums import Checked, Sums

faiss: Any = _untyped_faiss

FLAT_NAME = "embeddings.faiss"

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Flat:
    """Embeddings in single precision, in FAISS's own file."""

    nlist: int | None = None

    def __init__(self, file: MappedFile, rows: Float, *, sums: Sums | None) -> None:
        self.files = (file,)
        self._rows = rows
        self._checked = Checked(file, sums)
        self._index = faiss.IndexFlatIP(rows.shape[1])
        if len(rows):
            # The scan reads the map itself; `rows` keeps it alive.
            view, nobody = faiss.MaybeOwnedVectorUInt8, faiss.MaybeOwnedVectorUInt8().owner
            self._index.codes = view.create_view(faiss.swig_ptr(rows.reshape(-1).view(np.uint8)), rows.nbytes, nobody)
            self._index.ntotal = len(rows)

    @classmethod
    def open(cls, generation: Path, *, n: int, embedding_dim: int, sums: Sums | None) -> "Flat":
        """Open the file of a generation.

        Raises:
            OSError: If it is missing.
            ValueError: If it is damaged, or holds something else.
        """
        file = MappedFile(generation / FLAT_NAME)
        offset = flat_offset(file.content, n=n, dim=embedding_dim)
        rows = np.frombuffer(file.content, np.float32, offset=offset).reshape(n, embedding_dim)
        return cls(file, rows, sums=sums)

    @property
    def shape(self) -> tuple[int, int]:
        """Segments, and numbers in an embedding."""
        return len(self._rows), self._rows.shape[1]

    def nprobe(self, n: int, *, n_allowed: int) -> None:
        """Return how many cells a search visits: there are none."""

    def search(self, embedding: Float, n: int, *, n_sure: int, allowed: Bool | None) -> tuple[Float, Int]:  # noqa: ARG002
        """Find the nearest [m], best first; all of them are sure."""
        self._checked.allowed_rows(self._rows, None)
        return scan(self._index, embedding, n, allowed=allowed)

    def embeddings(self, positions: Int) -> Float:
        """Return embeddings [m, embedding_dim]."""
        found: Float = self._rows[positions]
        self._checked.rows(found, positions)
        return found


def write_flat(generation: Path, embeddings: Float) -> int:
    """Write the file of a flat index into the folder of a generation, from embeddings [n, embedding_dim].

    Returns:
        Its size in bytes.
    """
    index, rows = faiss.IndexFlatIP(embeddings.shape[1]), np.ascontiguousarray(embeddings, np.float32)
    index.add(rows)
    faiss.write_index(index, str(generation / FLAT_NAME))
    return (generation / FLAT_NAME).stat().st_size
