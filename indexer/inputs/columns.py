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
_FIRST_DAY, _LAST_DAY, _INFINITE_DAY = -719_162, 2_932_896, (1 << 31) - 1
_UNNAMED = re.compile(r"__index_level_\d+__")


def read_types(table: pa.Table) -> pa.Table:
    """Convert columns of text to the type of all their values: whole numbers, numbers, yes or no, dates.

    A column in which one value is anything else stays text, and so does one of numbers with leading zeros.
    """
    return pa.table(
        {name: _typed(column) for name, column in zip(table.column_names, table.columns, strict=True)},
    )


def storable(table: pa.Table) -> pa.Table:
    """Convert a table's columns to types that every reader of a collection knows; what has none becomes text.

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


def beside_clip_id(names: Sequence[str]) -> list[str]:
    """Name a user's columns so that none is called `clip_id`, which is ours, in whatever case."""
    free = "user_clip_id"
    while free in {name.lower() for name in names}:
        free = f"user_{free}"
    return [free if name.lower() == "clip_id" else name for name in names]


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
    if pa.types.is_date64(kind):
        column = column.cast(pa.timestamp("ms")).cast(pa.date32())
    target = _kept_type(kind)
    if target is None or _is_far(column):
        return _texts(column)
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        return _texts(column)


def _kept_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type in which a collection's tables hold values of a type; None where only their text can be kept."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _kept_type(kind.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(kind):
        fields = [(field.name, _kept_type(field.type)) for field in kind]
        is_kept = fields and all(name and inner is not None for name, inner in fields)
        return pa.struct(fields) if is_kept else None
    for is_one, kept in (
        (pa.types.is_unsigned_integer, pa.int64()),
        (pa.types.is_float16, pa.float32()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_large_binary, pa.binary()),
        (pa.types.is_binary_view, pa.binary()),
        (pa.types.is_fixed_size_binary, pa.binary()),
        (pa.types.is_date64, pa.date32()),
        (pa.types.is_timestamp, pa.timestamp("us", "UTC")),
    ):
        if is_one(kind):
            return kept
    is_kept = (
        pa.types.is_signed_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal128(kind)
        or kind in (pa.string(), pa.binary(), pa.date32())
    )
    return kind if is_kept else None


def _is_far(column: pa.ChunkedArray) -> bool:
    """Return whether dates are infinite or beyond the years 1 to 9999, which few programs can read."""
    if not pa.types.is_date32(column.type):
        return False
    ends = pc.min_max(column.cast(pa.int32())).as_py()
    return ends["min"] is not None and not _FIRST_DAY <= ends["min"] <= ends["max"] <= _LAST_DAY


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write values of other types, as spans of time or maps, as text."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
        return _storable(column)
    if pa.types.is_date(column.type):
        infinite = {_INFINITE_DAY: "infinity", -_INFINITE_DAY: "-infinity"}
        days, written = column.cast(pa.int32()).to_pylist(), column.cast(pa.string()).to_pylist()
        texts = [infinite.get(day or 0, text) for day, text in zip(days, written, strict=True)]
        return pa.chunked_array([pa.array(texts, pa.string())])
    texts = [None if one is None else one if isinstance(one, str) else _written(one) for one in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _written(value: object) -> str:
    plain = value if isinstance(value, Sequence | Mapping) and not isinstance(value, tuple) else str(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
