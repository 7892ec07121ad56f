"""Reading: the properties of the clips of some collections, as columns to count with."""
# ruff: noqa: S608 - what is put into SQL here are our own names, and columns in quotes.

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..collection import Collection
from ..sql.views import BESIDE_LABEL, LABEL_COLUMN, LABELS, quoted
from ..store.schema import CLIPS
from .columns import Column, Folders, Ranges, Value, Values
from .narrowing import Range

Int64 = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

_TAGS = ("genre", "artist", "album")
_DURATIONS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 3600.0)
_CHANNELS = {1: "mono", 2: "stereo"}
# A column of the user's with more values than this is listed in ranges, or not at all if it is text.
_MANY_NUMBERS = 12
_MANY_TEXTS = 300
_FEW_TEXTS = 12  # more of them must have two clips each, or they are names
_SHARES = (0.2, 0.4, 0.6, 0.8)
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_BROKEN = ("FLOAT", "DOUBLE")
_TEXT, _YES_OR_NO = "VARCHAR", "BOOLEAN"
_FOLDER, _SCORE = "folder of the clip", "score of the label"  # names that no column has
_MINUTE_S, _HOUR_S = 60, 3600


def read_columns(members: Sequence[Collection]) -> tuple[Int64, list[Column]]:
    """Read what clips can be narrowed by.

    Args:
        members: The collections; a clip that several hold counts once, as the first has it, and only what all of them
            know is read, because a filter must hold in each.

    Returns:
        The clips' ids [n], and the properties that tell clips apart, in the order to show them.

    Raises:
        CollectionError: If the tables cannot be read.
        QueryError: If reading takes too long.
    """
    known = [_types(member) for member in members]
    types = {name: kind for name, kind in known[0].items() if all(other.get(name) == kind for other in known)}
    label = next(reversed(known[0]))  # the last column, where there are labels
    has_labels = (
        label in (LABEL_COLUMN, BESIDE_LABEL)
        and all(next(reversed(one)) == label for one in known)
        and all(LABELS in member.manifest.annexes for member in members)
    )
    of_labels = label if has_labels else None
    ours = {*CLIPS.names, of_labels}
    own = [name for name in _TAGS if name in types] + [name for name in types if name not in ours]
    own = [name for name in own if types[name] in (*_WHOLE, *_BROKEN, _TEXT, _YES_OR_NO)]
    own = [name for name in own if types[name] != _TEXT or any(_is_short(member, name) for member in members)]
    rows = _once(pa.concat_tables([_read(member, own, label=of_labels) for member in members]))
    columns = [*_ours(rows, label=of_labels), *_of_user(rows, own, types)]
    return rows.column("clip_id").to_numpy(), columns


def _types(member: Collection) -> dict[str, str]:
    rows = member.sql("DESCRIBE clips")
    return dict(zip(rows.column("column_name").to_pylist(), rows.column("column_type").to_pylist(), strict=True))


def _is_short(member: Collection, name: str) -> bool:
    """Return whether a column of text has few values; the estimate is off by a few percent."""
    n = int(member.sql(f"SELECT approx_count_distinct({quoted(name)}) AS n FROM clips").column("n")[0].as_py())
    return 0 < n <= 2 * _MANY_TEXTS


def _read(member: Collection, own: Sequence[str], *, label: str | None) -> pa.Table:
    names = ["clip_id", "codec", "sampling_rate_hz", "n_channels", "duration_s", *own]
    asked = [f"c.{quoted(name)}" for name in names]
    asked.append(f"regexp_replace(c.path, '/[^/]*$', '') AS {quoted(_FOLDER)}")
    joined = ""
    if label is not None:
        asked += [f"c.{label}", f"l.score AS {quoted(_SCORE)}"]
        best = f"SELECT clip_id, max(score) AS score FROM {LABELS} GROUP BY clip_id"
        joined = f" LEFT JOIN ({best}) AS l ON l.clip_id = c.clip_id"
    return member.sql(f"SELECT {', '.join(asked)} FROM clips AS c{joined}")


def _once(rows: pa.Table) -> pa.Table:
    """Leave out all but the first row of each clip."""
    ids = rows.column("clip_id").to_numpy()
    _, first = np.unique(ids, return_index=True)
    return rows if len(first) == len(ids) else rows.take(np.sort(first))


def _ours(rows: pa.Table, *, label: str | None) -> Iterator[Column]:
    if not rows.num_rows:
        return
    codes, folders = _coded(rows.column(_FOLDER))
    if len(folders) > 1:
        yield Folders(codes, [str(folder) for folder in folders])
    numbers = _numbers(rows.column("duration_s"))
    durations = Ranges("duration_s", "Duration", numbers, _DURATIONS_S, text=_duration)
    yield durations
    if label is not None:
        codes, labels = _coded(rows.column(label))
        scores = np.nan_to_num(_numbers(rows.column(_SCORE)))
        if labels:
            yield Values(label, "Label", codes, labels, scores=scores)
    for name, title in (("codec", "Codec"), ("sampling_rate_hz", "Sampling rate"), ("n_channels", "Channels")):
        codes, values = _coded(rows.column(name))
        if len(values) > 1:
            text = {"sampling_rate_hz": _rate, "n_channels": _channels}.get(name)
            yield Values(name, title, codes, values, text=text, by_value=name != "codec")


def _of_user(rows: pa.Table, own: Sequence[str], types: dict[str, str]) -> Iterator[Column]:
    for name in own:
        title = name.capitalize() if name in _TAGS else name
        column = rows.column(name)
        is_number = types[name] in (*_WHOLE, *_BROKEN)
        codes, values = _coded(column)
        if len(values) < 2 and not (len(values) == 1 and column.null_count):  # it tells no clip from another
            continue
        if is_number and len(values) > _MANY_NUMBERS:
            numbers = _numbers(column)
            edges = _edges(numbers)
            if edges:
                yield Ranges(name, title, numbers, edges, text=_range)
        elif len(values) <= _FEW_TEXTS or len(values) <= min(_MANY_TEXTS, (len(column) - column.null_count) // 2):
            yield Values(name, title, codes, values, by_value=is_number)


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[Value]]:
    """Return each value's place [n], -1 for none, among the values in their order."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    places = np.empty(len(values) + 1, np.int32)
    places[order] = np.arange(len(values), dtype=np.int32)
    places[-1] = -1
    codes = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    return places[codes], [values[place] for place in order]


def _numbers(column: pa.ChunkedArray) -> Float:
    numbers: Float = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _edges(numbers: Float) -> list[float]:
    """Choose where ranges meet so that each holds about as many clips, at numbers that are easily read."""
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return []
    low, high = float(finite.min()), float(finite.max())
    edges = sorted({_round(float(edge)) for edge in np.quantile(finite, _SHARES)})
    return [edge for edge in edges if low < edge <= high]


def _round(number: float) -> float:
    """Keep two digits."""
    if number == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(number)))
    return round(number, digits)


def _range(one: Range) -> str:
    if one.low is None:
        return f"below {one.high:g}"
    return f"{one.low:g} and more" if one.high is None else f"{one.low:g} to {one.high:g}"


def _duration(one: Range) -> str:
    if one.low is None:
        return f"under {_spoken(one.high or 0)}"
    if one.high is None:
        return f"{_spoken(one.low)} and more"
    low, high = _spoken(one.low), _spoken(one.high)
    number, unit = low.split(" ", 1)
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def _spoken(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:g} s"
    return f"{seconds / _MINUTE_S:g} min" if seconds < _HOUR_S else f"{seconds / _HOUR_S:g} h"


def _rate(value: Value) -> str:
    return f"{float(value) / 1000:g} kHz"


def _channels(value: Value) -> str:
    return _CHANNELS.get(int(value), f"{value} channels")
