"""Charts: what an answer in SQL looks like, where its columns allow a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

MAX_BARS = 60
MAX_POINTS = 5_000


@dataclass(frozen=True)
class Chart:
    """A picture of rows.

    Attributes:
        kind: "bars" of one number by name, a "line" over time, or "points" of two numbers.
        x: The column across.
        y: The column of numbers.
    """

    kind: Literal["bars", "line", "points"]
    x: str
    y: str


def chart_of(rows: pa.Table) -> Chart | None:
    """Choose a picture of some rows: by the first column that names or dates them and the first that counts them.

    Args:
        rows: The rows.

    Returns:
        The picture; None where there is none that says more than the table.
    """
    names = rows.column_names
    if rows.num_rows < 2 or len(set(names)) != len(names):
        return None
    numbers = [name for name in names if _is_number(rows.schema.field(name).type) and not name.endswith("_id")]
    texts = [name for name in names if _is_text(rows.schema.field(name).type)]
    times = [name for name in names if pa.types.is_temporal(rows.schema.field(name).type)]
    if times and numbers and rows.num_rows <= MAX_POINTS:
        return Chart("line", times[0], numbers[0])
    if texts and numbers and rows.num_rows <= MAX_BARS and _tells_apart(rows, texts[0]):
        return Chart("bars", texts[0], numbers[0])
    if len(numbers) > 1 and rows.num_rows <= MAX_POINTS and not texts:
        # Few different values across are groups.
        kind: Literal["bars", "points"] = (
            "bars" if rows.num_rows <= MAX_BARS and _tells_apart(rows, numbers[0]) else "points"
        )
        return Chart(kind, numbers[0], numbers[1])
    return None


def _tells_apart(rows: pa.Table, name: str) -> bool:
    return bool(len(rows.column(name).unique()) == rows.num_rows)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind))
