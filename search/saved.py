"""Saved queries: what somebody looked for, kept in the collection under a name."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..model.documents import json_of
from ..model.errors import CollectionError, EncoderMismatchError, QueryError
from ..model.paths import readable_path
from ..model.system import read_regular
from .collection import Collection
from .querying.condition import Condition
from .querying.query import Query
from .querying.request import SearchRequest
from .store.manifest import Manifest

QUERIES_FOLDER = "queries"
MAX_NAME = 80
_FORMAT = 1
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, eq=False)
class SavedQuery:
    """A query under a name.

    Attributes:
        name: The name.
        text: What it asks for, in words.
        embedding: What it asks for [embedding_dim], unit length.
        encoder: Digest of the encoder whose embedding that is.
        where: SQL condition on a clip that belongs to it, or None.
        values: Values for the parameters in that.
        rejected: Ids of clips that are left out.
        saved_at: When it was saved, ISO 8601, UTC.
    """

    name: str
    text: str
    embedding: npt.NDArray[np.float32]
    encoder: str
    where: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    rejected: tuple[int, ...] = ()
    saved_at: str = ""

    @property
    def query(self) -> Query:
        """What to search for."""
        return Query.embedding(self.embedding)

    @property
    def condition(self) -> Condition:
        """What to search among."""
        return Condition.joined(Condition(self.where, self.values), Condition.without_clips(self.rejected))

    def to_json(self) -> dict[str, object]:
        """Return what there is to know of it as plain values that JSON can hold; ids as text, as in hits."""
        return {
            "name": self.name,
            "text": self.text,
            "where": self.where,
            "values": dict(self.values),
            "rejected": [str(clip_id) for clip_id in self.rejected],
            "saved_at": self.saved_at,
        }

    def to_bytes(self) -> bytes:
        """Return the content of its file."""
        record = {
            "format": _FORMAT,
            **self.to_json(),
            "encoder": self.encoder,
            "embedding": base64.b64encode(self.embedding.astype("<f4").tobytes()).decode(),
        }
        return json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def of_bytes(cls, data: bytes) -> SavedQuery:
        """Read the content of its file.

        Raises:
            ValueError: If it is not what `to_bytes` gives.
        """
        record = json_of(data)
        if not isinstance(record, dict) or record.get("format") != _FORMAT:
            raise ValueError("it is no saved query of a format known here")
        try:
            embedding = np.frombuffer(base64.b64decode(record["embedding"], validate=True), "<f4")
            texts = {name: str(record[name]) for name in ("name", "text", "encoder", "saved_at")}
            where = None if record["where"] is None else str(record["where"])
            rejected = tuple(int(clip_id) for clip_id in record["rejected"])
            values = dict(record["values"])
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"it lacks or misspells {error}") from error
        if not len(embedding) or not np.isfinite(embedding).all():
            raise ValueError("its embedding is not made of numbers")
        return cls(**texts, embedding=embedding, where=where, values=values, rejected=rejected)


def checked_name(name: str) -> str:
    """Check the name of a saved query.

    Returns:
        The name, without white space around it.

    Raises:
        QueryError: If it is empty, too long, or cannot be shown on one line.
    """
    name = name.strip()
    if not name:
        raise QueryError("the name of a saved query is empty")
    if len(name) > MAX_NAME:
        raise QueryError(f"the name of a saved query has at most {MAX_NAME} characters, not {len(name)}")
    if readable_path(name) != name:
        raise QueryError(f"{readable_path(name)!r} cannot be the name of a saved query: it is not one line of text")
    return name


def file_of(collection: Path, name: str) -> Path:
    """Return where a collection keeps the query of a name; the name may hold what a file's name cannot."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return collection / QUERIES_FOLDER / f"{digest}.json"


def saved_queries(collection: Path) -> list[SavedQuery]:
    """List the queries that are saved in a collection, by name; a damaged one is passed over.

    Raises:
        CollectionError: If their folder cannot be read.
    """
    found: list[SavedQuery] = []
    try:
        for path in (collection / QUERIES_FOLDER).glob("[!.]*.json"):
            try:
                found.append(SavedQuery.of_bytes(read_regular(path, most_bytes=_MAX_BYTES, follows_links=False)))
            except (ValueError, FileNotFoundError):  # deleted meanwhile
                continue
    except OSError as error:
        raise CollectionError(
            f"{readable_path(collection)}: its saved queries cannot be read ({error.strerror})"
        ) from error
    return sorted(found, key=lambda one: (one.name.casefold(), one.name))


def saved_query(collection: Path, manifest: Manifest, name: str) -> SavedQuery:
    """Return the query that is saved under a name.

    Args:
        collection: The collection's folder.
        manifest: Its manifest.
        name: The name.

    Raises:
        QueryError: If there is none of that name.
        EncoderMismatchError: If it was made with another encoder than the collection is of now.
        CollectionError: If it cannot be read.
    """
    place = readable_path(collection)
    try:
        found = SavedQuery.of_bytes(
            read_regular(file_of(collection, name.strip()), most_bytes=_MAX_BYTES, follows_links=False)
        )
    except FileNotFoundError:
        known = [one.name for one in saved_queries(collection)]
        listed = f"; there are {', '.join(map(repr, known[:8]))}" if known else ""
        raise QueryError(f"{place}: has no saved query {readable_path(name)!r}{listed}") from None
    except OSError as error:
        raise CollectionError(f"{place}: its saved queries cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CollectionError(f"{place}: the saved query {readable_path(name)!r} is damaged ({error})") from error
    if found.encoder != manifest.encoding.encoder.digest:
        raise EncoderMismatchError(
            f"{place}: the saved query {found.name!r} is of another encoder than the collection is of now"
        )
    return found


def with_saved(request: SearchRequest, collection: Collection, name: str) -> SearchRequest:
    """Return a request that looks for a saved query, too, among what the filter saved with it leaves.

    Raises:
        QueryError, EncoderMismatchError, CollectionError: As `saved_query`.
    """
    saved = saved_query(collection.path, collection.manifest, name)
    queries = tuple(saved.query + query for query in request.queries) or (saved.query,)
    return replace(request, queries=queries, condition=Condition.joined(saved.condition, request.condition))
