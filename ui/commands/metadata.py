"""`soundgrep metadata`: joins a table of what people know of their clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import ReportAsJson
from ..screen import counted, printable, quoted, say, shown_path, write_json, write_line

if TYPE_CHECKING:
    from ...indexer.maintenance.metadata import MetadataReport

N_SHOWN_ROWS = 10

HELP = """\
Join a table of what you know of your sounds.

A row belongs to the clip whose path it gives: absolute, relative to the table's
folder, or its last parts, a file name alone where only one clip has it. The
other columns can be asked for in sql and --where from then on. A column that
is there already gets the new values; other columns and other clips stay."""

EXAMPLES = """\
Examples:
  soundgrep metadata sounds.soundgrep takes.csv
  soundgrep metadata sounds.soundgrep catalogue.parquet --key file_name
  soundgrep search sounds.soundgrep rain --where "place = 'Oslo'\""""


def metadata(
    collection: Annotated[
        Path, typer.Argument(metavar="COLLECTION", help="The folder that index wrote.", show_default=False)
    ],
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="A csv, tsv, Parquet or JSON lines file, or its URL.", show_default=False),
    ],
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column that names the clips; by default path, file, file_name or filename.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop all that was joined before.")] = False,
    as_json: ReportAsJson = False,
) -> None:
    """Join a table: one call of `soundgrep.indexer.add_metadata` and a report."""
    from ...indexer import add_metadata

    report = add_metadata(collection, table, key=key, replace=replace)
    if as_json:
        write_json(report.to_json())
    else:
        _write_report(report, collection)


def _write_report(report: MetadataReport, collection: Path) -> None:
    columns = ", ".join(printable(column) for column in report.columns)
    write_line(
        f"{shown_path(collection)}: {report.n_matched:,} of {counted(report.n_rows, 'row')} joined "
        f"({columns}); {counted(report.n_clips, 'clip')} with metadata"
    )
    _write_rows(report.unmatched, "no clip of the collection")
    _write_rows(report.ambiguous, "more than one clip")
    write_line(f'next: soundgrep sql {quoted(collection)} "FROM clips SELECT path, {_as_sql(report.columns[0])}"')


def _write_rows(names: Sequence[str], what: str) -> None:
    if not names:
        return
    say(f"{counted(len(names), 'row')} of the table named {what}:")
    for name in names[:N_SHOWN_ROWS]:
        say(f"  {name or '(nothing)'}")
    n_more = len(names) - N_SHOWN_ROWS
    if n_more > 0:
        say(f"  and {n_more:,} more (--json lists them all)")


def _as_sql(column: str) -> str:
    """Return a column's name as it can be typed in SQL between the shell's double quotes."""
    if column.isidentifier() and column.islower():
        return column
    name = printable(column).replace('"', '""')
    return f'"{name}"'.replace('"', '\\"')
