"""The writer: the only hand that changes a collection, one commit at a time."""

import contextlib
import dataclasses
import datetime
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...model.encoders.encoder import Encoder
from ...model.errors import CollectionError
from ...model.paths import exact_path, readable_path
from ...search.encoders import check_encoder
from ...search.index.building import Progress as IndexProgress
from ...search.index.building import TextQueries
from ...search.store.encodings import OLD_FOLDERS
from ...search.store.identity import encoding_name
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    ENCODINGS_FOLDER,
    FAILURES_ANNEX,
    FORMAT_VERSION,
    LOCK_NAME,
    MANIFEST_NAME,
    PIPELINE_VERSION,
    PREVIOUS_MANIFEST_NAME,
    EncoderRecord,
    EncodingRecord,
    IndexRecord,
    Manifest,
    has_manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.schema import CLIPS
from ...search.store.tables import Ids, Table, check_location
from .annex_migration import migrate_annexes
from .annexes import put_annex
from .batch import Batch
from .changes import KnownClip
from .failures import FailureTable, KnownFailure
from .lock import writer_lock
from .refreshing import IndexOptions, refreshed_index
from .tables import EncodingTables
from .upgrade import clear_old_places, upgraded

_LEFTOVERS = (CLIPS_FOLDER, ENCODINGS_FOLDER, ANNEXES_FOLDER)

_log = logging.getLogger(__name__)


class Writer:
    """A collection under its writer lock.

    Each commit writes rows to the tables and then swaps the manifest, which is the moment they count. A writer killed
    in between leaves tables newer than the manifest; readers don't look there, and the next writer takes it back.

    Attributes:
        folder: The collection.
        manifest: What the collection is now.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._clips = Table.open(folder / CLIPS_FOLDER)
        self._encodings = {name: EncodingTables.open(folder, manifest, name) for name in manifest.encodings}
        self._failures = FailureTable(folder, manifest.annexes.get(FAILURES_ANNEX))
        self._restore()
        self._as_opened = self.manifest

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, *, encoder: Encoder | None, hop_s: float | None) -> Iterator["Writer"]:
        """Open a collection for writing, or make it.

        Args:
            folder: Its folder.
            encoder: The encoder that embeds its clips, or is to do so from now on beside those that do; None for those.
            hop_s: Distance between the starts of neighbouring segments of that encoder, or of the first; None for what
                it has, or a whole segment.

        Raises:
            CollectionError: If the folder is something else, cannot be written, is being written by another run, or was
                made with another hop, by an older pipeline or in a newer format.
            EncoderMismatchError: If it has another encoder of the same name.
        """
        if encoder is not None:
            _prepare_folder(folder)
        else:
            read_manifest(folder)  # a folder that is no collection gets no lock file
        with writer_lock(folder):
            if encoder is not None and (
                not has_manifest(folder) or _can_be_made_anew(read_manifest(folder), encoder=encoder, hop_s=hop_s)
            ):
                _create(folder, encoder=encoder, hop_s=encoder.segment_s if hop_s is None else hop_s)
            manifest = read_manifest(folder)
            _check_settings(folder, manifest, encoder=encoder, hop_s=hop_s)
            if manifest.format_version < FORMAT_VERSION:
                writer = cls(folder, upgraded(folder, manifest))
            else:
                writer = cls(folder, manifest)
                writer._clear_replaced()
            if encoder is not None and all(one.encoder.digest != encoder.digest for one in manifest.encodings.values()):
                writer._add_encoding(encoder, hop_s=encoder.segment_s if hop_s is None else hop_s)
            yield writer

    def batch(self, encoding: str | None = None) -> Batch:
        """Return an empty batch for an encoding; None for the default one."""
        name = encoding or self.manifest.default_encoding
        return Batch(name, self.manifest.encodings[name].encoder.digest)

    def known_clips(self) -> dict[int, KnownClip]:
        """List what the collection knows of its clips' files, by clip id."""
        rows = self._clips.read(["clip_id", "path", "path_bytes", "size_bytes", "mtime_ns", "content_hash"])
        return {
            row["clip_id"]: KnownClip(
                path=exact_path(row["path"], row["path_bytes"]),
                size_bytes=row["size_bytes"],
                mtime_ns=row["mtime_ns"],
                content_hash=row["content_hash"],
            )
            for row in rows.to_pylist()
        }

    def known_failures(self) -> dict[int, KnownFailure]:
        """List the files that could not be indexed by earlier runs, by the ids that their clips would have."""
        return self._failures.known()

    def covered_clips(self, encoding: str | None = None, *, as_opened: bool = False) -> dict[int, str]:
        """List the clips that an encoding covers, with the hash of the content that was embedded.

        Args:
            encoding: The encoding; None for the default one.
            as_opened: Whether as it was when the collection was opened, whatever was committed since.
        """
        name = encoding or self.manifest.default_encoding
        table = self._encodings[name].coverage
        if as_opened:
            table = Table.open(table.folder, version=self._as_opened.encodings[name].coverage_version)
        rows = table.read(["clip_id", "content_hash"])
        columns = (rows.column(name).to_pylist() for name in rows.column_names)
        return dict(zip(*columns, strict=True))

    def rows_as_opened(self, clip_ids: Ids, *, encoding: str | None = None) -> tuple[pa.Table, pa.Table]:
        """Read clips and their segments as they were when the collection was opened, whatever was committed since.

        Args:
            clip_ids: The clips.
            encoding: Whose segments; None for those of the default encoding.

        Returns:
            Rows of the clips table and of the segments table.
        """
        name = encoding or self.manifest.default_encoding
        version = self._as_opened.encodings[name].segments_version
        clips = Table.open(self._clips.folder, version=self._as_opened.clips_version)
        segments = Table.open(self._encodings[name].segments.folder, version=version)
        return clips.read_of("clip_id", clip_ids), segments.read_of("clip_id", clip_ids)

    def commit(self, batch: Batch) -> None:
        """Make a batch part of the collection, whole or not at all.

        Raises:
            CollectionError: If the collection cannot be written; it is as it was before.
        """
        if not len(batch):
            return
        self._restore()
        for tables in self._encodings.values():
            tables.delete(sorted(batch.stale_segments))
        self._encodings[batch.encoding].append(batch.segments, batch.coverage)
        clips = [*batch.clips, *self._recounted(batch)]
        stale = batch.stale_clips.union(*(rows.column("clip_id").to_pylist() for rows in clips[len(batch.clips) :]))
        self._clips.delete(sorted(stale))
        if clips:
            self._clips.append(pa.concat_tables(clips))
        if batch.failures or batch.stale_failures:
            self._failures.commit(batch.failures, stale=sorted(batch.stale_failures))
        manifest = self.manifest
        if manifest.annexes and (batch.changed or batch.copied or batch.moved):
            manifest = migrate_annexes(self.folder, manifest, batch.changed, copied=batch.copied, moved=batch.moved)
        self._swap(manifest)

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
        encoding: str | None = None,
        options: IndexOptions | None = None,
        progress: IndexProgress | None = None,
    ) -> None:
        """Bring the index of an encoding up to what the tables hold, if it lags behind.

        Args:
            text_queries: Gives embeddings [n, embedding_dim] of `n` texts, to measure recall with.
            encoding: The encoding; None for the default one.
            options: How the index is to be; None for what it was, or the defaults.
            progress: Called with what is being done and what share of it is done.

        Raises:
            CollectionError: If the tables cannot be read or the index cannot be written.
        """
        name = encoding or self.manifest.default_encoding
        record, tables = self.manifest.encodings[name], self._encodings[name]
        if not tables.segments.n_rows:
            if record.index is not None:
                self._swap(with_index(self.manifest, name, None))
            return
        index = refreshed_index(
            tables.folder,
            record,
            tables.segments,
            text_queries=text_queries,
            options=options or IndexOptions(),
            progress=progress,
        )
        if index is not None:
            self._swap(with_index(self.manifest, name, index))

    def drop_encoding(self, name: str) -> None:
        """Take an encoder's segments and index away; clips, their ids and the annexes stay.

        Where it is the default, the next one becomes it.

        Raises:
            CollectionError: If it is the only one, or the default one afterwards does not cover every clip.
        """
        place, kept = readable_path(self.folder), dict(self.manifest.encodings)
        dropped = kept.pop(name)
        if not kept:
            raise CollectionError(f"{place}: has no other encoder than {dropped.encoder.id}, which must stay")
        default = self.manifest.default_encoding if name != self.manifest.default_encoding else next(iter(kept))
        encoder_id = readable_path(kept[default].encoder.id)
        covered = self.covered_clips(default)
        n_left = sum(covered.get(clip_id) != clip.content_hash for clip_id, clip in self.known_clips().items())
        if n_left:
            raise CollectionError(
                f"{place}: {encoder_id} has not embedded {n_left:,} of its clips yet; run soundgrep index with "
                f"--encoder {encoder_id} over them first, and nothing is lost"
            )
        if default != self.manifest.default_encoding:
            rows = self._clips.read()
            self._clips.overwrite(_with_counts(rows, self._encodings[default].coverage.read()))
        del self._encodings[name]
        self._swap(dataclasses.replace(self.manifest, encodings=kept, default_encoding=default))

    def _add_encoding(self, encoder: Encoder, *, hop_s: float) -> None:
        place = self.folder / ENCODINGS_FOLDER
        # A folder without a record may be one that was dropped, and that somebody still reads.
        name = encoding_name(encoder.id, taken=[*self._encodings, *(path.name for path in place.iterdir())])
        self._encodings[name] = EncodingTables.create(place / name)
        record = _record(encoder, hop_s=hop_s, tables=self._encodings[name])
        self._swap(dataclasses.replace(self.manifest, encodings={**self.manifest.encodings, name: record}))
        self._as_opened = dataclasses.replace(
            self._as_opened, encodings={**self._as_opened.encodings, name: self.manifest.encodings[name]}
        )

    def _recounted(self, batch: Batch) -> list[pa.Table]:
        """Return the rows of clips that the default encoding comes to cover only now: they count its segments."""
        if batch.encoding != self.manifest.default_encoding or not batch.coverage:
            return []
        coverage = pa.concat_tables(batch.coverage)
        own = [clip_id for rows in batch.clips for clip_id in rows.column("clip_id").to_pylist()]
        later = coverage.filter(~pc.field("clip_id").isin(pa.array(own, pa.int64())))
        if not later.num_rows:
            return []
        return [_with_counts(self._clips.read_of("clip_id", later.column("clip_id").to_pylist()), later)]

    def _swap(self, manifest: Manifest) -> None:
        """Write the manifest anew, with the tables' present versions."""
        failures = {} if self._failures.record is None else {FAILURES_ANNEX: self._failures.record}
        encodings = {name: self._encodings[name].recorded(record) for name, record in manifest.encodings.items()}
        manifest = dataclasses.replace(
            manifest,
            clips_version=self._clips.version,
            n_clips=self._clips.n_rows,
            annexes={**manifest.annexes, **failures},
            encodings=encodings,
            updated_at=_now(),
        )
        self.manifest = write_manifest(self.folder, manifest)

    def _restore(self) -> None:
        """Drop what is in the tables but in no manifest, from a writer that was killed or a commit that failed."""
        taken = [self._clips.restore(self.manifest.clips_version)]
        taken += [self._encodings[name].restore(record) for name, record in self.manifest.encodings.items()]
        if any(taken):
            self._swap(self.manifest)

    def _clear_replaced(self) -> None:
        """Remove what the last run replaced: its readers have had a whole run's time to open what they need."""
        for name, tables in self._encodings.items():
            index = self.manifest.encodings[name].index
            tables.clear_generations(but=None if index is None else index.generation)
        for folder in sorted((self.folder / ENCODINGS_FOLDER).iterdir()):
            if folder.name not in self._encodings:
                shutil.rmtree(folder, ignore_errors=True)
        if any((self.folder / name).exists() for name in OLD_FOLDERS):
            clear_old_places(self.folder, self.manifest)


def with_index(manifest: Manifest, encoding: str, index: IndexRecord | None) -> Manifest:
    """Return a manifest that names another index of an encoding, or none."""
    record = dataclasses.replace(manifest.encodings[encoding], index=index)
    return dataclasses.replace(manifest, encodings={**manifest.encodings, encoding: record})


def _with_counts(clips: pa.Table, coverage: pa.Table) -> pa.Table:
    """Return rows of the clips table with the counts of segments in an encoding's coverage."""
    columns = (coverage.column(name).to_pylist() for name in ("clip_id", "n_segments"))
    counts = dict(zip(*columns, strict=True))
    place = CLIPS.get_field_index("n_segments")
    own = pa.array([counts[clip_id] for clip_id in clips.column("clip_id").to_pylist()], pa.int32())
    return clips.set_column(place, CLIPS.field(place), own).cast(CLIPS)


def _record(encoder: Encoder, *, hop_s: float, tables: EncodingTables) -> EncodingRecord:
    record = EncodingRecord(
        encoder=EncoderRecord(id=encoder.id, digest=encoder.digest, source=str(encoder.source)),
        embedding_dim=encoder.embedding_dim,
        sampling_rate_hz=encoder.sampling_rate_hz,
        segment_s=encoder.segment_s,
        hop_s=hop_s,
        segments_version=0,
        coverage_version=0,
        n_clips=0,
        n_segments=0,
    )
    return tables.recorded(record)


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
    """Return whether other settings lose nothing: a first run that failed must not bind the next to its encoder."""
    first = manifest.encoding
    differs = first.encoder.digest != encoder.digest or hop_s not in (None, first.hop_s)
    return differs and manifest.n_clips == 0


def _create(folder: Path, *, encoder: Encoder, hop_s: float) -> None:
    # The manifest goes first and comes last: it never names tables that are not there.
    for name in (PREVIOUS_MANIFEST_NAME, MANIFEST_NAME):
        (folder / name).unlink(missing_ok=True)
    for leftover in _LEFTOVERS:
        shutil.rmtree(folder / leftover, ignore_errors=True)
    clips = Table.create(folder / CLIPS_FOLDER, CLIPS)
    name = encoding_name(encoder.id, taken=())
    tables = EncodingTables.create(folder / ENCODINGS_FOLDER / name)
    manifest = Manifest(
        encodings={name: _record(encoder, hop_s=hop_s, tables=tables)},
        default_encoding=name,
        pipeline_version=PIPELINE_VERSION,
        clips_version=clips.version,
        n_clips=0,
        created_at=_now(),
        updated_at=_now(),
    )
    write_manifest(folder, manifest)


def _check_settings(folder: Path, manifest: Manifest, *, encoder: Encoder | None, hop_s: float | None) -> None:
    name, records = readable_path(folder), manifest.encodings.values()
    digest = manifest.encoding.encoder.digest if encoder is None else encoder.digest
    own = next((record for record in records if record.encoder.digest == digest), None)
    if own is None and encoder is not None:
        for record in records:
            if record.encoder.id == encoder.id:
                check_encoder(record.encoder, encoder, collection=folder)
    elif own is not None and hop_s not in (None, own.hop_s):
        raise CollectionError(f"{name}: was made with a hop of {own.hop_s:g} s, which cannot become {hop_s:g} s")
    if manifest.pipeline_version != PIPELINE_VERSION:
        raise CollectionError(
            f"{name}: was made by version {manifest.pipeline_version} of the audio preparation, this is version "
            f"{PIPELINE_VERSION}: index into a new collection"
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
