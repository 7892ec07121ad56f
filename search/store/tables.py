"""Tables: a collection's clips and segments as Delta tables, read at a version, written by commits."""

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import deltalake
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake.exceptions import DeltaError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system import sync_file, sync_folder
from .confined import check_file_names, check_removable
from .identity import path_of
from .schema import check_rows, check_types, embedding_matrix

# Above this many ids a join is the faster way to delete; far above it, a list of ids overflows the planner's stack.
_MAX_LISTED_IDS = 1_000
_UNCARRIED = re.compile(r"[\x00-\x1f\x7f\[\]^|\\\udc80-\udcff]|%[0-9A-Fa-f]{2}")
_OS_ERROR = re.compile(r"([A-Z][a-z][\w ]*) \(os error \d+\)")
# Left to itself, Delta drops log entries of thirty days ago now and then: those of the version in the manifest too.
_LOG_KEPT = deltalake.PostCommitHookProperties(cleanup_expired_logs=False)
_PACKED = deltalake.WriterProperties(compression="ZSTD")
LOG_FOLDER = "_delta_log"
_MIN_ENTRIES_SUMMED_UP = 10

Ids = npt.NDArray[np.int64] | Sequence[int]


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table.

    Attributes:
        path: Where it is.
        size_bytes: Its size when it was written.
        n_rows: Its rows.
    """

    path: Path
    size_bytes: int
    n_rows: int


class Table:
    """One Delta table at one version; writing moves it to the next.

    Attributes:
        folder: Where the table is.
    """

    def __init__(self, folder: Path, delta: deltalake.DeltaTable) -> None:
        self.folder = folder
        self._delta = delta

    @classmethod
    def create(cls, folder: Path, schema: pa.Schema) -> "Table":
        """Make an empty table.

        Raises:
            CollectionError: If the folder cannot be written or holds a table already.
        """
        check_location(folder)
        with _told(folder, "created"):
            folder.mkdir(parents=True, exist_ok=True)
            table = cls(folder, deltalake.DeltaTable.create(str(folder), schema))
            table._sync(since=-1)
            sync_folder(folder.parent)
            return table

    @classmethod
    def open(cls, folder: Path, *, version: int | None = None) -> "Table":
        """Open a table.

        Args:
            folder: Where the table is.
            version: Version to read; None for the newest.

        Raises:
            CollectionError: If there is no table, its log is damaged, or it has no such version.
        """
        check_location(folder)
        with _told(folder, "opened"):
            table = cls(folder, deltalake.DeltaTable(str(folder), version=version))
            table._check()
            return table

    @classmethod
    def open_or_create(cls, folder: Path, schema: pa.Schema) -> "Table":
        """Open a table to write into; one that is missing or cannot be opened is made anew, and empty.

        Raises:
            CollectionError: If the folder cannot be written.
        """
        check_location(folder)
        try:
            return cls.open(folder)
        except CollectionError:
            with _told(folder, "created"):
                if folder.exists():
                    shutil.rmtree(folder)
            return cls.create(folder, schema)

    @property
    def version(self) -> int:
        """Version that is read; the newest, after this object wrote."""
        version: int = self._delta.version()
        return version

    @property
    def n_rows(self) -> int:
        """Rows at this version."""
        n: int = self._delta.count()
        return n

    @property
    def column_names(self) -> list[str]:
        """Names of the columns at this version."""
        return [field.name for field in self._delta.schema().fields]

    def files(self) -> list[DataFile]:
        """List the files that hold the rows of this version.

        Raises:
            CollectionError: If the log cannot be read.
        """
        with _told(self.folder, "read"):
            entries = pa.table(self._delta.get_add_actions(flatten=True)).to_pylist()
            return [DataFile(self.folder / one["path"], one["size_bytes"], one["num_records"]) for one in entries]

    def forget_missing_files(self) -> None:
        """Commit that files that are not there any more don't belong to the table: the other rows can be read again.

        Raises:
            CollectionError: If the table cannot be written.
        """
        with _told(self.folder, "written"):
            before = self.version
            self._delta.repair(post_commithook_properties=_LOG_KEPT)
            self._delta.update_incremental()
            self._sync(since=before)

    def merge_files(self) -> None:
        """Commit the same rows in fewer and larger files, in the order they had.

        Raises:
            CollectionError: If the table cannot be read or written; the version stays.
        """
        with _told(self.folder, "written"):
            before = self.version
            self._delta.optimize.compact(writer_properties=_PACKED, post_commithook_properties=_LOG_KEPT)
            self._delta.update_incremental()
            self._sync(since=before)

    def drop_old_versions(self, *, keep_hours: int) -> None:
        """Remove the files that no version holds any more, or none since some time.

        Args:
            keep_hours: Versions that were the newest within so many hours still read afterwards.

        Raises:
            CollectionError: If the table cannot be written.
        """
        with _told(self.folder, "written"):
            before = self.version
            for dry_run in (True, False):
                found = self._delta.vacuum(
                    retention_hours=keep_hours,
                    dry_run=dry_run,
                    enforce_retention_duration=False,
                    full=True,
                    post_commithook_properties=_LOG_KEPT,
                )
                # Delta names files that went long ago too, and would commit their going again.
                if dry_run:
                    check_removable(found, folder=self.folder)
                    if not any((self.folder / name).exists() for name in found):
                        return
            self._delta.update_incremental()
            self._sync(since=before)

    def shorten_log(self, *, keep_hours: int) -> None:
        """Sum up a long log in a checkpoint, and remove the entries before it.

        Only when a manifest names this version: older ones may not open any more.

        Args:
            keep_hours: Entries of the last hours stay.

        Raises:
            CollectionError: If the table cannot be written.
        """
        with _told(self.folder, "written"):
            log, last = self.folder / LOG_FOLDER, f"{self.version:020d}"
            entries = [entry for entry in log.iterdir() if entry.name[0].isdecimal() and entry.name[:20] < last]
            old = [entry for entry in entries if time.time() - entry.stat().st_mtime >= keep_hours * 3600]
            if len(old) < _MIN_ENTRIES_SUMMED_UP:
                return
            self._delta.create_checkpoint()
            for name in (f"{last}.checkpoint.parquet", "_last_checkpoint"):
                sync_file(log / name)
            sync_folder(log)
            for entry in old:
                entry.unlink()

    def restore(self, version: int, *, allow_missing: bool = False) -> bool:
        """Make the rows of an older version the newest again, dropping what a killed writer left behind.

        Args:
            version: That version.
            allow_missing: Whether files of it may be missing; the table names them still.

        Returns:
            Whether there was anything to drop. The version number grows if so: the log keeps what happened.

        Raises:
            CollectionError: If there is no such version, or the table cannot be written.
        """
        with _told(self.folder, "restored"):
            before = self.version
            if before == version:
                return False
            self._delta.restore(version, ignore_missing_files=allow_missing, post_commithook_properties=_LOG_KEPT)
            self._check()
            self._sync(since=before)
            return True

    def append(self, rows: pa.Table) -> None:
        """Commit rows.

        Raises:
            CollectionError: If they do not fit the schema, or the table cannot be written; the version stays.
        """
        if not rows.num_rows:
            return
        with _told(self.folder, "written"):
            before = self.version
            deltalake.write_deltalake(
                self._delta, rows, mode="append", writer_properties=_PACKED, post_commithook_properties=_LOG_KEPT
            )
            self._delta.update_incremental()
            self._sync(since=before)

    def overwrite(self, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Commit rows in place of all that are there; the schema becomes theirs.

        Raises:
            CollectionError: If the table cannot be written, or not with these columns; the version stays.
        """
        with _told(self.folder, "written"):
            before = self.version
            deltalake.write_deltalake(
                self._delta,
                rows,
                mode="overwrite",
                schema_mode="overwrite",
                writer_properties=_PACKED,
                post_commithook_properties=_LOG_KEPT,
            )
            self._delta.update_incremental()
            self._sync(since=before)

    def delete(self, clip_ids: Ids) -> None:
        """Commit the removal of every row of some clips.

        Raises:
            CollectionError: If the table cannot be written; the version stays.
        """
        if not len(clip_ids):
            return
        with _told(self.folder, "written"):
            before = self.version
            if len(clip_ids) <= _MAX_LISTED_IDS:
                named = ", ".join(str(int(clip_id)) for clip_id in clip_ids)
                self._delta.delete(f"clip_id IN ({named})", post_commithook_properties=_LOG_KEPT)
            else:
                gone = pa.table({"clip_id": pa.array(clip_ids, pa.int64())})
                self._delta.merge(
                    gone,
                    "kept.clip_id = gone.clip_id",
                    source_alias="gone",
                    target_alias="kept",
                    post_commithook_properties=_LOG_KEPT,
                ).when_matched_delete().execute()
            self._delta.update_incremental()
            self._sync(since=before)

    def dataset(self) -> ds.Dataset:
        """Hand out the rows for lazy reading by column.

        Raises:
            CollectionError: If the table cannot be read.
        """
        with _told(self.folder, "read"):
            # Through deltalake's own file system, which is Python, Arrow's threads may still hand buffers back when the
            # interpreter ends, and that aborts the process (seen at one search in eight).
            files = SubTreeFileSystem(str(self.folder.absolute()), LocalFileSystem())
            return self._delta.to_pyarrow_dataset(filesystem=files)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read all rows into memory.

        Args:
            columns: Columns to read; None for all.

        Raises:
            CollectionError: If a file of the table is missing or damaged.
        """
        with _told(self.folder, "read"):
            rows = self.dataset().to_table(columns=None if columns is None else list(columns))
            check_rows(rows, folder=self.folder)
            return rows

    def read_of(self, column: str, ids: Ids, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Read the rows of some ids, opening only the files that hold any of them for more than the ids.

        Args:
            column: Which ids: "clip_id" or "segment_id".
            ids: The ids [n]; those that are not in the table are passed over.
            columns: Columns to read; None for all.

        Raises:
            CollectionError: If a file of the table is missing or damaged.
        """
        wanted = pa.array(ids, pa.int64())
        names = None if columns is None else list(columns)
        with _told(self.folder, "read"):
            dataset = self.dataset()
            found: list[pa.Table] = []
            for fragment in dataset.get_fragments() if len(wanted) else ():
                is_wanted = pc.is_in(fragment.to_table(columns=[column]).column(column), value_set=wanted)
                if pc.any(is_wanted).as_py():
                    found.append(fragment.to_table(schema=dataset.schema, columns=names).filter(is_wanted))
            rows = pa.concat_tables(found) if found else dataset.head(0, columns=names)
            check_rows(rows, folder=self.folder)
            return rows

    def read_embeddings(
        self, *, embedding_dim: int, n_batch: int = 8_192
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Read the segments table in bounded memory, always in the same order.

        Args:
            embedding_dim: Numbers in an embedding.
            n_batch: Most segments a step.

        Yields:
            Segment ids [n] and embeddings [n, embedding_dim].

        Raises:
            CollectionError: If a file of the table is missing or damaged.
        """
        for batch in self.batches(["segment_id", "embedding"], n_batch=n_batch):
            embeddings = embedding_matrix(pa.chunked_array([batch.column("embedding")]), embedding_dim=embedding_dim)
            yield batch.column("segment_id").to_numpy(), embeddings

    def batches(self, columns: Sequence[str], *, n_batch: int) -> Iterator[pa.RecordBatch]:
        """Read the table in bounded memory, always in the same order.

        Args:
            columns: Columns to read.
            n_batch: Most rows a step.

        Yields:
            Rows, at least one a step.

        Raises:
            CollectionError: If a file of the table is missing or damaged.
        """
        with _told(self.folder, "read"):
            for fragment in self.dataset().get_fragments():
                for batch in fragment.to_batches(columns=list(columns), batch_size=n_batch):
                    if batch.num_rows:
                        check_rows(batch, folder=self.folder)
                        yield batch

    def _check(self) -> None:
        names = pa.table(self._delta.get_add_actions(flatten=True)).column("path").to_pylist()
        check_file_names(names, folder=self.folder)
        check_types(pa.schema(self._delta.schema().to_arrow()), folder=self.folder)

    def _sync(self, *, since: int) -> None:
        """Put what the versions after `since` added on the disk: Delta itself leaves that to the system."""
        log = self.folder / LOG_FOLDER
        for version in range(since + 1, self.version + 1):
            for entry in log.glob(f"{version:020d}.*"):
                sync_file(entry)
            for line in (log / f"{version:020d}.json").read_text("utf-8").splitlines():
                added = json.loads(line).get("add")
                if added is not None and (self.folder / added["path"]).exists():
                    sync_file(self.folder / added["path"])
        sync_folder(log)
        sync_folder(self.folder)


def check_location(folder: Path) -> None:
    r"""Refuse a place for tables whose path the table format cannot carry.

    Raises:
        CollectionError: If the path holds a control character, one of ``[ ] ^ | \``, a percent sign before two
            hexadecimal digits, or bytes that are not UTF-8.
    """
    path = path_of(folder).decode("utf-8", "surrogateescape")
    found = _UNCARRIED.search(path)
    if found:
        raise CollectionError(
            f"{readable_path(folder)}: tables cannot be kept under a path with {readable_path(found[0])!r} in it"
        )


@contextlib.contextmanager
def _told(folder: Path, deed: str) -> Iterator[None]:
    """Turn what the libraries below raise into one sentence about the table."""
    if deed in ("created", "written", "restored") and time.time() < 0:  # Delta panics
        why = "this machine's clock stands before 1970"
        raise CollectionError(f"{readable_path(folder)}: the table cannot be {deed} ({why})")
    try:
        yield
    except (DeltaError, pa.ArrowException, OSError, ValueError) as error:
        text = str(error).strip()
        cause = _OS_ERROR.search(text)  # Delta tells what it was doing, step by step, and then why
        reason = cause[1] if cause else text.partition("\n")[0] or type(error).__name__
        why = getattr(error, "strerror", None) or reason
        raise CollectionError(f"{readable_path(folder)}: the table cannot be {deed} ({why})") from error
