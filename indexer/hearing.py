"""Hearing: what an encoder has yet to hear of the clips that a collection has."""

import time
from collections.abc import Callable, Mapping

import pyarrow.compute as pc

from ..model.encoders.encoder import Encoder
from ..search.store.identity import clip_id_of
from .engines.engine import Engine, Outcome
from .engines.worker import EmbeddedFile, RecognisedFile, Task
from .inputs.files import Findings, FoundFile
from .report import Failure, Progress
from .writing.batch import Batch
from .writing.writer import Writer

_MAX_BATCH_CLIPS = 1_000
_MAX_BATCH_SEGMENTS = 10_000
_COMMIT_EVERY_S = 10.0


class Hearing:
    """An encoder's turn: the files that were found, are clips, and that it has not heard as they are now.

    So a further encoder hears what is new or has changed after the first one did, one that is added hears everything,
    and one that was not at hand for a while catches up.

    Attributes:
        failures: Files that it could not hear.
        n_heard: Clips that it heard.
        audio_s: Seconds of audio in them.
    """

    def __init__(
        self,
        writer: Writer,
        encoding: str,
        findings: Findings,
        *,
        encoder: Encoder,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._writer = writer
        self._encoding = encoding
        self._encoder = encoder
        self._progress = progress
        self._contents = {clip_id: clip.content_hash for clip_id, clip in writer.known_clips().items()}
        heard = writer.covered_clips(encoding)
        self._files: dict[bytes, FoundFile] = {}
        for file in findings.files.values():
            clip_id = clip_id_of(file.path)
            content = self._contents.get(clip_id)
            if content is not None and heard.get(clip_id) != content:
                self._files[file.path] = file
        wanted = {self._contents[clip_id_of(path)] for path in self._files}
        # What was copied or moved, it heard under another name; that may be gone from the tables by now.
        before = writer.covered_clips(encoding, as_opened=True)
        self._donors = {content: clip_id for clip_id, content in before.items() if content in wanted}
        self._batch = writer.batch(encoding)
        self._recognised: dict[bytes, RecognisedFile] = {}
        self.failures: list[Failure] = []
        self.n_heard = 0
        self.audio_s = 0.0
        self._n_done = 0
        self._started_s = self._committed_s = time.monotonic()

    @property
    def n_files(self) -> int:
        """Files that it has to hear."""
        return len(self._files)

    @property
    def known_contents(self) -> frozenset[str]:
        """Contents that it has heard."""
        return frozenset(self._donors)

    def read(self, engine: Engine) -> None:
        """Hear them, and commit as it goes.

        Raises:
            CollectionError: If the collection cannot be written.
            CheckpointError: If the encoder cannot be loaded.
            KeyboardInterrupt: If the run was interrupted; what was heard is committed first.
        """
        hop_s = self._writer.manifest.encodings[self._encoding].hop_s
        source = str(self._encoder.source)
        tasks = (Task(file.path, source, hop_s, span=file.span) for file in self._files.values())
        try:
            for task, outcome in engine.read_files(tasks) if self._files else ():
                self._note(task, outcome)
                self._show()
                if self._is_commit_due():
                    self._commit()
        finally:
            self._commit()

    def _note(self, task: Task, outcome: Outcome) -> None:
        self._n_done += 1
        clip_id = clip_id_of(task.path)
        if isinstance(outcome, Failure):
            self.failures.append(outcome)
            return
        if outcome.state.content_hash != self._contents[clip_id]:
            return  # it was written to meanwhile: the next run reads it anew
        if isinstance(outcome, EmbeddedFile):
            self._batch.cover(task.path, outcome)
            self.audio_s += outcome.info.duration_s
        else:
            self._recognised[task.path] = outcome
        self.n_heard += 1

    def _commit(self) -> None:
        batch, recognised = self._batch, self._recognised
        self._batch, self._recognised = self._writer.batch(self._encoding), {}
        self._committed_s = time.monotonic()
        self._take_recognised(batch, recognised)
        self._writer.commit(batch)

    def _take_recognised(self, batch: Batch, recognised: Mapping[bytes, RecognisedFile]) -> None:
        if not recognised:
            return
        donors = {path: self._donors[file.state.content_hash] for path, file in recognised.items()}
        _, segments = self._writer.rows_as_opened(sorted(set(donors.values())), encoding=self._encoding)
        for path, donor in donors.items():
            own = segments.filter(pc.field("clip_id") == donor)
            batch.cover_copy(path, recognised[path].state, segments=own)

    def _is_commit_due(self) -> bool:
        return (
            len(self._batch) + len(self._recognised) >= _MAX_BATCH_CLIPS
            or self._batch.n_segments >= _MAX_BATCH_SEGMENTS
            or time.monotonic() - self._committed_s >= _COMMIT_EVERY_S
        )

    def _show(self) -> None:
        if self._progress is not None:
            elapsed_s = time.monotonic() - self._started_s
            self._progress(Progress(self._n_done, self.n_files, len(self.failures), self.audio_s, elapsed_s))
