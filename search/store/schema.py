"""Schemas of the tables of a collection, and the only way embeddings enter and leave them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...model.errors import CollectionError

TAG_COLUMNS = ("title", "artist", "album", "genre", "comment")
"""Tags inside a file that have a column of their own; the `tags` column holds all of them as JSON."""

CLIPS = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # absolute, as people read it
        pa.field("path_bytes", pa.binary()),  # the exact path, where `path` had to escape something
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),  # blake2b of 16 bytes, in hex
        pa.field("container", pa.string(), nullable=False),
        pa.field("codec", pa.string(), nullable=False),
        pa.field("sampling_rate_hz", pa.int32(), nullable=False),
        pa.field("n_channels", pa.int32(), nullable=False),
        pa.field("duration_s", pa.float64(), nullable=False),
        pa.field("rms_dbfs", pa.float64()),  # null for digital silence, as the next
        pa.field("peak_dbfs", pa.float64()),
        *(pa.field(name, pa.string()) for name in TAG_COLUMNS),
        pa.field("tags", pa.string(), nullable=False),
        pa.field("n_segments", pa.int32(), nullable=False),
        pa.field("indexed_at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)

SEGMENTS = pa.schema(
    [
        pa.field("segment_id", pa.int64(), nullable=False),
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("end_s", pa.float64(), nullable=False),
        pa.field("embedding", pa.list_(pa.float32()), nullable=False),
    ]
)

# Beside the segments of an encoding: a row a clip that was embedded, whose content may have changed since.
COVERAGE = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("n_segments", pa.int32(), nullable=False),
    ]
)

# An annex: a row a file that could not be indexed, under the id that its clip would have.
FAILURES = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("path_bytes", pa.binary()),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("failed_at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)


_ANNEX = pa.schema([CLIPS.field("clip_id")])
_BY_FOLDER = {"clips": CLIPS, "segments": SEGMENTS, "coverage": COVERAGE, "heard": COVERAGE}
_ANNEXES = {"failures": FAILURES}


def check_types(schema: pa.Schema, *, folder: Path) -> None:
    """Refuse a table that lacks a column of ours, or has it in another type: who made it up may have written anything.

    Raises:
        ValueError: If so, naming the column.
    """
    for field in _ours(folder):
        place = schema.get_field_index(field.name)
        if place < 0 or schema.field(place).type != field.type:
            raise ValueError(f"it has no column {field.name} of type {field.type}")


def check_rows(rows: pa.Table | pa.RecordBatch, *, folder: Path) -> None:
    """Refuse rows that lack what every row of the table has, or hold text that is none.

    Raises:
        ValueError: If so.
    """
    for field in rows.schema:
        if pa.types.is_string(field.type):
            rows.column(field.name).validate(full=True)
    for field in _ours(folder):
        if not field.nullable and field.name in rows.schema.names and rows.column(field.name).null_count:
            raise ValueError(f"a row of it has no {field.name}")


def _ours(folder: Path) -> pa.Schema:
    """Return the columns that a table has wherever we wrote it, by its folder; further ones are whose they may be."""
    if folder.parent.name == "annexes":
        return _ANNEXES.get(folder.name, _ANNEX)
    return _BY_FOLDER.get(folder.name, pa.schema([]))


def embedding_column(embeddings: npt.NDArray[np.float32]) -> pa.ListArray:
    """Turn embeddings [n, dim] into a column of n lists of dim float32 numbers."""
    n, dim = embeddings.shape
    offsets = pa.array(np.arange(0, n * dim + 1, dim, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(embeddings, dtype=np.float32).ravel()))


def embedding_matrix(column: pa.ChunkedArray, *, embedding_dim: int) -> npt.NDArray[np.float32]:
    """Turn a column of n lists into embeddings [n, embedding_dim], float32.

    Raises:
        CollectionError: If a list is null or of another length.
    """
    numbers = [piece.flatten() for piece in column.chunks]
    counts_ok = all(
        piece.null_count == 0 and bool(np.all(np.diff(piece.offsets.to_numpy()) == embedding_dim))
        for piece in column.chunks
    )
    if not counts_ok or any(piece.null_count for piece in numbers):
        raise CollectionError(f"the segments table holds an embedding that is not {embedding_dim} numbers")
    if not numbers:
        return np.empty((0, embedding_dim), np.float32)
    matrix: npt.NDArray[np.float32] = np.concatenate([piece.to_numpy(zero_copy_only=False) for piece in numbers])
    return matrix.reshape(-1, embedding_dim)
