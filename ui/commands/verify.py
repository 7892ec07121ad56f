"""`soundgrep verify`: looks whether a collection is whole, and mends it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import CollectionFolder, ReportAsJson
from ..screen import EXIT_ATTENTION, counted, printable, quoted, shown_path, write_json, write_line

if TYPE_CHECKING:
    from ...indexer.maintenance.verify import VerifyReport

N_SHOWN = 20

HELP = """\
Check that a collection is whole.

Reads every file of COLLECTION from end to end and holds the tables, the index
and the manifest against each other. Exit code 0 if nothing is wrong (or
nothing is any more), 3 if something is.

With --repair it mends what can be mended: lost rows are looked for in older
versions, the index is built anew, and clips that stay incomplete are dropped,
for the next run of soundgrep index to listen to again. Nothing that is intact
is lost, and damaged files are put aside."""

EXAMPLES = """\
Examples:
  soundgrep verify sounds.soundgrep
  soundgrep verify sounds.soundgrep --repair"""


def verify(
    collection: CollectionFolder,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    as_json: ReportAsJson = False,
) -> None:
    """Check a collection: one call of `soundgrep.indexer.verify_collection` and a report."""
    from ...indexer.maintenance.verify import verify_collection

    report = verify_collection(collection, repair=repair)
    if as_json:
        write_json(report.to_json())
    else:
        _write_report(report, collection, repair=repair)
    if not report.is_sound:
        raise typer.Exit(EXIT_ATTENTION)


def _write_report(report: VerifyReport, collection: Path, *, repair: bool) -> None:
    name = shown_path(collection)
    holds = f"{counted(report.n_clips, 'clip')} in {counted(report.n_segments, 'segment')}"
    if not report.problems:
        write_line(f"{name}: {holds}, nothing is wrong")
    else:
        write_line(f"{name}: {counted(len(report.problems), 'problem')}")
        _write_list([f"{problem.part}: {problem.what}" for problem in report.problems])
    if report.repairs:
        write_line("repaired:")
        _write_list(report.repairs)
    if report.problems and report.is_sound:
        write_line(f"{name}: {holds}, nothing is wrong any more")
    elif repair and report.remaining:
        write_line(f"{name}: {counted(len(report.remaining), 'problem')} could not be mended")
        _write_list([f"{problem.part}: {problem.what}" for problem in report.remaining])
    elif report.remaining:
        write_line(f"next: soundgrep verify {quoted(collection)} --repair")
    if report.leftovers:
        write_line("not of this collection, and harmless:")
        _write_list(report.leftovers)


def _write_list(sentences: Sequence[str]) -> None:
    for sentence in sentences[:N_SHOWN]:
        write_line(f"  {printable(sentence)}")
    if len(sentences) > N_SHOWN:
        write_line(f"  and {len(sentences) - N_SHOWN:,} more (--json lists them all)")
