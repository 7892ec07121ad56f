"""Facets: their counts against SQL, combined as people combine them, and what they refuse."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import QueryError
from soundgrep.search import Collection, Collections, SearchOptions
from soundgrep.search.facets.counting import Facets
from soundgrep.search.facets.facet import Counted, Facet
from soundgrep.search.facets.narrowing import Narrowing
from soundgrep.search.querying.condition import Condition

from .conftest import Made
from .made import add_clips, by_clip, clustered


def two_labels(rng: random.Random) -> list[tuple[str, float]]:
    labels = rng.sample(["dog", "cat", 'it\'s "rain"', "<b>wind</b>"], 2)
    return list(zip(labels, sorted((rng.random(), rng.random()), reverse=True), strict=True))


@pytest.fixture(scope="module")
def known(small: Made, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The small collection with labels, and columns of the user's of every type."""
    folder = shutil.copytree(small.folder, tmp_path_factory.mktemp("facets") / "known")
    ids = Collection.open(folder).sql("SELECT clip_id FROM clips ORDER BY path").column("clip_id").to_pylist()
    rng = random.Random(0)
    labelled = ids[: len(ids) * 3 // 4]
    rows = [
        {"clip_id": clip, "label": label, "rank": rank, "score": np.float32(score), "cosine": 0.1}
        for clip in labelled
        for rank, (label, score) in enumerate(two_labels(rng), start=1)
    ]
    write_annex(folder, "labels", pa.Table.from_pylist(rows))
    described = ids[::2]
    write_annex(
        folder,
        "metadata",
        pa.table(
            {
                "clip_id": described,
                "codec": [rng.choice(["mine", "yours"]) for _ in described],  # a name that is taken
                'odd "name"; --': [rng.choice(["", "a\nb", "🎧", "'"]) for _ in described],
                "take": [rng.randrange(4) for _ in described],
                "loudness": [rng.choice([rng.gauss(-20, 9), float("nan"), None]) for _ in described],
                "good": [rng.choice([True, False, None]) for _ in described],
                "caption": [f"number {number} of its kind" for number in range(len(described))],
            }
        ),
    )
    return Collection.open(folder)


@pytest.fixture(scope="module")
def facets(known: Collection) -> Facets:
    return Facets(Collections([known]))


def of(counted: Counted, name: str) -> Facet:
    return next(facet for facet in counted.facets if facet.name == name)


def in_sql(collection: Collection, condition: Condition) -> int:
    where = "true" if condition.where is None else condition.where
    rows = collection.sql(f"SELECT count(*) AS n FROM clips WHERE (\n{where}\n)", values=dict(condition.values))
    return int(rows.column("n")[0].as_py())


def test_what_there_is_to_narrow_by(facets: Facets) -> None:
    assert facets.names == (
        "path", "duration_s", "label", "codec", "n_channels",
        "user_codec", 'odd "name"; --', "take", "loudness", "good",
    )  # fmt: skip
    counted = facets.count()
    assert [choice.text for choice in of(counted, "n_channels").choices] == ["mono", "stereo"]
    assert {choice.text for choice in of(counted, "good").choices} == {"true", "false"}
    assert len(of(counted, "loudness").choices) == 5
    assert {choice.text for choice in of(counted, "path").choices} == set("0123456789")


def test_every_count_is_what_sql_counts_however_facets_are_combined(facets: Facets, known: Collection) -> None:
    rng = random.Random(1)
    everything = facets.count()
    for _ in range(12):
        chosen = {
            facet.name: tuple(
                choice.key for choice in rng.sample(facet.choices, min(len(facet.choices), rng.randint(1, 3)))
            )
            for facet in rng.sample(everything.facets, rng.randint(0, 4))
        }
        narrowing = Narrowing(chosen, least_label_score=rng.choice([0.0, 0.6]))
        where, values = rng.choice([(None, {}), ("duration_s < $most -- short", {"most": 4.5})])
        counted = facets.count(narrowing, where=where, where_values=values)
        assert counted.n_clips == in_sql(
            known, Condition.joined(Condition.of(where, values), facets.condition(narrowing))
        ), narrowing
        for facet in rng.sample(counted.facets, 3):
            for choice in facet.choices:
                alone = narrowing.with_chosen(facet.name, (choice.key,))
                expected = in_sql(known, Condition.joined(Condition.of(where, values), facets.condition(alone)))
                assert choice.n_clips == expected, (facet.name, choice, narrowing)
                assert choice.is_chosen == (choice.key in chosen.get(facet.name, ()))


def test_a_search_finds_what_the_facets_count(facets: Facets, known: Collection) -> None:
    narrowing = Narrowing({"codec": ("vorbis",), "label": ("dog", "<b>wind</b>")}, least_label_score=0.5)
    counted = facets.count(narrowing)
    condition = facets.condition(narrowing)
    hits = known.search("rain", k=1000, where=condition.where, where_values=condition.values)
    assert 0 < len(hits) == counted.n_clips
    found = [hit.clip_id for hit in hits[:7]]
    with_hits = facets.count(narrowing, hits=found)
    assert sum(choice.n_hits or 0 for choice in of(with_hits, "duration_s").choices) == 7
    assert facets.count(narrowing, among=found).n_clips == 7
    assert facets.count(among=found).n_clips == 7


def test_folders_open_where_they_are_chosen(encoder: Encoder, tmp_path: Path) -> None:
    clips = by_clip(clustered(60, dim=encoder.embedding_dim, seed=4), seed=4)[:6]
    folder = add_clips(tmp_path / "c", clips, encoder=encoder)
    from soundgrep.search.facets.columns import Folders

    names = ["/s/a", "/s/a/b", "/s/a/b/c", "/s/a b", "/s/a!", "/s"]
    tree = Folders(np.array([0, 1, 2, 3, 4, 5, 5, 2], np.int32), names)
    everything = np.ones(8, np.bool_)
    assert tree.top == "/s"
    closed = tree.facet(everything, None, (), 0)
    assert {one.text: one.n_clips for one in closed.choices} == {"a": 4, "a b": 1, "a!": 1}
    opened = tree.facet(everything, None, ("/s/a/b",), 0)
    assert [
        (one.text, one.n_clips, one.depth, one.is_chosen) for one in opened.choices if one.depth or one.text == "a"
    ] == [
        ("a", 4, 0, False),
        ("b", 3, 1, True),
        ("c", 2, 2, False),
    ]
    assert tree.mask(("/s/a",), 0).tolist() == [True, True, True, False, False, False, False, True]
    narrowing = Narrowing({"path": ("/s/a",)}).toggled("path", "/s/a/b").toggled("path", "/s/x")
    assert narrowing.chosen == {"path": ("/s/a/b", "/s/x")}
    assert narrowing.toggled("path", "/s/a").chosen == {"path": ("/s/x", "/s/a")}
    assert narrowing.toggled("path", "/s/a/b").toggled("path", "/s/x") == Narrowing()
    stores = Folders(np.arange(3, dtype=np.int32), ["s3://b/x", "s3://b/y", "/s/a.tar!"])
    assert [(one.key, one.n_clips) for one in stores.facet(np.ones(3, np.bool_), None, (), 0).choices] == [
        ("/s", 1),
        ("s3:", 2),
    ]
    alone = Facets(Collections([Collection.open(folder)]))
    assert "path" in alone.names


def test_several_collections_count_a_clip_once(encoder: Encoder, tmp_path: Path) -> None:
    clips = by_clip(clustered(90, dim=encoder.embedding_dim, seed=6), seed=6)[:20]
    add_clips(tmp_path / "a", clips[:12], encoder=encoder)
    add_clips(tmp_path / "b", clips[8:], encoder=encoder, first=8)
    both = Collections.open([tmp_path / "a", tmp_path / "b"])
    facets = Facets(both)
    narrowing = Narrowing({"codec": ("vorbis",)})
    counted = facets.count(narrowing, where="duration_s > 1")
    condition = Condition.joined(Condition("duration_s > 1"), facets.condition(narrowing))
    hits = both.search("rain", k=100, where=condition.where, where_values=condition.values)
    assert counted.n_clips == len(hits)
    assert counted.n_total == 20


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"nonsense": ("1",)}, "nothing called 'nonsense'"),
        ({"embedding": ("1",)}, "nothing called"),
        ({"duration_s": ("1..x",)}, "'1..x' is no range"),
        ({"duration_s": ("..",)}, "is no range"),
        ({"duration_s": ("nan..1",)}, "is no range"),
        ({"n_channels": ("two",)}, "'two' is no value of 'n_channels'"),
        ({"good": ("maybe",)}, "'maybe' is no value"),
        ({"path": ("",)}, "has no name"),
    ],
)
def test_what_an_address_may_say_by_mistake_is_refused(
    facets: Facets, chosen: dict[str, tuple[str, ...]], said: str
) -> None:
    for ask in (facets.count, facets.condition):
        with pytest.raises(QueryError, match=said):
            ask(Narrowing(chosen))


def test_a_choice_that_is_gone_is_shown_and_leaves_nothing(facets: Facets, known: Collection) -> None:
    narrowing = Narrowing({"codec": ("'; DROP VIEW clips; --",), "path": ("/gone",), "duration_s": ("2..3.5",)})
    counted = facets.count(narrowing)
    assert counted.n_clips == 0 == in_sql(known, facets.condition(narrowing))
    assert [choice.text for choice in of(counted, "codec").choices if choice.is_chosen] == ["'; DROP VIEW clips; --"]
    assert [choice.key for choice in of(counted, "path").choices if choice.is_chosen] == ["/gone"]
    assert "2 to 3.5 s" in [choice.text for choice in of(counted, "duration_s").choices]
    with pytest.raises(QueryError, match="between 0 and 1"):
        Narrowing(least_label_score=2)


def test_a_mistake_in_the_other_filter_is_told_as_one(facets: Facets) -> None:
    with pytest.raises(QueryError, match="the filter"):
        facets.count(where="true) OR (true")


def test_an_empty_collection_has_nothing_to_narrow_by(encoder: Encoder, tmp_path: Path) -> None:
    facets = Facets(Collections([Collection.open(add_clips(tmp_path / "c", [], encoder=encoder))]))
    assert facets.count() == Counted(0, 0, ())
    assert facets.count(where="duration_s > 1", hits=[1]).n_clips == 0


def test_reading_stops_after_as_many_rows_as_are_wanted(known: Collection) -> None:
    assert known.sql("SELECT i FROM range(1000000000) AS t(i)", max_rows=7).num_rows == 7
    assert known.sql("FROM clips", max_rows=10**6).num_rows == known.n_clips
    assert len(known.search("rain", k=3, options=SearchOptions())) == 3
