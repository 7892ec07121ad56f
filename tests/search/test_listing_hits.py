"""How hits are listed: pages, segments, spans, folds, bounds and words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import QueryError
from soundgrep.search import Collection, Hit, Hits, Query, SearchOptions
from soundgrep.search.querying.fusion import reciprocal_rank_fusion
from soundgrep.search.querying.lexical import Lexical
from soundgrep.search.querying.neighbours import merge_spans

from .conftest import Made
from .made import Float, add_clips, clustered, exact_best, unit

pytestmark = pytest.mark.slow


def number(hit: Hit) -> int:
    return int(Path(hit.path).stem)


def query_of(made: Made, seed: int = 3) -> Float:
    return clustered(1, dim=made.clips[0].shape[1], seed=seed)[0]


@pytest.mark.parametrize("made", ["small", "large"])
@pytest.mark.parametrize("by", ["clip", "segment"])
def test_pages_neither_repeat_nor_skip(made: str, by: str, request: pytest.FixtureRequest) -> None:
    found: Made = request.getfixturevalue(made)
    collection = found.open()
    pages = [
        collection.search(embedding=query_of(found), k=7, options=SearchOptions(by=by, offset=offset))  # type: ignore[arg-type]
        for offset in range(0, 35, 7)
    ]
    hits = [hit for page in pages for hit in page]
    assert [hit.rank for hit in hits] == list(range(1, 36))
    assert len({hit.segment_id for hit in hits}) == 35
    if made == "small":
        best = sorted(((clip @ query_of(found)).max() for clip in found.clips), reverse=True)[:35]
        if by == "segment":
            best = np.sort(np.concatenate(found.clips) @ query_of(found))[::-1][:35]
        assert [hit.score for hit in hits] == pytest.approx(best, abs=1e-6)


def test_past_the_last_page_there_is_nothing(small: Made) -> None:
    options = SearchOptions(offset=len(small.clips))
    assert small.open().search(embedding=query_of(small), options=options) == []


def test_by_segment_every_segment_stands_for_itself(small: Made) -> None:
    query = query_of(small)
    hits = small.open().search(embedding=query, k=10**6, options=SearchOptions(by="segment"))
    assert len(hits) == sum(map(len, small.clips))
    for hit in hits[:20]:
        assert hit.score == pytest.approx(float(small.clips[number(hit)][int(hit.start_s)] @ query), abs=1e-6)
        assert [(span.start_s, span.end_s) for span in hit.spans] == [(hit.start_s, hit.end_s)]


def test_a_lowest_score_leaves_out_what_is_under_it(small: Made) -> None:
    query = query_of(small)
    every = exact_best(small.clips, query, len(small.clips))
    bar = every[9][1]
    hits = small.open().search(embedding=query, k=100, options=SearchOptions(min_score=bar - 1e-6))
    assert [number(hit) for hit in hits] == [one for one, score in every if score >= bar - 1e-6]
    assert small.open().search(embedding=query, options=SearchOptions(min_score=1.1)) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> tuple[Collection, Float]:
    """Clip 0: a sound, silence, the sound twice. Clips 1 and 2: near copies of it. 3: alike. Then 40 others."""
    dim = encoder.embedding_dim
    sound, silence, noise = unit(np.random.default_rng(1).standard_normal((3, dim)))
    near = unit(np.stack([sound + 0.02 * noise, sound - 0.02 * noise]))
    clips = [
        np.stack([sound, silence, unit(sound + 0.3 * noise), sound]),
        near[:1],
        near[1:],
        unit(sound + 0.5 * noise)[np.newaxis],
        *(one[np.newaxis] for one in clustered(40, dim=dim, seed=11)),
    ]
    folder = add_clips(tmp_path_factory.mktemp("listed") / "c", clips, encoder=encoder)
    hits = Collection.open(folder).search(embedding=sound, k=100)
    clip_ids = {number(hit): hit.clip_id for hit in hits}
    metadata = {
        "clip_id": [clip_ids[3], clip_ids[4], clip_ids[5]],
        "Title": ["Glass bottle breaking", "Slammed DOORS", None],
        "mood": ["a café", "grim", "grim"],
        "takes": [1, 2, 3],
    }
    write_annex(folder, "metadata", pa.table(metadata))
    labels = {"clip_id": [clip_ids[4], clip_ids[4]], "label": ["door", "window"], "score": [0.2, 0.9]}
    write_annex(folder, "labels", pa.table(labels))
    return Collection.open(folder), sound


def test_a_hit_names_every_stretch_of_its_clip_that_answers(made: tuple[Collection, Float]) -> None:
    collection, sound = made
    first = collection.search(embedding=sound, k=1)[0]
    assert number(first) == 0
    assert [(span.start_s, span.end_s) for span in first.spans] == [(0, 1), (2, 4)]
    assert [span.score for span in first.spans] == pytest.approx([1, 1], abs=1e-6)
    bounded = collection.search(embedding=sound, k=1, options=SearchOptions(min_score=0.99))[0]
    assert [(span.start_s, span.end_s) for span in bounded.spans] == [(0, 1), (3, 4)]
    assert first.to_json()["spans"][1] == {"start_s": 2.0, "end_s": 4.0, "score": pytest.approx(1, abs=1e-5)}  # type: ignore[index]


def test_touching_and_overlapping_segments_are_one_span() -> None:
    spans = merge_spans(
        np.array([0.0, 2.5, 5.0, 20.0]), np.array([5.0, 7.5, 10.0, 25.0]), np.array([0.1, 0.3, 0.2, 0.4], np.float32)
    )
    assert [(span.start_s, span.end_s) for span in spans] == [(0, 10), (20, 25)]
    assert [span.score for span in spans] == pytest.approx([0.3, 0.4])


def test_near_copies_fold_into_the_best_of_them(made: tuple[Collection, Float]) -> None:
    collection, sound = made
    flat = collection.search(embedding=sound, k=10)
    assert [number(hit) for hit in flat][:4] == [0, 1, 2, 3] or [number(hit) for hit in flat][:4] == [0, 2, 1, 3]
    folded = collection.search(embedding=sound, k=3, options=SearchOptions(fold=True))
    assert [number(hit) for hit in folded] == [0, 3, number(flat[4])]
    assert folded[0].folded == (flat[1].path, flat[2].path)
    assert folded[1].folded == ()
    second = collection.search(embedding=sound, k=1, options=SearchOptions(fold=True, offset=1))
    assert [number(hit) for hit in second] == [3]
    alone = collection.search(embedding=sound, k=1, options=SearchOptions(fold=True))
    assert len(alone[0].folded) == 2


def test_metadata_and_labels_are_columns_of_clips_and_filters_see_them(made: tuple[Collection, Float]) -> None:
    collection, sound = made

    def kept(where: str, values: dict[str, object] | None = None) -> list[int]:
        return sorted(
            number(hit) for hit in collection.search(embedding=sound, k=100, where=where, where_values=values)
        )

    assert kept("takes >= 2") == [4, 5]
    assert kept("mood = $mood", {"mood": "grim"}) == [4, 5]
    assert kept("takes > $n", {"n": "1"}) == [4, 5]
    assert kept("label = 'window'") == [4]
    assert kept("label = 'door'") == []
    assert kept("clip_id IN (SELECT clip_id FROM labels WHERE label = 'door')") == [4]
    assert kept("user_Title LIKE 'Glass%' AND title = 'number 3'") == [3]
    names = set(collection.sql("DESCRIBE clips").column("column_name").to_pylist())
    assert {"title", "user_Title", "mood", "takes", "label"} <= names
    rows = collection.sql("SELECT count(*) AS n, count(label) AS labelled FROM clips").to_pylist()
    assert rows == [{"n": 44, "labelled": 1}]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("broken glass", [3]),
        ("Break", [3]),
        ("cafe", [3]),
        ("door", [4]),
        ("windows", [4]),
        ("grim", [4, 5]),
        ("xyz", []),
    ],
)
def test_words_alone_rank_what_is_written_about_clips(
    made: tuple[Collection, Float], words: str, found: Sequence[int]
) -> None:
    hits = made[0].search(words, k=20, options=SearchOptions(text_match="only"))
    assert sorted(number(hit) for hit in hits) == sorted(found)
    assert [hit.text_rank for hit in hits] == list(range(1, len(found) + 1))


def test_words_and_sound_are_fused_by_reciprocal_rank(made: tuple[Collection, Float]) -> None:
    collection, _ = made
    by_sound = [number(hit) for hit in collection.search("grim doors", k=44)]
    by_words = [number(hit) for hit in collection.search("grim doors", k=44, options=SearchOptions(text_match="only"))]
    assert by_words == [4, 5]
    fused = collection.search("grim doors", k=44, options=SearchOptions(text_match="on"))
    assert [number(hit) for hit in fused] == reciprocal_rank_fusion(by_sound, by_words)
    assert {number(hit): hit.text_rank for hit in fused if hit.text_rank} == {4: 1, 5: 2}
    scores = {hit.clip_id: hit.score for hit in collection.search("grim doors", k=44)}
    assert {hit.clip_id: pytest.approx(hit.score, abs=1e-6) for hit in fused} == scores
    first = collection.search("grim doors", k=1, where="takes = 3", options=SearchOptions(text_match="on"))
    assert [number(hit) for hit in first] == [5]


def test_reciprocal_rank_fusion_is_its_formula() -> None:
    # 7: 1/61 + 1/62, 9: 1/61 + 1/63, 8: 1/62
    assert reciprocal_rank_fusion([7, 8, 9], [9, 7]) == [7, 9, 8]
    assert reciprocal_rank_fusion([], [2, 1]) == [2, 1]


def test_names_are_read_as_words() -> None:
    texts = ["/s/GlassBreak_03-kitchen", "/s/HTTPServer take3b", "/s/Über-Straße", "/s/雨の音"]
    lexical = Lexical(pa.table({"clip_id": pa.array([1, 2, 3, 4], pa.int64()), "words": texts}))
    for words, clip_id in (
        ("glass", 1), ("breaking kitchen", 1), ("03", 1), ("server", 2), ("http", 2), ("3", 2), ("UBER", 3),
        ("雨の音", 4),
    ):  # fmt: skip
        assert lexical.best(words, 5) == [clip_id], words
    for words in ("", "the of", "?!", '"glas" OR *', "x" * 10_000):
        assert lexical.best(words, 5) == [], words
    assert lexical.best("glass server", 5, allowed=lambda clip_id: clip_id == 2) == [2]
    assert len(lexical.best("s", 3)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "song"},
        {"offset": -1},
        {"offset": 1.5},
        {"min_score": float("nan")},
        {"min_score": "high"},
        {"text_match": True},
        {"text_match": "on", "by": "segment"},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(QueryError) as caught:
        SearchOptions(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_words_need_a_text(small: Made) -> None:
    with pytest.raises(QueryError, match="text"):
        small.open().search(Query.embedding(query_of(small)), options=SearchOptions(text_match="on"))


def test_a_search_explains_itself(small: Made, large: Made) -> None:
    for made_, kind in ((small, "exact"), (large, "index")):
        hits = made_.open().search(embedding=query_of(made_), explain=True)
        assert hits.explanation is not None
        assert hits.explanation.plan.kind == kind
        assert hits.explanation.plan.n_allowed == hits.explanation.plan.n_segments
        assert hits.explanation.ranking_ms > 0
    filtered = small.open().search(embedding=query_of(small), where="size_bytes < 105", explain=True)
    assert filtered.explanation is not None
    assert filtered.explanation.plan.n_allowed == sum(map(len, small.clips[:5]))
    assert small.open().search(embedding=query_of(small)).explanation is None


def test_scores_of_texts_stand_on_the_scale_of_the_bank(small: Made) -> None:
    collection = small.open()
    hits = collection.search(Query.text("rain") - 0.3 * Query.text("music"), k=50)
    scale = [hit.calibrated for hit in hits if hit.calibrated is not None]
    assert len(scale) == 50
    assert scale == sorted(scale, reverse=True)
    assert 0 <= scale[-1] <= scale[0] <= 100
    for other in (Query.embedding(query_of(small)), Query.text("rain") + Query.embedding(query_of(small))):
        assert {hit.calibrated for hit in collection.search(other)} == {None}


@pytest.mark.parametrize(
    ("calibrated", "rank", "text_rank", "nothing"),
    [(1.0, 1, None, True), (50.0, 1, None, False), (None, 1, None, False), (1.0, 11, None, False), (1.0, 1, 1, False)],
)
def test_nothing_here_sounds_like_that(
    calibrated: float | None, rank: int, text_rank: int | None, nothing: bool
) -> None:
    hit = Hit(rank, 0.1, "/a.wav", 0, 1, 1, 1, 2, calibrated=calibrated, text_rank=text_rank)
    assert Hits([hit]).nothing_like_it is nothing
    assert Hits().nothing_like_it is False
