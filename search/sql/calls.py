"""Calls: searches that a SQL statement names, as in FROM search('thunder', 200, 'duration_s < 30')."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...model.errors import QueryError

FUNCTION = "search"
DEFAULT_K = 10
PARAMETERS = ("text", "k", "filter")

ROWS = pa.schema(
    [
        pa.field("rank", pa.int64()),
        pa.field("score", pa.float64()),
        pa.field("calibrated", pa.float64()),
        pa.field("clip_id", pa.int64()),
        pa.field("segment_id", pa.int64()),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
    ]
)
"""What a search in SQL gives, a row a hit; the names are those of `Hit`."""


@dataclass(frozen=True)
class Call:
    """One search that a statement asks for.

    Attributes:
        text: What to search for.
        k: Clips wanted.
        filter: The SQL condition on the clips, or None.
    """

    text: str
    k: int = DEFAULT_K
    filter: str | None = None


def find_calls(tree: str, values: Mapping[str, object]) -> list[Call]:
    """Find the searches in a statement.

    Args:
        tree: The statement as DuckDB's own parser reads it, in JSON (`json_serialize_sql`), so that a literal or a
            column that holds the word is never taken for a call.
        values: Values of the statement's parameters.

    Returns:
        The calls, each once, in the order of the statement.

    Raises:
        QueryError: If an argument is neither written out nor a parameter, or is of another type.
    """
    return list(dict.fromkeys(_call(node["function"], values) for node in _table_functions(json.loads(tree))))


def _table_functions(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every call of our function in a syntax tree, wherever it stands."""
    if isinstance(node, list):
        for one in node:
            yield from _table_functions(one)
    elif isinstance(node, dict):
        is_call = node.get("type") == "TABLE_FUNCTION" and "function" in node
        if is_call and node["function"]["function_name"].lower() == FUNCTION and not node["function"]["schema"]:
            yield node
        for one in node.values():
            yield from _table_functions(one)


def _call(function: dict[str, Any], values: Mapping[str, object]) -> Call:
    given: dict[str, object] = {}
    for place, argument in enumerate(function["arguments"]):
        name = argument["name"].lower() or (PARAMETERS[place] if place < len(PARAMETERS) else "")
        if name not in PARAMETERS or name in given:
            raise QueryError("search() in SQL takes a text, and after it k and a filter if you like")
        given[name] = _value(argument["expression"], values)
    text, k, condition = (given.get(name) for name in PARAMETERS)
    if not isinstance(text, str):
        raise QueryError("the first argument of search() in SQL is the text to search for")
    if k is None:
        k = DEFAULT_K
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k < 1 << 63:
        raise QueryError("the second argument of search() in SQL, k, is a whole number from 1 to 2**63 - 1")
    if not isinstance(condition, str | None):
        raise QueryError("the third argument of search() in SQL is a filter in quotes")
    return Call(text, k, condition)


def _value(expression: dict[str, Any], values: Mapping[str, object]) -> object:
    if expression["type"] == "VALUE_CONSTANT":
        literal = expression["literal"]
        match literal["kind"]:
            case "STRING":
                return literal["text"]
            case "INTEGER":
                return int(literal["text"])
            case "NULL_LITERAL":
                return None
    if expression["type"] == "VALUE_PARAMETER" and expression["identifier"] in values:
        return values[expression["identifier"]]
    raise QueryError("the arguments of search() in SQL are written out or given as values, not computed")
