"""The encoder pass: files read by an engine, embedded by one encoder, and committed as it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow.compute as pc

from ..model.encoders.encoder import Encoder
from ..search.store.identity import clip_id_of
from .changed_clips import ChangedClips
from .engines.engine import Engine, Outcome
from .engines.retry import read_with_retry
from .engines.worker import EmbeddedFile, RecognisedFile, Task
from .inputs.files import Findings, FoundFile
from .report import Failure
from .tally import Tally
from .writing.batch import Batch
from .writing.changes import KnownClip
from .writing.writer import Writer

_MAX_BATCH_CLIPS = 1_000
_MAX_BATCH_SEGMENTS = 10_000
# The longer a pass lasts, the less it matters to lose this much, and the fewer small files it leaves.
_COMMIT_EVERY_S, _COMMIT_AT_LATEST_S, _COMMIT_SHARE = 3.0, 30.0, 0.05


class EncoderPass:
    """One encoder's pass over the files that it has to embed.

    These are the files of clips that its encoding does not cover as they are: all of them for an encoder that was just
    added, what it missed for one that was not at hand for a while. The first pass of a run is over what changed, too.

    Args:
        writer: The collection.
        encoding: Name of the encoding.
        encoder: Its encoder.
        findings: The files that were found.
        known: The clips of the collection before the run.
        changed: What becomes of clips whose files changed; None where an earlier pass has seen to them.
        tally: Counts what is done.
    """

    def __init__(
        self,
        writer: Writer,
        encoding: str,
        encoder: Encoder,
        findings: Findings,
        *,
        known: Mapping[int, KnownClip],
        changed: ChangedClips | None,
        tally: Tally,
    ) -> None:
        self._writer = writer
        self._encoding = encoding
        self._encoder = encoder
        self._changed = changed
        self._tally = tally
        self._files: dict[bytes, FoundFile] = {} if changed is None else dict(changed.files)
        self._contents = self._uncovered(findings, known if changed is not None else writer.known_clips())
        self._files |= {path: findings.files[path] for path in self._contents}
        # A file that was moved or copied has the size it had.
        sizes = {file.size_bytes for file in self._files.values()}
        covered = writer.covered_clips(encoding, as_opened=True).items() if sizes else ()
        self._donors = {content: one for one, content in covered if one in known and known[one].size_bytes in sizes}
        self._batch = writer.batch(encoding)
        self._recognised: dict[bytes, RecognisedFile] = {}
        self._writing: Future[None] | None = None
        self._started_s = self._committed_s = time.monotonic()
        if changed is None:
            tally.covered.setdefault(encoder.id, 0)

    @property
    def n_files(self) -> int:
        """Files to read."""
        return len(self._files)

    @property
    def known_contents(self) -> frozenset[str]:
        """Contents that need no embedding again: of files that were moved, copied, or touched but not changed."""
        return frozenset(self._donors)

    def read(self, engine: Engine) -> None:
        """Read what is new or changed, drop what is gone, and commit as it goes.

        Raises:
            CollectionError: If the collection cannot be written.
            CheckpointError: If the encoder cannot be loaded.
            KeyboardInterrupt: If the run was interrupted; what was read is committed first.
        """
        if not self._files and self._changed is None:
            return
        self._tally.begin(self._files.values())
        with ThreadPoolExecutor(1, "soundgrep-writing") as thread:
            try:
                for task, outcome in read_with_retry(engine, self._tasks()):
                    self._tally.done(self._files[task.path])
                    self._note(task.path, outcome)
                    self._tally.show()
                    if self._is_commit_due():
                        self._commit(thread)
                if self._changed is not None:
                    self._changed.finish(self._batch)
                self._commit(thread)
            except KeyboardInterrupt:
                self._commit(thread)
                raise
            finally:
                self._wait_for_writing()

    def _uncovered(self, findings: Findings, known: Mapping[int, KnownClip]) -> dict[bytes, str]:
        """Find the files, by path, of clips that the encoding does not cover with the content that they have."""
        covered = self._writer.covered_clips(self._encoding)
        contents: dict[bytes, str] = {}
        for path in findings.files:
            clip = None if path in self._files else known.get(clip_id_of(path))
            if clip is not None and covered.get(clip_id_of(path)) != clip.content_hash:
                contents[path] = clip.content_hash
        return contents

    def _tasks(self) -> Iterator[Task]:
        hop_s = self._writer.manifest.encodings[self._encoding].hop_s
        for file in self._files.values():
            yield Task(file.path, str(self._encoder.source), hop_s, span=file.span)

    def _note(self, path: bytes, outcome: Outcome) -> None:
        if isinstance(outcome, EmbeddedFile):
            self._tally.embedded(outcome)
        if self._changed is not None and path in self._changed.files:
            self._changed.note(self._batch, path, outcome)
        elif isinstance(outcome, Failure):
            self._tally.failures.append(outcome)
            return
        elif outcome.state.content_hash != self._contents[path]:
            return  # it was written to meanwhile: the next run reads it anew
        else:
            self._tally.covered[self._encoder.id] = self._tally.covered.get(self._encoder.id, 0) + 1
            if isinstance(outcome, EmbeddedFile):
                self._batch.cover(path, outcome)
        if isinstance(outcome, RecognisedFile):
            self._recognised[path] = outcome

    def _commit(self, thread: ThreadPoolExecutor) -> None:
        """Have the batch written behind the reading, after the one before it."""
        self._wait_for_writing()
        batch, recognised = self._batch, self._recognised
        self._batch, self._recognised = self._writer.batch(self._encoding), {}
        self._committed_s = time.monotonic()
        self._writing = thread.submit(self._write, batch, recognised)

    def _wait_for_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, batch: Batch, recognised: Mapping[bytes, RecognisedFile]) -> None:
        with self._tally.timed("write"):
            self._take_recognised(batch, recognised)
            self._writer.commit(batch)

    def _take_recognised(self, batch: Batch, recognised: Mapping[bytes, RecognisedFile]) -> None:
        """Put files of known content into a batch, with the rows of a clip that has it."""
        if not recognised:
            return
        donors = {path: self._donor(path, file) for path, file in recognised.items()}
        clips, segments = self._writer.rows_as_opened(sorted(set(donors.values())), encoding=self._encoding)
        for path, donor in donors.items():
            is_donor = pc.field("clip_id") == donor
            if self._changed is not None and path in self._changed.files:
                rows = clips.filter(is_donor), segments.filter(is_donor)
                self._changed.take(batch, path, recognised[path], donor, rows)
            else:
                batch.cover_copy(path, recognised[path].state, segments=segments.filter(is_donor))

    def _donor(self, path: bytes, file: RecognisedFile) -> int:
        """Return the clip whose rows a file of known content gets: its own, if it has not changed."""
        own = None if self._changed is None else self._changed.known.get(clip_id_of(path))
        if own is not None and own.content_hash == file.state.content_hash:
            return clip_id_of(path)
        return self._donors[file.state.content_hash]

    def _is_commit_due(self) -> bool:
        now_s = time.monotonic()
        wait_s = min(_COMMIT_AT_LATEST_S, max(_COMMIT_EVERY_S, _COMMIT_SHARE * (now_s - self._started_s)))
        return (
            len(self._batch) + len(self._recognised) >= _MAX_BATCH_CLIPS
            or self._batch.n_segments >= _MAX_BATCH_SEGMENTS
            or now_s - self._committed_s >= wait_s
        )
