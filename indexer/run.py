"""A run: files read, batches committed, everything counted."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow.compute as pc

from ..model.audio.archives import split_member
from ..model.audio.stores import is_url
from ..model.encoders.encoder import Encoder
from ..model.paths import readable_path
from ..search.store.identity import clip_id_of
from .engines.engine import Engine, Outcome
from .engines.retry import read_with_retry
from .engines.worker import EmbeddedFile, RecognisedFile, Task
from .inputs.files import is_gone
from .report import Failure, IndexReport, Note, Progress
from .writing.batch import Batch
from .writing.changes import Changes, KnownClip
from .writing.failures import KnownFailure, failure_row
from .writing.writer import Writer

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
        encoding: str,
    ) -> None:
        self._writer = writer
        self._known = known
        self._failed = failed
        self._changes = changes
        self._encoder = encoder
        self._failures = [*failures, *changes.remembered]
        self._notes: list[Note] = []
        self._progress = progress
        self._prune = prune
        self._encoding = encoding
        self._batch = writer.batch(encoding)
        self._recognised: dict[bytes, RecognisedFile] = {}
        self._writing: Future[None] | None = None
        self._writing_thread = ThreadPoolExecutor(1, "soundgrep-writing")
        self._files = {file.path: file for file in changes.to_read}
        # A file that was moved or copied has the size it had.
        sizes = {file.size_bytes for file in changes.to_read}
        heard = writer.covered_clips(encoding)
        self._donors = {
            clip.content_hash: clip_id
            for clip_id, clip in known.items()
            if clip.size_bytes in sizes and heard.get(clip_id) == clip.content_hash
        }
        # Files that are gone, by content: where one of them has come up again, it was moved.
        self._unmoved: defaultdict[str, list[int]] = defaultdict(list)
        for clip_id in changes.gone:
            self._unmoved[known[clip_id].content_hash].append(clip_id)
        # So it may be with clips that the sources do not show at all, as when a whole library got another name.
        found = {clip_id_of(file.path) for file in changes.to_read}
        shown = {*changes.gone, *changes.unknown, *changes.unchanged, *found}
        self._elsewhere: defaultdict[str, list[int]] = defaultdict(list)
        for clip_id, clip in known.items():
            if clip.size_bytes in sizes and clip_id not in shown:
                self._elsewhere[clip.content_hash].append(clip_id)
        self._left_behind: list[int] = []
        self._recognised_contents: set[str] = set()
        self._broken = list(changes.broken)
        self._n_done = self._n_added = self._n_replaced = self._n_touched = self._n_removed = self._n_withheld = 0
        self._audio_s = 0.0
        self._done_bytes = 0
        self._total_bytes = sum(file.size_bytes for file in changes.to_read)
        self._first: tuple[float, int] | None = None
        self._stages: dict[str, float] = defaultdict(float)
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
            for task, outcome in read_with_retry(engine, self._tasks()):
                self._note(task, outcome)
                self._show()
                if self._is_commit_due():
                    self._commit()
            self._batch.stale_failures.update(self._changes.forgotten)
            self._drop_gone()
            self._commit()
        except KeyboardInterrupt:
            self._commit()
            raise
        finally:
            self._writing_thread.shutdown()
            self._wait_for_writing()

    @property
    def known_contents(self) -> frozenset[str]:
        """Contents that need no embedding again: of files that were moved, copied, or touched but not changed."""
        return frozenset(self._donors)

    def report(self, *, elapsed_s: float) -> IndexReport:
        """Say what was done."""
        manifest = self._writer.manifest
        return IndexReport(
            collection=self._writer.folder,
            encoder_id=manifest.encoding.encoder.id,
            n_clips=manifest.n_clips,
            n_segments=manifest.encoding.n_segments,
            n_added=self._n_added,
            n_replaced=self._n_replaced,
            n_removed=self._n_removed,
            n_unchanged=self._changes.n_unchanged + self._n_touched,
            failures=tuple(sorted(self._failures, key=lambda failure: failure.path)),
            audio_s=self._audio_s,
            elapsed_s=elapsed_s,
            n_withheld=self._n_withheld,
            n_unknown=len(self._changes.unknown),
            stages=dict(self._stages),
            notes=tuple(sorted(self._notes, key=lambda note: note.path)),
        )

    def _tasks(self) -> Iterable[Task]:
        for file in self._changes.to_read:
            yield Task(
                path=file.path,
                encoder_source=str(self._encoder.source),
                hop_s=self._writer.manifest.encodings[self._encoding].hop_s,
                span=file.span,
            )

    def _note(self, task: Task, outcome: Outcome) -> None:
        self._n_done += 1
        self._done_bytes += self._files[task.path].size_bytes
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
            self._notes += (Note(readable_path(task.path), note) for note in outcome.info.notes)
            if old is None or old.content_hash != outcome.state.content_hash:
                self._batch.changed.add(clip_id)
            self._audio_s += outcome.info.duration_s
            for stage, seconds in outcome.spent.items():
                self._stages[stage] += seconds
        else:
            self._recognised[task.path] = outcome
            self._recognised_contents.add(outcome.state.content_hash)
            if old is None:
                self._look_elsewhere(outcome.state.content_hash)

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

    def _look_elsewhere(self, content_hash: str) -> None:
        """Look for a clip outside the sources that a new file was before, if that one's file is not there any more."""
        if self._unmoved[content_hash]:
            return
        for clip_id in self._elsewhere[content_hash]:
            path = self._known[clip_id].path
            if not is_url(path) and is_gone((split_member(path) or (path,))[0]):
                self._elsewhere[content_hash].remove(clip_id)
                self._unmoved[content_hash].append(clip_id)
                self._left_behind.append(clip_id)
                return

    def _drop_gone(self) -> None:
        """Drop the clips whose files are gone or broken, unless that looks like a disk that is missing."""
        gone = self._changes.gone
        moved = [clip_id for clip_id in gone if self._known[clip_id].content_hash in self._recognised_contents]
        lost = [*(set(gone) - set(moved)), *self._broken]
        if not self._prune:
            n_lost = len(lost)
            if 2 * n_lost > self._changes.n_within:
                lost = []
            lost = [clip_id for clip_id in lost if clip_id not in self._changes.doubtful]
            self._n_withheld = n_lost - len(lost)
        for clip_id in (*moved, *self._left_behind, *lost):
            self._batch.remove(clip_id)
        self._n_removed = len(moved) + len(self._left_behind) + len(lost)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a block for a stage of the report."""
        started_s = time.monotonic()
        try:
            yield
        finally:
            self._stages[stage] += time.monotonic() - started_s

    def _commit(self) -> None:
        """Have the batch written behind the reading, after the one before it."""
        self._wait_for_writing()
        batch, recognised = self._batch, self._recognised
        self._batch, self._recognised = self._writer.batch(self._encoding), {}
        self._committed_s = time.monotonic()
        self._writing = self._writing_thread.submit(self._write, batch, recognised)

    def _wait_for_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, batch: Batch, recognised: Mapping[bytes, RecognisedFile]) -> None:
        with self.timed("write"):
            self._take_recognised(batch, recognised)
            self._writer.commit(batch)

    def _take_recognised(self, batch: Batch, recognised: Mapping[bytes, RecognisedFile]) -> None:
        """Give files of known content the rows of a clip that has it."""
        if not recognised:
            return
        donors = {path: self._donor(path, file) for path, file in recognised.items()}
        clips, segments = self._writer.rows_as_opened(sorted(set(donors.values())), encoding=self._encoding)
        for path, donor in donors.items():
            state, clip_id = recognised[path].state, clip_id_of(path)
            clip = clips.filter(_is(donor))
            if donor == clip_id:
                batch.update(path, state, clip=clip)
                continue
            batch.copy(path, state, clip=clip, segments=segments.filter(_is(donor)))
            unmoved = self._unmoved[state.content_hash]
            if unmoved and clip_id not in self._known:
                batch.moved[clip_id] = unmoved.pop(0)
            else:
                batch.copied[clip_id] = donor

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

    @contextlib.contextmanager
    def building_index(self) -> Iterator[Callable[[str, float], None]]:
        """Count the time of a block for the index, and of each of its steps.

        Yields:
            What the block calls with the step that it is at and what share of it is done.
        """
        step, began_s = "", time.monotonic()

        def note(now: str, share: float) -> None:
            nonlocal step, began_s
            if now != step:
                self._count(step, since_s=began_s)
                step, began_s = now, time.monotonic()
            self._show(index_step=now, index_share=share)

        with self.timed("index"):
            yield note
        self._count(step, since_s=began_s)

    def _count(self, index_step: str, *, since_s: float) -> None:
        if index_step:
            self._stages[f"index: {index_step}"] += time.monotonic() - since_s

    def _show(self, *, index_step: str | None = None, index_share: float = 0.0) -> None:
        elapsed_s = time.monotonic() - self._started_s
        if self._n_done and self._first is None:
            self._first = elapsed_s, self._done_bytes
        if self._progress is not None:
            first_s, first_bytes = self._first or (0.0, 0)
            self._progress(
                Progress(
                    n_done=self._n_done,
                    n_total=len(self._changes.to_read),
                    n_failed=len(self._failures),
                    audio_s=self._audio_s,
                    elapsed_s=elapsed_s,
                    share_done=self._done_bytes / self._total_bytes if self._total_bytes else None,
                    first_s=first_s,
                    first_share=first_bytes / self._total_bytes if self._total_bytes else 0.0,
                    newest_failure=self._failures[-1] if self._failures else None,
                    index_step=index_step,
                    index_share=index_share,
                )
            )


def _is(clip_id: int) -> pc.Expression:
    return pc.field("clip_id") == clip_id
