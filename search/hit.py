"""Hits: what a query returns."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Hit:
    r"""A clip that answers a query, with the segment that answers it best.

    Attributes:
        rank: Place among the hits, from 1.
        score: Cosine of the segment's embedding and the query's, -1 to 1.
        path: The clip's absolute path as people read it (undecodable bytes as ``\xNN``, control characters escaped).
        start_s: Start of the segment in the clip.
        end_s: End of the segment in the clip.
        duration_s: Length of the clip.
        clip_id: The clip.
        segment_id: The segment.
        path_bytes: The path's exact bytes where `path` had to escape something, otherwise None.
    """

    rank: int
    score: float
    path: str
    start_s: float
    end_s: float
    duration_s: float
    clip_id: int
    segment_id: int
    path_bytes: bytes | None = field(default=None, repr=False)

    @property
    def file(self) -> Path:
        """The clip's path as the system takes it, for opening the file."""
        return Path(os.fsdecode(self.path if self.path_bytes is None else self.path_bytes))

    def to_json(self) -> dict[str, int | float | str]:
        """Give the hit as plain values that JSON can hold; ids as text, because they exceed JavaScript's integers."""
        return {
            "rank": self.rank,
            "score": round(self.score, 6),
            "path": self.path,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "duration_s": round(self.duration_s, 3),
            "clip_id": str(self.clip_id),
            "segment_id": str(self.segment_id),
        }
