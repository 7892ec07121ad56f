"""Arrays in one file, as `numpy.load` reads them, whatever this machine's clock says and whoever wrote it."""

from __future__ import annotations

import struct
import tokenize  # for heads of numpy files that are no words
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ...model.system import open_plain

READING_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError)
READING_ERRORS += (OverflowError, TypeError, SyntaxError, tokenize.TokenError, struct.error, zipfile.BadZipFile)
"""What damaged files make the system, numpy, zipfile and FAISS raise."""


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of a file that `numpy.savez` wrote, by their names.

    Raises:
        OSError: If it cannot be read.
        ValueError and others of `READING_ERRORS`: If it is damaged, or compressed, as none of ours is.
    """
    arrays = {}
    with open_plain(path) as file, zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{path.name} is compressed")
            with archive.open(entry) as part:
                arrays[entry.filename.removesuffix(".npy")] = np.lib.format.read_array(part, allow_pickle=False)
                if part.read(1):
                    raise ValueError(f"{path.name} is longer than what it holds")
    return arrays


def save_arrays(file: BinaryIO, **arrays: npt.NDArray[Any]) -> None:
    """Write arrays by name; `numpy.savez` fails where the clock stands before 1980, as a board's without a battery."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
