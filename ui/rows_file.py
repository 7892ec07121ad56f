"""Rows of a SQL answer as a file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..model.atomic import replacing
from ..model.errors import UsageError
from .screen import json_text, shown_path

if TYPE_CHECKING:
    import pyarrow as pa

ID_COLUMNS = frozenset({"clip_id", "segment_id"})
FORMATS = (".parquet", ".csv", ".json")


def check_format(file: Path) -> None:
    """Refuse a file whose ending names no format.

    Raises:
        UsageError: If it is not one of `FORMATS`.
    """
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"{shown_path(file)}: rows are written as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def save_rows(rows: pa.Table, file: Path) -> None:
    """Write rows to a file in the format that its ending names; an older file stays until the new one is whole.

    Raises:
        UsageError: If the file cannot be written.
    """
    check_format(file)
    try:
        with replacing(file) as sink:
            _write(rows, sink, file.suffix.lower())
    except OSError as error:
        raise UsageError(f"{shown_path(file)}: cannot be written ({error.strerror or error})") from error


def rows_as(rows: pa.Table, ending: str) -> bytes:
    """Return rows as a file, in the format that the ending names, one of `FORMATS`."""
    sink = io.BytesIO()
    _write(rows, sink, ending)
    return sink.getvalue()


def json_rows(rows: pa.Table) -> list[dict[str, object]]:
    """Rows as JSON objects; ids as text, as in hits, because they exceed the integers of many JSON readers."""
    records: list[dict[str, object]] = rows.to_pylist()
    for name in ID_COLUMNS & set(rows.column_names):
        for record in records:
            record[name] = None if record[name] is None else str(record[name])
    return records


def _write(rows: pa.Table, sink: IO[bytes], ending: str) -> None:
    if ending == ".parquet":
        from pyarrow import parquet

        parquet.write_table(rows, sink, compression="zstd")
    elif ending == ".csv":
        from pyarrow import csv

        csv.write_csv(_flat(rows), sink)
    else:
        sink.write((json_text(json_rows(rows)) + "\n").encode())


def _flat(rows: pa.Table) -> pa.Table:
    """Return the columns of lists and the like as JSON, which is all that a csv file can hold of them."""
    import pyarrow as pa

    for place, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            texts = [None if value is None else json.dumps(value, default=str) for value in rows[place].to_pylist()]
            rows = rows.set_column(place, field.name, pa.array(texts, pa.string()))
        elif pa.types.is_binary(field.type):
            texts = [
                None if value is None else value.decode("utf-8", "backslashreplace")
                for value in rows[place].to_pylist()
            ]
            rows = rows.set_column(place, field.name, pa.array(texts, pa.string()))
    return rows
