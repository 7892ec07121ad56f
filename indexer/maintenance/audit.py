"""Audit: whether the rows of a collection's tables belong together, and their embeddings are ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...model.errors import CollectionError
from ...search.store.identity import clip_id_of, segment_id_of
from ...search.store.manifest import EncodingRecord
from ...search.store.schema import COVERAGE, embedding_matrix
from ...search.store.tables import DataFile, Table
from .readable import check_is_damage

Int = npt.NDArray[np.int64]

_LENGTH_TOLERANCE = 1e-3
_N_BATCH = 8_192
TWICE = "segments that are there twice"
UNFIT = "embeddings that are not unit vectors"
UNCOVERED = "no embedding by any encoder"
CLIP_COLUMNS = ("path", "path_bytes", *COVERAGE.names)


@dataclass
class Audit:
    """What is wrong with the rows of some tables.

    Attributes:
        faults: Clips with something wrong, by what it is.
        orphans: Clips that are embedded but have no row of their own.
    """

    faults: dict[str, set[int]] = field(default_factory=dict)
    orphans: set[int] = field(default_factory=set)

    @property
    def faulty(self) -> set[int]:
        """Clips with anything wrong."""
        return set().union(*self.faults.values())

    def note(self, fault: str, clip_ids: Iterable[int]) -> None:
        """Add clips to a fault."""
        ids = {int(clip_id) for clip_id in clip_ids}
        if ids:
            self.faults.setdefault(fault, set()).update(ids)


def audit_clips(clips: pa.Table, coverages: Iterable[pa.Table]) -> Audit:
    """Check the rows of the clips table, whose ids are computed anew from their paths.

    Args:
        clips: The rows, with the columns `CLIP_COLUMNS`.
        coverages: The coverage of every encoding.
    """
    audit = Audit()
    audit.note("an id that is not that of their path", misnamed(clips))
    audit.note("more than one row", _doubles(clips))
    covered = set().union(*(rows.column("clip_id").to_pylist() for rows in coverages))
    audit.note(UNCOVERED, set(clips.column("clip_id").to_pylist()) - covered)
    return audit


def audit_encoding(clips: pa.Table, segments: Table, coverage: pa.Table, *, record: EncodingRecord) -> Audit:
    """Check an encoding's rows against the clips table, in bounded memory but for the ids.

    Every segment's id is computed anew from what it stands for: clip, the clip's content, its place and the encoder.

    Args:
        clips: Rows of the clips table.
        segments: The encoding's segments.
        coverage: The rows of its coverage.
        record: The encoding.

    Raises:
        CollectionError: If a file of a table cannot be read.
    """
    audit = Audit()
    contents = dict(_contents(clips))
    audit.note("embeddings of another content", (one for one, c in _contents(coverage) if contents.get(one, c) != c))
    audit.orphans = {clip_id for clip_id, _ in _contents(coverage) if clip_id not in contents}
    audit.note("more than one row", _doubles(coverage))
    expected_ids, expected_clips = expected_segments(coverage, encoder_digest=record.encoder.digest)
    ids, owners, unfit = _segments(segments, embedding_dim=record.embedding_dim)
    audit.note(UNFIT, owners[unfit])
    unique, counts = np.unique(ids, return_counts=True)
    audit.note(TWICE, owners[np.isin(ids, unique[counts > 1])])
    is_orphan = ~np.isin(owners, clips.column("clip_id").to_numpy())
    audit.orphans |= set(owners[is_orphan].tolist())
    is_right = _are_in(ids, owners, expected_ids, expected_clips)
    audit.note("segments missing", expected_clips[~np.isin(expected_ids, ids[is_right])])
    audit.note("segments that are not theirs", owners[~is_right & ~is_orphan])
    return audit


def expected_segments(rows: pa.Table, *, encoder_digest: str) -> tuple[Int, Int]:
    """List the segments that clips must have.

    Args:
        rows: Rows of a coverage table, or of the clips table.
        encoder_digest: Digest of the encoder that made the embeddings.

    Returns:
        Segment ids [n] and their clips' ids [n].
    """
    columns = (rows.column(name).to_pylist() for name in COVERAGE.names)
    expected = [
        (segment_id_of(clip_id, content_hash=content, number=number, encoder_digest=encoder_digest), clip_id)
        for clip_id, content, n_segments in zip(*columns, strict=True)
        for number in range(n_segments)
    ]
    pairs = np.array(expected, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _contents(rows: pa.Table) -> Iterator[tuple[int, str]]:
    return zip(rows.column("clip_id").to_pylist(), rows.column("content_hash").to_pylist(), strict=True)


def misnamed(rows: pa.Table) -> Iterator[int]:
    """Yield the ids of clips whose path makes another id."""
    columns = (rows.column(name).to_pylist() for name in ("clip_id", "path", "path_bytes"))
    for clip_id, path, exact in zip(*columns, strict=True):
        if clip_id_of(path.encode() if exact is None else exact) != clip_id:
            yield clip_id


def _doubles(rows: pa.Table) -> Iterator[int]:
    return (clip_id for clip_id, n in Counter(rows.column("clip_id").to_pylist()).items() if n > 1)


def damage_of(file: DataFile) -> str | None:
    """Read a file of a table from end to end; give what is wrong with it, or None.

    Raises:
        CollectionError: If it is there and cannot be read now.
    """
    try:
        size_bytes = file.path.stat().st_size
    except OSError as error:
        check_is_damage(error)
        return "is missing"
    if size_bytes != file.size_bytes:
        return f"has {size_bytes:,} bytes instead of {file.size_bytes:,}"
    n_rows = n_readable_rows(file.path)
    if n_rows is None:
        return "is damaged"
    return None if n_rows == file.n_rows else f"has {n_rows:,} rows instead of {file.n_rows:,}"


def n_readable_rows(path: Path) -> int | None:
    """Read a Parquet file from end to end; give its rows, or None if it is damaged.

    Raises:
        CollectionError: If it cannot be read now.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return sum(int(batch.num_rows) for batch in file.iter_batches(_N_BATCH))
    except (pa.ArrowException, OSError, ValueError) as error:
        check_is_damage(error)
        return None


def unfit_rows(column: pa.ChunkedArray, *, embedding_dim: int) -> npt.NDArray[np.bool_]:
    """Return which lists [n] are no embeddings: of another length, not finite, or not of unit length."""
    try:
        embeddings = embedding_matrix(column, embedding_dim=embedding_dim)
    except CollectionError:
        rows = column.to_pylist()
        return np.array([_is_unfit(row, embedding_dim) for row in rows], np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    unfit: npt.NDArray[np.bool_] = ~(np.abs(lengths - 1) <= _LENGTH_TOLERANCE)
    return unfit


def _are_in(ids: Int, owners: Int, expected_ids: Int, expected_owners: Int) -> npt.NDArray[np.bool_]:
    """Return which segments [n] are among those expected, with the owner expected."""
    if not len(expected_ids):
        return np.zeros(len(ids), np.bool_)
    order = np.argsort(expected_ids)
    places = order[np.minimum(np.searchsorted(expected_ids, ids, sorter=order), len(order) - 1)]
    are_in: npt.NDArray[np.bool_] = (expected_ids[places] == ids) & (expected_owners[places] == owners)
    return are_in


def _is_unfit(row: list[float | None] | None, embedding_dim: int) -> bool:
    if row is None or len(row) != embedding_dim or any(number is None for number in row):
        return True
    return not abs(float(np.linalg.norm(np.array(row, np.float64))) - 1) <= _LENGTH_TOLERANCE


def _segments(table: Table, *, embedding_dim: int) -> tuple[Int, Int, npt.NDArray[np.bool_]]:
    """Return all segments' ids and clips' ids [n], and whether each embedding is unfit."""
    ids: list[Int] = [np.empty(0, np.int64)]
    owners: list[Int] = [np.empty(0, np.int64)]
    unfit: list[npt.NDArray[np.bool_]] = [np.empty(0, np.bool_)]
    for batch in table.batches(["segment_id", "clip_id", "embedding"], n_batch=_N_BATCH):
        ids.append(batch.column("segment_id").to_numpy())
        owners.append(batch.column("clip_id").to_numpy())
        unfit.append(unfit_rows(pa.chunked_array([batch.column("embedding")]), embedding_dim=embedding_dim))
    return np.concatenate(ids), np.concatenate(owners), np.concatenate(unfit)
