"""User tables: lists of clips and what people know of them, as csv, tsv, Parquet, JSON lines or a playlist."""

import codecs
import io
import logging
import os
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ...model.audio.clip_files import open_in_place
from ...model.documents import json_of, text_of
from ...model.errors import UsageError
from ...model.paths import readable_path
from .columns import column_of, read_types, storable

PLAYLIST_SUFFIXES = (b".m3u", b".m3u8", b".txt")
"""Suffixes of the files that are read as a path a line; a playlist has comments too."""

TABLE_SUFFIXES = (b".csv", b".tsv", b".parquet", b".pq", b".jsonl", b".ndjson", *PLAYLIST_SUFFIXES)
"""Suffixes of the files that are read as tables."""

MAX_COLUMNS = 2_000
"""A table of more columns is none of clips; each of them would be one of every filter, and of every list of columns."""
_SEPARATORS = ",;\t"  # of two that are as frequent, the first

_log = logging.getLogger(__name__)

PATH_COLUMNS = ("path", "file", "file_name", "filename")
"""Columns that may name the clips, the first that is there."""


def read_user_table(path: bytes) -> pa.Table:
    """Read a table that a user wrote.

    Args:
        path: A file or an object in a store; its suffix says what it is.

    Returns:
        Its rows. The types are the file's own; in csv and tsv, what all values of a column are written as, and an empty
        field is null.

    Raises:
        UsageError: If it is missing, damaged, not UTF-8, empty, or has two columns of one name.
    """
    name = readable_path(path)
    try:
        with open_in_place(path) as file:
            data = file.read()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else f"cannot be read ({error.strerror or error})"
        raise UsageError(f"{name}: {reason}") from error
    try:
        table = _parse(path.lower(), data)
    except UnicodeDecodeError as error:
        n_lines = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name}: is not {error.encoding.upper()} text (line {n_lines} holds a byte 0x{data[error.start]:02x})"
        ) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"{name}: is damaged or no such table ({' '.join(str(error).split())[:200]})") from error
    if not table.num_rows:
        raise UsageError(f"{name}: is empty")
    if table.num_columns > MAX_COLUMNS:
        raise UsageError(f"{name}: has {table.num_columns:,} columns, more than {MAX_COLUMNS:,}")
    table = _named(table, name)
    lower = [column.lower() for column in table.column_names]
    double = next((column for column in table.column_names if lower.count(column.lower()) > 1), None)
    if double is not None:
        raise UsageError(f"{name}: has two columns {readable_path(double)!r}")
    return table


def key_column(table: pa.Table, *, key: str | None, path: bytes) -> str:
    """Find the column that names the clips.

    Args:
        table: The table.
        key: Its name, or None for the first of `PATH_COLUMNS` that is there.
        path: The table's file, for the message.

    Raises:
        UsageError: If there is none, or it is not text.
    """
    wanted: Sequence[str] = PATH_COLUMNS if key is None else (key.lower(),)
    by_name = {column.lower(): column for column in reversed(table.column_names)}
    name: str | None = next((by_name[one] for one in wanted if one in by_name), None)
    if name is None:
        what = "'path' or 'file'" if key is None else repr(readable_path(key))
        there = ", ".join(readable_path(column) for column in table.column_names)
        raise UsageError(f"{readable_path(path)}: has no column {what} (its columns are {there})")
    kind = table.schema.field(name).type
    is_number = key is not None and pa.types.is_integer(kind)
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind) or is_number):
        raise UsageError(f"{readable_path(path)}: its column {readable_path(name)!r} holds no paths but {kind} values")
    return name


def _named(table: pa.Table, file: str) -> pa.Table:
    """Name columns that SQL could not name: those without a name, or with a zero character in it."""
    names: list[str] = []
    for place, name in enumerate(table.column_names, 1):
        free = name.replace("\0", "") or f"column_{place}"
        while free != name and free.lower() in {other.lower() for other in (*table.column_names, *names)}:
            free += "_"
        if free != name:
            what = "has no name" if not name else "has a zero character in its name"
            _log.warning("%s: its column %d %s, and is called %s", file, place, what, readable_path(free))
        names.append(free)
    return table.rename_columns(names)


def _parse(name: bytes, data: bytes) -> pa.Table:
    if name.endswith(PLAYLIST_SUFFIXES):
        return _parse_lines(data, has_comments=not name.endswith(b".txt"))
    if name.endswith((b".parquet", b".pq")):
        return storable(pq.read_table(io.BytesIO(data)))
    text = text_of(data)
    if not text.strip():
        return pa.table({})
    if name.endswith((b".jsonl", b".ndjson")):
        return _parse_json(text)
    header = text[: (text + "\n").index("\n")]
    n_columns = max(header.count(one) for one in _SEPARATORS) + 1
    if n_columns > 10 * MAX_COLUMNS:  # before it is parsed; in quotes there may be some more
        raise ValueError(f"its first line has {n_columns:,} columns, more than {MAX_COLUMNS:,}")
    delimiter = "\t" if name.endswith(b".tsv") else max(_SEPARATORS, key=header.count)
    return _parse_csv(text.encode(), delimiter)


def _parse_lines(data: bytes, *, has_comments: bool) -> pa.Table:
    """Read a path a line, exact bytes: old playlists are in no encoding that they would tell."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        data = text_of(data).encode()
    if b"\0" in data:
        raise ValueError("it holds zero bytes, so it is no text")
    paths = []
    for line in data.removeprefix(codecs.BOM_UTF8).splitlines():
        path = line.strip()
        if path and not (has_comments and path.startswith(b"#")):
            is_local = path[:8].lower() == b"file:///"
            paths.append(unquote_to_bytes(path[7:]) if is_local else path)
    return pa.table({PATH_COLUMNS[0]: pa.array(paths, pa.binary())})


def _parse_csv(data: bytes, delimiter: str) -> pa.Table:
    parsing = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with pacsv.open_csv(io.BytesIO(data), parse_options=parsing) as reader:
        names = reader.schema.names
    read = pacsv.read_csv(
        io.BytesIO(data),
        parse_options=parsing,
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    if len(set(names)) < len(names):
        return read  # two columns of one name: the caller says so
    named = list(names)
    # A path is never a number, though every file may be called by one.
    table = read
    texts = {column: table.column(column) for column in named if column.lower() in PATH_COLUMNS}
    typed = read_types(table)
    for column, values in texts.items():
        typed = typed.set_column(named.index(column), column, values)
    return typed


def _parse_json(text: str) -> pa.Table:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json_of(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no JSON object")
            rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if len(names) > MAX_COLUMNS:
        raise ValueError(f"its rows have {len(names):,} columns together, more than {MAX_COLUMNS:,}")
    return storable(pa.table({name: column_of([row.get(name) for row in rows]) for name in names}))


def suffix_of(path: bytes) -> bytes:
    """Return the suffix of a file's name, in lower case, with its dot; nothing where it has none."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - bytes
