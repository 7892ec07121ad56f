"""Inner products of one query with many rows, in the calling thread."""

from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

faiss: Any = _untyped_faiss

Float = npt.NDArray[np.float32]


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
