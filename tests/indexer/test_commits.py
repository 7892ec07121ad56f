"""Commits: whole or not at all, whatever the instant at which the writer ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pytest

from soundgrep.indexer.engines.worker import FileState
from soundgrep.indexer.maintenance import repair
from soundgrep.indexer.writing import tables as encoding_tables
from soundgrep.indexer.writing import upgrade
from soundgrep.indexer.writing.lock import writer_lock
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model import atomic, system
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.index import generation
from soundgrep.search.store import tables
from soundgrep.search.store.identity import clip_id_of
from soundgrep.search.store.tables import Table

from ..search.made import add_clips, by_clip, clip_path, clustered, made_file

P = ParamSpec("P")


class Killed(BaseException):
    """The instant at which the process ends: nothing is tidied up after it."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    clips = by_clip(clustered(60, dim=encoder.embedding_dim, seed=1), seed=1)[:20]
    return add_clips(tmp_path_factory.mktemp("commits") / "c", clips, encoder=encoder)


def rows(table: Path, version: int, key: str) -> list[dict[str, object]]:
    read = Table.open(table, version=version).read()
    names = [name for name in read.column_names if name != "indexed_at"]
    return read.select(names).sort_by(key).to_pylist()


def contents(folder: Path) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """All rows of both tables, in a fixed order, less the time at which they were written."""
    collection = Collection.open(folder)
    manifest = collection.manifest
    clips = rows(folder / "clips", manifest.clips_version, "clip_id")
    segments = rows(collection.encoding.table.folder, manifest.encoding.segments_version, "segment_id")
    assert (collection.n_clips, collection.n_segments) == (len(clips), len(segments))
    assert {row["clip_id"] for row in segments} == {row["clip_id"] for row in clips}
    assert len({row["segment_id"] for row in segments}) == len(segments)
    found = collection.search(embedding=np.ones(collection.manifest.encoding.embedding_dim), k=10**6)
    assert sorted(hit.clip_id for hit in found) == [row["clip_id"] for row in clips]
    return clips, segments


def change(folder: Path, encoder: Encoder) -> None:
    """Replace clip 3, drop clip 4, add clip 50, and index it all."""
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        batch = writer.batch()
        if clip_id_of(clip_path(4)) in writer.known_clips():
            batch.remove(clip_id_of(clip_path(3)))
            batch.remove(clip_id_of(clip_path(4)))
            for number in (3, 50):
                embeddings = clustered(2, dim=encoder.embedding_dim, seed=100 + number)
                batch.add(clip_path(number), made_file(embeddings, number=number))
        writer.commit(batch)
        writer.refresh_index(text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=9))


def is_ended(at: int, work: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> bool:
    """Do something that is ended at the nth time that it waits for the disk; return whether it was, or all was done."""
    passed = 0

    def stepping(real: Callable[[Path], None]) -> Callable[[Path], None]:
        def step(path: Path) -> None:
            nonlocal passed
            passed += 1
            if passed == at:
                raise Killed
            real(path)

        return step

    with pytest.MonkeyPatch.context() as monkeypatch:
        for module in (atomic, tables, generation, encoding_tables, upgrade, repair):
            names = {"sync_file", "sync_folder"} & vars(module).keys()
            assert names, f"{module.__name__} waits for the disk no more"
            for name in names:
                monkeypatch.setattr(module, name, stepping(getattr(system, name)))
        try:
            work(*arguments, **named)
        except Killed:
            return True
    return False


def test_a_change_that_is_ended_at_any_step_is_whole_or_absent_and_can_be_done_again(
    base: Path, tmp_path: Path, encoder: Encoder
) -> None:
    done = shutil.copytree(base, tmp_path / "done")
    change(done, encoder)
    before, after = contents(base), contents(done)
    assert before != after
    query = np.ones(encoder.embedding_dim)
    hits, seen = Collection.open(base).search(embedding=query, k=5), []
    for ends_at in range(1, 500):
        folder = shutil.copytree(base, tmp_path / str(ends_at))
        reader = Collection.open(folder)
        assert reader.search(embedding=query, k=5) == hits
        if not is_ended(ends_at, change, folder, encoder):
            break
        seen.append(contents(folder))
        assert seen[-1] in (before, after)
        assert reader.search(embedding=query, k=5) == hits  # opened before, and not disturbed
        change(folder, encoder)
        assert contents(folder) == after
        shutil.rmtree(folder)
    assert len(seen) > 10
    assert seen[0] == before
    assert seen[-1] == after


def test_a_collection_that_is_ended_while_it_is_made_can_be_made_again(tmp_path: Path, encoder: Encoder) -> None:
    clips = by_clip(clustered(10, dim=encoder.embedding_dim, seed=1), seed=1)
    add_clips(tmp_path / "done", clips, encoder=encoder)
    folder, n_kills = tmp_path / "c", 0

    def start() -> None:
        with Writer.open(folder, encoder=encoder, hop_s=None):
            pass

    for ends_at in range(1, 500):
        if not is_ended(ends_at, start):
            break
        n_kills += 1
        (folder / "manifest.json").unlink(missing_ok=True)  # ended just after it was swapped in
    assert n_kills > 3
    add_clips(folder, clips, encoder=encoder)
    assert contents(folder) == contents(tmp_path / "done")


def test_a_second_writer_is_refused_and_the_lock_goes_with_its_holder(base: Path, encoder: Encoder) -> None:
    with writer_lock(base):
        with pytest.raises(CollectionError, match="another run is writing it"), writer_lock(base):
            pass
        with (
            pytest.raises(CollectionError, match="another run is writing it"),
            Writer.open(base, encoder=encoder, hop_s=None),
        ):
            pass
        assert Collection.open(base).n_clips == 20  # readers don't mind
    with writer_lock(base):
        pass


def test_a_touched_file_keeps_its_segments_and_a_moved_one_takes_them_along(
    base: Path, tmp_path: Path, encoder: Encoder
) -> None:
    folder = shutil.copytree(base, tmp_path / "c")
    before = contents(folder)
    touched, moved_from, moved_to = clip_path(1), clip_path(2), "/sounds/caf\udce9.wav".encode(errors="surrogateescape")
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        clips, segments = writer.rows_as_opened([clip_id_of(touched), clip_id_of(moved_from)])
        own = {row["clip_id"]: clips.slice(place, 1) for place, row in enumerate(clips.to_pylist())}
        batch = writer.batch()
        batch.update(touched, FileState(101, 999, f"{1:032x}"), clip=own[clip_id_of(touched)])
        theirs = segments.filter(np.equal(segments["clip_id"].to_numpy(), clip_id_of(moved_from)))
        batch.copy(moved_to, FileState(102, 5, f"{2:032x}"), clip=own[clip_id_of(moved_from)], segments=theirs)
        batch.remove(clip_id_of(moved_from))
        writer.commit(batch)
    after = contents(folder)

    def of(rows: list[dict[str, object]], path: bytes) -> list[dict[str, object]]:
        return [row for row in rows if row["clip_id"] == clip_id_of(path)]

    assert of(after[1], touched) == of(before[1], touched)
    assert of(after[0], touched)[0] == of(before[0], touched)[0] | {"mtime_ns": 999}
    assert of(after[0], moved_from) == of(after[1], moved_from) == []
    clip = of(after[0], moved_to)[0]
    assert (clip["path"], clip["path_bytes"]) == ("/sounds/caf\\xe9.wav", b"/sounds/caf\xe9.wav")
    assert clip["title"] == "number 2"
    old, new = (sorted(of(rows, path), key=lambda row: row["start_s"]) for rows, path in
                ((before[1], moved_from), (after[1], moved_to)))  # fmt: skip
    assert [row["embedding"] for row in old] == [row["embedding"] for row in new]
    assert not {row["segment_id"] for row in old} & {row["segment_id"] for row in new}


@pytest.mark.parametrize("content", ["notes.txt", "sub/a.wav"])
def test_a_folder_of_something_else_is_not_written_into(tmp_path: Path, content: str, encoder: Encoder) -> None:
    path = tmp_path / content
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(CollectionError, match="not a collection and not empty"):
        add_clips(tmp_path, [], encoder=encoder)
    assert [str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*") if found.is_file()] == [content]
    with pytest.raises(CollectionError, match="is a file"):
        add_clips(path, [], encoder=encoder)


def test_another_hop_or_an_older_pipeline_is_refused(base: Path, encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"hop of 1 s.*0\.5 s"), Writer.open(base, encoder=encoder, hop_s=0.5):
        pass
    folder = shutil.copytree(base, tmp_path / "c")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"pipeline_version": 1', '"pipeline_version": 0'))
    with pytest.raises(CollectionError, match="version 0"), Writer.open(folder, encoder=encoder, hop_s=None):
        pass


def test_generations_of_the_index_go_one_run_after_they_are_replaced(tmp_path: Path, encoder: Encoder) -> None:
    folder, seen = tmp_path / "c", []
    for number in range(4):
        add_clips(folder, [clustered(2, dim=encoder.embedding_dim, seed=number)], encoder=encoder, first=number)
        seen.append(sorted(path.name for path in (folder / "encodings" / "tiny" / "index").iterdir()))
    assert seen == [["000001"], ["000001", "000002"], ["000002", "000003"], ["000003", "000004"]]
    add_clips(folder, [], encoder=encoder)
    assert sorted(path.name for path in (folder / "encodings" / "tiny" / "index").iterdir()) == ["000004"]


def test_a_damaged_index_is_built_anew_by_the_next_run(base: Path, tmp_path: Path, encoder: Encoder) -> None:
    folder = shutil.copytree(base, tmp_path / "c")
    next(folder.glob("encodings/*/index/*/embeddings.faiss")).write_bytes(b"")
    add_clips(folder, [], encoder=encoder)
    assert next(folder.glob("encodings/*/index/*/embeddings.faiss")).stat().st_size
    assert contents(folder) == contents(base)


def test_a_large_index_is_kept_until_enough_has_changed(tmp_path: Path, encoder: Encoder) -> None:
    dim = encoder.embedding_dim

    def generation(n: int, first: int) -> str:
        folder = add_clips(tmp_path / "c", [clustered(n, dim=dim, seed=first)], encoder=encoder, first=first)
        record = Collection.open(folder).manifest.encoding.index
        assert record is not None
        return record.generation + record.kind

    assert generation(19_999, 0) == "000001flat"
    assert generation(1, 1) == "000002cells"
    assert generation(600, 2) == "000002cells"
    assert generation(600, 3) == "000003cells"


def heard(folder: Path) -> dict[str, list[dict[str, object]]]:
    """What each encoder heard, and the clips with what they say of it."""
    collection = Collection.open(folder)
    clips = rows(folder / "clips", collection.manifest.clips_version, "clip_id")
    for name in collection.encoders:
        one = collection.with_encoder(name)
        found = one.search(embedding=np.ones(one.manifest.encoding.embedding_dim), k=10**6)
        assert len(found) == len({row["clip_id"] for row in one.segments.to_arrow(["clip_id"]).to_pylist()})
    return {
        "clips": clips,
        **{
            name: collection.with_encoder(name).segments.to_arrow().sort_by("segment_id").to_pylist()
            for name in collection.encoders
        },
    }


def add_encoder(folder: Path, encoder: Encoder) -> None:
    """Have a second encoder hear every clip."""
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        name = [*writer.manifest.encodings][-1]
        if not writer.covered_clips(name):
            batch = writer.batch(name)
            for number in range(20):
                embeddings = clustered(2, dim=encoder.embedding_dim, seed=200 + number)
                batch.cover(clip_path(number), made_file(embeddings, number=number))
            writer.commit(batch)
        writer.refresh_index(encoding=name, text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=9))


def move_to_second(folder: Path) -> None:
    """Take the first encoder away."""
    with Writer.open(folder, encoder=None, hop_s=None) as writer:
        if len(writer.manifest.encodings) > 1:
            writer.drop_encoding(writer.manifest.default_encoding)


def test_moving_to_another_encoder_that_is_ended_at_any_step_is_whole_or_absent_and_can_be_done_again(
    base: Path, tmp_path: Path, encoder: Encoder, second_checkpoint: Path
) -> None:
    other = Encoder.from_pretrained(second_checkpoint)
    both = shutil.copytree(base, tmp_path / "both")
    add_encoder(both, other)
    moved = shutil.copytree(both, tmp_path / "moved")
    move_to_second(moved)
    empty = {**heard(base), "other": []}
    assert [sorted(heard(one)) for one in (base, both, moved)] == [
        ["clips", "tiny"],
        ["clips", "other", "tiny"],
        ["clips", "other"],
    ]
    steps = (
        (base, lambda folder: add_encoder(folder, other), [heard(base), empty, heard(both)]),
        (both, move_to_second, [heard(both), heard(moved)]),
    )
    for start, step, allowed in steps:
        for ends_at in range(1, 500, 3):  # all of them take half a minute
            folder = shutil.copytree(start, tmp_path / "c")
            reader = Collection.open(folder)
            before = reader.search(embedding=np.ones(encoder.embedding_dim))
            is_done = not is_ended(ends_at, step, folder)
            assert heard(folder) in allowed
            assert reader.search(embedding=np.ones(encoder.embedding_dim)) == before
            step(folder)
            assert heard(folder) == allowed[-1]
            shutil.rmtree(folder)
            if is_done:
                break
        assert ends_at > 5
