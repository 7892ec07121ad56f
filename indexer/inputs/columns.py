"""Columns: a user's own, in types that a collection can keep."""

import datetime
import json
import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"  # "007" is a name, not a number
_NUMBER = r"^-?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_HAS_DIGIT = r"[0-9]"
_BOOLEAN = r"^(true|false|True|False|TRUE|FALSE)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_UNNAMED = re.compile(r"__index_level_\d+__")


def read_types(table: pa.Table) -> pa.Table:
    """Give columns of text the type that all their values are written in: whole numbers, numbers, yes or no, dates.

    A column in which one value is anything else stays text, and so does one of numbers with leading zeros.
    """
    return pa.table(
        {name: _typed(column) for name, column in zip(table.column_names, table.columns, strict=True)},
    )


def storable(table: pa.Table) -> pa.Table:
    """Give a table's columns types that every reader of a collection knows; what has none becomes text.

    The column that pandas adds for its row numbers is left out.
    """
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not _UNNAMED.fullmatch(name):
            columns[name] = _storable(column)
    return pa.table(columns) if columns else table.select([])


def column_of(values: Sequence[object]) -> pa.Array:
    """Make a column of values from JSON; where they are of several types, or are lists and objects, of their JSON."""
    plain = [json.dumps(one, ensure_ascii=False) if isinstance(one, list | Mapping) else one for one in values]
    try:
        column = pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        column = pa.array([None if one is None else _text(one) for one in plain], pa.string())
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    present = column.drop_null()
    if not len(present):
        return column
    if _all(present, _INTEGER):
        return column.cast(pa.int64())
    if _all(present, _NUMBER) and _all(present, _HAS_DIGIT):
        return column.cast(pa.float64())
    if _all(present, _BOOLEAN):
        return column.cast(pa.bool_())
    if _all(present, _DATE):
        try:
            return column.cast(pa.date32())
        except pa.ArrowInvalid:  # a 30th of February
            return column
    return column


def _all(present: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(present, pattern)).as_py())


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_unsigned_integer(kind):
        is_small = not len(column.drop_null()) or pc.max(column).as_py() < 1 << 63
        return column.cast(pa.int64() if is_small else pa.float64(), safe=False)
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", "UTC"), safe=False)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return pa.chunked_array(
            [pa.array([None if one is None else str(one) for one in column.to_pylist()], pa.string())]
        )
    return column


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
