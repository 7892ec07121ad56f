"""Recovery: rows that tables lost, found again in their older files or made anew from what is there.

A row says itself whether it belongs: its id is computed from what it stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...search.store.manifest import EncodingRecord
from ...search.store.schema import CLIPS, COVERAGE, SEGMENTS
from ...search.store.tables import Table
from .audit import expected_segments, misnamed, unfit_rows
from .readable import check_is_damage


def recover_clips(clips: Table, segments: Table, wanted: Collection[int] | None, *, record: EncodingRecord) -> int:
    """Append clips' rows that are missing and whose segments all are there, or in older files.

    Args:
        clips: The clips table, at its newest version.
        segments: The default encoding's segments table, at its newest version.
        wanted: Ids of the clips to look for; None for whatever there is.
        record: That encoding.

    Returns:
        How many there were.
    """
    present = clips.read(["clip_id"]).column("clip_id").combine_chunks()
    rows = [_without(found, "clip_id", present) for found in _older_rows(clips, CLIPS)]
    if wanted is not None:
        ids = pa.array(sorted(wanted), pa.int64())
        rows = [found.filter(pc.is_in(found.column("clip_id"), value_set=ids)) for found in rows]
    candidates = pa.concat_tables([CLIPS.empty_table(), *rows]).sort_by([("indexed_at", "descending")])
    if not candidates.num_rows:
        return 0
    known = [segments.read(["segment_id"]).column("segment_id").to_numpy()]
    known += [found.column("segment_id").to_numpy() for found in _older_rows(segments, SEGMENTS)]
    segment_ids = np.concatenate(known)
    taken: dict[int, pa.Table] = {}
    for place in range(candidates.num_rows):
        row = candidates.slice(place, 1)
        clip_id = row.column("clip_id")[0].as_py()
        expected, _ = expected_segments(row, encoder_digest=record.encoder.digest)
        if clip_id not in taken and not [*misnamed(row)] and np.isin(expected, segment_ids).all():
            taken[clip_id] = row
    if taken:
        clips.append(pa.concat_tables(taken.values()))
    return len(taken)


def recover_segments(segments: Table, coverage: pa.Table, *, record: EncodingRecord) -> int:
    """Append the segments that an encoding lacks and that older files have.

    Args:
        segments: The encoding's segments table, at its newest version.
        coverage: The rows of its coverage.
        record: The encoding.

    Returns:
        How many there were.
    """
    expected, _ = expected_segments(coverage, encoder_digest=record.encoder.digest)
    missing = np.setdiff1d(expected, segments.read(["segment_id"]).column("segment_id").to_numpy())
    n_found = 0
    for found in _older_rows(segments, SEGMENTS) if len(missing) else ():
        ids = found.column("segment_id").to_numpy()
        is_first = np.zeros(len(ids), np.bool_)
        is_first[np.unique(ids, return_index=True)[1]] = True
        is_fit = ~unfit_rows(found.column("embedding"), embedding_dim=record.embedding_dim)
        is_good = np.isin(ids, missing) & is_first & is_fit
        segments.append(found.filter(pa.array(is_good)))
        missing = np.setdiff1d(missing, ids[is_good])
        n_found += int(is_good.sum())
    return n_found


def recover_coverage(clips: pa.Table, segments: Table, coverage: Table, *, record: EncodingRecord) -> int:
    """Append to an encoding's coverage the clips of which it has all segments that a clip of this content can have.

    Args:
        clips: Rows of the clips table.
        segments: The encoding's segments table, at its newest version.
        coverage: Its coverage, at its newest version.
        record: The encoding.

    Returns:
        How many there were.
    """
    rows = segments.read(["segment_id", "clip_id"])
    counts = Counter(rows.column("clip_id").to_pylist())
    fresh = _without(
        clips.select(COVERAGE.names), "clip_id", coverage.read(["clip_id"]).column("clip_id").combine_chunks()
    )
    n_segments = pa.array([counts[clip_id] for clip_id in fresh.column("clip_id").to_pylist()], pa.int32())
    place = COVERAGE.get_field_index("n_segments")
    fresh = fresh.set_column(place, COVERAGE.field(place), n_segments)
    expected, owners = expected_segments(fresh, encoder_digest=record.encoder.digest)
    incomplete = owners[~np.isin(expected, rows.column("segment_id").to_numpy())]
    whole = _without(fresh.filter(pc.field("n_segments") > 0), "clip_id", pa.array(incomplete, pa.int64()))
    coverage.append(whole.cast(COVERAGE))
    return int(whole.num_rows)


def _without(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows.column(column), value_set=values)))


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
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        check_is_damage(error)
        return None
