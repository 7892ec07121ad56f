"""Listings: csv files and lists of lines that other people wrote about sounds."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model.documents import text_of
from ...model.errors import UsageError
from ...model.paths import readable_path
from ...model.system import open_regular

_N_SHOWN = 3
_SEPARATORS = ",;\t"
_MAX_COLUMNS = 2_000
_MAX_FIELD_CHARS = 1_000_000


@dataclass(frozen=True)
class LeftOut:
    """Some entries of a listing that were not used, and why.

    Attributes:
        reason: What they are, after their number: "files are not in the collection".
        n: How many.
        examples: The first of them.
    """

    reason: str
    n: int
    examples: tuple[str, ...]

    @classmethod
    def of(cls, one: str, several: str, entries: Sequence[str]) -> tuple[LeftOut, ...]:
        """Note entries, if there are any: the reason for one, and for several."""
        reason = one if len(entries) == 1 else several
        return (cls(reason, len(entries), tuple(entries[:_N_SHOWN])),) if entries else ()

    def __str__(self) -> str:
        more = ", ..." if self.n > len(self.examples) else ""
        return f"{self.n:,} {self.reason} ({', '.join(self.examples)}{more})"

    def to_json(self) -> dict[str, object]:
        """Return it as plain values that JSON can hold."""
        return {"reason": self.reason, "n": self.n, "examples": list(self.examples)}


@dataclass(frozen=True)
class CsvRow:
    """A row of a csv file.

    Attributes:
        line: Line of the file that it ends on, from 1.
        fields: Its fields by column, the names in small letters, both without white space around them.
    """

    line: int
    fields: dict[str, str]


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        UsageError: If it is missing, cannot be read, is in another charset, or is no text.
    """
    name = readable_path(path)
    try:
        with open_regular(path) as file:
            text = text_of(file.read())
    except FileNotFoundError:
        raise UsageError(f"{name}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}: is not {error.encoding.upper()} text (line {line})") from None
    if "\0" in text:
        raise UsageError(f"{name}: is not a text file")
    return text


def read_csv(path: Path) -> tuple[tuple[str, ...], list[CsvRow]]:
    """Read a csv file whose first line names its columns; commas, semicolons and tabs separate.

    Args:
        path: The file.

    Returns:
        The columns' names in small letters, and the rows that hold anything.

    Raises:
        UsageError: If it cannot be read, is empty or malformed, or names a column twice.
    """
    name, text = readable_path(path), read_text(path)
    header = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=header.count)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = tuple(column.strip().lower() for column in next(reader, []))
        if len(columns) > _MAX_COLUMNS:
            raise UsageError(f"{name}: has {len(columns):,} columns, more than {_MAX_COLUMNS:,}")
        rows = [CsvRow(reader.line_num, _fields(columns, values)) for values in reader if any(map(str.strip, values))]
    except csv.Error as error:
        raise UsageError(f"{name}: is not a well-formed csv file (line {reader.line_num}: {error})") from None
    if not any(columns):
        raise UsageError(f"{name}: is empty")
    double = sorted({column for column in columns if column and columns.count(column) > 1})
    if double:
        raise UsageError(f"{name}: has two columns {double[0]!r}")
    return columns, rows


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the lines of a text file that hold anything and are no comments (a # first), with their numbers from 1.

    Raises:
        UsageError: If it cannot be read.
    """
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _fields(columns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    padded = [*values, *[""] * (len(columns) - len(values))]
    return {column: value.strip() for column, value in zip(columns, padded, strict=False)}


class ClipNames:
    """The clips of a collection or folder, found by what a listing calls their files.

    A name is a file's name, or the end of its path from any folder on; one without the suffix, or with another, will do
    if no file has it as it stands, because sounds are often converted.

    Args:
        paths: The clips' paths, as people read them.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._parts = [tuple(path.split("/")) for path in paths]
        self._by_name: dict[str, list[int]] = {}
        self._by_stem: dict[str, list[int]] = {}
        for clip, parts in enumerate(self._parts):
            self._by_name.setdefault(parts[-1], []).append(clip)
            self._by_stem.setdefault(_stem(parts[-1]), []).append(clip)

    def find(self, name: str) -> list[int]:
        """Find the clips that a name may mean; more than one if it does not tell them apart."""
        parts = [part for part in readable_path(os.fsencode(name)).split("/") if part not in ("", ".")]
        if not parts:
            return []
        *folders, last = parts
        named = self._by_name.get(last) or self._by_stem.get(last) or self._by_stem.get(_stem(last)) or []
        return [clip for clip in named if not folders or self._parts[clip][:-1][-len(folders) :] == tuple(folders)]


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - of a name, not of a path
