"""The progress of indexing on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from .screen import counted, is_terminal, say, spoken_duration

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from ..indexer.report import Progress

S_BETWEEN_LINES = 30.0


class IndexingProgress:
    """Shows how far indexing has come, from the first call of `update` until the `with` block ends.

    Args:
        on_start: Called once, before anything else is shown, as soon as there is something to index.
    """

    def __init__(self, *, on_start: Callable[[], None]) -> None:
        self._on_start: Callable[[], None] | None = on_start
        self._bar: Bar | None = None
        self._task: TaskID
        self._index_step: str | None = None
        self._next_line_s = S_BETWEEN_LINES

    def __enter__(self) -> IndexingProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None:
            self._start()  # nothing had to be done, so nothing was reported

    def update(self, progress: Progress) -> None:
        """Take one report of progress from the indexer."""
        self._start()
        if is_terminal(sys.stderr):
            self._show_bar(progress)
        elif progress.elapsed_s >= self._next_line_s:
            self._next_line_s = progress.elapsed_s + S_BETWEEN_LINES
            done = f"{progress.n_done:,} of {counted(progress.n_total, 'clip')}, {_pace(progress)}"
            say(done if progress.index_step is None else _building(progress))

    def _start(self) -> None:
        if self._on_start is not None:
            self._on_start()
            sys.stdout.flush()
            self._on_start = None

    def _show_bar(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._task = _new_task(self._bar)
            self._bar.start()
        if self._index_step != progress.index_step:
            # A bar of which the end is known cannot forget it again: another takes its place.
            self._index_step = progress.index_step
            self._bar.remove_task(self._task)
            self._task = _new_task(self._bar)
        if progress.index_step is None:
            count, pace = f"{progress.n_done:,}/{progress.n_total:,}", _pace(progress)
            self._bar.update(self._task, completed=progress.n_done, total=progress.n_total, count=count, pace=pace)
        elif progress.index_share:
            self._bar.update(self._task, completed=progress.index_share, total=1, pace=_building(progress))
        else:
            self._bar.update(self._task, pace=_building(progress), refresh=True)


def _building(progress: Progress) -> str:
    return f"building the index: {progress.index_step}"


def _pace(progress: Progress) -> str:
    parts = [f"{progress.n_failed:,} failed"] if progress.n_failed else []
    if not progress.audio_s:
        return ", ".join(["starting", *parts])  # a pace of the first failures alone would be no pace
    parts = [f"{progress.clips_per_s:.1f} clips/s", f"{progress.audio_s_per_s:,.0f} s of sound/s", *parts]
    if progress.remaining_s is not None and progress.n_done < progress.n_total:
        parts.append(f"{spoken_duration(progress.remaining_s)} left")
    return ", ".join(parts)


def _new_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(bar_width=None),
        TextColumn("{task.fields[count]}", markup=False),
        TextColumn("{task.fields[pace]}", markup=False),
        console=Console(stderr=True, highlight=False),
        expand=True,
        transient=True,  # the report that follows says it all
    )


def _new_task(bar: Bar) -> TaskID:
    return bar.add_task("", total=None, count="", pace="")
