"""A batch: what was read since the last commit, as rows for the tables."""

import json
import time
from dataclasses import dataclass, field

import pyarrow as pa

from ...model.audio.decoding import AudioInfo
from ...model.paths import path_columns
from ...search.store.identity import clip_id_of, segment_id_of
from ...search.store.schema import CLIPS, COVERAGE, SEGMENTS, TAG_COLUMNS, embedding_column
from ..engines.worker import EmbeddedFile, FileState

NOTE_TAG = "soundgrep_note"
"""Name among a clip's tags of what was found of the file, such as that it breaks off."""


@dataclass
class Batch:
    """Changes to a collection that are committed together.

    Attributes:
        encoding: Name of the encoding that the segments belong to.
        encoder_digest: Digest of the encoder that made the embeddings.
        clips: Rows for the clips table.
        segments: Rows for the encoding's segments table.
        coverage: Rows for the encoding's coverage.
        stale_clips: Clips whose rows in the clips table are out of date.
        stale_segments: Clips whose segments are out of date, those of every encoding.
        failures: Rows for the table of failures.
        stale_failures: Clips whose rows in the table of failures are out of date.
        changed: Clips whose sound is new, or another than before.
        copied: By clip, another one of the same sound.
        moved: By clip, the one that it was before its file was moved.
    """

    encoding: str
    encoder_digest: str
    clips: list[pa.Table] = field(default_factory=list)
    segments: list[pa.Table] = field(default_factory=list)
    coverage: list[pa.Table] = field(default_factory=list)
    stale_clips: set[int] = field(default_factory=set)
    stale_segments: set[int] = field(default_factory=set)
    failures: list[pa.Table] = field(default_factory=list)
    stale_failures: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    copied: dict[int, int] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return (
            len(self.clips) + len(self.coverage) + len(self.stale_clips) + len(self.failures) + len(self.stale_failures)
        )

    @property
    def n_segments(self) -> int:
        """Segments to be written."""
        return sum(rows.num_rows for rows in self.segments)

    def remove(self, clip_id: int) -> None:
        """Take out every row of a clip that the collection has."""
        self.stale_clips.add(clip_id)
        self.stale_segments.add(clip_id)

    def add(self, path: bytes, file: EmbeddedFile) -> None:
        """Put in a clip that was embedded."""
        clip_id = clip_id_of(path)
        info = file.info
        row: dict[str, object] = {
            **_path_columns(path, clip_id),
            **_state_columns(file.state),
            "container": info.container,
            "codec": info.codec,
            "sampling_rate_hz": info.sampling_rate_hz,
            "n_channels": info.n_channels,
            "duration_s": info.duration_s,
            "rms_dbfs": file.rms_dbfs,
            "peak_dbfs": file.peak_dbfs,
            **{name: info.tags.get(name) for name in TAG_COLUMNS},
            "tags": json.dumps(_tags_and_notes(info), ensure_ascii=False, sort_keys=True),
            "n_segments": len(file.start_s),
            "indexed_at": _now_us(),
        }
        self.clips.append(pa.Table.from_pylist([row], schema=CLIPS))
        self._add_segments(clip_id, file)

    def cover(self, path: bytes, file: EmbeddedFile) -> None:
        """Put in the embeddings of a clip that is in the collection, and that the encoding does not cover yet."""
        self._add_segments(clip_id_of(path), file)

    def cover_copy(self, path: bytes, state: FileState, *, segments: pa.Table) -> None:
        """Put in another clip's embeddings for one with the same content, that the encoding does not cover yet.

        Args:
            path: The file.
            state: The file as it is now.
            segments: The other clip's segments.
        """
        self._copy_segments(clip_id_of(path), state, segments)

    def update(self, path: bytes, state: FileState, *, clip: pa.Table) -> None:
        """Note that a clip's file was touched, or written again with the same bytes; its segments stay.

        Args:
            path: The file.
            state: The file as it is now.
            clip: The clip's row as it was.
        """
        self.stale_clips.add(clip_id_of(path))
        self.clips.append(_changed(clip, _state_columns(state)))

    def copy(self, path: bytes, state: FileState, *, clip: pa.Table, segments: pa.Table) -> None:
        """Put in a clip with the content of another one, whose embeddings are its own too.

        Args:
            path: The file.
            state: The file as it is now.
            clip: The other clip's row.
            segments: The other clip's segments.
        """
        clip_id = clip_id_of(path)
        columns = {**_path_columns(path, clip_id), **_state_columns(state), "indexed_at": _now_us()}
        columns["n_segments"] = segments.num_rows
        self.clips.append(_changed(clip, columns))
        self._copy_segments(clip_id, state, segments)

    def _add_segments(self, clip_id: int, file: EmbeddedFile) -> None:
        ids = self._segment_ids(clip_id, file.state, len(file.start_s))
        columns = [ids, pa.repeat(pa.scalar(clip_id, pa.int64()), len(ids)), file.start_s, file.end_s]
        self.segments.append(pa.table([*columns, embedding_column(file.embeddings)], schema=SEGMENTS))
        self._note_coverage(clip_id, file.state, len(ids))

    def _copy_segments(self, clip_id: int, state: FileState, segments: pa.Table) -> None:
        segments = segments.sort_by("start_s")
        ids = self._segment_ids(clip_id, state, segments.num_rows)
        owners = pa.repeat(pa.scalar(clip_id, pa.int64()), segments.num_rows)
        segments = segments.set_column(0, SEGMENTS.field("segment_id"), ids)
        self.segments.append(segments.set_column(1, SEGMENTS.field("clip_id"), owners).cast(SEGMENTS))
        self._note_coverage(clip_id, state, segments.num_rows)

    def _note_coverage(self, clip_id: int, state: FileState, n_segments: int) -> None:
        row = {"clip_id": clip_id, "content_hash": state.content_hash, "n_segments": n_segments}
        self.coverage.append(pa.Table.from_pylist([row], schema=COVERAGE))

    def _segment_ids(self, clip_id: int, state: FileState, n: int) -> pa.Array:
        ids = [
            segment_id_of(clip_id, content_hash=state.content_hash, number=number, encoder_digest=self.encoder_digest)
            for number in range(n)
        ]
        return pa.array(ids, pa.int64())


def _tags_and_notes(info: AudioInfo) -> dict[str, str]:
    """Return what the file says in words, and what we have to say of it."""
    return {**info.tags, **({NOTE_TAG: "; ".join(info.notes)} if info.notes else {})}


def _path_columns(path: bytes, clip_id: int) -> dict[str, object]:
    return {"clip_id": clip_id, **path_columns(path)}


def _state_columns(state: FileState) -> dict[str, object]:
    return {"size_bytes": state.size_bytes, "mtime_ns": state.mtime_ns, "content_hash": state.content_hash}


def _changed(clip: pa.Table, columns: dict[str, object]) -> pa.Table:
    """Return a row of the clips table with some columns changed."""
    for name, value in columns.items():
        kind = CLIPS.field(name)
        clip = clip.set_column(CLIPS.get_field_index(name), kind, pa.array([value], kind.type))
    return clip.cast(CLIPS)


def _now_us() -> int:
    return time.time_ns() // 1_000
