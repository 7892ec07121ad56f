"""The scan: a query compared with every embedding of a FAISS index, or with those allowed."""

from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from .threads import one_thread

faiss: Any = _untyped_faiss

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def scan(index: Any, query: Float, n: int, *, allowed: Bool | None) -> tuple[Float, Int]:
    """Find the nearest of all, or of those allowed [ntotal], in the calling thread.

    Args:
        index: An index of FAISS without cells.
        query: The query [embedding_dim].
        n: Embeddings wanted.
        allowed: Whether each may be returned; None for all.

    Returns:
        Scores and positions [m], best first, m at most `n`.
    """
    # The selector reads these bits while it searches: they must outlive the call.
    bits = None if allowed is None else np.packbits(allowed, bitorder="little")
    parameters = None if bits is None else faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
    with one_thread():
        scores, positions = index.search(query[np.newaxis], n, params=parameters)
    found = positions[0] >= 0
    return scores[0, found], positions[0, found]
