"""Confinement: a collection, whoever made it, has nothing to do with any file outside its own folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...model.errors import CollectionError
from ...model.paths import readable_path

_OURS = frozenset({"clips", "encodings", "annexes", "queries", "damaged", "lock"} | {"segments", "index", "ears"})
"""What a collection consists of; the last three in formats before 4."""

_MANIFESTS = "manifest."
_LOG_FOLDER = "_delta_log"
_HINT = "_last_checkpoint"
# Delta calls its files part-00000-<uuid>-c000.zstd.parquet; what is percent-encoded, absolute or a URL is no such name.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
# A letter may be written as \uXXXX, so a line that is no JSON may hide a path in other ways than this.
_PATH_IN_TEXT = re.compile(r'"path"\s*:\s*"([^"]*)"')
_NEVER_WRITTEN = ("deletionVector", "readerFeatures", "sidecar", "\\u00")
_CHECKED_ACTIONS = frozenset({"commitInfo", "protocol", "metaData", "add", "remove", "txn"})
_READER_VERSION, _WRITER_VERSION = 1, 2
# Conditions and formulas in SQL, which whoever writes to the table computes.
_COMPUTED = re.compile(r"delta\.(invariants|generationExpression|identity)")
_MAX_LOG_BYTES = 1 << 28


def check_confined(collection: Path) -> None:
    """Refuse a collection that would have us read, write or remove anything outside its folder.

    The folder itself may be a symbolic link, nothing of the collection in it; each of its parts is a plain file or
    folder, and each path in the tables' logs the name of a file beside them. Of what isn't a collection's own in the
    folder nothing is said, as nothing of it is touched. It costs a listing, and reading the logs.

    Args:
        collection: The collection's folder; one that is not there is confined.

    Raises:
        CollectionError: If a part is a symbolic link, or neither a file nor a folder; if a log names a file elsewhere,
            or is of a kind that is never written here; if a folder cannot be listed.
    """
    waiting = [collection]
    while waiting:
        folder = waiting.pop()
        for entry in _entries(folder, collection):
            if folder == collection and not _is_ours(entry.name):
                continue
            if entry.is_symlink():
                raise _refused(collection, Path(entry.path), "is a symbolic link")
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                raise _refused(collection, Path(entry.path), "is neither a file nor a folder")
            elif folder.name == _LOG_FOLDER:
                _check_entry(Path(entry.path), collection)


def check_file_names(names: Iterable[object], *, folder: Path) -> None:
    """Refuse a table that names files which are not beside each other in its folder.

    Args:
        names: Paths of files, as the table's log has them.
        folder: The table's folder.

    Raises:
        CollectionError: If one is not the plain name of a file.
    """
    for name in names:
        if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
            raise CollectionError(
                f"{readable_path(folder)}: its log names {readable_path(str(name))!r}, which is not a file of the table"
            )


def check_removable(names: Iterable[str], *, folder: Path) -> None:
    """Refuse to remove files of a table that do not lie below its folder, whose parts are known to be no links.

    Raises:
        CollectionError: If one is named by an absolute path, a URL, or a way up.
    """
    for name in names:
        if ".." in re.split(r"[/\\\\]", name) or name.startswith(("/", "\\")) or ":" in name:
            raise CollectionError(
                f"{readable_path(folder)}: its log names {readable_path(name)!r}, which is not a file of the table"
            )


def _is_ours(name: str) -> bool:
    name = name.casefold()  # some file systems find "Clips" where "clips" is asked for
    return name in _OURS or name.startswith((_MANIFESTS, "."))


def _entries(folder: Path, collection: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        place = readable_path(folder if folder == collection else folder.relative_to(collection))
        raise CollectionError(f"{readable_path(collection)}: {place} cannot be listed ({error.strerror})") from error


def _check_entry(path: Path, collection: Path) -> None:
    """Check every path in a file of a log; what cannot be read at all cannot be read by others either."""
    name = path.name
    if path.lstat().st_size > _MAX_LOG_BYTES:
        raise _refused(collection, path, f"has more than {_MAX_LOG_BYTES:,} bytes")
    try:
        if name.endswith(".parquet"):
            actions = _checkpointed(path)
        elif name.endswith(".json") or name == _HINT:
            actions = _written(path)
        else:
            return
        for kind, content in actions:
            wrong = _fault(kind, content)
            if wrong:
                raise _refused(collection, path, wrong)
    except (pa.ArrowException, OSError):
        return


def _written(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            for record in _records(line):
                if path.name != _HINT:
                    yield from record.items()
                elif "v2Checkpoint" in record:
                    yield "v2Checkpoint", record


def _records(line: bytes) -> Iterator[dict[str, Any]]:
    """Read what is in a line of a log: one record, or what else a reader could take for records."""
    text, place = line.decode("utf-8", "replace").strip(), 0
    try:
        while place < len(text):
            record, place = _DECODER.raw_decode(text, place)
            place += len(text) - place - len(text[place:].lstrip())
            if isinstance(record, dict):
                yield record
    except (ValueError, RecursionError):
        # It is damaged, or a trick: what has no path but plain ones in it can lead nobody astray.
        for kind in _NEVER_WRITTEN:
            if kind in text[place:]:
                yield {kind: None}
        for found in _PATH_IN_TEXT.findall(text, place):
            yield {"remove": {"path": found}}


def _checkpointed(path: Path) -> Iterator[tuple[str, Any]]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        columns = [name for name in schema.names if name not in _CHECKED_ACTIONS or name in ("protocol", "metaData")]
        for name in {"add", "remove"} & {*schema.names}:
            inner = schema.field(name).type
            fields = {one.name for one in inner} if pa.types.is_struct(inner) else set()
            columns += [f"{name}.{one}" for one in ("path", "deletionVector") if one in fields]
        for row in file.read(columns=columns).to_pylist():
            yield from ((kind, content) for kind, content in row.items() if content is not None)


def _fault(kind: str, content: Any) -> str | None:
    if kind not in _CHECKED_ACTIONS:
        return f"has an entry {readable_path(kind)[:40]!r}, as no log that is written here"
    if not isinstance(content, dict):
        return None
    if kind == "protocol" and (
        content.get("minReaderVersion") not in (None, _READER_VERSION)
        or content.get("minWriterVersion") not in (None, _WRITER_VERSION)
    ):
        return "is of a protocol that is never used here"
    if kind == "metaData" and (
        content.get("configuration")
        or content.get("partitionColumns")
        or _COMPUTED.search(str(content.get("schemaString")))
    ):
        return "has settings that are never used here"
    if kind in ("add", "remove"):
        path = content.get("path")
        if path is not None and (not isinstance(path, str) or not _FILE_NAME.fullmatch(path)):
            return f"names {readable_path(str(path))[:200]!r}, which is not a file of the table"
        if content.get("deletionVector") is not None:
            return "names a deletion vector, which is never used here"
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: one reader takes the first of them, another the last."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _refused(collection: Path, path: Path, wrong: str) -> CollectionError:
    place = readable_path(path.relative_to(collection))
    return CollectionError(
        f"{readable_path(collection)}: is refused, as {place} {wrong}: a collection stays in its own folder"
    )
