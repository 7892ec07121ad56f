"""The state of a clip's bytes, by which a change is noticed without reading them."""

from __future__ import annotations

import os
from dataclasses import dataclass

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True)
class ClipState:
    """What tells one content from another without looking at it.

    Numbers beyond what tables hold become the nearest that they do: clocks go wrong, and disks and stores say anything.

    Attributes:
        size_bytes: Number of bytes.
        mtime_ns: When they were last written. Of an object in a store: to the second, and below that a number made of
            its tag; of a member of an archive: that of the archive.
    """

    size_bytes: int
    mtime_ns: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", max(0, min(self.size_bytes, _MOST)))
        object.__setattr__(self, "mtime_ns", max(_LEAST, min(self.mtime_ns, _MOST)))

    @classmethod
    def of_file(cls, status: os.stat_result) -> ClipState:
        """Take it from what the system says of a file."""
        return cls(status.st_size, status.st_mtime_ns)
