"""Lean: what a command that answers once and ends need not load."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _NotNow(MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def leave_out_pandas() -> None:
    """Load pyarrow without pandas, which it looks for at its first value: a fifth of a second that no search needs.

    For a process of our own only: pyarrow does not look again, and takes pandas' columns for lists from then on.
    """
    if "pyarrow" in sys.modules or "pandas" in sys.modules:
        return
    finder = _NotNow()
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow as pa

        pa.scalar(0)
    finally:
        sys.meta_path.remove(finder)
