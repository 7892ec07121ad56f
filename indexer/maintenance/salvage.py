"""Salvage: rows that a table lost, found again in its older files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...search.store.schema import CLIPS, SEGMENTS
from ...search.store.tables import Table
from .audit import CLIP_COLUMNS, HEARD_COLUMNS, expected_segments, misnamed, unfit_rows

Int = npt.NDArray[np.int64]


class Salvage:
    """The files that lie beside a table's own, from versions before and commits that were lost.

    A row says itself whether it belongs: its id is computed from what it stands for.

    Args:
        clips: The clips table, or what a further encoder heard, at its newest version.
        segments: The segments table, at its newest version.
        encoder_digest: Digest of the encoder that made the embeddings.
        embedding_dim: Numbers in an embedding.
    """

    def __init__(self, clips: Table, segments: Table, *, encoder_digest: str, embedding_dim: int) -> None:
        self._clips = clips
        self._segments = segments
        self._digest = encoder_digest
        self._dim = embedding_dim

    def bring_back_clips(self, wanted: Collection[int] | None) -> int:
        """Append clips' rows that are missing and whose segments all are there, or in older files.

        Args:
            wanted: Ids of the clips to look for; None for whatever there is.

        Returns:
            How many there were.
        """
        present = self._clips.read(["clip_id"]).column("clip_id")
        rows = [found.filter(pc.invert(pc.is_in(found.column("clip_id"), value_set=present.combine_chunks())))
                for found in _older_rows(self._clips, CLIPS)]  # fmt: skip
        if wanted is not None:
            ids = pa.array(sorted(wanted), pa.int64())
            rows = [found.filter(pc.is_in(found.column("clip_id"), value_set=ids)) for found in rows]
        candidates = pa.concat_tables([CLIPS.empty_table(), *rows]).sort_by([("indexed_at", "descending")])
        if not candidates.num_rows:
            return 0
        known = [self._segments.read(["segment_id"]).column("segment_id").to_numpy()]
        known += [found.column("segment_id").to_numpy() for found in _older_rows(self._segments, SEGMENTS)]
        segment_ids = np.concatenate(known)
        taken: dict[int, pa.Table] = {}
        for place in range(candidates.num_rows):
            row = candidates.slice(place, 1)
            clip_id = row.column("clip_id")[0].as_py()
            expected, _ = expected_segments(row.select(CLIP_COLUMNS), encoder_digest=self._digest)
            if clip_id not in taken and not [*misnamed(row)] and np.isin(expected, segment_ids).all():
                taken[clip_id] = row
        if taken:
            self._clips.append(pa.concat_tables(taken.values()))
        return len(taken)

    def bring_back_segments(self) -> int:
        """Append the segments that clips lack and that older files have.

        Returns:
            How many there were.
        """
        expected, _ = expected_segments(self._clips.read(HEARD_COLUMNS), encoder_digest=self._digest)
        missing = np.setdiff1d(expected, self._segments.read(["segment_id"]).column("segment_id").to_numpy())
        n_found = 0
        for found in _older_rows(self._segments, SEGMENTS) if len(missing) else ():
            ids = found.column("segment_id").to_numpy()
            is_first = np.zeros(len(ids), np.bool_)
            is_first[np.unique(ids, return_index=True)[1]] = True
            is_good = np.isin(ids, missing) & is_first & ~unfit_rows(found.column("embedding"), embedding_dim=self._dim)
            self._segments.append(found.filter(pa.array(is_good)))
            missing = np.setdiff1d(missing, ids[is_good])
            n_found += int(is_good.sum())
        return n_found


def _older_rows(table: Table, schema: pa.Schema) -> Iterator[pa.Table]:
    """Read the Parquet files beside a table that are not of its present version, those that can be read."""
    own = {file.path.name for file in table.files()}
    for path in sorted(table.folder.glob("*.parquet")):
        rows = None if path.name in own else _rows(path, schema)
        if rows is not None:
            yield rows


def _rows(path: Path, schema: pa.Schema) -> pa.Table | None:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns=schema.names).select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
