"""Several collections as one, and collections that are written to while they are asked."""

from __future__ import annotations

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError, EncoderMismatchError, QueryError
from soundgrep.search import Collection, Query, SearchOptions
from soundgrep.search.live import LiveCollections
from soundgrep.search.union import Collections

from .conftest import Made
from .made import Float, add_clips, by_clip, clustered

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(encoder: Encoder) -> list[Float]:
    return by_clip(clustered(400, dim=encoder.embedding_dim, seed=5), seed=5)


@pytest.fixture(scope="module")
def halves(clips: list[Float], encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Collections:
    """Two collections that share ten clips, the second without an index."""
    folder, n = tmp_path_factory.mktemp("halves"), len(clips) // 2
    add_clips(folder / "a", clips[: n + 10], encoder=encoder)
    add_clips(folder / "b", clips[n:], encoder=encoder, first=n, index=False)
    return Collections.open([folder / "a", folder / "b"])


@pytest.fixture(scope="module")
def whole(clips: list[Float], encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The same clips in one."""
    return Collection.open(add_clips(tmp_path_factory.mktemp("whole") / "c", clips, encoder=encoder))


@pytest.mark.parametrize("by", ["clip", "segment"])
@pytest.mark.parametrize("offset", [0, 7])
def test_two_halves_answer_as_the_whole(halves: Collections, whole: Collection, by: str, offset: int) -> None:
    options = SearchOptions(by=by, offset=offset)  # type: ignore[arg-type]
    like = whole.search("rain", k=3)[2]
    embedding = clustered(1, dim=whole.manifest.encoding.embedding_dim, seed=8)[0]
    queries = [
        Query.text("a dog barking"),
        Query.embedding(embedding),
        Query.like(like.clip_id),
        Query.text("rain") + 0.5 * Query.like(like.path) - 0.2 * Query.embedding(embedding),
    ]
    for query in queries:
        ours = halves.search(query, k=15, options=options)
        theirs = whole.search(query, k=15, options=options)
        assert [hit.segment_id for hit in ours] == [hit.segment_id for hit in theirs], str(query)
        assert [hit.rank for hit in ours] == [hit.rank for hit in theirs]
        np.testing.assert_allclose([hit.score for hit in ours], [hit.score for hit in theirs], atol=1e-5)


def test_a_sound_is_embedded_once_for_all(halves: Collections, whole: Collection, encoder: Encoder) -> None:
    waveform = np.random.default_rng(2).normal(0, 0.1, 2 * encoder.segment_samples).astype(np.float32)
    ours, theirs = halves.search(Query.audio(waveform)), whole.search(audio=waveform)
    assert [hit.segment_id for hit in ours] == [hit.segment_id for hit in theirs]


def test_filters_and_bounds_hold_for_all(halves: Collections, whole: Collection) -> None:
    where, values = "n_channels = $n AND duration_s > 1", {"n": 2}
    ours = halves.search("rain", k=30, where=where, where_values=values)
    theirs = whole.search("rain", k=30, where=where, where_values=values)
    assert [hit.clip_id for hit in ours] == [hit.clip_id for hit in theirs]
    bar = theirs[4].score
    assert len(halves.search("rain", k=30, where=where, where_values=values, options=SearchOptions(min_score=bar))) in (
        4,
        5,
    )
    everything = halves.search("rain", k=100_000)
    assert len(everything) == len({hit.clip_id for hit in everything}) == whole.n_clips


def test_words_are_found_in_all_of_them(halves: Collections) -> None:
    hits = halves.search("number 3", k=10, options=SearchOptions(text_match="only"))
    assert hits
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert len({hit.clip_id for hit in hits}) == len(hits)


def test_a_clip_is_at_home_where_it_is(halves: Collections) -> None:
    a, b = halves.members
    for hit in halves.search("rain", k=1_000):
        home = halves.home(hit.clip_id)
        assert home is (a if a.clip_file(hit.clip_id) else b)
        assert home is not None
        file = home.clip_file(hit.clip_id)
        assert file is not None
        assert file.path == os.fsencode(hit.file)
    for nobody in (0, 1, -1, 1 << 63, 1 << 80):
        assert halves.home(nobody) is None


def test_what_is_in_none_of_them_is_said(halves: Collections) -> None:
    with pytest.raises(QueryError, match="none of the 2 collections"):
        halves.search(Query.like(12345))
    with pytest.raises(QueryError, match="k must be"):
        halves.search("rain", k=0)
    with pytest.raises(QueryError, match="no collection"):
        Collections([])


def test_collections_of_two_encoders_are_refused(halves: Collections, small: Made, tmp_path: Path) -> None:
    copy = shutil.copytree(small.folder, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["encodings"]["tiny"]["encoder"] |= {"digest": "sha256:other", "id": "another"}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EncoderMismatchError, match=r"'another'.*'tiny'.*cannot be ranked together"):
        Collections.open([small.folder, copy])


def test_a_live_collection_is_opened_again_when_it_was_written_to(encoder: Encoder, tmp_path: Path) -> None:
    clips = by_clip(clustered(60, dim=encoder.embedding_dim, seed=6), seed=6)
    folder = add_clips(tmp_path / "live", clips[:10], encoder=encoder)
    live = LiveCollections([folder])
    before = live.current
    assert not live.refresh()
    assert live.current is before
    add_clips(folder, clips[10:], encoder=encoder, first=10)
    assert live.refresh()
    assert (before.n_clips, live.current.n_clips) == (10, len(clips))
    assert before.members[0].encoder is live.current.members[0].encoder
    assert len(before.search("rain", k=100)) == 10, "who still holds what was open is answered by it"
    (folder / "manifest.json").write_text("{")
    assert not live.refresh()
    assert live.problem
    assert len(live.ask(lambda opened: opened.search("rain", k=100))) == len(clips)


def test_tables_cleaned_away_under_a_question_are_opened_again(encoder: Encoder, tmp_path: Path) -> None:
    clips = by_clip(clustered(60, dim=encoder.embedding_dim, seed=6), seed=6)
    folder = add_clips(tmp_path / "live", clips[:10], encoder=encoder)
    live = LiveCollections([folder])
    add_clips(folder, clips[10:], encoder=encoder, first=10)
    asked: list[Collections] = []

    def question(opened: Collections) -> int:
        asked.append(opened)
        if len(asked) == 1:
            raise CollectionError("the files are gone")
        return opened.n_clips

    assert live.ask(question) == len(clips)
    with pytest.raises(CollectionError, match="gone"):
        live.ask(lambda _: (_ for _ in ()).throw(CollectionError("gone")))


def test_many_threads_and_one_writer(encoder: Encoder, tmp_path: Path) -> None:
    """The short form of `make benchmark-threads`: nobody sees an error or a wrong clip while the collection grows."""
    clips = by_clip(clustered(300, dim=encoder.embedding_dim, seed=7), seed=7)
    folder = add_clips(tmp_path / "live", clips[:20], encoder=encoder)
    live = LiveCollections([folder])
    over = threading.Event()

    def ask(number: int) -> int:
        n_asked = 0
        while not over.is_set():
            wanted = (number + n_asked) % 20
            best = live.current.search(Query.embedding(clips[wanted][0]), k=3)[0]
            assert best.path.endswith(f"{wanted:05d}.wav")
            assert best.score > 0.999
            n_asked += 1
        return n_asked

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(ask, number) for number in range(8)]
        try:
            for first in range(20, len(clips), 40):
                add_clips(folder, clips[first : first + 40], encoder=encoder, first=first)
                live.refresh()
        finally:
            over.set()
        assert min(one.result() for one in asking) > 0
    assert live.current.n_clips == len(clips)
