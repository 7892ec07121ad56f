"""The tally: what a run has done so far, counted for its progress and its report."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .engines.worker import EmbeddedFile
from .inputs.files import FoundFile
from .report import Failure, Note, Progress


@dataclass
class Tally:
    """What a run has done so far, and how far its present pass is.

    Attributes:
        progress: Called with how far the run is.
        failures: Files that could not be indexed.
        notes: What was found of files that were indexed.
        n_added: Files that were not in the collection before.
        n_replaced: Files whose content had changed.
        n_touched: Files that were written again with the content they had.
        n_removed: Clips that went.
        n_withheld: Clips that would have gone, but were kept.
        audio_s: Seconds of audio embedded.
        stages: Seconds of work by stage.
        covered: By encoder, clips of the collection that it had not embedded before.
    """

    progress: Callable[[Progress], None] | None = None
    failures: list[Failure] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    n_added: int = 0
    n_replaced: int = 0
    n_touched: int = 0
    n_removed: int = 0
    n_withheld: int = 0
    audio_s: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    covered: dict[str, int] = field(default_factory=dict)
    _pass: _Pass | None = None

    def begin(self, files: Iterable[FoundFile]) -> None:
        """Begin a pass over files."""
        self._pass = _Pass([file.size_bytes for file in files], audio_before_s=self.audio_s)
        self.show()

    def done(self, file: FoundFile) -> None:
        """Count a file of the pass as dealt with."""
        if self._pass is not None:
            self._pass.done(file.size_bytes)

    def embedded(self, file: EmbeddedFile) -> None:
        """Count what embedding a file took."""
        self.audio_s += file.info.duration_s
        for stage, seconds in file.spent.items():
            self.stages[stage] += seconds

    def show(self, *, index_step: str | None = None, index_share: float = 0.0) -> None:
        """Report how far the run is."""
        if self.progress is not None and self._pass is not None:
            self.progress(self._pass.progress(self, index_step=index_step, index_share=index_share))

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a block for a stage."""
        started_s = time.monotonic()
        try:
            yield
        finally:
            self.stages[stage] += time.monotonic() - started_s

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
            self.show(index_step=now, index_share=share)

        with self.timed("index"):
            yield note
        self._count(step, since_s=began_s)

    def _count(self, index_step: str, *, since_s: float) -> None:
        if index_step:
            self.stages[f"index: {index_step}"] += time.monotonic() - since_s


class _Pass:
    """How far one pass over files is."""

    def __init__(self, sizes: Sequence[int], *, audio_before_s: float) -> None:
        self._n_total, self._total_bytes = len(sizes), sum(sizes)
        self._n_done = self._done_bytes = 0
        self._audio_before_s = audio_before_s
        self._first: tuple[float, int] | None = None
        self._started_s = time.monotonic()

    def done(self, size_bytes: int) -> None:
        self._n_done += 1
        self._done_bytes += size_bytes
        if self._first is None:
            self._first = time.monotonic() - self._started_s, self._done_bytes

    def progress(self, tally: Tally, *, index_step: str | None, index_share: float) -> Progress:
        first_s, first_bytes = self._first or (0.0, 0)
        return Progress(
            n_done=self._n_done,
            n_total=self._n_total,
            n_failed=len(tally.failures),
            audio_s=tally.audio_s - self._audio_before_s,
            elapsed_s=time.monotonic() - self._started_s,
            share_done=self._done_bytes / self._total_bytes if self._total_bytes else None,
            first_s=first_s,
            first_share=first_bytes / self._total_bytes if self._total_bytes else 0.0,
            newest_failure=tally.failures[-1] if tally.failures else None,
            index_step=index_step,
            index_share=index_share,
        )
