"""Arrays: files of numpy's, read so that they take no more memory than they have bytes."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...model.system import open_plain


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of a file that `numpy.savez` wrote, by their names.

    Raises:
        OSError: If it cannot be read.
        ValueError, EOFError, zipfile.BadZipFile: If it is damaged, or compressed, as none of ours is.
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
