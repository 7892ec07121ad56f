"""`soundgrep sql`: ask a collection anything in SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..options import CollectionFolder, SqlValues, bound_values
from ..rows_file import check_format, json_rows, save_rows
from ..screen import counted, is_terminal, say, shown_path, terminal_width, write_json, write_line

HELP = """\
Ask a collection anything in SQL.

The tables are clips (one row a file: path, duration_s, codec,
sampling_rate_hz, n_channels, rms_dbfs, title, artist ...), segments (one row
an embedding: clip_id, start_s, end_s, embedding) and those that other
commands add (labels, metadata); SHOW TABLES lists them. search('TEXT', K) is
a table too: rank, score, clip_id, segment_id, start_s, end_s of the best K
clips. Nothing can be changed."""

EXAMPLES = """\
Examples:
  soundgrep sql sounds.soundgrep "SELECT path, duration_s FROM clips LIMIT 5"
  soundgrep sql sounds.soundgrep "SELECT codec, count(*) FROM clips GROUP BY 1"
  soundgrep sql sounds.soundgrep "SELECT artist, count(*) FROM
      search('thunder', 200) JOIN clips USING (clip_id) GROUP BY 1"
  soundgrep sql sounds.soundgrep "FROM segments" --output segments.parquet
  soundgrep sql sounds.soundgrep "DESCRIBE clips\""""


def sql(
    collection: CollectionFolder,
    query: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT statement.", show_default=False)],
    bind: SqlValues = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows to a file: .parquet, .csv or .json.", show_default=False),
    ] = None,
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="Give up after so long.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as a JSON list.")] = False,
) -> None:
    """Query the catalog: one call of `Collection.sql` and a table."""
    from ...search import Collection

    if output is not None:
        check_format(output)
    rows = Collection.open(collection).sql(query, values=bound_values(bind), time_limit_s=time_limit)
    if output is not None:
        save_rows(rows, output)
        say(f"{shown_path(output)}: {counted(rows.num_rows, 'row')}")
        return
    if as_json:
        write_json(json_rows(rows))
        return
    from ..table import table_lines

    columns = [column.to_pylist() for column in rows.columns]
    width = terminal_width() if is_terminal(sys.stdout) else None
    for line in table_lines(rows.column_names, list(zip(*columns, strict=True)), width=width):
        write_line(line)
    write_line(f"({counted(rows.num_rows, 'row')})")
