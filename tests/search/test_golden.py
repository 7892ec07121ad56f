"""A collection of each on-disk format that was ever released still opens, and answers as it did then."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.store.annexes import read_annex
from soundgrep.search.store.manifest import MANIFEST_NAME, read_manifest

GOLDEN = Path(__file__).parent / "golden"
# Four clips of 1, 2, 3 and 3 segments; the last came after the index was built.
ANSWERS = {
    "format-1": [
        ("/sounds/0/00000.wav", 0.0, 2439419982316495715, -0.0101905),
        ("/sounds/1/00001.wav", 0.0, 3787325312969125039, -0.0461373),
        ("/sounds/2/00002.wav", 2.0, 3409252493121229456, -0.1365162),
        ("/sounds/3/00003.wav", 0.0, 4013486141850337264, -0.1832801),
    ],
    "format-2": [
        ("/sounds/3/00003.wav", 0.0, 4013486141850337264, 0.2314472),
        ("/sounds/2/00002.wav", 1.0, 7451740209031180333, 0.182071),
        ("/sounds/1/00001.wav", 0.0, 3787325312969125039, -0.1278297),
        ("/sounds/0/00000.wav", 0.0, 2439419982316495715, -0.2712316),
    ],
}
# 145 clips with an index of cells, as large collections have.
OF_CELLS = [
    ("/sounds/8/00058.wav", 1.0, 1913628482119910488, 0.4862499),
    ("/sounds/6/00126.wav", 1.0, 8488683663239295018, 0.4667848),
    ("/sounds/4/00054.wav", 0.0, 8117436982837527922, 0.4403474),
    ("/sounds/8/00038.wav", 3.0, 2391840899870789796, 0.429119),
]

# The second encoder has not heard the last clip yet; its segments are shorter and its embeddings narrower.
OF_TWO = {
    "first": [
        ("/sounds/2/00002.wav", 1.0, 250546752300724655, 0.1800485),
        ("/sounds/3/00003.wav", 1.0, 8004013742368732679, 0.1531379),
        ("/sounds/1/00001.wav", 1.0, 4131817180087352497, 0.0985412),
        ("/sounds/0/00000.wav", 0.0, 8486654402753309382, -0.0243358),
    ],
    "publisher/second": [
        ("/sounds/2/00002.wav", 2.0, 2074447048315198166, 0.1990613),
        ("/sounds/1/00001.wav", 1.0, 558393702127057857, 0.1652377),
        ("/sounds/0/00000.wav", 0.0, 1623653871761351852, -0.0817277),
    ],
}


@pytest.fixture(params=sorted(ANSWERS))
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return shutil.copytree(GOLDEN / request.param, tmp_path / request.param)


def test_it_answers_as_it_did(golden: Path) -> None:
    collection = Collection.open(golden)
    assert (collection.n_clips, collection.n_segments, collection.manifest.encoding.hop_s) == (4, 9, 1.0)
    assert collection.manifest.encoding.index is not None
    assert collection.manifest.encoding.index.n_segments == 6
    hits = collection.search(embedding=np.ones(32))
    assert [(hit.path, hit.start_s, hit.segment_id) for hit in hits] == [answer[:3] for answer in ANSWERS[golden.name]]
    assert [hit.score for hit in hits] == pytest.approx([answer[3] for answer in ANSWERS[golden.name]], abs=1e-6)
    assert len(collection.search(embedding=np.ones(32), where="codec = 'vorbis' AND rms_dbfs < -10")) == 1
    assert collection.sql("SELECT title FROM clips ORDER BY path")["title"].to_pylist() == [
        f"number {number}" for number in range(4)
    ]


def test_annexes_of_format_2_are_there() -> None:
    folder = GOLDEN / "format-2"
    manifest = read_manifest(folder)
    assert (manifest.format_version, sorted(manifest.annexes)) == (2, ["failures", "labels"])
    labels, failures = (read_annex(folder, manifest, name) for name in ("labels", "failures"))
    assert labels is not None
    assert failures is not None
    assert sorted(labels.read().column("label").to_pylist()) == ["bell", "cat", "dog", "rain"]
    assert failures.read(["path", "reason"]).to_pylist() == [{"path": "/sounds/bad.wav", "reason": "it holds no audio"}]


def test_an_index_of_cells_answers_as_it_did() -> None:
    collection = Collection.open(GOLDEN / "format-2-cells")
    assert collection.manifest.encoding.index is not None
    assert (collection.manifest.encoding.index.kind, collection.manifest.encoding.index.n_segments) == ("cells", 450)
    hits = collection.search(embedding=np.ones(32), k=4)
    assert [(hit.path, hit.start_s, hit.segment_id) for hit in hits] == [answer[:3] for answer in OF_CELLS]
    assert [hit.score for hit in hits] == pytest.approx([answer[3] for answer in OF_CELLS], abs=2e-3)


@pytest.mark.parametrize("version", [3, 4])
def test_a_collection_of_two_encoders_answers_by_each_as_it_did(version: int) -> None:
    collection = Collection.open(GOLDEN / f"format-{version}")
    assert (collection.manifest.format_version, collection.n_clips) == (version, 4)
    assert (collection.manifest.default_encoding, [*collection.manifest.encodings]) == (
        "first",
        ["first", "publisher-second"],
    )
    assert collection.encoders == ("first", "publisher/second")
    for encoder, answers in OF_TWO.items():
        heard = collection.with_encoder(encoder)
        hits = heard.search(embedding=np.ones(heard.manifest.encoding.embedding_dim))
        assert [(hit.path, hit.start_s, hit.segment_id) for hit in hits] == [answer[:3] for answer in answers]
        assert [hit.score for hit in hits] == pytest.approx([answer[3] for answer in answers], abs=1e-6)
    counts = collection.sql("SELECT (SELECT count(*) FROM segments), (SELECT count(*) FROM segments_publisher_second)")
    assert [column.to_pylist() for column in counts.columns] == [[9], [6]]


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_manifest_nested_too_deep_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(CollectionError, match="its manifest is damaged"):
        read_manifest(tmp_path)
