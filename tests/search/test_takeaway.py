"""Taking hits away: tables, playlists and archives, with the names and losses of real life."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundgrep import build_collection
from soundgrep.search import Collections, Hit
from soundgrep.search.takeaway.archive import archive_of, estimate
from soundgrep.search.takeaway.items import Item, items_of, items_of_clips, rows_of
from soundgrep.search.takeaway.names import Names, safe_name
from soundgrep.search.takeaway.playlist import playlist_of

RATE_HZ = 16_000
HOSTILE = (
    b"plain.wav",
    b"sub/plain.wav",
    b"sub/PLAIN.wav",
    b"<b>bold<script>.wav",
    "🎧 \u202egnp.wav".encode(),
    b"caf\xe9.wav",
    b"new\nline.wav",
    b"..wav. .wav",
    b"con.wav",
    b"=1+1.wav",
    b"x" * 251 + b".wav",
)


def write(path: bytes, number: int, *, duration_s: float = 2.5) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - bytes
    samples = np.random.default_rng(number).uniform(-0.5, 0.5, (round(duration_s * RATE_HZ), 2))
    with open(path, "wb") as file:  # noqa: PTH123
        soundfile.write(file, samples, RATE_HZ, format="WAV", subtype="PCM_16")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    folder = tmp_path_factory.mktemp("takeaway") / "sounds"
    for number, name in enumerate(HOSTILE):
        write(os.fsencode(folder) + b"/" + name, number)
    write(os.fsencode(folder / "in" / "member.wav"), 90)
    with tarfile.open(folder / "shard.tar", "w") as shard:
        shard.add(folder / "in" / "member.wav", "deep/member.wav")
    build_collection([folder, folder / "shard.tar"], folder.parent / "c", encoder=tiny_checkpoint, n_workers=1)
    return folder


@pytest.fixture(scope="module")
def collections(sounds: Path) -> Collections:
    return Collections.open([sounds.parent / "c"])


@pytest.fixture(scope="module")
def items(collections: Collections) -> list[Item]:
    return items_of(collections, collections.search("rain", k=100))


def unpacked(pieces: Iterator[bytes]) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    return archive


def named(items: Sequence[Item], name: bytes) -> Item:
    return next(item for item in items if item.exact.endswith(b"/" + name))


def test_an_archive_of_files_holds_them_as_they_are_under_names_that_every_system_takes(items: list[Item]) -> None:
    said: list[tuple[int, int]] = []
    archive = unpacked(archive_of(items, "files", progress=lambda *done: said.append(done)))
    rows = list(csv.DictReader(io.TextIOWrapper(archive.open("hits.csv"), encoding="utf-8", newline="")))
    assert {row["file"] for row in rows} | {"hits.csv"} == set(archive.namelist())
    assert [row["path"] for row in rows] == [item.path for item in items]
    for row, item in zip(rows, items, strict=True):
        if b".tar!/" not in item.exact:
            assert archive.read(row["file"]) == open(item.exact, "rb").read()  # noqa: PTH123, SIM115
        assert not row["file"].startswith("/")
        assert ".." not in row["file"].split("/")
        assert all(len(part.encode()) <= 255 and part[-1] not in ". " for part in row["file"].split("/"))
        assert not set(row["file"]) & set('<>:"\\|?*\n\u202e')
    assert len({name.casefold() for name in archive.namelist()}) == len(archive.namelist()) == len(items) + 1
    assert {"plain.wav", "in/member.wav", "_con.wav", "shard.tar/deep/member.wav"} <= set(archive.namelist())
    assert said[-1] == (len(items), len(items))
    size = estimate(items, "files")
    assert (size.n_files, size.missing) == (len(items), ())
    assert sum(info.file_size for info in archive.infolist()) <= size.n_bytes + 4_000


@pytest.mark.parametrize("what", ["wav", "flac"])
def test_an_archive_of_stretches_holds_the_seconds_that_answer(
    collections: Collections, items: list[Item], what: str
) -> None:
    archive = unpacked(archive_of(items, what))  # type: ignore[arg-type]
    rows = list(csv.DictReader(io.TextIOWrapper(archive.open("hits.csv"), encoding="utf-8", newline="")))
    assert len(rows) == sum(len(item.spans) for item in items) == estimate(items, what).n_files  # type: ignore[arg-type]
    by_path = {item.path: item for item in items}
    for row in rows:
        found, rate_hz = soundfile.read(io.BytesIO(archive.read(row["file"])), dtype="int16")
        with open(by_path[row["path"]].exact.replace(b"shard.tar!/deep", b"in"), "rb") as file:  # noqa: PTH123
            whole, _ = soundfile.read(file, dtype="int16")
        start, end = (round(float(row[name]) * RATE_HZ) for name in ("start_s", "end_s"))
        assert rate_hz == RATE_HZ
        np.testing.assert_array_equal(found, whole[start:end])
    n_bytes = sum(info.file_size for info in archive.infolist())
    assert n_bytes == pytest.approx(estimate(items, what).n_bytes, rel=0.1 if what == "wav" else 0.8)  # type: ignore[arg-type]


def test_clips_whose_files_are_gone_are_named_and_the_rest_comes(
    sounds: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    for number in range(3):
        write(os.fsencode(tmp_path / "s" / f"{number}.wav"), number)
    build_collection(tmp_path / "s", tmp_path / "c", encoder=tiny_checkpoint, n_workers=1)
    opened = Collections.open([tmp_path / "c"])
    hits = opened.search("rain", k=3)
    (tmp_path / "s" / "1.wav").unlink()
    (tmp_path / "s" / "2.wav").write_text("no sound any more")
    chosen = items_of(opened, hits)
    said: list[str] = []
    archive = unpacked(archive_of(chosen, "files", left_out=said.append))
    assert sorted(archive.namelist()) == ["0.wav", "hits.csv", "left out.txt"]
    assert sorted(said) == [
        f"{tmp_path / 's' / '1.wav'}: the file is not to be had (no such file or directory)",
        f"{tmp_path / 's' / '2.wav'}: the file is not to be had (it is not the file that was indexed: index it again)",
    ]
    assert [item.path for item in estimate(chosen, "files").missing] == [str(tmp_path / "s" / "1.wav")]
    cut = unpacked(archive_of(chosen, "wav"))
    problems = cut.read("left out.txt").decode().splitlines()
    assert sorted(problem.split(": ")[0] for problem in problems) == [str(tmp_path / "s" / f"{n}.wav") for n in (1, 2)]
    assert all(name.endswith((".wav", ".csv", ".txt")) for name in cut.namelist())
    assert unpacked(archive_of([], "files")).namelist() == ["hits.csv"]


def test_a_large_archive_is_never_in_memory(tmp_path: Path, tiny_checkpoint: Path) -> None:
    write(os.fsencode(tmp_path / "s" / "a.wav"), 1, duration_s=1.5)
    build_collection(tmp_path / "s", tmp_path / "c", encoder=tiny_checkpoint, n_workers=1)
    (item,) = items_of(opened := Collections.open([tmp_path / "c"]), opened.search("rain"))
    with (tmp_path / "s" / "a.wav").open("r+b") as file:
        file.truncate(60 << 20)
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    item = replace(item, size_bytes=60 << 20, content_hash=digest)
    tracemalloc.start()
    n_bytes = sum(map(len, archive_of([item], "files")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_bytes > 60 << 20
    assert peak < 8 << 20


def test_a_playlist_opens_where_a_player_can(items: list[Item]) -> None:
    playlist, left_out = playlist_of(items)
    assert {item.exact.rpartition(b"/")[2] for item in left_out} == {b"new\nline.wav", b"member.wav"}
    lines = playlist.split(b"\n")
    assert lines[0] == b"#EXTM3U"
    files = [line for line in lines if line and not line.startswith(b"#")]
    assert files == [item.exact for item in items if item not in left_out]
    assert all(os.path.exists(file) for file in files)  # noqa: PTH110
    starts = [item.hit.start_s for item in items if item not in left_out and item.hit is not None and item.hit.start_s]
    assert [float(line.split(b"=")[1]) for line in lines if line.startswith(b"#EXTVLCOPT")] == starts


def test_items_are_rows_and_json_as_hits_are(collections: Collections, items: list[Item]) -> None:
    hits = [item.hit for item in items if isinstance(item.hit, Hit)]
    rows = rows_of(items).to_pylist()
    assert [(row["rank"], row["path"], row["start_s"]) for row in rows] == [(h.rank, h.path, h.start_s) for h in hits]
    assert [item.to_json() for item in items] == [hit.to_json() for hit in hits]
    chosen = items_of_clips(collections, [hits[3].clip_id, hits[1].clip_id, 5])
    assert [item.path for item in chosen] == [hits[3].path, hits[1].path]
    assert [(span.start_s, span.end_s) for span in chosen[0].spans] == [(0.0, chosen[0].duration_s)]
    assert rows_of(chosen).column("score").to_pylist() == [None, None]
    segments = collections.search("rain", k=4, where=f"clip_id = {hits[0].clip_id}", options=None)
    assert len(items_of(collections, [*segments, *segments])) == 2 * len(segments)


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a.b", "a.b"), ("a/b", "a_b"), ("..", "__"), ("", "_"), ("a. ", "a__"), ("NUL.txt", "_NUL.txt"), ("a\tb", "a_b")],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_names_are_given_out_once() -> None:
    names = Names()
    assert [names.unique(["A"], "x", ".wav"), names.unique(["a"], "X", ".WAV"), names.unique(["a"], "x", ".wav")] == [
        "A/x.wav",
        "a/X (2).WAV",
        "a/x (3).wav",
    ]
