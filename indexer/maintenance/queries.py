"""Queries: saved in a collection under a name, and taken away again."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...model.atomic import write_atomically
from ...model.errors import CollectionError, QueryError
from ...model.paths import readable_path, user_path
from ...model.system import sync_folder
from ...search import Collection, Query, SearchRequest
from ...search.saved import QUERIES_FOLDER, SavedQuery, checked_name, file_of
from ...search.store.confined import check_confined
from ...search.store.manifest import read_manifest


def save_query(
    collection: Collection,
    name: str,
    query: str | Query,
    *,
    text: str | None = None,
    where: str | None = None,
    values: Mapping[str, object] | None = None,
    rejected: Iterable[int] = (),
) -> SavedQuery:
    """Save a query in a collection; it is there whole or not at all, and stays whatever is indexed later.

    Args:
        collection: The collection.
        name: The name, one line of at most 80 characters.
        query: What is asked for.
        text: The same in words; None for the query's own.
        where: SQL condition that belongs to it.
        values: Values for the parameters in that.
        rejected: Ids of clips to leave out.

    Returns:
        What was saved.

    Raises:
        QueryError: If the name is unusable or taken, or the query or the filter cannot be answered.
        AudioError: If the query holds a file that cannot be decoded.
        CollectionError: If the collection cannot be written.
    """
    name = checked_name(name)
    asked = Query.text(query) if isinstance(query, str) else query
    saved = SavedQuery(
        name=name,
        text=text or str(asked),
        embedding=collection.encoding.embed([asked])[0].embedding,
        encoder=collection.manifest.encoding.encoder.digest,
        where=where,
        values=dict(values or {}),
        rejected=tuple(rejected),
        saved_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    # What cannot be asked is not worth keeping.
    collection.answer(SearchRequest((saved.query,), k=1, condition=saved.condition))
    check_confined(collection.path)
    file = file_of(collection.path, name)
    if file.exists():
        raise QueryError(f"{readable_path(collection.path)}: has a saved query {name!r} already; delete it first")
    try:
        data = saved.to_bytes()
    except TypeError as error:
        raise QueryError(f"the values of the filter cannot be saved ({error})") from error
    try:
        if not file.parent.is_dir():
            file.parent.mkdir(exist_ok=True)
            sync_folder(collection.path)
        write_atomically(file, data, is_durable=True)
    except OSError as error:
        raise _unwritable(collection.path, error) from error
    return saved


def delete_query(collection: str | os.PathLike[str], name: str) -> None:
    """Take a saved query away.

    Args:
        collection: The collection's folder.
        name: Its name.

    Raises:
        QueryError: If there is none of that name.
        CollectionError: If the collection is none, or cannot be written.
    """
    folder = user_path(collection)
    read_manifest(folder)
    check_confined(folder)
    try:
        file_of(folder, name.strip()).unlink()
        sync_folder(folder / QUERIES_FOLDER)
    except FileNotFoundError:
        raise QueryError(f"{readable_path(folder)}: has no saved query {readable_path(name)!r}") from None
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> CollectionError:
    return CollectionError(f"{readable_path(folder)}: cannot be written ({error.strerror})")
