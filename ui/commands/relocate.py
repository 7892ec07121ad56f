"""`soundgrep relocate`: a library that was moved keeps all that is known of its clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..screen import counted, printable, quoted, say, shown_path, write_json, write_line

if TYPE_CHECKING:
    from ...indexer.maintenance.relocation import RelocationReport

HELP = """\
Follow sounds that were moved: what lay in OLD is in NEW now.

Clips, metadata, labels, captions, lists, remembered failures and saved queries
go along, and nothing is embedded again. A run of soundgrep index over the new
folder recognises moved files as well, but has to read every one of them.

Clips whose files are still in OLD, and not in NEW, stay. Saved queries that
ask for paths in their filters are not changed."""

EXAMPLES = """\
Examples:
  soundgrep relocate sounds.soundgrep ~/Sounds /mnt/library/Sounds --dry-run
  soundgrep relocate sounds.soundgrep ~/Sounds /mnt/library/Sounds
  soundgrep relocate sounds.soundgrep old.tar new.tar"""


def relocate(
    collection: Annotated[
        Path, typer.Argument(metavar="COLLECTION", help="A folder that soundgrep index wrote.", show_default=False)
    ],
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD", help="The folder, archive or file where they were, or a URL.", show_default=False
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Where that is now.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Relocate clips: one call of `soundgrep.indexer.relocate_collection` and a report."""
    from ...indexer import relocate_collection

    report = relocate_collection(collection, old, new, dry_run=dry_run)
    if as_json:
        write_json(report.to_json())
    else:
        _write_report(report, collection, new)


def _write_report(report: RelocationReport, collection: Path, new: str) -> None:
    name = shown_path(collection)
    if report.n_moved or report.n_failures or not report.n_there:
        failed = f" and {counted(report.n_failures, 'file')} that failed" if report.n_failures else ""
        verb = "would be relocated" if report.is_dry_run else "relocated"
        write_line(f"{name}: {counted(report.n_moved, 'clip')}{failed} {verb} to {printable(new)}")
    else:
        write_line(f"{name}: nothing to do, {counted(report.n_there, 'clip')} in {printable(new)} already")
    if report.n_missing:
        say(f"{counted(report.n_missing, 'clip')} of them could not be found there, nor where they were")
    if report.n_stayed:
        say(f"{counted(report.n_stayed, 'clip')} stayed: the files are where they were, and not in the new place")
    if report.n_occupied:
        say(f"{counted(report.n_occupied, 'clip')} stayed: the collection has another sound in the new place")
    if report.n_moved and not report.is_dry_run:
        write_line(f"next: soundgrep index {quoted(new)} {quoted(collection)}")
