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
    with open_plain(path) as file:
        with zipfile.ZipFile(file) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError(f"{path.name} is compressed")
        file.seek(0)
        with np.load(file, allow_pickle=False) as parts:
            return {name: parts[name] for name in parts.files}
