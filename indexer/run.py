"""A run: files read, batches committed, everything counted."""

import time
from collections.abc import Callable, Iterable, Mapping

import pyarrow.compute as pc

from ..model.encoder import Encoder
from ..search.identity import clip_id_of
from .batch import Batch
from .changes import Changes, KnownClip
from .engine import Engine, Outcome
from .failures import KnownFailure, failure_row
from .report import Failure, IndexReport, Progress
from .worker import EmbeddedFile, RecognisedFile, Task
from .writer import Writer

_MAX_BATCH_CLIPS = 1_000
_MAX_BATCH_SEGMENTS = 10_000
# The longer a run lasts, the less it matters to lose this much, and the fewer small files it leaves.
_COMMIT_EVERY_S, _COMMIT_AT_LATEST_S, _COMMIT_SHARE = 3.0, 30.0, 0.05


class Run:
    """One run over what changed, from the first file to the report."""

    def __init__(
        self,
        writer: Writer,
        known: Mapping[int, KnownClip],
        failed: Mapping[int, KnownFailure],
        changes: Changes,
        *,
        encoder: Encoder,
        failures: Iterable[Failure],
        progress: Callable[[Progress], None] | None,
        prune: bool = False,
    ) -> None:
        self._writer = writer
        self._known = known
        self._failed = failed
        self._changes = changes
        self._encoder = encoder
        self._failures = [*failures, *changes.remembered]
        self._progress = progress
        self._prune = prune
        self._batch = Batch(encoder.digest)
        self._recognised: dict[bytes, RecognisedFile] = {}
        self._is_committing = False
        self._files = {file.path: file for file in changes.to_read}
        # A file that was moved or copied has the size it had.
        sizes = {file.size_bytes for file in changes.to_read}
        self._donors = {clip.content_hash: clip_id for clip_id, clip in known.items() if clip.size_bytes in sizes}
        self._recognised_contents: set[str] = set()
        self._broken = list(changes.broken)
        self._n_done = self._n_added = self._n_replaced = self._n_touched = self._n_removed = self._n_withheld = 0
        self._audio_s = 0.0
        self._started_s = self._committed_s = time.monotonic()

    def read(self, engine: Engine) -> None:
        """Read what is new or changed, drop what is gone, and commit as it goes.

        Raises:
            CollectionError: If the collection cannot be written.
            CheckpointError: If the encoder cannot be loaded.
            KeyboardInterrupt: If the run was interrupted; what was read is committed first.
        """
        self._show()
        try:
            for task, outcome in engine.read_files(self._tasks()):
                self._note(task, outcome)
                self._show()
                if self._is_commit_due():
                    self._commit()
            self._batch.stale_failures.update(self._changes.forgotten)
            self._drop_gone()
            self._commit()
        except KeyboardInterrupt:
            if not self._is_committing:
                self._commit()
            raise

    @property
    def known_contents(self) -> frozenset[str]:
        """Contents that need no embedding again: of files that were moved, copied, or touched but not changed."""
        return frozenset(self._donors)

    def report(self, *, elapsed_s: float) -> IndexReport:
        """Say what was done."""
        manifest = self._writer.manifest
        return IndexReport(
            collection=self._writer.folder,
            encoder_id=manifest.encoder.id,
            n_clips=manifest.n_clips,
            n_segments=manifest.n_segments,
            n_added=self._n_added,
            n_replaced=self._n_replaced,
            n_removed=self._n_removed,
            n_unchanged=self._changes.n_unchanged + self._n_touched,
            failures=tuple(sorted(self._failures, key=lambda failure: failure.path)),
            audio_s=self._audio_s,
            elapsed_s=elapsed_s,
            n_withheld=self._n_withheld,
        )

    def _tasks(self) -> Iterable[Task]:
        for file in self._changes.to_read:
            yield Task(
                path=file.path,
                encoder_source=str(self._encoder.source),
                hop_s=self._writer.manifest.hop_s,
                span=file.span,
            )

    def _note(self, task: Task, outcome: Outcome) -> None:
        self._n_done += 1
        clip_id = clip_id_of(task.path)
        old = self._known.get(clip_id)
        if isinstance(outcome, Failure):
            self._note_failure(task, outcome)
            return
        if clip_id in self._failed:
            self._batch.stale_failures.add(clip_id)
        if old is not None and old.content_hash == outcome.state.content_hash and isinstance(outcome, RecognisedFile):
            self._n_touched += 1
        elif old is not None:
            self._batch.remove(clip_id)
            self._n_replaced += 1
        else:
            self._n_added += 1
        if isinstance(outcome, EmbeddedFile):
            self._batch.add(task.path, outcome)
            self._audio_s += outcome.info.duration_s
        else:
            self._recognised[task.path] = outcome
            self._recognised_contents.add(outcome.state.content_hash)

    def _note_failure(self, task: Task, failure: Failure) -> None:
        self._failures.append(failure)
        clip_id = clip_id_of(task.path)
        if clip_id in self._failed:
            self._batch.stale_failures.add(clip_id)
        if failure.is_lasting:
            self._batch.failures.append(failure_row(self._files[task.path], failure.reason))
            if clip_id in self._known:
                # What the collection holds is not in the file any more.
                self._broken.append(clip_id)

    def _drop_gone(self) -> None:
        """Drop the clips whose files are gone or broken, unless that are so many that a disk may be missing."""
        gone = self._changes.gone
        moved = [clip_id for clip_id in gone if self._known[clip_id].content_hash in self._recognised_contents]
        lost = [*(set(gone) - set(moved)), *self._broken]
        if not self._prune and 2 * len(lost) > self._changes.n_within:
            self._n_withheld, lost = len(lost), []
        for clip_id in (*moved, *lost):
            self._batch.remove(clip_id)
        self._n_removed = len(moved) + len(lost)

    def _commit(self) -> None:
        self._is_committing = True
        self._take_recognised()
        self._writer.commit(self._batch)
        self._batch = Batch(self._encoder.digest)
        self._recognised = {}
        self._committed_s = time.monotonic()
        self._is_committing = False

    def _take_recognised(self) -> None:
        """Give files of known content the rows of a clip that has it."""
        if not self._recognised:
            return
        donors = {path: self._donor(path, file) for path, file in self._recognised.items()}
        clips, segments = self._writer.rows_as_opened(sorted(set(donors.values())))
        for path, donor in donors.items():
            state = self._recognised[path].state
            clip = clips.filter(_is(donor))
            if donor == clip_id_of(path):
                self._batch.update(path, state, clip=clip)
            else:
                self._batch.copy(path, state, clip=clip, segments=segments.filter(_is(donor)))

    def _donor(self, path: bytes, file: RecognisedFile) -> int:
        own = self._known.get(clip_id_of(path))
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

    def _show(self) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    n_done=self._n_done,
                    n_total=len(self._changes.to_read),
                    n_failed=len(self._failures),
                    audio_s=self._audio_s,
                    elapsed_s=time.monotonic() - self._started_s,
                )
            )


def _is(clip_id: int) -> pc.Expression:
    return pc.field("clip_id") == clip_id
