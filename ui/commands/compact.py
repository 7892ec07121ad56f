"""`soundgrep compact`: a collection in fewer files and less room."""

from __future__ import annotations

from typing import Annotated

import typer

from ..options import CollectionFolder, ReportAsJson
from ..screen import counted, printable, shown_path, spoken_size, write_json, write_line

HELP = """\
Bring a collection into fewer files and less room.

Merges the small files that many runs leave, and removes old versions of the
tables and of the index, what was written about clips that are gone, and what
killed runs left. What is found stays the same, and searches go on meanwhile.

With --drop-encoder it also removes one of several encodings: so a collection
moves to another encoder and keeps all else."""

EXAMPLES = """\
Examples:
  soundgrep compact sounds.soundgrep
  soundgrep compact sounds.soundgrep --keep-hours 0
  soundgrep compact sounds.soundgrep --drop-encoder mini"""


def compact(
    collection: CollectionFolder,
    keep_hours: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Keep versions that were the newest within so many hours, for programs that still read them.",
        ),
    ] = 24,
    drop_encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Remove the encoding by this encoder, of several; clips, metadata and labels stay.",
            show_default=False,
        ),
    ] = None,
    as_json: ReportAsJson = False,
) -> None:
    """Compact a collection: one call of `soundgrep.indexer.compact_collection` and a report."""
    from ...indexer.maintenance.compact import compact_collection

    report = compact_collection(collection, keep_hours=keep_hours, drop_encoder=drop_encoder)
    if as_json:
        write_json(report.to_json())
        return
    if drop_encoder is not None:
        write_line(f"{shown_path(collection)}: the encoding by {printable(drop_encoder)} is removed")
    if (report.n_files, report.size_bytes) == (report.n_files_before, report.size_bytes_before):
        if drop_encoder is None:
            name, size = shown_path(collection), spoken_size(report.size_bytes)
            write_line(f"{name}: nothing to do, {counted(report.n_files, 'table file')}, {size}")
        return
    before = f"{counted(report.n_files_before, 'table file')}, {spoken_size(report.size_bytes_before)} before"
    now = f"{counted(report.n_files, 'table file')}, {spoken_size(report.size_bytes)} now"
    write_line(f"{shown_path(collection)}: {before}; {now}")
    if report.old_bytes:
        write_line(
            f"{spoken_size(report.old_bytes)} of old versions are kept for whoever still reads them, "
            f"{counted(keep_hours, 'hour')} long (--keep-hours)"
        )
