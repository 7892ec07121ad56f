"""Failures: the files that could not be indexed, remembered so that the next run need not try them again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ...model.errors import CollectionError
from ...model.paths import exact_path, path_columns, readable_path
from ...search.store.annexes import annex_folder
from ...search.store.identity import clip_id_of
from ...search.store.manifest import FAILURES_ANNEX, AnnexRecord
from ...search.store.schema import FAILURES
from ...search.store.tables import Ids, Table
from ..inputs.files import FoundFile
from ..report import Failure

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KnownFailure:
    """A file that could not be indexed.

    Attributes:
        path: Its absolute path, exact bytes.
        size_bytes: Its size when it was read.
        mtime_ns: When it was last written, by then.
        reason: Why.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int
    reason: str

    def tells_of(self, file: FoundFile) -> bool:
        """Return whether a file is still the one that failed."""
        return (self.size_bytes, self.mtime_ns) == (file.size_bytes, file.mtime_ns)

    def failure(self) -> Failure:
        """Return it as a run reports it."""
        return Failure(readable_path(self.path), self.reason)


class FailureTable:
    """The annex of failures under a writer: rows come and go with the commits of clips and segments."""

    def __init__(self, collection: Path, record: AnnexRecord | None) -> None:
        self._collection = collection
        self._record = record

    @property
    def record(self) -> AnnexRecord | None:
        """What a manifest shall say of it; None where there never was a failure."""
        return self._record

    def known(self) -> dict[int, KnownFailure]:
        """List the failures by the id that the file's clip would have."""
        if self._record is None:
            return {}
        try:
            rows = Table.open(annex_folder(self._collection, FAILURES_ANNEX), version=self._record.version).read()
        except CollectionError as error:
            _log.warning("%s; files that failed before are read again", error)
            self._record = None
            return {}
        return {
            row["clip_id"]: KnownFailure(
                path=exact_path(row["path"], row["path_bytes"]),
                size_bytes=row["size_bytes"],
                mtime_ns=row["mtime_ns"],
                reason=row["reason"],
            )
            for row in rows.to_pylist()
        }

    def commit(self, rows: Iterable[pa.Table], *, stale: Ids) -> None:
        """Write the failures of a batch in place of what was known of their files.

        Raises:
            CollectionError: If the table cannot be written.
        """
        new = list(rows)
        if self._record is None and not new:
            return
        table = Table.open_or_create(annex_folder(self._collection, FAILURES_ANNEX), FAILURES)
        if self._record is None:
            table.overwrite(FAILURES.empty_table())
        else:
            table.restore(self._record.version)
            table.delete(stale)
        if new:
            table.append(pa.concat_tables(new))
        self._record = AnnexRecord(version=table.version, n_rows=table.n_rows)


def failure_row(file: FoundFile, reason: str) -> pa.Table:
    """Return a failure as a row of the table."""
    row = {
        "clip_id": clip_id_of(file.path),
        **path_columns(file.path),
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
        "reason": reason.encode("utf-8", "backslashreplace").decode(),
        "failed_at": time.time_ns() // 1_000,
    }
    return pa.Table.from_pylist([row], schema=FAILURES)
