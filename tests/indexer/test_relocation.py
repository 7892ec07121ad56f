"""A library that was moved is what it would be had it been indexed there, with all that people know of it."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from soundgrep import build_collection
from soundgrep.indexer import add_metadata, relocate_collection, save_query, verify_collection
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.model.errors import CollectionError, UsageError
from soundgrep.search import Collection
from soundgrep.search.saved import saved_queries
from soundgrep.search.store.identity import clip_id_of, path_of

from .sounds import write

NAMES = ("0.wav", "deep/1.wav", "cafe\u0301.wav", "\udcff.wav", "two words.wav")
N_CLIPS = len(NAMES) + 1  # and one in an archive


def _fill(folder: Path) -> Path:
    for number, name in enumerate(NAMES):
        write(folder / name, number, duration_s=0.5 + number)
    with tarfile.open(folder / "shard.tar", "w") as archive:
        archive.add(write(folder / "in.bin", 9), "in.wav")
    (folder / "in.bin").unlink()
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "list.csv").write_text("path,take\n0.wav,1\n")
    return folder


def _index(folder: Path, collection: Path, encoder: Path) -> None:
    sources = [folder, folder / "shard.tar", folder / "list.csv"]
    build_collection(sources, collection, encoder=encoder, n_workers=1)


@pytest.fixture(scope="module")
def made(tiny_checkpoint: Path, second_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library, a collection that two encoders heard, and all kinds of things about its clips."""
    folder = tmp_path_factory.mktemp("moving")
    sounds, collection = _fill(folder / "old"), folder / "c"
    for encoder in (tiny_checkpoint, second_checkpoint):
        _index(sounds, collection, encoder)
    (folder / "takes.csv").write_text("path,mood\n0.wav,calm\n1.wav,wild\nin.wav,odd\n")
    add_metadata(collection, folder / "takes.csv")
    opened = Collection.open(collection)
    segments = opened.encoding.table.read(["clip_id", "segment_id"])
    write_annex(collection, "spans", segments.append_column("mark", pa.array(range(len(segments)))))
    first = clip_id_of(path_of(sounds / "0.wav"))
    write_annex(collection, "labels", pa.table({"clip_id": pa.array([first, first]), "label": ["dog", "cat"]}))
    save_query(opened, "not that", "a dog", rejected=[first, 5])
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A library that was moved from `old` to `new`, both of its collection as it was."""
    shutil.copytree(made / "c", tmp_path / "c")
    shutil.copytree(made / "old", tmp_path / "new", symlinks=True)
    return tmp_path


def _told(collection: Path) -> list[dict[str, object]]:
    """What is known of the clips, their places aside."""
    opened = Collection.open(collection)
    rows = opened.sql(
        "SELECT regexp_replace(path, '.*/(old|new)/', '') AS name, c.n_segments, mood, take, label, m.mark, s.start_s"
        " FROM clips AS c LEFT JOIN labels USING (clip_id) JOIN segments AS s USING (clip_id)"
        " JOIN spans AS m USING (clip_id, segment_id) ORDER BY ALL"
    ).to_pylist()
    assert rows
    return rows


def _ids(collection: Path) -> list[list[dict[str, object]]]:
    opened = Collection.open(collection)
    ids = [sorted(opened.sql("SELECT clip_id, path, path_bytes FROM clips").to_pylist(), key=str)]
    for name in opened.encoders:
        heard = opened.encodings[name].table.read(["segment_id", "clip_id", "start_s", "embedding"])
        ids.append(heard.sort_by("segment_id").to_pylist())
    return ids


def test_it_is_what_it_would_be_had_it_been_indexed_there(
    made: Path, place: Path, tiny_checkpoint: Path, second_checkpoint: Path
) -> None:
    before = {encoder: _hits(place / "c", encoder) for encoder in ("tiny", "other")}
    report = relocate_collection(place / "c", made / "old", place / "new")
    assert (report.n_moved, report.n_failures, report.n_there, report.n_stayed) == (N_CLIPS, 1, 0, 0)
    assert _told(place / "c") == _told(made / "c")
    assert {encoder: _hits(place / "c", encoder) for encoder in before} == before
    for encoder in (tiny_checkpoint, second_checkpoint):
        _index(place / "new", place / "anew", encoder)
    assert _ids(place / "c") == _ids(place / "anew")
    assert verify_collection(place / "c").is_sound

    versions = Collection.open(place / "c").manifest
    sources = [place / "new", place / "new" / "shard.tar", place / "new" / "list.csv"]
    run = build_collection(sources, place / "c", n_workers=1)
    assert (run.n_added, run.n_removed, run.n_unchanged, run.audio_s) == (0, 0, N_CLIPS, 0)
    assert [failure.path for failure in run.failures] == [str(place / "new" / "broken.wav")]
    after = Collection.open(place / "c").manifest
    assert after.annexes == versions.annexes, "the list is known by its new name"
    assert after.encodings == versions.encodings


def _hits(collection: Path, encoder: str) -> list[tuple[str, float, float, float]]:
    hits = Collection.open(collection).with_encoder(encoder).search("a dog", k=20)
    return [(hit.path.rpartition("/")[2], hit.start_s, hit.end_s, hit.score) for hit in hits]


def test_saved_queries_reject_the_clips_where_they_are(made: Path, place: Path) -> None:
    relocate_collection(place / "c", made / "old", place / "new")
    (query,) = saved_queries(place / "c")
    opened, asked = Collection.open(place / "c"), query.condition
    hits = opened.search(query.query, where=asked.where, where_values=asked.values, k=20)
    assert len(hits) == N_CLIPS - 1
    assert str(place / "new" / "0.wav") not in {hit.path for hit in hits}


def test_a_second_time_there_is_nothing_left_to_do_and_a_dry_run_does_nothing(made: Path, place: Path) -> None:
    manifest = (place / "c" / "manifest.json").read_bytes()
    report = relocate_collection(place / "c", made / "old", place / "new", dry_run=True)
    assert (report.n_moved, report.n_failures, report.is_dry_run) == (N_CLIPS, 1, True)
    assert (place / "c" / "manifest.json").read_bytes() == manifest
    relocate_collection(place / "c", made / "old", place / "new")
    manifest = (place / "c" / "manifest.json").read_bytes()
    report = relocate_collection(place / "c", made / "old", place / "new")
    assert (report.n_moved, report.n_failures, report.n_there) == (0, 0, N_CLIPS)
    assert (place / "c" / "manifest.json").read_bytes() == manifest


def test_a_part_of_it_and_a_file_under_another_name(made: Path, place: Path) -> None:
    deep, renamed = place / "deep", place / "renamed.wav"
    (place / "new" / "deep").rename(deep)
    (place / "new" / "0.wav").rename(renamed)
    assert relocate_collection(place / "c", made / "old" / "deep", deep).n_moved == 1
    assert relocate_collection(place / "c", made / "old" / "0.wav", renamed).n_moved == 1
    (place / "new" / "shard.tar").rename(place / "x.tar")
    assert relocate_collection(place / "c", made / "old" / "shard.tar", place / "x.tar").n_moved == 1
    rows = Collection.open(place / "c").sql("SELECT path, mood FROM clips WHERE mood IS NOT NULL ORDER BY mood")
    assert [row["path"] for row in rows.to_pylist()] == [
        str(renamed),
        f"{place / 'x.tar'}!/in.wav",
        str(deep / "1.wav"),
    ]
    assert verify_collection(place / "c").is_sound
    report = relocate_collection(place / "c", made / "old", place / "new")
    assert (report.n_moved, report.n_stayed) == (N_CLIPS - 3, 0)


def test_another_spelling_of_the_old_name_is_that_name(made: Path, place: Path) -> None:
    shutil.copy(place / "new" / "cafe\u0301.wav", place / "x.wav")
    assert relocate_collection(place / "c", made / "old" / "caf\u00e9.wav", place / "x.wav").n_moved == 1
    old = os.fsdecode(b"\xff.wav")
    assert relocate_collection(place / "c", made / "old" / old, place / "new" / old).n_moved == 1


def test_clips_that_were_indexed_in_the_new_place_already_become_one_with_those_of_the_old(
    made: Path, place: Path, tiny_checkpoint: Path
) -> None:
    build_collection(place / "new" / "0.wav", place / "c", n_workers=1)  # a copy, as far as anyone can tell
    write(place / "new" / "two words.wav", 50)
    build_collection(place / "new" / "two words.wav", place / "c", encoder=tiny_checkpoint, n_workers=1)
    report = relocate_collection(place / "c", made / "old", place / "new")
    assert (report.n_moved, report.n_occupied, report.n_there) == (N_CLIPS - 1, 1, 2)
    rows = Collection.open(place / "c").sql("SELECT path, mood FROM clips ORDER BY path").to_pylist()
    assert len(rows) == N_CLIPS + 1
    assert {"path": str(place / "new" / "0.wav"), "mood": "calm"} in rows
    assert str(made / "old" / "two words.wav") in {row["path"] for row in rows}
    assert verify_collection(place / "c").is_sound


def test_what_was_not_moved_stays_and_what_is_nowhere_goes_along(made: Path, place: Path) -> None:
    (place / "new" / "deep" / "1.wav").unlink()
    (place / "new" / "0.wav").unlink()
    gone = made / "old" / "0.wav"
    content = gone.read_bytes()
    gone.unlink()
    try:
        report = relocate_collection(place / "c", made / "old", place / "new")
    finally:
        gone.write_bytes(content)
    assert (report.n_moved, report.n_stayed, report.n_missing) == (N_CLIPS - 1, 1, 1)
    paths = {row["path"] for row in Collection.open(place / "c").sql("SELECT path FROM clips").to_pylist()}
    assert str(made / "old" / "deep" / "1.wav") in paths
    assert str(place / "new" / "0.wav") in paths


def test_a_folder_that_was_put_into_one_of_its_name(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """`a/x.wav` and `a/a/x.wav` become `a/a/x.wav` and `a/a/a/x.wav`: one takes the other's name."""
    folder, collection = tmp_path / "a", tmp_path / "c"
    write(folder / "x.wav", 1)
    write(folder / "a" / "x.wav", 2)
    build_collection(folder, collection, encoder=tiny_checkpoint, n_workers=1)
    (tmp_path / "t.csv").write_text("path,n\na/x.wav,1\na/a/x.wav,2\n")
    add_metadata(collection, tmp_path / "t.csv")
    folder.rename(tmp_path / "b")
    folder.mkdir()
    (tmp_path / "b").rename(folder / "a")
    assert relocate_collection(collection, folder, folder / "a").n_moved == 2
    rows = Collection.open(collection).sql("SELECT path, n FROM clips ORDER BY n").to_pylist()
    assert [row["path"] for row in rows] == [str(folder / "a" / "x.wav"), str(folder / "a" / "a" / "x.wav")]
    assert verify_collection(collection).is_sound
    run = build_collection(folder, collection, n_workers=1)
    assert (run.n_unchanged, run.n_added, run.n_removed) == (2, 0, 0)


def test_refusals_name_the_place(made: Path, place: Path) -> None:
    (place / "empty").mkdir()
    manifest = (place / "c" / "manifest.json").read_bytes()
    for old, new, sentence in (
        (made / "old", made / "old", "is both the old place and the new one"),
        (made / "old", place / "nowhere", "nowhere: there is no such file or folder"),
        (made / "old", place / "empty", "empty: holds none of the 6 files that "),
        (place / "elsewhere", place / "new", "has no clips in "),
        (made / "ol", place / "new", "; one of its clips is /"),
    ):
        with pytest.raises(UsageError) as refused:
            relocate_collection(place / "c", old, new)
        assert sentence in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(CollectionError, match="there is no such collection"):
        relocate_collection(place / "nothing", made / "old", place / "new")
    assert (place / "c" / "manifest.json").read_bytes() == manifest
