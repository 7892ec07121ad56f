"""The writer: the only hand that changes a collection, one commit at a time."""

import contextlib
import dataclasses
import datetime
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ...model.encoder import Encoder
from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...search.encoders import check_encoder
from ...search.index import Progress as IndexProgress
from ...search.index import TextQueries
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    FAILURES_ANNEX,
    FORMAT_VERSION,
    INDEX_FOLDER,
    LOCK_NAME,
    MANIFEST_NAME,
    PIPELINE_VERSION,
    PREVIOUS_MANIFEST_NAME,
    SEGMENTS_FOLDER,
    EncoderRecord,
    Manifest,
    has_manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.schema import CLIPS, SEGMENTS
from ...search.store.tables import Ids, Table, check_location
from .annexes import put_annex
from .batch import Batch
from .carrying import carry_annexes
from .changes import KnownClip
from .failures import FailureTable, KnownFailure
from .lock import writer_lock
from .refreshing import IndexOptions, refreshed_index

_LEFTOVERS = (CLIPS_FOLDER, SEGMENTS_FOLDER, INDEX_FOLDER, ANNEXES_FOLDER)

_log = logging.getLogger(__name__)


class Writer:
    """A collection under its writer lock.

    Each commit writes rows to both tables and then swaps the manifest, which is the moment they count. A writer killed
    in between leaves tables newer than the manifest; readers don't look there, and the next writer takes it back.

    Attributes:
        folder: The collection.
        manifest: What the collection is now.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, clips: Table, segments: Table) -> None:
        self.folder = folder
        self.manifest = manifest
        self._clips = clips
        self._segments = segments
        self._opened_at = (clips.version, segments.version)
        self._failures = FailureTable(folder, manifest.annexes.get(FAILURES_ANNEX))

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, *, encoder: Encoder, hop_s: float | None) -> Iterator["Writer"]:
        """Open a collection for writing, or make it.

        Args:
            folder: Its folder.
            encoder: The encoder that its embeddings are made by.
            hop_s: Distance between the starts of neighbouring segments; None for what it has, or a whole segment.

        Raises:
            CollectionError: If the folder is something else, cannot be written, is being written by another run, or was
                made with another hop, by an older pipeline or in a newer format.
            EncoderMismatchError: If it was made by another encoder.
        """
        _prepare_folder(folder)
        with writer_lock(folder):
            if not has_manifest(folder) or _can_be_made_anew(read_manifest(folder), encoder=encoder, hop_s=hop_s):
                _create(folder, encoder=encoder, hop_s=encoder.segment_s if hop_s is None else hop_s)
            manifest = read_manifest(folder)
            check_encoder(manifest.encoder, encoder, collection=folder)
            _check_settings(folder, manifest, hop_s=hop_s)
            writer = cls(
                folder,
                manifest,
                clips=Table.open(folder / CLIPS_FOLDER),
                segments=Table.open(folder / SEGMENTS_FOLDER),
            )
            writer._take_back()
            writer._opened_at = (writer._clips.version, writer._segments.version)
            writer._clear_old_generations()
            yield writer

    def known_clips(self) -> dict[int, KnownClip]:
        """List what the collection knows of its clips' files, by clip id."""
        rows = self._clips.read(["clip_id", "path", "path_bytes", "size_bytes", "mtime_ns", "content_hash"])
        return {
            row["clip_id"]: KnownClip(
                path=row["path"].encode() if row["path_bytes"] is None else row["path_bytes"],
                size_bytes=row["size_bytes"],
                mtime_ns=row["mtime_ns"],
                content_hash=row["content_hash"],
            )
            for row in rows.to_pylist()
        }

    def known_failures(self) -> dict[int, KnownFailure]:
        """List the files that could not be indexed by earlier runs, by the ids that their clips would have."""
        return self._failures.known()

    def rows_as_opened(self, clip_ids: Ids) -> tuple[pa.Table, pa.Table]:
        """Read clips and their segments as they were when the collection was opened, whatever was committed since.

        Args:
            clip_ids: The clips.

        Returns:
            Rows of the clips table and of the segments table.
        """
        clips_version, segments_version = self._opened_at
        clips = Table.open(self._clips.folder, version=clips_version)
        segments = Table.open(self._segments.folder, version=segments_version)
        return clips.read_of("clip_id", clip_ids), segments.read_of("clip_id", clip_ids)

    def commit(self, batch: Batch) -> None:
        """Make a batch part of the collection, whole or not at all.

        Raises:
            CollectionError: If the collection cannot be written; it is as it was before.
        """
        if not len(batch):
            return
        self._take_back()
        self._segments.delete(sorted(batch.stale_segments))
        self._clips.delete(sorted(batch.stale_clips))
        if batch.segments:
            self._segments.append(pa.concat_tables(batch.segments))
        if batch.clips:
            self._clips.append(pa.concat_tables(batch.clips))
        if batch.failures or batch.stale_failures:
            self._failures.commit(batch.failures, stale=sorted(batch.stale_failures))
        manifest = self.manifest
        self._swap(carry_annexes(self.folder, manifest, batch.changed, copied=batch.copied, moved=batch.moved))

    def write_annex(self, name: str, rows: pa.Table) -> None:
        """Replace an annex whole, or add it.

        Raises:
            CollectionError: If the collection cannot be written, or the rows or the name are not what an annex takes.
        """
        self._swap(put_annex(self.folder, self.manifest, name, rows))

    def refresh_index(
        self,
        *,
        text_queries: TextQueries,
        options: IndexOptions | None = None,
        progress: IndexProgress | None = None,
    ) -> None:
        """Bring the index up to what the tables hold, if it lags behind.

        Args:
            text_queries: Gives embeddings [n, embedding_dim] of `n` texts, to measure recall with.
            options: How the index is to be; None for what it was, or the defaults.
            progress: Called with what is being done and what share of it is done.

        Raises:
            CollectionError: If the tables cannot be read or the index cannot be written.
        """
        if not self._segments.n_rows:
            if self.manifest.index is not None:
                self._swap(dataclasses.replace(self.manifest, index=None))
            return
        record = refreshed_index(
            self.folder,
            self.manifest,
            self._segments,
            text_queries=text_queries,
            options=options or IndexOptions(),
            progress=progress,
        )
        if record is not None:
            self._swap(dataclasses.replace(self.manifest, index=record))

    def _swap(self, manifest: Manifest) -> None:
        """Write the manifest anew, with the tables' present versions."""
        failures = {} if self._failures.record is None else {FAILURES_ANNEX: self._failures.record}
        manifest = dataclasses.replace(
            manifest,
            clips_version=self._clips.version,
            segments_version=self._segments.version,
            n_clips=self._clips.n_rows,
            n_segments=self._segments.n_rows,
            annexes={**manifest.annexes, **failures},
            updated_at=_now(),
            format_version=FORMAT_VERSION,
        )
        write_manifest(self.folder, manifest)
        self.manifest = manifest

    def _take_back(self) -> None:
        """Drop what is in the tables but in no manifest, from a writer that was killed or a commit that failed."""
        taken = [
            self._clips.restore(self.manifest.clips_version),
            self._segments.restore(self.manifest.segments_version),
        ]
        if any(taken) or self.manifest.format_version != FORMAT_VERSION:
            self._swap(self.manifest)

    def _generations(self) -> list[Path]:
        folder = self.folder / INDEX_FOLDER
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _clear_old_generations(self) -> None:
        """Remove what the last run replaced: its readers have had a whole run's time to open what they need."""
        named = None if self.manifest.index is None else self.manifest.index.generation
        for generation in self._generations():
            if generation.name != named:
                shutil.rmtree(generation, ignore_errors=True)


def _prepare_folder(folder: Path) -> None:
    """Make the collection's folder, or see that it is ours."""
    name = readable_path(folder)
    check_location(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not has_manifest(folder):
            if (folder / PREVIOUS_MANIFEST_NAME).exists():
                raise CollectionError(f"{name}: its manifest is gone; `soundgrep verify --repair` can make it anew")
            # Made by a writer that was killed before its first manifest, or by someone for something else?
            strange = [path.name for path in folder.iterdir() if path.name not in (*_LEFTOVERS, LOCK_NAME)]
            strange = [other for other in strange if not other.startswith(".manifest.json.")]
            if strange:
                raise CollectionError(
                    f"{name}: is not a collection and not empty (it holds {readable_path(strange[0])})"
                )
    except FileExistsError:
        raise CollectionError(f"{name}: is a file, but a collection is a folder") from None
    except OSError as error:
        raise CollectionError(f"{name}: cannot be written ({error.strerror})") from error


def _can_be_made_anew(manifest: Manifest, *, encoder: Encoder, hop_s: float | None) -> bool:
    """Tell whether nothing is lost by other settings: a first run that failed must not bind the next to its encoder."""
    differs = manifest.encoder.digest != encoder.digest or hop_s not in (None, manifest.hop_s)
    return differs and manifest.n_clips == 0


def _create(folder: Path, *, encoder: Encoder, hop_s: float) -> None:
    # The manifest goes first and comes last: it never names tables that are not there.
    for name in (PREVIOUS_MANIFEST_NAME, MANIFEST_NAME):
        (folder / name).unlink(missing_ok=True)
    for leftover in _LEFTOVERS:
        shutil.rmtree(folder / leftover, ignore_errors=True)
    clips = Table.create(folder / CLIPS_FOLDER, CLIPS)
    segments = Table.create(folder / SEGMENTS_FOLDER, SEGMENTS)
    manifest = Manifest(
        encoder=EncoderRecord(id=encoder.id, digest=encoder.digest, source=str(encoder.source)),
        embedding_dim=encoder.embedding_dim,
        sampling_rate_hz=encoder.sampling_rate_hz,
        segment_s=encoder.segment_s,
        hop_s=hop_s,
        pipeline_version=PIPELINE_VERSION,
        clips_version=clips.version,
        segments_version=segments.version,
        n_clips=0,
        n_segments=0,
        created_at=_now(),
        updated_at=_now(),
    )
    write_manifest(folder, manifest)


def _check_settings(folder: Path, manifest: Manifest, *, hop_s: float | None) -> None:
    name = readable_path(folder)
    if hop_s is not None and hop_s != manifest.hop_s:
        raise CollectionError(f"{name}: was made with a hop of {manifest.hop_s:g} s, which cannot become {hop_s:g} s")
    if manifest.pipeline_version != PIPELINE_VERSION:
        raise CollectionError(
            f"{name}: was made by version {manifest.pipeline_version} of the audio preparation, this is version "
            f"{PIPELINE_VERSION}: index into a new collection"
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
