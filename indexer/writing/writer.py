"""The writer: the only hand that changes a collection, one commit at a time."""

import contextlib
import dataclasses
import datetime
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ...model.encoders.encoder import Encoder
from ...model.errors import CollectionError
from ...model.paths import exact_path, readable_path
from ...search.encoders import check_encoder
from ...search.index import Progress as IndexProgress
from ...search.index import TextQueries
from ...search.store.ears import FIRST, as_heard, ears_of, new_ear
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    EARS_FOLDER,
    FAILURES_ANNEX,
    INDEX_FOLDER,
    LOCK_NAME,
    MANIFEST_NAME,
    PIPELINE_VERSION,
    PREVIOUS_MANIFEST_NAME,
    SEGMENTS_FOLDER,
    EarRecord,
    EncoderRecord,
    IndexRecord,
    Manifest,
    has_manifest,
    read_manifest,
    settled,
    write_manifest,
)
from ...search.store.schema import CLIPS, SEGMENTS
from ...search.store.tables import Ids, Table, check_location
from .annexes import put_annex
from .batch import Batch
from .carrying import carry_annexes
from .changes import KnownClip
from .ear import Ear, adopt, adopted_index
from .failures import FailureTable, KnownFailure
from .lock import writer_lock
from .refreshing import IndexOptions, refreshed_index

_LEFTOVERS = (CLIPS_FOLDER, SEGMENTS_FOLDER, INDEX_FOLDER, ANNEXES_FOLDER, EARS_FOLDER)

_log = logging.getLogger(__name__)


class Writer:
    """A collection under its writer lock.

    Each commit writes rows to the tables and then swaps the manifest, which is the moment they count. A writer killed
    in between leaves tables newer than the manifest; readers don't look there, and the next writer takes it back.

    Attributes:
        folder: The collection.
        manifest: What the collection is now.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, clips: Table, ears: dict[str, Ear]) -> None:
        self.folder = folder
        self.manifest = manifest
        self._clips = clips
        self._ears = ears
        self._failures = FailureTable(folder, manifest.annexes.get(FAILURES_ANNEX))
        self._take_back()
        self._clips_opened_at = clips.version
        self._ears_opened_at = {name: ear.versions for name, ear in ears.items()}

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
            clips = Table.open(folder / CLIPS_FOLDER)
            writer = cls(folder, manifest, clips=clips, ears={ear: Ear.open(folder, ear) for ear in ears_of(manifest)})
            writer._clear_replaced()
            if encoder is not None and encoder.digest not in {record.digest for record in ears_of(manifest).values()}:
                writer._add_ear(encoder, hop_s=encoder.segment_s if hop_s is None else hop_s)
            yield writer

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

    def heard_clips(self, ear: str = FIRST, *, as_opened: bool = False) -> dict[int, str]:
        """List the clips that an ear heard, with the hash of the content that it heard.

        Args:
            ear: The ear.
            as_opened: Whether as it was when the collection was opened, whatever was committed since.
        """
        heard = self._ears[ear].heard
        version = self._clips_opened_at if heard is None else self._ears_opened_at[ear][1]
        table = self._clips if heard is None else heard
        if as_opened:
            table = Table.open(table.folder, version=version)
        rows = table.read(["clip_id", "content_hash", "n_segments"])
        columns = (rows.column(name).to_pylist() for name in rows.column_names)
        return {clip_id: content for clip_id, content, n in zip(*columns, strict=True) if n}

    def clip_rows(self, clip_ids: Ids) -> pa.Table:
        """Read rows of the clips table as they are now."""
        return self._clips.read_of("clip_id", clip_ids)

    def rows_as_opened(self, clip_ids: Ids, *, ear: str = FIRST) -> tuple[pa.Table, pa.Table]:
        """Read clips and their segments as they were when the collection was opened, whatever was committed since.

        Args:
            clip_ids: The clips.
            ear: Whose segments.

        Returns:
            Rows of the clips table and of the segments table.
        """
        clips = Table.open(self._clips.folder, version=self._clips_opened_at)
        segments = Table.open(self._ears[ear].segments.folder, version=self._ears_opened_at[ear][0])
        return clips.read_of("clip_id", clip_ids), segments.read_of("clip_id", clip_ids)

    def commit(self, batch: Batch) -> None:
        """Make a batch part of the collection, whole or not at all.

        Raises:
            CollectionError: If the collection cannot be written; it is as it was before.
        """
        if not len(batch):
            return
        self._take_back()
        for ear in self._ears.values():
            ear.delete(sorted(batch.stale_segments))
        self._clips.delete(sorted(batch.stale_clips))
        self._ears[batch.ear].append(batch.segments, batch.heard)
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
        ear: str = FIRST,
        options: IndexOptions | None = None,
        progress: IndexProgress | None = None,
    ) -> None:
        """Bring the index of an ear up to what the tables hold, if it lags behind.

        Args:
            text_queries: Gives embeddings [n, embedding_dim] of `n` texts, to measure recall with.
            ear: The ear.
            options: How the index is to be; None for what it was, or the defaults.
            progress: Called with what is being done and what share of it is done.

        Raises:
            CollectionError: If the tables cannot be read or the index cannot be written.
        """
        heard, segments = as_heard(self.manifest, ear), self._ears[ear].segments
        if not segments.n_rows:
            if heard.index is not None:
                self._swap(with_index(self.manifest, ear, None))
            return
        record = refreshed_index(
            self._ears[ear].folder,
            heard,
            segments,
            text_queries=text_queries,
            options=options or IndexOptions(),
            progress=progress,
        )
        if record is not None:
            self._swap(with_index(self.manifest, ear, record))

    def drop_ear(self, ear: str) -> None:
        """Take an encoder's segments and index away; clips, their ids and the annexes stay.

        Where it is the first, the next one takes its place, in one commit like any other.

        Raises:
            CollectionError: If it is the only one, or the one that takes its place, or would be left alone, has not
                heard every clip.
        """
        name = readable_path(self.folder)
        if not self.manifest.ears:
            raise CollectionError(f"{name}: has no other encoder than {self.manifest.encoder.id}, which must stay")
        if ear == FIRST:
            heir = next(iter(self.manifest.ears))
            record = self.manifest.ears[heir]
            _refuse_unheard(
                name, record.encoder.id, adopt(self._clips, self._ears[FIRST], self._ears[heir], collection=self.folder)
            )
            index = adopted_index(self._ears[FIRST], self._ears[heir], record.index)
            self.manifest = dataclasses.replace(as_heard(self.manifest, heir), ears=self.manifest.ears, index=index)
            ear = heir
        elif len(self.manifest.ears) == 1:
            _refuse_unheard(name, self.manifest.encoder.id, self._clips.n_rows - len(self.heard_clips()))
        del self._ears[ear]
        kept = {name: record for name, record in self.manifest.ears.items() if name != ear}
        self._swap(dataclasses.replace(self.manifest, ears=kept))

    def _add_ear(self, encoder: Encoder, *, hop_s: float) -> None:
        name = new_ear(self.folder, encoder.id)
        ear = Ear.create(self.folder, name)
        record = EarRecord(
            encoder=EncoderRecord(id=encoder.id, digest=encoder.digest, source=str(encoder.source)),
            embedding_dim=encoder.embedding_dim,
            sampling_rate_hz=encoder.sampling_rate_hz,
            segment_s=encoder.segment_s,
            hop_s=hop_s,
            segments_version=0,
            heard_version=0,
            n_clips=0,
            n_segments=0,
        )
        self._ears[name], self._ears_opened_at[name] = ear, ear.versions
        self._swap(dataclasses.replace(self.manifest, ears={**self.manifest.ears, name: record}))

    def _swap(self, manifest: Manifest) -> None:
        """Write the manifest anew, with the tables' present versions."""
        failures = {} if self._failures.record is None else {FAILURES_ANNEX: self._failures.record}
        ears = {name: self._ears[name].recorded(record) for name, record in manifest.ears.items()}
        manifest = dataclasses.replace(
            manifest,
            clips_version=self._clips.version,
            segments_version=self._ears[FIRST].segments.version,
            n_clips=self._clips.n_rows,
            n_segments=self._ears[FIRST].segments.n_rows,
            annexes={**manifest.annexes, **failures},
            ears=ears,
            updated_at=_now(),
        )
        self.manifest = write_manifest(self.folder, manifest)

    def _take_back(self) -> None:
        """Drop what is in the tables but in no manifest, from a writer that was killed or a commit that failed."""
        taken = [self._clips.restore(self.manifest.clips_version)]
        taken += [ear.take_back(self.manifest, name) for name, ear in self._ears.items()]
        if any(taken) or self.manifest != settled(self.manifest):
            self._swap(self.manifest)

    def _clear_replaced(self) -> None:
        """Remove what the last run replaced: its readers have had a whole run's time to open what they need."""
        for name, ear in self._ears.items():
            index = as_heard(self.manifest, name).index
            ear.clear_generations(but=None if index is None else index.generation)
        place = self.folder / EARS_FOLDER
        for folder in sorted(place.iterdir()) if place.is_dir() else []:
            if folder.name not in self._ears:
                shutil.rmtree(folder, ignore_errors=True)
        if place.is_dir() and not self.manifest.ears:
            shutil.rmtree(place, ignore_errors=True)


def _refuse_unheard(collection: str, encoder_id: str, n_clips: int) -> None:
    if n_clips:
        raise CollectionError(
            f"{collection}: {encoder_id} has not heard {n_clips:,} of its clips yet; run soundgrep index with "
            f"--encoder {encoder_id} over them first, and nothing is lost"
        )


def with_index(manifest: Manifest, ear: str, index: IndexRecord | None) -> Manifest:
    """Give a manifest that names another index of an ear, or none."""
    if ear == FIRST:
        return dataclasses.replace(manifest, index=index)
    record = dataclasses.replace(manifest.ears[ear], index=index)
    return dataclasses.replace(manifest, ears={**manifest.ears, ear: record})


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


def _check_settings(folder: Path, manifest: Manifest, *, encoder: Encoder | None, hop_s: float | None) -> None:
    name, ears = readable_path(folder), ears_of(manifest)
    ear = FIRST if encoder is None else next((e for e, one in ears.items() if one.digest == encoder.digest), None)
    if ear is None and encoder is not None:
        for record in ears.values():
            if record.id == encoder.id:
                check_encoder(record, encoder, collection=folder)
    elif ear is not None and hop_s not in (None, as_heard(manifest, ear).hop_s):
        raise CollectionError(
            f"{name}: was made with a hop of {as_heard(manifest, ear).hop_s:g} s, which cannot become {hop_s:g} s"
        )
    if manifest.pipeline_version != PIPELINE_VERSION:
        raise CollectionError(
            f"{name}: was made by version {manifest.pipeline_version} of the audio preparation, this is version "
            f"{PIPELINE_VERSION}: index into a new collection"
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
