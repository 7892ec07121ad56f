"""Kinds: values that SQL has and that few others know, as texts."""

import re

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

# Types without a like in Python, Parquet and csv, by themselves or inside lists and structures.
_ODD = re.compile(
    r"\b(INTERVAL|UNION|BIGNUM|VARINT|UHUGEINT|BIT|GEOMETRY|VARIANT|TIMETZ|TIME WITH TIME ZONE)\b", re.IGNORECASE
)
_DAY_US = 86_400_000_000
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 and 9999, which are all that Python has
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": _DAY_US, "ns": 1_000 * _DAY_US}


def is_odd(kind: str) -> bool:
    """Return for a type, as DuckDB writes it, whether only DuckDB can write its values."""
    return _ODD.search(re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", kind)) is not None


def readable_times(rows: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Convert columns to text, as DuckDB writes them, where a time in them is infinite or beyond Python's years.

    Args:
        rows: The answer to a statement.
        connection: Writes them.
    """
    for place, field in enumerate(rows.schema):
        if _is_far(rows.column(place)):
            alone = connection.from_arrow(pa.table({"far": rows.column(place)})).project("CAST(far AS VARCHAR)")
            rows = rows.set_column(place, field.name, alone.to_arrow_table().column(0))
    return rows


def _is_far(column: pa.ChunkedArray | pa.Array) -> bool:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_far(pc.list_flatten(column))
    if pa.types.is_map(kind):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return any(_is_far(chunk.keys) or _is_far(chunk.items) for chunk in chunks)
    if pa.types.is_struct(kind):
        return any(_is_far(pc.struct_field(column, [place])) for place in range(kind.num_fields))
    if pa.types.is_date32(kind):
        low, high, numbers = _FIRST_DAY, _LAST_DAY, column.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        low, high = (day * _PER_DAY[kind.unit] for day in (_FIRST_DAY, _LAST_DAY))
        numbers = column.cast(pa.int64())
    elif pa.types.is_time64(kind):
        low, high, numbers = 0, _PER_DAY[kind.unit] - 1, column.cast(pa.int64())
    else:
        return False
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is not None and not low <= ends["min"] <= ends["max"] <= high
