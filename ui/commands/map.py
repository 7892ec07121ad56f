"""`soundgrep map`: lays the clips of a collection out on a plane."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import CollectionFolder, ReportAsJson
from ..screen import counted, is_terminal, quoted, shown_path, spoken_duration, write_json, write_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

HELP = """\
Lay the sounds out on a map, those that sound alike together.

The map is kept in the collection: for the page (soundgrep ui), and for SQL as
the table map with clip_id, x and y. Run it again after sounds were added. By
umap, neighbours stay neighbours; it is what is used if umap-learn is installed
(pip install 'soundgrep[map]'). By pca, the two directions in which the sounds
differ most become x and y, which is quicker and says less."""

EXAMPLES = """\
Examples:
  soundgrep map sounds.soundgrep
  soundgrep map sounds.soundgrep --method pca
  soundgrep search sounds.soundgrep rain --where \\
      "clip_id IN (SELECT clip_id FROM map WHERE x > 0.5)\""""


def map_(
    collection: CollectionFolder,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="umap|pca", help="How to lay it out; by default as it is, or umap if installed.", show_default=False
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Lay out all clips anew, those on the map too.")] = False,
    as_json: ReportAsJson = False,
) -> None:
    """Make the map: one call of `soundgrep.indexer.map_collection` and a report."""
    from ...indexer import map_collection

    with _Progress() as shown:
        report = map_collection(collection, method=method, again=again, progress=shown.update)
    if as_json:
        write_json(report.to_json())
        return
    done = f"{report.n_new:,} of them new, " if report.n_new < report.n_clips else ""
    write_line(
        f"{shown_path(collection)}: {counted(report.n_clips, 'clip')} on the map, {done}by {report.method} "
        f"in {spoken_duration(report.elapsed_s)}"
    )
    write_line(f"next: soundgrep ui {quoted(collection)}")


class _Progress:
    """A bar on a terminal, and nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, what: str, share: float) -> None:
        """Take what is being done and what share of it is done."""
        if not is_terminal(sys.stderr):
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            console = Console(stderr=True, highlight=False)
            self._bar = Bar(TextColumn("{task.description}"), BarColumn(), console=console, transient=True)
            self._task = self._bar.add_task(what, total=1.0)
            self._bar.start()
        if self._task is not None:
            self._bar.update(self._task, description=what, completed=share)
