"""Opening a collection, and what it is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import AudioError, CheckpointError, CollectionError, EncoderMismatchError, QueryError
from soundgrep.search import Collection, Hit
from soundgrep.search.store.manifest import FORMAT_VERSION

from .conftest import Made
from .made import add_clips, clustered


def edit_manifest(folder: Path, **changes: object) -> None:
    """Change fields of the manifest, and those that an encoding has there."""
    manifest = json.loads((folder / "manifest.json").read_text())
    encoding = manifest["encodings"]["tiny"]
    own = {name: value for name, value in changes.items() if name in encoding and name not in manifest}
    manifest["encodings"]["tiny"] = encoding | own
    (folder / "manifest.json").write_text(json.dumps(manifest | {name: changes[name] for name in {*changes} - {*own}}))


@pytest.fixture
def copy(small: Made, tmp_path: Path) -> Path:
    return shutil.copytree(small.folder, tmp_path / "copy")


@pytest.fixture
def other_encoder(tiny_checkpoint: Path, tmp_path: Path) -> Encoder:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"logit_scale_init_value": 1.0}))
    return Encoder.from_pretrained(folder)


def test_what_is_no_collection_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no collection")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(CollectionError, match=str(path)):
            Collection.open(path)


def test_a_newer_format_is_refused_with_what_to_do(copy: Path) -> None:
    edit_manifest(copy, format_version=FORMAT_VERSION + 1)
    with pytest.raises(CollectionError, match="upgrade soundgrep"):
        Collection.open(copy)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"format_version": 1}', '{"format_version": 1, "encoder": "mini"}', "\x00\x01"],
)
def test_a_damaged_manifest_is_one_clear_error(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(CollectionError, match=r"manifest is damaged \("):
        Collection.open(copy)


@pytest.mark.parametrize(
    ("field", "value"), [("n_clips", "many"), ("hop_s", None), ("clips_version", True), ("index", 5)]
)
def test_a_manifest_with_a_field_of_another_type_is_refused(copy: Path, field: str, value: object) -> None:
    edit_manifest(copy, **{field: value})
    with pytest.raises(CollectionError, match=field):
        Collection.open(copy)


def test_fields_that_a_later_version_adds_are_passed_over(copy: Path) -> None:
    edit_manifest(copy, labels={"some": "day"})
    assert Collection.open(copy).n_clips


def test_missing_tables_are_one_clear_error(copy: Path, small: Made) -> None:
    for part in (copy / "encodings" / "tiny" / "segments").glob("*.parquet"):
        part.unlink()
    with pytest.raises(CollectionError, match="segments: the table cannot be read"):
        Collection.open(copy).search(embedding=small.clips[0][0])
    shutil.rmtree(copy / "clips")
    with pytest.raises(CollectionError, match="clips: the table cannot be opened"):
        Collection.open(copy)


def test_another_encoder_is_refused_with_both_names(small: Made, other_encoder: Encoder) -> None:
    with pytest.raises(EncoderMismatchError, match=r"'tiny'.*'other'"):
        Collection.open(small.folder, encoder=other_encoder)
    with pytest.raises(EncoderMismatchError, match=r"'tiny'.*'other'"):
        Collection.open(small.folder, encoder=str(other_encoder.source))


def test_an_encoder_that_changed_under_the_same_name_is_told_apart(copy: Path, other_encoder: Encoder) -> None:
    place = other_encoder.source.rename(other_encoder.source.parent / "tiny")
    own = json.loads((copy / "manifest.json").read_text())["encodings"]["tiny"]["encoder"]
    edit_manifest(copy, encoder=own | {"source": str(place)})
    with pytest.raises(EncoderMismatchError, match=r"'tiny' \(sha256:\w{12}\).*'tiny' \(sha256:\w{12}\)"):
        Collection.open(copy).search("a dog")


def test_a_collection_whose_encoder_is_gone_says_what_to_give(copy: Path, encoder: Encoder) -> None:
    edit_manifest(copy, encoder={"id": "tiny", "digest": encoder.digest, "source": "/nowhere/tiny"})
    with pytest.raises(CheckpointError, match="encoder 'tiny' cannot be opened; give its folder"):
        Collection.open(copy).search("a dog")
    assert Collection.open(copy, encoder=encoder).search("a dog", k=1)


def test_text_is_embedded_by_the_encoder_that_made_the_collection(small: Made, encoder: Encoder) -> None:
    collection = small.open()
    by_text = collection.search("a dog barking", k=5)
    by_embedding = collection.search(embedding=encoder.embed_text(["a dog barking"])[0], k=5)
    assert [hit.segment_id for hit in by_text] == [hit.segment_id for hit in by_embedding]
    assert [hit.score for hit in by_text] == pytest.approx([hit.score for hit in by_embedding], abs=1e-6)
    assert collection.encoder.digest == encoder.digest


def test_sound_is_asked_for_by_file_or_by_samples(small: Made, encoder: Encoder, tmp_path: Path) -> None:
    import soundfile

    collection = small.open()
    waveform = np.sin(np.arange(int(2.5 * 16_000)) / 20).astype(np.float32) * 0.5
    soundfile.write(tmp_path / "query.wav", waveform, 16_000, subtype="FLOAT")
    pieces = encoder.embed_audio([waveform[:16_000], waveform[16_000:32_000], waveform[-16_000:]])
    expected = collection.search(embedding=pieces.mean(axis=0), k=5)
    for audio in (waveform, tmp_path / "query.wav", str(tmp_path / "query.wav")):
        hits = collection.search(audio=audio, k=5)
        assert [hit.segment_id for hit in hits] == [hit.segment_id for hit in expected]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-5)


def test_a_query_file_that_is_not_audio_is_refused(small: Made, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"text\.wav"):
        small.open().search(audio=tmp_path / "text.wav")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"text": "a", "embedding": np.ones(32)},
        {"text": ""},
        {"text": " \n"},
        {"text": "a", "k": 0},
        {"text": "a", "k": -1},
        {"text": "a", "k": 1.5},
        {"text": "a", "k": True},
        {"text": "a", "k": "3"},
        {"embedding": np.ones(31)},
        {"embedding": np.ones((1, 32))},
        {"embedding": np.full(32, np.nan)},
        {"embedding": np.full(32, np.inf)},
        {"embedding": np.zeros(32)},
        {"embedding": "loud"},
        {"audio": np.zeros(0, np.float32)},
        {"audio": np.zeros((2, 100), np.float32)},
        {"audio": np.array([0.0, np.nan], np.float32)},
        {"audio": np.array([1, 2, 3])},
    ],
)
def test_queries_that_cannot_be_asked_are_refused_in_one_sentence(small: Made, asked: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        small.open().search(**asked)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hit_that_is_not_in_the_collection_is_refused(small: Made) -> None:
    strange = Hit(rank=1, score=1, path="/a.wav", start_s=0, end_s=1, duration_s=1, clip_id=1, segment_id=2)
    with pytest.raises(QueryError, match="not in"):
        small.open().search(like=strange)


def test_an_embedding_of_any_length_asks_the_same(small: Made) -> None:
    query = small.clips[3][0]
    assert small.open().search(embedding=query * 1_000, k=3) == small.open().search(embedding=query, k=3)


def test_an_empty_collection_has_no_hits(tmp_path: Path, encoder: Encoder) -> None:
    collection = Collection.open(add_clips(tmp_path / "c", [], encoder=encoder))
    assert (collection.n_clips, collection.n_segments) == (0, 0)
    assert collection.search(embedding=np.ones(encoder.embedding_dim)) == []
    assert collection.search(embedding=np.ones(encoder.embedding_dim), where="duration_s < 1") == []
    assert collection.sql("SELECT count(*) AS n FROM clips").to_pylist() == [{"n": 0}]


def test_a_hit_is_plain_json(small: Made) -> None:
    hit = small.open().search(embedding=small.clips[0][0], k=1)[0]
    values = json.loads(json.dumps(hit.to_json()))
    assert values["path"] == hit.path == "/sounds/0/00000.wav"
    assert values["score"] == pytest.approx(1, abs=1e-5)
    assert int(values["clip_id"]) == hit.clip_id
    assert hit.file == Path(hit.path)


def test_a_path_with_a_strange_name_opens_through_the_hit() -> None:
    exact = b"/sounds/caf\xe9\n.wav"
    hit = Hit(1, 0.5, r"/sounds/caf\xe9\n.wav", 0, 1, 1, 1, 2, path_bytes=exact)
    assert os.fsencode(hit.file) == exact


def test_searching_by_embedding_loads_no_tower_and_no_decoder(small: Made) -> None:
    code = f"""
import sys
import soundgrep.search
heavy = {{"torch", "transformers", "av", "soxr", "streamlit", "ray", "loky", "duckdb", "faiss"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
collection = soundgrep.search.Collection.open({str(small.folder)!r})
assert collection.search(embedding=[1.0] * 32, where="duration_s > 1")
heavy -= {{"duckdb", "faiss"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_open_collection_is_not_disturbed_by_a_writer(copy: Path, small: Made, encoder: Encoder) -> None:
    before, idle = Collection.open(copy), Collection.open(copy)
    query = clustered(1, dim=encoder.embedding_dim, seed=4)[0]
    expected = before.search(embedding=query, k=3)
    for round_ in range(3):
        first = len(small.clips) + round_
        add_clips(copy, [query[np.newaxis]], encoder=encoder, first=first)
    assert before.search(embedding=query, k=3) == expected
    # One that had not touched its index before three runs replaced it still answers from its own version.
    assert [hit.segment_id for hit in idle.search(embedding=query, k=3)] == [hit.segment_id for hit in expected]
    assert before.sql("SELECT count(*) AS n FROM segments").to_pylist() == [{"n": small.open().n_segments}]
    after = Collection.open(copy)
    assert after.n_clips == len(small.clips) + 3
    assert [hit.score for hit in after.search(embedding=query, k=3)] == pytest.approx([1, 1, 1], abs=1e-6)
