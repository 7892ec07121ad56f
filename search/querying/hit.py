"""Hits: what a query returns."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ...model.paths import exact_path


@dataclass(frozen=True)
class Span:
    """A stretch of a clip.

    Attributes:
        start_s: Its start in the clip.
        end_s: Its end in the clip.
        score: The best score of a segment in it.
    """

    start_s: float
    end_s: float
    score: float

    def to_json(self) -> dict[str, float]:
        """Return the span as plain values that JSON can hold."""
        return {"start_s": round(self.start_s, 3), "end_s": round(self.end_s, 3), "score": round(self.score, 6)}


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
        calibrated: The score, measured against those that a bank of ordinary descriptions reaches in this collection:
            0 for nothing, 100 for the best. None if the query is not made of texts alone, or there is no bank.
        spans: Every stretch of the clip that answers the query, in order of time; its segments score at least
            `min_score`, or, without one, at least halfway between the collection's average and the clip's best.
        folded: Paths of the hits that sound nearly the same and were folded into this one, best first.
        text_rank: Place among the clips by the words of the query, from 1; None if none was found in it or looked for.
        encoder: Of several encoders, the one whose score and segment these are: that of the best place.
        places: Of several encoders, each that found the clip, with its place among that one's hits.
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
    calibrated: float | None = None
    spans: tuple[Span, ...] = field(default=(), repr=False)
    folded: tuple[str, ...] = field(default=(), repr=False)
    text_rank: int | None = field(default=None, repr=False)
    encoder: str | None = field(default=None, repr=False)
    places: tuple[tuple[str, int], ...] = field(default=(), repr=False)

    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("rank", "score", "calibrated", "path", "start_s", "end_s", "duration_s", "clip_id", "segment_id"),
        *("spans", "folded", "text_rank", "encoder"),
    )

    @property
    def file(self) -> Path:
        """The clip's path as the system takes it, for opening the file."""
        return Path(os.fsdecode(exact_path(self.path, self.path_bytes)))

    def to_row(self) -> dict[str, Any]:
        """Return the hit as a row of a table: its attributes of `COLUMNS`, spans as dictionaries."""
        row = {name: getattr(self, name) for name in self.COLUMNS}
        return row | {"spans": [asdict(span) for span in self.spans], "folded": list(self.folded)}

    def to_json(self) -> dict[str, object]:
        """Return the hit as plain values that JSON can hold; ids as text, because they exceed JavaScript's integers."""
        return {
            "rank": self.rank,
            "score": round(self.score, 6),
            "calibrated": None if self.calibrated is None else round(self.calibrated, 1),
            "path": self.path,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "duration_s": round(self.duration_s, 3),
            "spans": [span.to_json() for span in self.spans],
            "folded": list(self.folded),
            "text_rank": self.text_rank,
            "clip_id": str(self.clip_id),
            "segment_id": str(self.segment_id),
            **({"encoder": self.encoder, "places": dict(self.places)} if self.encoder is not None else {}),
        }
