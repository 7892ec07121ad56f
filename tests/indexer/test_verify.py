"""Verify: damage of every part is found, what can be mended is, and nothing that is intact is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundgrep.indexer.maintenance.verify import VerifyReport, verify_collection
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.indexer.writing.lock import writer_lock
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.store.identity import clip_id_of
from soundgrep.search.store.manifest import read_manifest
from soundgrep.search.store.tables import Table

from ..search.made import add_clips, by_clip, clip_path, clustered
from .test_commits import contents

N_CLIPS, N_MORE = 20, 4


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """24 clips in two commits, of which one was dropped; two annexes; an index of all."""
    folder = tmp_path_factory.mktemp("verify") / "c"
    clips = by_clip(clustered(80, dim=encoder.embedding_dim, seed=1), seed=1)
    add_clips(folder, clips[:N_CLIPS], encoder=encoder)
    add_clips(folder, clips[N_CLIPS : N_CLIPS + N_MORE], encoder=encoder, first=N_CLIPS)
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        batch = writer.batch()
        batch.remove(clip_id_of(clip_path(7)))
        writer.commit(batch)
        writer.refresh_index(text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=9))
    for label in ("dog", "cat"):
        write_annex(folder, "labels", pa.table({"clip_id": pa.array([1], pa.int64()), "label": [label]}))
    write_annex(folder, "notes", pa.table({"clip_id": pa.array([1], pa.int64()), "note": ["here"]}))
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "c")


def place_of(folder: Path, part: str) -> Path:
    return folder / "clips" if part == "clips" else folder / "encodings" / "tiny" / part


def own_files(folder: Path, table: str) -> list[Path]:
    """The files of a table at the manifest's version, the largest first."""
    manifest = read_manifest(folder)
    version = getattr(manifest if table == "clips" else manifest.encoding, f"{table}_version")
    files = Table.open(place_of(folder, table), version=version).files()
    return [file.path for file in sorted(files, key=lambda file: -file.size_bytes)]


def flip(path: Path) -> None:
    """Change some bytes in the middle of a file."""
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) // 3 + 20):
        data[place] ^= 0xFF
    path.write_bytes(data)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change rows behind the table's back: a file that can be read, of the size that the log names or another."""
    pq.write_table(change(pq.read_table(path)), path)


def log(folder: Path, table: str) -> list[Path]:
    return sorted((place_of(folder, table) / "_delta_log").glob("*.json"))


def is_whole(folder: Path) -> bool:
    """Every clip that is there is complete and found."""
    clips, _ = contents(folder)
    return len(clips) > 0


def test_a_collection_that_is_whole_is_called_so_and_left_alone(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for repair in (False, True):
        report = verify_collection(folder, repair=repair)
        assert (report.problems, report.repairs, report.remaining, report.leftovers) == ((), (), (), ())
        assert report.is_sound
        assert report.n_clips == N_CLIPS + N_MORE - 1
        assert report.n_segments == read_manifest(folder).encoding.n_segments
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert json.loads(json.dumps(report.to_json()))["is_sound"] is True


def test_golden_collections_are_whole() -> None:
    for golden in (Path(__file__).parent.parent / "search" / "golden").iterdir():
        assert verify_collection(golden).problems == ()


DAMAGES: dict[str, tuple[Callable[[Path], object], str, int | None]] = {
    # what is done to the collection; a word of what is said; clips left after the repair (None: all)
    "segments: bits flipped": (lambda c: flip(own_files(c, "segments")[0]), "not unit vectors", None),
    "segments: cut short": (lambda c: own_files(c, "segments")[0].write_bytes(b"PAR1"), "has 4 bytes instead of", None),
    "segments: file gone": (lambda c: own_files(c, "segments")[0].unlink(), "is missing", None),
    "segments: newest log entry torn": (
        lambda c: log(c, "segments")[-1].write_text('{"add"'),
        "cannot be opened",
        None,
    ),
    "segments: newest log entry emptied": (lambda c: log(c, "segments")[-1].write_text(""), "rows instead of", None),
    "segments: newest log entry gone": (lambda c: log(c, "segments")[-1].unlink(), "cannot be opened", None),
    "segments: log gone": (lambda c: shutil.rmtree(place_of(c, "segments") / "_delta_log"), "cannot be opened", None),
    "coverage: file gone": (lambda c: own_files(c, "coverage")[0].unlink(), "is missing", None),
    "coverage: log gone": (lambda c: shutil.rmtree(place_of(c, "coverage") / "_delta_log"), "cannot be opened", None),
    "clips: file gone": (lambda c: own_files(c, "clips")[0].unlink(), "is missing", None),
    "clips: cut short": (lambda c: own_files(c, "clips")[0].write_bytes(b""), "has 0 bytes", None),
    "clips: log gone": (lambda c: shutil.rmtree(c / "clips" / "_delta_log"), "cannot be opened", None),
    "clips: newest log entry torn": (lambda c: log(c, "clips")[-1].write_text("{"), "cannot be opened", None),
    "clips: table gone": (lambda c: shutil.rmtree(c / "clips"), "cannot be opened", 0),
    "index: bits flipped": (
        lambda c: flip(next(c.glob("encodings/*/index/*/embeddings.faiss"))),
        "damaged (embeddings.faiss)",
        None,
    ),
    "index: cut short": (
        lambda c: next(c.glob("encodings/*/index/*/embeddings.faiss")).write_bytes(b"x"),
        "missing or damaged",
        None,
    ),
    "index: gone": (lambda c: shutil.rmtree(place_of(c, "index")), "missing or damaged", None),
    "manifest: gone": (lambda c: (c / "manifest.json").unlink(), "missing or damaged", None),
    "manifest: torn": (lambda c: (c / "manifest.json").write_text('{"encodings": {'), "missing or damaged", None),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_mended(base: Path, folder: Path, damage: str) -> None:
    harm, told, n_left = DAMAGES[damage]
    if "index" in damage:
        for old in sorted((folder / "encodings" / "tiny" / "index").iterdir())[:-1]:
            shutil.rmtree(old)
    harm(folder)
    found = verify_collection(folder)
    assert any(told in problem.what for problem in found.problems), found.problems
    if "bits" not in damage:  # what Parquet does not notice shows in the rows
        assert found.problems[0].part.split("/")[-1] == damage.split(":")[0]
    assert not found.is_sound
    assert found.remaining == found.problems
    report = verify_collection(folder, repair=True)
    assert report.problems == found.problems
    assert report.repairs
    assert report.remaining == ()
    # Rows come back from the files of older versions, which hold the clip that was dropped too.
    before, _ = contents(base)
    if n_left == 0:
        assert report.n_clips == 0
        return
    after, _ = contents(folder)
    lost = {row["clip_id"] for row in before} - {row["clip_id"] for row in after}
    extra = {row["clip_id"] for row in after} - {row["clip_id"] for row in before}
    assert extra <= {clip_id_of(clip_path(7))}
    if n_left is None:
        assert lost == set()
    assert [row for row in after if row["clip_id"] not in extra] == [
        row for row in before if row["clip_id"] not in lost
    ]
    assert verify_collection(folder).is_sound


def test_lost_rows_are_indexed_again_by_the_next_run(folder: Path, encoder: Encoder) -> None:
    for path in (folder / "encodings" / "tiny" / "segments").glob("*.parquet"):
        if path != own_files(folder, "segments")[-1]:
            path.unlink()
    report = verify_collection(folder, repair=True)
    assert report.remaining == ()
    assert any("dropped" in repair for repair in report.repairs)
    assert 0 < report.n_clips <= N_MORE
    assert is_whole(folder)
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        assert len(writer.known_clips()) == report.n_clips


def changed(column: str, values: Callable[[pa.ChunkedArray], object]) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        place, kind = rows.schema.get_field_index(column), rows.schema.field(column)
        return rows.set_column(place, kind, pa.array(values(rows.column(column)), kind.type))

    return change


ROWS: dict[str, tuple[str, Callable[[pa.Table], pa.Table], str]] = {
    "not finite": ("segments", changed("embedding", lambda c: [[np.nan] * 32, *c.to_pylist()[1:]]), "not unit vectors"),
    "too long": ("segments", changed("embedding", lambda c: [[1.0] * 32, *c.to_pylist()[1:]]), "not unit vectors"),
    "too few": ("segments", changed("embedding", lambda c: [[1.0], *c.to_pylist()[1:]]), "not unit vectors"),
    "twice": ("segments", lambda rows: pa.concat_tables([rows.slice(0, 1), rows[:-1]]), "there twice"),
    "of another": ("segments", changed("segment_id", lambda c: [5, *c.to_pylist()[1:]]), "not theirs"),
    "of none": ("segments", changed("clip_id", lambda c: [5, *c.to_pylist()[1:]]), "not in the clips table"),
    "two rows": ("clips", lambda rows: pa.concat_tables([rows.slice(0, 1), rows[:-1]]), "more than one row"),
    "other path": ("clips", changed("path", lambda c: ["/x.wav", *c.to_pylist()[1:]]), "not that of their path"),
    "other content": ("clips", changed("content_hash", lambda c: ["00", *c.to_pylist()[1:]]), "of another content"),
    "not covered": (
        "coverage",
        lambda rows: pa.concat_tables([rows.slice(1, 1), rows[1:]]),
        "no embedding by any encoder",
    ),
    "too many": ("coverage", changed("n_segments", lambda c: [9, *c.to_pylist()[1:]]), "segments missing"),
}


@pytest.mark.parametrize("fault", ROWS)
def test_rows_that_do_not_belong_together_are_found_and_dropped(folder: Path, fault: str) -> None:
    table, change, told = ROWS[fault]
    path = own_files(folder, table)[0]
    rewrite(path, change)
    # The log names the old size: so that the rows are looked at at all, it must name the new one.
    for entry in log(folder, table):
        lines = [json.loads(line) for line in entry.read_text().splitlines()]
        for line in lines:
            if line.get("add", {}).get("path") == path.name:
                line["add"]["size"] = path.stat().st_size
                n_rows = json.loads(line["add"]["stats"])["numRecords"]
                line["add"]["stats"] = json.dumps({"numRecords": n_rows})  # by the others a deletion passes it over
        entry.write_text("\n".join(json.dumps(line) for line in lines))
    found = verify_collection(folder)
    assert any(told in problem.what for problem in found.problems), found.problems
    report = verify_collection(folder, repair=True)
    assert report.remaining == (), report.repairs
    assert report.n_clips >= N_CLIPS + N_MORE - 3
    assert is_whole(folder)


def test_annexes_go_back_to_what_can_be_read(folder: Path) -> None:
    manifest = read_manifest(folder)
    newest = Table.open(folder / "annexes" / "labels", version=manifest.annexes["labels"].version).files()
    newest[0].path.unlink()
    shutil.rmtree(folder / "annexes" / "notes")
    found = verify_collection(folder)
    assert sorted({problem.part for problem in found.problems}) == ["annexes/labels", "annexes/notes"]
    report = verify_collection(folder, repair=True)
    assert report.remaining == ()
    annexes = read_manifest(folder).annexes
    assert list(annexes) == ["labels"]
    table = Table.open(folder / "annexes" / "labels", version=annexes["labels"].version)
    assert table.read().column("label").to_pylist() == ["dog"]
    write_annex(folder, "labels", pa.table({"clip_id": pa.array([1], pa.int64()), "label": ["cow"]}))
    assert verify_collection(folder).is_sound


def test_leftovers_are_named_and_only_our_own_are_removed(folder: Path) -> None:
    (folder / ".manifest.json.123.tmp").write_text("{")
    (folder / "encodings" / "tiny" / "index" / ".000009.tmp").mkdir()
    (folder / "notes.txt").write_text("mine")
    report = verify_collection(folder)
    assert (report.problems, len(report.leftovers)) == ((), 3)
    report = verify_collection(folder, repair=True)
    assert (report.leftovers, len(report.repairs)) == (("notes.txt",), 2)
    assert (folder / "notes.txt").read_text() == "mine"


def test_what_is_put_aside_is_kept(folder: Path) -> None:
    path = own_files(folder, "segments")[0]
    data = path.read_bytes()[:1000]
    path.write_bytes(data)
    verify_collection(folder, repair=True)
    assert (folder / "damaged" / f"encodings-tiny-segments-{path.name}").read_bytes() == data


def test_it_says_what_it_cannot_do(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="there is no such collection"):
        verify_collection(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollectionError, match="is not a collection"):
        verify_collection(tmp_path / "empty", repair=True)
    (folder / "manifest.json").write_text("{")
    with writer_lock(folder), pytest.raises(CollectionError, match="another run is writing it"):
        verify_collection(folder, repair=True)
    (folder / "manifest.previous.json").unlink()
    with pytest.raises(CollectionError, match="its manifest is damaged"):
        verify_collection(folder, repair=True)


def test_a_lost_manifest_is_no_reason_to_begin_anew(folder: Path, encoder: Encoder) -> None:
    (folder / "manifest.json").unlink()
    with (
        pytest.raises(CollectionError, match="its manifest is gone"),
        Writer.open(folder, encoder=encoder, hop_s=None),
    ):
        pass
    report: VerifyReport = verify_collection(folder, repair=True)
    assert report.repairs[0] == "the manifest was made anew from the one before it"
    assert Collection.open(folder).n_clips == N_CLIPS + N_MORE - 1
