"""One where many are taken is one: a text is not its letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundgrep import Collection, Encoder, Query
from soundgrep.model.errors import QueryError
from soundgrep.search import Collections, refine

from .search.made import add_clips, by_clip, clustered


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    clips = by_clip(clustered(40, dim=encoder.embedding_dim, seed=2), seed=2)
    return add_clips(tmp_path_factory.mktemp("many") / "made", clips, encoder=encoder)


def test_one_text_and_one_waveform_are_one_row(encoder: Encoder) -> None:
    assert np.array_equal(encoder.embed_text("a dog"), encoder.embed_text(["a dog"]))
    waveform = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    assert np.array_equal(encoder.embed_audio(waveform), encoder.embed_audio([waveform]))
    assert encoder.embed_text([]).shape == encoder.embed_audio([]).shape == (0, encoder.embedding_dim)


@pytest.mark.parametrize("texts", [[3], ["a dog", None], b"a dog", [b"a dog"]])
def test_what_is_no_text_is_refused(encoder: Encoder, texts: list[str]) -> None:
    with pytest.raises(QueryError, match=r"text \d to embed is no text but (int|NoneType|bytes)$"):
        encoder.embed_text(texts)


def test_one_query_is_one_query(folder: Path) -> None:
    for opened in (Collection.open(folder), Collections.open(folder), Collections.open(str(folder))):
        for query in ("rain on the roof", Query.text("rain on the roof")):
            answers = opened.search_many(query, k=3)
            assert [[hit.segment_id for hit in hits] for hits in answers] == [
                [hit.segment_id for hit in opened.search("rain on the roof", k=3)]
            ]


def test_one_mark_is_one_mark(folder: Path) -> None:
    collection = Collection.open(folder)
    first, second = collection.search("rain", k=2)
    for keep, reject in ((first, second), (first.clip_id, second.clip_id), (first.path, second.path)):
        one = refine(collection, "rain", keep=keep, reject=reject)
        many = refine(collection, "rain", keep=[first], reject=[second])
        assert collection.search(one, k=5)[0].clip_id == collection.search(many, k=5)[0].clip_id
