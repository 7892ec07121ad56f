"""Several encoders in one collection: each is what it would be alone, through every change and on to its end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from soundgrep import Encoder, SearchOptions, build_collection
from soundgrep.indexer import add_metadata, compact_collection, verify_collection
from soundgrep.model.audio.decoding import decode
from soundgrep.model.audio.segments import segment_starts
from soundgrep.model.errors import CheckpointError, CollectionError, EncoderMismatchError, QueryError
from soundgrep.search import Collection, Collections

from ..search.made import add_clips, by_clip, clustered
from .sounds import RATE_HZ, write, write_numbered

Rows = dict[str, list[tuple[float, float, bytes]]]


@pytest.fixture(scope="session")
def both(tiny_checkpoint: Path, second_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five sounds, the collection that two encoders heard, and the two checkpoints."""
    folder = tmp_path_factory.mktemp("several")
    for checkpoint in (tiny_checkpoint, second_checkpoint):
        shutil.copytree(checkpoint, folder / checkpoint.name)
    sounds = write_numbered(folder / "sounds", 4)
    write(sounds / "long.wav", 7, duration_s=2.2)
    build_collection(sounds, folder / "c", encoder=folder / "tiny", n_workers=1)
    report = build_collection(sounds, folder / "c", encoder=folder / "other", n_workers=1)
    assert (report.n_unchanged, report.n_added, dict(report.embedded)) == (5, 0, {"other": 5})
    return folder


@pytest.fixture
def place(both: Path, tmp_path: Path) -> Path:
    """A copy of its own; the clips' paths are those of the original, whose files are never changed."""
    shutil.copytree(both / "c", tmp_path / "c")
    return tmp_path


def heard(collection: Path, encoder: str) -> Rows:
    """What an encoder heard of each clip."""
    opened = Collection.open(collection).with_encoder(encoder)
    paths = {
        row["clip_id"]: Path(row["path"]).name for row in opened.sql("SELECT clip_id, path FROM clips").to_pylist()
    }
    rows: Rows = {}
    for row in opened.segments.to_arrow().sort_by("start_s").to_pylist():
        embedding = np.array(row["embedding"], np.float32).tobytes()
        rows.setdefault(paths[row["clip_id"]], []).append((row["start_s"], row["end_s"], embedding))
    return rows


def alone(sounds: Path, checkpoint: Path) -> Rows:
    """What it hears of each sound by itself."""
    encoder = Encoder.from_pretrained(checkpoint)
    rows: Rows = {}
    for path in sorted(sounds.iterdir()):
        waveform = decode(path, sampling_rate_hz=encoder.sampling_rate_hz).waveform
        size = encoder.segment_samples
        starts = segment_starts(len(waveform), segment_samples=size, hop_samples=size)
        embeddings = encoder.embed_audio([waveform[start : start + size] for start in starts])
        rows[path.name] = [
            (start / RATE_HZ, min(start + size, len(waveform)) / RATE_HZ, row.tobytes())
            for start, row in zip(starts, embeddings, strict=True)
        ]
    return rows


def test_each_encoder_hears_what_it_hears_alone(both: Path) -> None:
    collection = Collection.open(both / "c")
    assert collection.encoders == ("tiny", "other")
    assert (collection.n_segments, collection.with_encoder("other").n_segments) == (7, 9)
    manifest = json.loads((both / "c" / "manifest.json").read_text())
    assert (manifest["format_version"], manifest["n_clips"], manifest["default_encoding"]) == (4, 5, "tiny")
    for name in ("tiny", "other"):
        assert heard(both / "c", name) == alone(both / "sounds", both / name)


def test_a_collection_of_one_encoder_looks_like_one_of_several(tmp_path: Path, encoder: Encoder) -> None:
    add_clips(tmp_path / "c", by_clip(clustered(9, dim=32, seed=0), seed=0), encoder=encoder)
    manifest = json.loads((tmp_path / "c" / "manifest.json").read_text())
    assert (manifest["format_version"], [*manifest["encodings"]]) == (4, ["tiny"])
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [
        "clips",
        "encodings",
        "lock",
        "manifest.json",
        "manifest.previous.json",
    ]
    assert sorted(path.name for path in (tmp_path / "c" / "encodings" / "tiny").iterdir()) == [
        "coverage",
        "index",
        "segments",
    ]


def test_both_are_fused_by_rank(both: Path) -> None:
    collection = Collection.open(both / "c")
    rankings = {name: [hit.clip_id for hit in collection.search("rain", encoder=name)] for name in collection.encoders}
    scores: dict[int, float] = {}
    for ranking in rankings.values():
        for rank, clip_id in enumerate(ranking, start=1):
            scores[clip_id] = scores.get(clip_id, 0) + 1 / (60 + rank)
    fused = collection.search("rain", encoder="both")
    assert [scores[hit.clip_id] for hit in fused] == sorted(scores.values(), reverse=True)
    assert [hit.rank for hit in fused] == [1, 2, 3, 4, 5]
    for hit in fused:
        assert dict(hit.places) == {name: ranking.index(hit.clip_id) + 1 for name, ranking in rankings.items()}
        assert hit.encoder == min(hit.places, key=lambda place: place[1])[0]
    # Pages, near copies and words go on top; a hit asks each encoder for more like it.
    pages = [collection.search("rain", k=2, encoder="both", options=SearchOptions(offset=n))[:] for n in (0, 2, 4)]
    assert [hit.clip_id for page in pages for hit in page] == [hit.clip_id for hit in fused]
    assert len(collection.search(like=fused[0], encoder="both")) == 4
    words = collection.search("long", encoder="both", options=SearchOptions(text_match="on"))
    assert next(hit.path for hit in words if hit.text_rank == 1).endswith("long.wav")
    assert len(collection.search_many(["rain", "a bell"], encoder="both")[1]) == 5
    assert {"encoder", "places"} <= set(fused[0].to_json())
    assert "encoder" not in collection.search("rain")[0].to_json()
    tables = collection.sql("SELECT (SELECT count(*) FROM segments) AS a, (SELECT count(*) FROM segments_other) AS b")
    assert tables.to_pylist() == [{"a": 7, "b": 9}]


def test_collections_that_the_same_encoders_heard_are_asked_together(both: Path, place: Path) -> None:
    one, together = Collection.open(both / "c"), Collections.open([both / "c", place / "c"])
    assert together.encoders == ("tiny", "other")
    for encoder in ("other", "both"):
        found = together.search("rain", encoder=encoder)
        assert [hit.path for hit in found] == [hit.path for hit in one.search("rain", encoder=encoder)]
    compact_collection(place / "c", drop_encoder="other")
    fewer = Collections.open([both / "c", place / "c"])
    assert fewer.encoders == ("tiny",)
    with pytest.raises(CollectionError, match="no encoding by 'other', only by tiny"):
        fewer.search("rain", encoder="other")


def test_what_means_something_else_to_each_is_refused(both: Path) -> None:
    collection = Collection.open(both / "c")
    for options in (SearchOptions(by="segment"), SearchOptions(min_score=0.5)):
        with pytest.raises(QueryError, match="one encoder's: name the encoder, out of tiny, other"):
            collection.search("rain", encoder="both", options=options)
    with pytest.raises(CollectionError, match="no encoding by 'mini', only by tiny, other"):
        collection.search("rain", encoder="mini")
    with pytest.raises(EncoderMismatchError, match=r"was made by the encoders 'tiny', 'other'.*'mini'"):
        Collection.open(both / "c", encoder="mini")


def test_another_encoder_of_the_same_name_is_not_added(both: Path, place: Path) -> None:
    shutil.copytree(both / "other", place / "new" / "tiny")
    with (place / "new" / "tiny" / "config.json").open("a") as file:
        file.write("\n")
    before = (place / "c" / "manifest.json").read_bytes()
    with pytest.raises(EncoderMismatchError, match=r"'tiny' \(sha256:.*'tiny' \(sha256:"):
        build_collection(both / "sounds", place / "c", encoder=place / "new" / "tiny")
    assert (place / "c" / "manifest.json").read_bytes() == before


def test_a_run_keeps_them_in_step_through_every_kind_of_change(both: Path, tmp_path: Path) -> None:
    sounds = write_numbered(tmp_path / "sounds", 4)
    for name in ("tiny", "other"):
        build_collection(sounds, tmp_path / "c", encoder=both / name, n_workers=1)
    write(sounds / "00.wav", 40)  # another sound
    (sounds / "01.wav").unlink()
    (sounds / "02.wav").rename(sounds / "moved.wav")
    shutil.copy(sounds / "03.wav", sounds / "copied.wav")
    write(sounds / "new.wav", 41)
    report = build_collection(sounds, tmp_path / "c", n_workers=1)
    assert report.embedded == {"other": 4}
    for name in ("tiny", "other"):
        assert heard(tmp_path / "c", name) == alone(sounds, both / name)
    assert verify_collection(tmp_path / "c").is_sound
    assert build_collection(sounds, tmp_path / "c", n_workers=1).embedded == {"other": 0}


def test_an_encoder_that_is_not_here_catches_up_later(both: Path, tmp_path: Path) -> None:
    sounds = write_numbered(tmp_path / "sounds", 2)
    for name in ("tiny", "other"):
        shutil.copytree(both / name, tmp_path / name)
        build_collection(sounds, tmp_path / "c", encoder=tmp_path / name, n_workers=1)
    for gone, here in (("other", "tiny"), ("tiny", "other")):
        (tmp_path / gone).rename(tmp_path / "away")
        write(sounds / "00.wav", 60 + len(gone))
        write(sounds / f"{gone}.wav", 50 + len(gone))
        with pytest.raises(CheckpointError, match=f"its encoder '{gone}' cannot be opened"):
            build_collection(sounds, tmp_path / "c", n_workers=1)
        report = build_collection(sounds, tmp_path / "c", encoder=here, n_workers=1)
        assert (report.n_added, report.n_replaced, report.absent) == (1, 1, (gone,))
        with pytest.raises(CollectionError, match=f"{gone} has not embedded 2 of its clips yet"):
            compact_collection(tmp_path / "c", drop_encoder=here)
        assert {"00.wav", f"{gone}.wav"} <= set(heard(tmp_path / "c", here))
        # What it heard of a file that has changed since is not found any more.
        assert not {"00.wav", f"{gone}.wav"} & set(heard(tmp_path / "c", gone))
        assert verify_collection(tmp_path / "c").is_sound
        assert len(Collection.open(tmp_path / "c").search("rain", encoder=here)) == report.n_clips
        (tmp_path / "away").rename(tmp_path / gone)
        caught_up = build_collection(sounds, tmp_path / "c", n_workers=1)
        assert (caught_up.n_added, caught_up.n_replaced, caught_up.absent) == (0, 0, ())
    for name in ("tiny", "other"):
        assert heard(tmp_path / "c", name) == alone(sounds, both / name)


def test_a_collection_moves_to_another_encoder_and_keeps_what_is_known_of_its_clips(both: Path, place: Path) -> None:
    table = place / "places.csv"
    table.write_text(f"file,place\n{both / 'sounds' / '00.wav'},the shed\n")
    add_metadata(place / "c", table)
    reader = Collection.open(place / "c")
    before = reader.sql("SELECT clip_id, path, content_hash, place FROM clips ORDER BY path")
    compact_collection(place / "c", drop_encoder="tiny")
    after = Collection.open(place / "c")
    assert after.encoders == ("other",)
    assert after.sql("SELECT clip_id, path, content_hash, place FROM clips ORDER BY path") == before
    assert heard(place / "c", "other") == heard(both / "c", "other")
    assert verify_collection(place / "c").is_sound
    assert len(after.search("rain")) == len(reader.search("rain")) == 5
    assert reader.search("rain", encoder="other") == after.search("rain")
    assert build_collection(both / "sounds", place / "c", n_workers=1).n_unchanged == 5
    assert [path.name for path in (place / "c" / "encodings").iterdir()] == ["other"]
    with pytest.raises(CollectionError, match="has no other encoder than other"):
        compact_collection(place / "c", drop_encoder="other")


def test_the_second_encoder_can_go_too(both: Path, place: Path) -> None:
    compact_collection(place / "c", drop_encoder="other", keep_hours=0)
    assert Collection.open(place / "c").encoders == ("tiny",)
    assert heard(place / "c", "tiny") == heard(both / "c", "tiny")
    assert verify_collection(place / "c").problems == ()
    with pytest.raises(CollectionError, match="no encoding by 'other', only by tiny"):
        compact_collection(place / "c", drop_encoder="other")


def test_the_first_stays_while_its_heir_has_not_heard_everything(both: Path, tmp_path: Path) -> None:
    sounds = write_numbered(tmp_path / "sounds", 3)
    build_collection(sounds, tmp_path / "c", encoder=both / "tiny", n_workers=1)
    build_collection(sounds / "00.wav", tmp_path / "c", encoder=both / "other", n_workers=1)
    before = heard(tmp_path / "c", "tiny")
    with pytest.raises(CollectionError, match="other has not embedded 2 of its clips yet"):
        compact_collection(tmp_path / "c", drop_encoder="tiny")
    assert heard(tmp_path / "c", "tiny") == before
    assert verify_collection(tmp_path / "c").is_sound


@pytest.mark.parametrize("part", ["segments", "coverage", "index"])
def test_damage_to_what_a_further_encoder_heard_is_found_and_mended(both: Path, place: Path, part: str) -> None:
    ending = "*.faiss" if part == "index" else "*.parquet"
    damaged = next((place / "c" / "encodings" / "other" / part).rglob(ending))
    damaged.write_bytes(damaged.read_bytes()[:100])
    found = verify_collection(place / "c")
    assert {problem.part for problem in found.problems} == {f"encodings/other/{part}"}
    assert verify_collection(place / "c", repair=True).is_sound
    assert heard(place / "c", "tiny") == heard(both / "c", "tiny")
    build_collection(both / "sounds", place / "c", n_workers=1)
    assert heard(place / "c", "other") == heard(both / "c", "other")
    assert verify_collection(place / "c").is_sound


def test_compacting_leaves_what_each_heard(both: Path, place: Path) -> None:
    compact_collection(place / "c", keep_hours=0)
    for name in ("tiny", "other"):
        assert heard(place / "c", name) == heard(both / "c", name)
    assert verify_collection(place / "c").problems == ()


def test_each_encoding_has_a_search_of_its_own_and_explains_itself(both: Path) -> None:
    collection = Collection.open(both / "c")
    assert list(collection.encodings) == ["tiny", "other"]
    assert [len(one.segments) for one in collection.encodings.values()] == [7, 9]
    other = collection.encodings["other"]
    found = other.search(other.encoder.embed_text("rain")[0], k=3)
    assert [hit.segment_id for hit in found] == [
        hit.segment_id for hit in collection.search("rain", k=3, encoder="other")
    ]
    one = collection.search("rain", encoder="both", explain=True)
    for hits in (one, *collection.search_many(["rain", "wind"], encoder="both", explain=True)):
        assert hits.explanation is not None
        assert list(hits.explanation.parts) == ["tiny", "other"]
        assert hits.explanation.plan.n_segments == 7 + 9
    words = collection.search("number", encoder="both", explain=True, options=SearchOptions(text_match="on"))
    assert words.explanation is not None
    assert list(words.explanation.parts) == ["tiny", "other", "words"]
