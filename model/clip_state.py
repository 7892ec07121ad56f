"""The state of a clip's bytes, by which a change is noticed without reading them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipState:
    """What tells one content from another without looking at it.

    Attributes:
        size_bytes: Number of bytes.
        mtime_ns: When they were last written. Of an object in a store: to the second, and below that a number made of
            its tag; of a member of an archive: that of the archive.
    """

    size_bytes: int
    mtime_ns: int
