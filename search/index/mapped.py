"""Mapped files: parts of the index that are read from the disk as they are touched, whatever becomes of them there."""

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.errors import IndexDamagedError
from ...model.memory_guard import MemoryGuard
from ...model.paths import readable_path
from ...model.system import open_plain

Bytes = npt.NDArray[np.uint8]


class MappedFile:
    """A file in memory, as it was when it was opened.

    Attributes:
        path: The file.
        content: Its bytes [n].
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_plain(path) as file:
            n_bytes = os.fstat(file.fileno()).st_size
            self._map = mmap.mmap(file.fileno(), n_bytes, access=mmap.ACCESS_READ) if n_bytes else b""
        self.content: Bytes = np.frombuffer(self._map, np.uint8)
        self._guards = [MemoryGuard(self.content.ctypes.data, n_bytes)]

    def move_to(self, address: int) -> None:
        """Read it where somebody else has it in memory, who keeps it as long as this: so it is read there only once."""
        n_bytes = len(self.content)
        self.content = np.ctypeslib.as_array((ctypes.c_uint8 * n_bytes).from_address(address))
        self._guards.append(MemoryGuard(address, n_bytes))

    def check(self) -> None:
        """Check that all that was read of it until now was there.

        Raises:
            IndexDamagedError: If it was not.
        """
        for guard in self._guards:
            if guard.is_broken:
                raise self.damaged("became shorter, or cannot be read any more")

    def damaged(self, what: str) -> IndexDamagedError:
        """Build the error that says what is wrong with it."""
        return IndexDamagedError(f"{readable_path(self.path)}: {what}: run soundgrep verify --repair")
