"""Threads: a query is answered in the thread that asks it, so that many askers don't multiply into teams of threads."""

import contextlib
from collections.abc import Iterator
from typing import Any

import faiss as _untyped_faiss

# FAISS's type hints describe its C++ constructors, not the Python ones.
faiss: Any = _untyped_faiss


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
