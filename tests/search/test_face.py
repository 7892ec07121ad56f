"""What a collection shows of itself: encodings, tables to read, requests, and its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from soundgrep import Collection, Collections, Query, SearchOptions, SearchRequest
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import QueryError
from soundgrep.search.querying.condition import Condition

from .conftest import Made
from .made import add_clips


@pytest.fixture(scope="module")
def pair(small: Made, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Collections:
    """A collection, and one of ten of its clips."""
    more = add_clips(tmp_path_factory.mktemp("pair") / "more", small.clips[:10], encoder=encoder)
    return Collections.open([small.folder, more])


def test_a_request_is_what_its_keywords_are(small: Made, pair: Collections) -> None:
    options = SearchOptions(by="segment", offset=2)
    request = SearchRequest(
        (Query.text("rain"), Query.text("wind")), 4, Condition("duration_s > $s", {"s": 1}), options, explain=True
    )
    for searched in (small.open(), pair):
        answers = searched.answer(request)
        given = {"k": 4, "where": "duration_s > $s", "where_values": {"s": 1}, "options": options, "explain": True}
        assert answers == searched.search_many(["rain", "wind"], **given)  # type: ignore[arg-type]
        assert answers == [searched.search(text, **given) for text in ("rain", "wind")]  # type: ignore[arg-type]
        assert all(hits.explanation is not None for hits in answers)
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.k = 5  # type: ignore[misc]
    with pytest.raises(QueryError, match="k must be"):
        SearchRequest((), 0)


def test_several_collections_take_the_questions_that_one_takes(pair: Collections, small: Made) -> None:
    first = pair.search("rain", k=1)[0]
    waveform = np.random.default_rng(1).normal(0, 0.1, 8_000).astype(np.float32)
    for question in ({"like": first}, {"audio": waveform}, {"embedding": small.clips[3][0]}):
        assert pair.search(**question, k=3)  # type: ignore[arg-type]
    assert len(pair) == pair.n_clips == len(small.clips) + 10
    assert pair.encoder is pair.members[0].encoder


def test_collections_explain_themselves_by_their_members(pair: Collections) -> None:
    explanation = pair.search("rain", explain=True).explanation
    assert explanation is not None
    assert list(explanation.parts) == [str(member.path) for member in pair.members]
    parts = explanation.parts.values()
    assert explanation.plan.n_segments == sum(part.plan.n_segments for part in parts) == pair.n_segments
    assert explanation.ranking_ms == pytest.approx(sum(part.ranking_ms for part in parts))


def test_an_encoding_is_searched_by_embedding(small: Made) -> None:
    collection = small.open()
    (encoding,) = collection.encodings.values()
    assert collection.encodings[encoding.encoder_id] is collection.encoding is encoding
    assert (encoding.encoder_id,) == collection.encoders
    assert encoding.encoder is collection.encoder
    assert encoding.index is not None
    assert encoding.index.n_segments == len(encoding.segments)
    query = small.clips[5][0]
    assert encoding.search(query, k=5, where="duration_s > 1") == collection.search(
        embedding=query, k=5, where="duration_s > 1"
    )


def test_clips_and_segments_are_tables_to_read(small: Made) -> None:
    collection = small.open()
    assert len(collection) == len(collection.clips) == len(small.clips)
    assert len(collection.segments) == collection.n_segments == sum(map(len, small.clips))
    assert collection.clips.to_arrow(["clip_id"]).column_names == ["clip_id"]
    assert collection.clips.to_arrow(["path"]).to_pandas().shape == (len(collection), 1)
    long = collection.clips.dataset().to_table(filter=pc.field("duration_s") > 1)
    assert set(long["clip_id"].to_pylist()) == set(collection.encoding.clips.ids_where("duration_s > 1"))
    for writing in ("append", "overwrite", "delete", "restore"):
        assert not hasattr(collection.segments, writing)


@pytest.mark.parametrize("isolate_sql", [False, True])
def test_a_collection_that_was_closed_can_be_searched_again(small: Made, isolate_sql: bool) -> None:
    with Collection.open(small.folder, isolate_sql=isolate_sql) as collection:
        before = collection.search("rain", where="duration_s > 1")
        catalog = collection.encoding.clips.catalog
    assert collection.search("rain", where="duration_s > 1") == before
    assert collection.encoding.clips.catalog is not catalog
    collection.close()


def test_an_empty_collection_is_there(tmp_path: Path, encoder: Encoder) -> None:
    collection = Collection.open(add_clips(tmp_path / "empty", [], encoder=encoder))
    assert len(collection) == 0
    assert collection, "a collection without clips is a collection"
