"""The scan: a query compared with many embeddings by FAISS, in the thread that asks, so that many don't multiply."""

import contextlib
from collections.abc import Iterator
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

# FAISS's type hints describe its C++ constructors, not the Python ones.
faiss: Any = _untyped_faiss

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep FAISS in the calling thread; OpenMP's setting belongs to each thread, so no other caller notices."""
    before = faiss.omp_get_max_threads()
    if before == 1:
        yield
        return
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def dots(rows: Float, query: Float) -> Float:
    """Multiply rows [n, dim] with a query [dim]: [n].

    numpy would call for a team of threads, whose coming and going costs many times what is computed here, the more so
    when several queries are answered at once.
    """
    rows, query = np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(query, np.float32)
    n, dim = rows.shape
    out = np.empty(n, np.float32)
    if n:
        faiss.fvec_inner_products_ny(*(faiss.swig_ptr(array) for array in (out, query, rows)), dim, n)
    return out


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
