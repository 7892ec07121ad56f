"""`soundgrep sql` and `soundgrep show`: look into a collection."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .binding import bound_values
from .saving import check_format, json_rows, save_rows
from .screen import (
    counted,
    is_terminal,
    printable,
    say,
    shown_path,
    spoken_duration,
    spoken_size,
    terminal_width,
    write_json,
    write_line,
)

if TYPE_CHECKING:
    from ..search.store.manifest import EncodingRecord, IndexRecord, Tuning

_COLLECTION = typer.Argument(metavar="COLLECTION", help="A folder that soundgrep index wrote.", show_default=False)

SQL_HELP = """\
Ask a collection anything in SQL.

The tables are clips (one row a file: path, duration_s, codec,
sampling_rate_hz, n_channels, rms_dbfs, title, artist ...), segments (one row
an embedding: clip_id, start_s, end_s, embedding) and those that other
commands add (labels, metadata); SHOW TABLES lists them. search('TEXT', K) is
a table too: rank, score, clip_id, segment_id, start_s, end_s of the best K
clips. Nothing can be changed."""

SQL_EXAMPLES = """\
Examples:
  soundgrep sql sounds.soundgrep "SELECT path, duration_s FROM clips LIMIT 5"
  soundgrep sql sounds.soundgrep "SELECT codec, count(*) FROM clips GROUP BY 1"
  soundgrep sql sounds.soundgrep "SELECT artist, count(*) FROM
      search('thunder', 200) JOIN clips USING (clip_id) GROUP BY 1"
  soundgrep sql sounds.soundgrep "FROM segments" --output segments.parquet
  soundgrep sql sounds.soundgrep "DESCRIBE clips\""""

SHOW_HELP = """\
Show what a collection holds.

The encoder it was made with, how many clips and hours of sound, its size on
disk and the kind of its index; for a large one also what visiting more or
fewer of its cells finds and costs, as measured when it was built."""

SHOW_EXAMPLES = """\
Example:
  soundgrep show sounds.soundgrep"""


def sql(
    collection: Annotated[Path, _COLLECTION],
    query: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT statement.", show_default=False)],
    bind: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="The value of $NAME in SQL.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows to a file: .parquet, .csv or .json.", show_default=False),
    ] = None,
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="Give up after so long.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as a JSON list.")] = False,
) -> None:
    """Queries the catalog: one call of `Collection.sql` and a table."""
    from ..search import Collection

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
    from .table import table_lines

    columns = [column.to_pylist() for column in rows.columns]
    width = terminal_width() if is_terminal(sys.stdout) else None
    for line in table_lines(rows.column_names, list(zip(*columns, strict=True)), width=width):
        write_line(line)
    write_line(f"({counted(rows.num_rows, 'row')})")


def show(
    collection: Annotated[Path, _COLLECTION],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Describes a collection from its manifest."""
    from ..search import Collection

    opened = Collection.open(collection)
    # An empty table has no sum.
    duration_s = opened.sql("SELECT coalesce(sum(duration_s), 0) AS s FROM clips").column("s")[0].as_py()
    size_bytes = sum(file.lstat().st_size for file in opened.path.rglob("*") if file.is_file())
    if as_json:
        facts = {"path": str(opened.path.absolute()), "duration_s": duration_s, "size_bytes": size_bytes}
        manifest = opened.manifest
        write_json(facts | dataclasses.asdict(manifest.encoding) | dataclasses.asdict(manifest))
        return
    manifest, encoding = opened.manifest, opened.manifest.encoding
    for head, text in (
        ("collection", shown_path(opened.path)),
        ("encoder", f"{printable(encoding.encoder.id)} ({encoding.encoder.digest[:19]})"),
        *(
            (("encoder", f"{printable(one.encoder.id)}, beside it, {_in_words(one)}"))
            for name, one in manifest.encodings.items()
            if name != manifest.default_encoding
        ),
        ("clips", f"{manifest.n_clips:,}, {spoken_duration(duration_s)} of sound"),
        ("segments", f"{encoding.n_segments:,} of {encoding.segment_s:g} s, one every {encoding.hop_s:g} s"),
        ("index", _index_in_words(encoding.index)),
        ("size", spoken_size(size_bytes)),
        ("updated", manifest.updated_at),
    ):
        write_line(f"{head:<12}{text}")
    index = encoding.index
    if index is not None and index.tuning is not None:
        write_line()
        for line in _curve_lines(index.tuning, nprobe=index.nprobe):
            write_line(line)
        if index.advice is not None:
            write_line(f"advice: {index.advice}")


def _in_words(one: EncodingRecord) -> str:
    segments = f"{counted(one.n_segments, 'segment')} of {one.segment_s:g} s, one every {one.hop_s:g} s"
    return f"{counted(one.n_clips, 'clip')} in {segments}"


def _index_in_words(index: IndexRecord | None) -> str:
    if index is None:
        return "none yet, every search is exact"
    if index.nlist is None:
        return f"{index.kind}, exact, over {counted(index.n_segments, 'segment')}"
    cells = f"{index.nlist:,} cells, {index.nprobe} visited"
    recall = "" if index.recall_at_10 is None else f", recall@10 {index.recall_at_10:.3f}"
    return f"{index.kind} over {counted(index.n_segments, 'segment')}: {cells}{recall}"


def _curve_lines(tuning: Tuning, *, nprobe: int | None) -> list[str]:
    """What was measured when the index was built; the row that searches use is marked."""
    from .table import table_lines

    rows = [
        (
            f"{point.nprobe:,}{' *' if point.nprobe == nprobe else ''}",
            f"{point.text_recall:.3f}",
            f"{point.audio_recall:.3f}",
        )
        for point in tuning.curve
    ]
    names = ["cells visited", "recall@10 of texts", "of sounds"]
    return list(table_lines(names, rows, width=None))
