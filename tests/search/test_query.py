"""What can be asked, alone and summed up, against the naive formula over all embeddings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import QueryError, SoundgrepWarning
from soundgrep.search import Collection, Hits, Query

from .conftest import Made
from .made import Float, clip_path, clustered, exact_best, unit


def numbers(hits: Hits) -> list[int]:
    return [int(Path(hit.path).stem) for hit in hits]


def expected(made: Made, embedding: Float, k: int, *, without: int | None = None) -> list[int]:
    among = [number for number in range(len(made.clips)) if number != without]
    return [number for number, _ in exact_best(made.clips, embedding, k, among=among)]


def test_a_weighted_sum_asks_for_the_sum_of_unit_embeddings(small: Made, encoder: Encoder) -> None:
    collection = small.open()
    rain, dog, music = encoder.embed_text(["rain", "a dog", "music"])
    other = clustered(1, dim=encoder.embedding_dim, seed=5)[0]
    sums: list[tuple[Query, Float]] = [
        (Query.text("rain") + "a dog", rain + dog),
        ("a dog" + Query.text("rain") * 2, dog + 2 * rain),
        (Query.text("rain") - 0.5 * Query.text("music"), rain - 0.5 * music),
        ("rain" - Query.text("music") / 4, rain - music / 4),
        (-Query.text("music"), -music),
        (np.float64(0.3) * (Query.text("rain") + Query.embedding(7 * other)), rain + other),
        (Query.embedding(other) - "a dog", other - dog),
    ]
    for query, embedding in sums:
        hits = collection.search(query, k=10)
        assert numbers(hits) == expected(small, unit(embedding), 10), str(query)


def test_a_sum_with_a_sound_of_the_collection_leaves_that_out(small: Made, encoder: Encoder) -> None:
    collection = small.open()
    hit = collection.search(embedding=small.clips[5][0], k=1)[0]
    query = Query.like(hit) + 0.5 * Query.text("rain")
    embedding = unit(small.clips[5][0] + 0.5 * encoder.embed_text(["rain"])[0])
    assert numbers(collection.search(query, k=8)) == expected(small, embedding, 8, without=5)


@pytest.mark.parametrize(
    "named", [lambda hit: hit.clip_id, lambda hit: hit.path, lambda hit: Path(hit.path), lambda hit: hit.file]
)
def test_a_clip_is_asked_for_by_the_mean_of_its_segments(small: Made, named: Callable[..., object]) -> None:
    collection = small.open()
    number = next(n for n, clip in enumerate(small.clips) if len(clip) == 4)
    hit = collection.search(embedding=small.clips[number][2], k=1)[0]
    assert hit.path == clip_path(number).decode()
    like = collection.search(like=named(hit), k=7)  # type: ignore[arg-type]
    assert numbers(like) == expected(small, unit(small.clips[number].mean(axis=0)), 7, without=number)


def test_a_segment_is_asked_for_by_its_id(small: Made) -> None:
    collection = small.open()
    hit = collection.search(embedding=small.clips[7][0], k=1)[0]
    by_id = collection.search(like=hit.segment_id, k=5)
    assert by_id == collection.search(like=hit, k=5)
    assert numbers(by_id) == expected(small, small.clips[7][0], 5, without=7)


def test_many_queries_are_answered_as_each_alone(small: Made) -> None:
    collection = small.open()
    hit = collection.search("a dog", k=1)[0]
    asked: list[str | Query] = ["rain", Query.text("rain") - "music", Query.like(hit), "rain", Query.text("a dog")]
    many = collection.search_many(asked, k=4, where="duration_s > $s", where_values={"s": 1})
    for query, hits in zip(asked, many, strict=True):
        alone = collection.search(query, k=4, where="duration_s > 1")
        assert numbers(hits) == numbers(alone)
        assert [one.score for one in hits] == pytest.approx([one.score for one in alone], abs=1e-6)
    assert collection.search_many([]) == []


def test_a_query_says_what_it_asks() -> None:
    query = Query.text("rain") + "wind" * 1 - 0.5 * Query.text("music") + Query.like("a\n.wav") - Query.embedding([1.0])
    assert str(query) == "rain + wind - 0.5 * music + like(a\\n.wav) - embedding(...)"
    assert str(-Query.text("rain")) == "-rain"
    assert query.texts == ["rain", "wind", "music"]


def test_a_very_long_text_is_cut_and_says_so(small: Made) -> None:
    with pytest.warns(SoundgrepWarning):
        assert len(small.open().search("rain and thunder " * 600, k=3)) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Query.text(" "),
        lambda: Query.text("\udcff"),
        lambda: Query.text(5),  # type: ignore[arg-type]
        lambda: Query.text("rain") + "",
        lambda: Query.text("rain") * float("nan"),
        lambda: Query.text("rain") * float("inf"),
        lambda: Query.text("rain") / 0,
        lambda: Query.embedding([]),
        lambda: Query.embedding([float("nan")]),
        lambda: Query.embedding([0.0, 0.0]),
        lambda: Query.embedding("loud"),
        lambda: Query.audio(5),  # type: ignore[arg-type]
        lambda: Query.audio(np.array([np.inf], np.float32)),
        lambda: Query.like(1.5),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(make: Callable[[], Query]) -> None:
    with pytest.raises(QueryError) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        Query(()),
        Query.text("rain") - "rain",
        Query.text("rain") * 0,
        Query.text("rain") + Query.embedding([1.0, 2.0]),
        Query.like("/nowhere.wav"),
        Query.like("\udcff"),
        Query.like(12),
        Query.like(-1),
        Query.like(1 << 70),
    ],
)
def test_what_this_collection_cannot_answer_is_refused(small: Made, query: Query) -> None:
    with pytest.raises(QueryError) as caught:
        small.open().search(query)
    assert "\n" not in str(caught.value)


def test_numbers_and_texts_alone_do_not_add_up() -> None:
    with pytest.raises(TypeError):
        Query.text("rain") + 1  # type: ignore[operator]
    with pytest.raises(QueryError):
        Query.text("rain") * "2"  # type: ignore[operator]
    with pytest.raises(TypeError):
        Query.text("rain") * [2]  # type: ignore[operator]


def test_like_finds_a_clip_whose_name_is_no_text(tmp_path: Path, small: Made) -> None:
    collection = Collection.open(small.folder)
    with pytest.raises(QueryError, match="not in"):
        collection.search(like=tmp_path / "caf\udce9.wav")
