"""Views: how the tables of a collection appear in SQL."""
# ruff: noqa: S608 - what is put into SQL here are our own names, and columns in quotes.

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from ..store.manifest import FAILURES_ANNEX

METADATA = "metadata"
LABELS = "labels"
CAPTIONS = "captions"
LABEL_COLUMN = "label"
CAPTION_COLUMN = "caption"
BESIDE_LABEL = "best_label"
"""What the column of best labels is called where a user's own is called `label`."""


def view_statements(tables: Mapping[str, ds.Dataset], *, source: Mapping[str, str]) -> list[str]:
    """Write the SQL that makes the views.

    Every annex becomes a view of its own name, without the rows of clips that are gone; what failed never was a clip.
    The view `clips` is the clips table, and beside its columns those of the annex `metadata`, and as `label` the best
    label of the annex `labels`. A column of the user's that has the name of one of ours appears as `user_<name>`; but
    their own `label` keeps its name, and ours is then `best_label`, the last column. One without a name, which SQL
    cannot ask for, is left out.

    Args:
        tables: The clips and segments tables and the annexes, by name.
        source: What each of them is registered as.

    Returns:
        One statement a view.
    """
    annexes = [name for name in tables if name not in ("clips", "segments")]
    own = tables["clips"].schema.names
    columns = [f"c.{quoted(name)}" for name in own]
    names: list[str] = []
    joins = ""
    has_labels = {"clip_id", LABEL_COLUMN, "score"} <= set(_names(tables, LABELS))
    if METADATA in annexes:
        names = [name for name in _names(tables, METADATA) if name != "clip_id" and is_nameable(name)]
        columns += [
            f"m.{quoted(name)} AS {quoted(shown)}" for name, shown in zip(names, user_names(names, own), strict=True)
        ]
        joins += f" LEFT JOIN {source[METADATA]} AS m ON m.clip_id = c.clip_id"
    if has_labels:
        label = LABEL_COLUMN
        while label.lower() in {name.lower() for name in names}:
            label = BESIDE_LABEL if label == LABEL_COLUMN else f"{label}_"
        columns.append(f"l.{LABEL_COLUMN} AS {quoted(label)}")
        best = (
            f"SELECT clip_id, arg_max({LABEL_COLUMN}, score) AS {LABEL_COLUMN} FROM {source[LABELS]} GROUP BY clip_id"
        )
        joins += f" LEFT JOIN ({best}) AS l ON l.clip_id = c.clip_id"
    live = f"WHERE clip_id IN (SELECT clip_id FROM {source['clips']})"
    return [
        f"CREATE TEMP VIEW clips AS SELECT {', '.join(columns)} FROM {source['clips']} AS c{joins}",
        f"CREATE TEMP VIEW segments AS FROM {source['segments']}",
        *(
            f"CREATE TEMP VIEW {quoted(name)} AS FROM {source[name]} {live if name != FAILURES_ANNEX else ''}"
            for name in annexes
        ),
    ]


def words_statement(tables: Mapping[str, ds.Dataset], *, source: Mapping[str, str]) -> str:
    """Write the SQL that gives what is written about each clip: `clip_id` and `words`.

    That is its path without the ending, its tags, the user's columns of text, its labels and its captions.

    Args:
        tables: The clips and segments tables and the annexes, by name.
        source: What each of them is registered as.
    """
    words = [
        "regexp_replace(c.path, '[.][^./]*$', '')",
        "array_to_string(json_extract_string(c.tags, '$.*'), ' ')",
    ]
    joins = ""
    if METADATA in tables:
        words += [
            f"m.{quoted(field.name)}"
            for field in tables[METADATA].schema
            if is_nameable(field.name) and (pa.types.is_string(field.type) or pa.types.is_large_string(field.type))
        ]
        joins += f" LEFT JOIN {source[METADATA]} AS m ON m.clip_id = c.clip_id"
    for annex, column in ((LABELS, LABEL_COLUMN), (CAPTIONS, CAPTION_COLUMN)):
        if column in _names(tables, annex):
            words.append(f"{annex}1.words")
            all_of_it = f"SELECT clip_id, string_agg({column}, ' ') AS words FROM {source[annex]} GROUP BY clip_id"
            joins += f" LEFT JOIN ({all_of_it}) AS {annex}1 ON {annex}1.clip_id = c.clip_id"
    return f"SELECT c.clip_id, concat_ws(' ', {', '.join(words)}) AS words FROM {source['clips']} AS c{joins}"


def user_names(names: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Name the user's columns so that none has a name that is taken; SQL does not tell upper and lower case apart."""
    used = {name.lower() for name in taken}
    used_by_others = {name.lower() for name in names}
    shown: list[str] = []
    for name in names:
        free = name
        while free.lower() in used or (free != name and free.lower() in used_by_others):
            free = f"user_{free}"
        used.add(free.lower())
        shown.append(free)
    return shown


def normal_source(view: str, columns: Sequence[tuple[str, str]]) -> str:
    """Write a view as one in which every text and every name is composed in one way, as `normal_text` does.

    Args:
        view: Its name.
        columns: Its columns and their types.
    """
    names = {name: unicodedata.normalize("NFC", name) for name, _ in columns}
    shown = []
    for name, kind in columns:
        text = f"nfc_normalize({quoted(name)})" if kind == "VARCHAR" else quoted(name)
        is_double = list(names.values()).count(names[name]) > 1
        shown.append(f"{text} AS {quoted(name if is_double else names[name])}")
    return f"(SELECT {', '.join(shown)} FROM {view}) AS {view}"


def normal_text(value: Any) -> Any:
    """Compose the letters of a text, or of texts in a list, in one way: "é" may be one character, or two."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return [normal_text(one) for one in value] if isinstance(value, list) else value


def is_nameable(name: str) -> bool:
    """Return whether SQL can name a column: it needs a name, without a zero character."""
    return bool(name) and "\0" not in name


def quoted(name: str) -> str:
    """Write a name as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


def _names(tables: Mapping[str, ds.Dataset], name: str) -> list[str]:
    names: list[str] = tables[name].schema.names if name in tables else []
    return names
