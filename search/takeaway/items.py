"""Items: the clips that somebody takes away, with what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...model.audio.indexed_clip import IndexedClip
from ...model.paths import exact_path
from ..collection import Searchable
from ..querying.hit import Hit, Span

_FACTS = "clip_id, path, path_bytes, size_bytes, content_hash, codec, sampling_rate_hz, n_channels, duration_s"

ROWS = pa.schema(
    [
        pa.field("rank", pa.int64()),
        pa.field("score", pa.float64()),
        pa.field("calibrated", pa.float64()),
        pa.field("path", pa.string()),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
        pa.field("duration_s", pa.float64()),
        pa.field("spans", pa.list_(pa.struct([(name, pa.float64()) for name in ("start_s", "end_s", "score")]))),
        pa.field("clip_id", pa.int64()),
    ]
)
"""What a table of items holds, a row an item."""


@dataclass(frozen=True)
class Item:
    """A clip to take away.

    Attributes:
        clip_id: The clip.
        path: Its path as people read it.
        exact: Its path as the system takes it.
        size_bytes: Its size when it was indexed.
        content_hash: Hash of its content then.
        codec: Its coding.
        sampling_rate_hz: Its rate.
        n_channels: Its channels.
        duration_s: Its length.
        hit: The hit that it is; None if it was chosen by itself.
    """

    clip_id: int
    path: str
    exact: bytes
    size_bytes: int
    content_hash: str
    codec: str
    sampling_rate_hz: int
    n_channels: int
    duration_s: float
    hit: Hit | None = None

    @property
    def file(self) -> IndexedClip:
        """Its file, which is opened only if it is what was indexed."""
        return IndexedClip(self.exact, self.size_bytes, self.content_hash)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The stretches that answer; the whole clip where none is known."""
        if self.hit is None:
            return (Span(0.0, self.duration_s, 0.0),)
        return self.hit.spans or (Span(self.hit.start_s, self.hit.end_s, self.hit.score),)

    def to_json(self) -> dict[str, Any]:
        """Give the item as plain values that JSON can hold: as the hit, if it is one."""
        if self.hit is not None:
            return self.hit.to_json()
        return {"path": self.path, "duration_s": round(self.duration_s, 3), "clip_id": str(self.clip_id)}


def items_of(collections: Searchable, hits: Sequence[Hit]) -> list[Item]:
    """Look up what is needed of hits; one whose clip is gone is left out.

    Raises:
        CollectionError, QueryError: If the tables cannot be read.
    """
    known = _known(collections, [hit.clip_id for hit in hits])
    return [_item(known[hit.clip_id], hit) for hit in hits if hit.clip_id in known]


def items_of_clips(collections: Searchable, clip_ids: Sequence[int]) -> list[Item]:
    """Look up clips that were chosen by themselves; one that is gone is left out.

    Raises:
        CollectionError, QueryError: If the tables cannot be read.
    """
    known = _known(collections, clip_ids)
    return [_item(known[clip_id], None) for clip_id in dict.fromkeys(clip_ids) if clip_id in known]


def rows_of(items: Sequence[Item]) -> pa.Table:
    """Give items as a table of the columns of `ROWS`."""
    rows = []
    for place, item in enumerate(items, start=1):
        hit = item.hit
        row: dict[str, object] = {
            "rank": place,
            "path": item.path,
            "clip_id": item.clip_id,
            "duration_s": item.duration_s,
        }
        if hit is not None:
            row |= {"rank": hit.rank, "score": hit.score, "calibrated": hit.calibrated}
            row |= {"start_s": hit.start_s, "end_s": hit.end_s, "spans": [span.to_json() for span in hit.spans]}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=ROWS)


def _known(collections: Searchable, clip_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    known: dict[int, dict[str, Any]] = {}
    for member in collections.members:
        wanted = [clip_id for clip_id in dict.fromkeys(clip_ids) if clip_id not in known]
        if wanted:
            # The columns are ours, the ids are bound.
            query = f"SELECT {_FACTS} FROM clips WHERE clip_id IN (SELECT unnest($ids))"  # noqa: S608
            known |= {row["clip_id"]: row for row in member.sql(query, values={"ids": wanted}).to_pylist()}
    return known


def _item(row: dict[str, Any], hit: Hit | None) -> Item:
    facts = dict(row)  # several segments of a clip may be hits
    exact = exact_path(row["path"], facts.pop("path_bytes"))
    return Item(**facts, exact=exact, hit=hit)
