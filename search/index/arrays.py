"""Arrays in one file, as `numpy.load` reads them, whatever this machine's clock says."""

from __future__ import annotations

import zipfile
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def save_arrays(file: BinaryIO, **arrays: npt.NDArray[Any]) -> None:
    """Write arrays by name; `numpy.savez` fails where the clock stands before 1980, as a board's without a battery."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
