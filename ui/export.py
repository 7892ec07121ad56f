"""Hits as a file: a table, a playlist, or an archive of their sounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.atomic import replacing
from ..model.errors import UsageError
from .rows_file import rows_as
from .screen import counted, json_text, say, shown_path, spoken_size

if TYPE_CHECKING:
    from ..search import Hit
    from ..search.collection import Searchable
    from ..search.takeaway.archive import What
    from ..search.takeaway.items import Item

_ROWS = (".csv", ".parquet")
_PLAYLISTS = (".m3u", ".m3u8")
_ARCHIVE = ".zip"
_ENDINGS = (*_ROWS, ".json", *_PLAYLISTS, _ARCHIVE)
_SPANS = ("wav", "flac")


def check_output(file: Path | None, spans: str | None) -> None:
    """Refuse a file whose ending names no format, and spans where there is no archive to hold them.

    Raises:
        UsageError: If so.
    """
    if file is not None and file.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{shown_path(file)}: hits are written as {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}")
    if spans is None:
        return
    if spans not in _SPANS:
        raise UsageError(f"--spans is {' or '.join(_SPANS)}, not {spans!r}")
    if file is None or file.suffix.lower() != _ARCHIVE:
        raise UsageError("--spans says what a .zip file shall hold: give one with --output")


def save_hits(collections: Searchable, hits: Sequence[Hit], file: Path, *, spans: str | None) -> None:
    """Write hits to a file in the format that its ending names; an older file stays until the new one is whole.

    Args:
        collections: What the hits were found in.
        hits: The hits.
        file: The file.
        spans: In an archive, not the files but the stretches that answer: "wav" or "flac"; None for the files.

    Raises:
        UsageError: If the file cannot be written, or `check_output` refuses it.
        CollectionError, QueryError: If the collections cannot be read.
    """
    from ..search.takeaway.items import items_of

    check_output(file, spans)
    items = items_of(collections, hits)
    try:
        with replacing(file) as sink:
            for piece in _pieces(items, file.suffix.lower(), spans):
                sink.write(piece)
    except OSError as error:
        raise UsageError(f"{shown_path(file)}: cannot be written ({error.strerror or error})") from error
    say(f"{shown_path(file)}: {counted(len(items), 'hit')}, {spoken_size(file.stat().st_size)}")


def _pieces(items: Sequence[Item], ending: str, spans: str | None) -> Iterable[bytes]:
    if ending == _ARCHIVE:
        return _archive(items, spans)
    if ending in _PLAYLISTS:
        from ..search.takeaway.playlist import playlist_of

        playlist, left_out = playlist_of(items)
        for item in left_out:
            say(f"note: {shown_path(item.path)}: left out, no player could open it")
        return [playlist]
    if ending in _ROWS:
        from ..search.takeaway.items import rows_of

        return [rows_as(rows_of(items), ending)]
    return [json_text([item.to_json() for item in items]).encode() + b"\n"]


def _archive(items: Sequence[Item], spans: str | None) -> Iterator[bytes]:
    from ..search.takeaway.archive import archive_of

    what: What = "wav" if spans == "wav" else "flac" if spans == "flac" else "files"
    return archive_of(items, what, left_out=lambda sentence: say(f"note: {sentence}"))
