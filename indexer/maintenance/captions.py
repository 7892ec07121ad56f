"""Captions: what a file or the clips of a collection sound like, in sentences, kept in the collection if it is one."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...model.audio.indexed_clip import IndexedClip
from ...model.audio.spread import spread_segments
from ...model.captioning.captioner import Captioner, CaptionSearch
from ...model.errors import AudioError, UsageError
from ...model.paths import AnyPath, exact_path, readable_path, user_path
from ...search.sql.views import CAPTION_COLUMN, CAPTIONS
from ...search.store.annexes import read_annex
from ...search.store.confined import check_confined
from ...search.store.manifest import CLIPS_FOLDER, Manifest, read_manifest
from ...search.store.tables import Table
from ..report import Failure
from ..writing.annexes import write_annex

S_BETWEEN_SAVES = 60.0

ROWS = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("end_s", pa.float64(), nullable=False),
        pa.field(CAPTION_COLUMN, pa.string(), nullable=False),
        pa.field("captioner", pa.string(), nullable=False),
        pa.field("made_of", pa.string(), nullable=False),  # hash of content, captioner and settings
    ]
)


@dataclass(frozen=True)
class Caption:
    """A sentence about a stretch of a clip.

    Attributes:
        start_s: Where the stretch starts.
        end_s: Where it ends.
        text: The sentence.
    """

    start_s: float
    end_s: float
    text: str

    def to_json(self) -> dict[str, Any]:
        """The caption as JSON has it."""
        return {"start_s": self.start_s, "end_s": self.end_s, "caption": self.text}


@dataclass(frozen=True)
class CaptionReport:
    """What captioning a collection did.

    Attributes:
        collection: The collection.
        captioner: What wrote.
        n_clips: Clips of the collection.
        n_known: Of these, how many had their captions already.
        n_captioned: How many have new ones.
        n_captions: Captions that the collection has now.
        failures: Clips that could not be read.
    """

    collection: Path
    captioner: str
    n_clips: int
    n_known: int
    n_captioned: int
    n_captions: int
    failures: tuple[Failure, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            **asdict(self),
            "collection": readable_path(self.collection),
            "failures": [{"path": one.path, "reason": one.reason} for one in self.failures],
        }


@dataclass(frozen=True)
class Manner:
    """How clips are captioned.

    Attributes:
        n_segments: Segments of a longer clip that are captioned, spread evenly over it.
        search: How a caption is searched.

    Raises:
        UsageError: If `n_segments` is under 1.
    """

    n_segments: int = 3
    search: CaptionSearch = field(default_factory=CaptionSearch)

    def __post_init__(self) -> None:
        if self.n_segments < 1:
            raise UsageError(f"n_segments must be at least 1, not {self.n_segments}")


def caption_file(path: AnyPath, *, captioner: Captioner, manner: Manner | None = None) -> list[Caption]:
    """Say what a file sounds like.

    Args:
        path: The file, or a member of an archive, or a URL.
        captioner: What writes.
        manner: How; None for the defaults.

    Returns:
        A caption for each stretch that was heard, in their order; neighbours that say the same are one.

    Raises:
        AudioError: If the file cannot be decoded.
        CheckpointError: If the captioner cannot be loaded or is dead.
    """
    manner = manner or Manner()
    stretches = spread_segments(
        path,
        sampling_rate_hz=captioner.sampling_rate_hz,
        segment_samples=captioner.segment_samples,
        n_segments=manner.n_segments,
    )
    texts = captioner.caption([one.waveform for one in stretches], search=manner.search)
    captions: list[Caption] = []
    for stretch, text in zip(stretches, texts, strict=True):
        if captions and captions[-1].text == text:
            captions[-1] = Caption(captions[-1].start_s, stretch.end_s, text)
        else:
            captions.append(Caption(stretch.start_s, stretch.end_s, text))
    return captions


def caption_collection(
    collection: str | os.PathLike[str],
    *,
    captioner: Captioner,
    manner: Manner | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CaptionReport:
    """Write captions of a collection's clips into it, as its annex `captions`; words of them are searched, too.

    A clip that has captions of the same content, captioner and manner keeps them, so that a run that was stopped goes
    on where it was. What was written is saved once a minute, and when the run is stopped.

    Args:
        collection: The collection's folder.
        captioner: What writes.
        manner: How; None for the defaults.
        progress: Called with how many clips are done, and of how many.

    Raises:
        CollectionError: If the collection is none, is being written by another run, or cannot be written.
        CheckpointError: If the captioner cannot be loaded or is dead.
    """
    return _Captioning(user_path(collection), captioner, manner or Manner()).run(progress)


class _Captioning:
    """One run over a collection."""

    def __init__(self, folder: Path, captioner: Captioner, manner: Manner) -> None:
        self._folder, self._captioner, self._manner = folder, captioner, manner
        self._n_new = 0

    def run(self, progress: Callable[[int, int], None] | None) -> CaptionReport:
        check_confined(self._folder)
        manifest = read_manifest(self._folder)
        clips = Table.open(self._folder / CLIPS_FOLDER, version=manifest.clips_version)
        wanted = clips.read(["clip_id", "path", "path_bytes", "size_bytes", "content_hash"]).to_pylist()
        key = f"{self._captioner.digest}\n{self._manner}"
        made_of = {row["clip_id"]: _hash(f"{key}\n{row['content_hash']}") for row in wanted}
        rows = self._known(manifest, made_of)
        known = {row["clip_id"] for row in rows}
        todo = [row for row in wanted if row["clip_id"] not in known]
        failures: list[Failure] = []
        saved_s = time.monotonic()
        try:
            for n_done, row in enumerate(todo):
                if progress is not None:
                    progress(len(known) + n_done, len(wanted))
                try:
                    rows += self._rows(row, made_of[row["clip_id"]])
                    self._n_new += 1
                except AudioError as error:
                    failures.append(Failure(row["path"], str(error).removeprefix(f"{row['path']}: ")))
                if time.monotonic() - saved_s > S_BETWEEN_SAVES:
                    self._save(rows)
                    saved_s = time.monotonic()
        finally:  # stopped, too: what is written is not to be written again
            self._save(rows)
        return CaptionReport(
            collection=self._folder,
            captioner=self._captioner.id,
            n_clips=len(wanted),
            n_known=len(known),
            n_captioned=len(todo) - len(failures),
            n_captions=len(rows),
            failures=tuple(failures),
        )

    def _known(self, manifest: Manifest, made_of: Mapping[int, str]) -> list[dict[str, Any]]:
        """Rows that still hold: of clips that are there, as they are, by this captioner, in this manner."""
        table = read_annex(self._folder, manifest, CAPTIONS)
        if table is None:
            return []
        rows = table.read()
        if not set(ROWS.names) <= set(rows.column_names):
            return []  # captions that somebody else wrote
        known = rows.select(ROWS.names).to_pylist()
        return [row for row in known if made_of.get(row["clip_id"]) == row["made_of"]]

    def _rows(self, clip: Mapping[str, Any], made_of: str) -> Iterable[dict[str, Any]]:
        path = exact_path(clip["path"], clip["path_bytes"])
        file = IndexedClip(path, clip["size_bytes"], clip["content_hash"])
        for one in caption_file(file, captioner=self._captioner, manner=self._manner):
            yield {
                "clip_id": clip["clip_id"],
                **one.to_json(),
                "captioner": self._captioner.id,
                "made_of": made_of,
            }

    def _save(self, rows: list[dict[str, Any]]) -> None:
        if self._n_new:
            write_annex(self._folder, CAPTIONS, pa.Table.from_pylist(rows, schema=ROWS))
            self._n_new = 0


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
