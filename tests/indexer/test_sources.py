"""Patterns, lists, archives and stores: what they show, and what a run makes of them."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3fs import S3FileSystem

from soundgrep.indexer import BuildOptions, IndexReport, build_collection
from soundgrep.indexer.inputs.files import Findings
from soundgrep.indexer.inputs.sources import Source, find_clips
from soundgrep.indexer.maintenance.metadata import known_metadata
from soundgrep.indexer.report import Progress
from soundgrep.model.audio.clip_files import open_clip
from soundgrep.model.errors import UsageError
from soundgrep.search.store.identity import clip_id_of, path_of
from soundgrep.search.store.manifest import CLIPS_FOLDER, read_manifest
from soundgrep.search.store.tables import Table

from ..conftest import Bucket, Store
from .sounds import write


def found(*sources: Source) -> Findings:
    return find_clips(sources, collection=Path("/nowhere"))


def names(findings: Findings) -> list[str]:
    return sorted(os.fsdecode(path).rpartition("/")[2] for path in findings.files)


def tar(path: Path, members: dict[str, bytes | Path]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def index(collection: Path, *sources: Source, encoder: Path, prune: bool = False) -> IndexReport:
    return build_collection(
        sources, collection, encoder=encoder, n_workers=1, options=BuildOptions(prune=prune, retry_failed=True)
    )


def changes(report: IndexReport) -> tuple[int, int, int, int]:
    return report.n_added, report.n_replaced, report.n_removed, report.n_unchanged


def clips(collection: Path) -> list[str]:
    paths = Table.open(collection / CLIPS_FOLDER).read(["path"]).column("path").to_pylist()
    return sorted(path.rpartition("/")[2] for path in paths)


def metadata(collection: Path) -> dict[str, dict[str, object]]:
    """What is known of the clips, by their files' names."""
    rows = known_metadata(collection, read_manifest(collection))
    assert rows is not None
    known = {row.pop("clip_id"): row for row in rows.to_pylist()}
    there = Table.open(collection / CLIPS_FOLDER).read(["clip_id", "path"]).to_pylist()
    return {row["path"].rpartition("/")[2]: known[row["clip_id"]] for row in there if row["clip_id"] in known}


def test_a_pattern_shows_what_fits_it_and_covers_nothing_else(tmp_path: Path) -> None:
    for name in ("a1.wav", "a2.wav", "b1.wav", "sub/a3.wav", "sub/deep/a4.flac", "a5.dat", "sub/.a6.wav", "[x].wav"):
        write(tmp_path / name, 1)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    assert names(found(tmp_path / "a?.wav")) == ["a1.wav", "a2.wav"]
    assert names(found(tmp_path / "**" / "a*")) == ["a1.wav", "a2.wav", "a3.wav", "a4.flac"]
    assert names(found(tmp_path / "a[!1].*")) == ["a2.wav"]
    assert names(found(tmp_path / "*.dat")) == ["a5.dat"]
    assert names(found(tmp_path / "s*" / "*.wav")) == ["a3.wav"]
    assert names(found(tmp_path / "[x].wav")) == ["[x].wav"], "a file of that very name comes first"
    findings = found(tmp_path / "**" / "*.wav")
    assert findings.covers(path_of(tmp_path / "gone" / "a.wav"))
    assert not findings.covers(path_of(tmp_path / "gone" / "a.flac"))
    assert not findings.covers(path_of(tmp_path.parent / "a.wav"))


def test_a_folder_does_not_cover_what_it_would_pass_over(tmp_path: Path) -> None:
    shard = tar(tmp_path / "s.tar", {"a.wav": b"x"})
    (tmp_path / ".hidden").mkdir()
    for name in (".hidden/a.wav", "a.bin", "b.wav"):
        (tmp_path / name).write_bytes(b"x")
    findings = found(tmp_path)
    assert names(findings) == ["b.wav"]
    kept = [path_of(tmp_path / name) for name in (".hidden/a.wav", "a.bin", "s.tar!/a.wav")]
    assert not any(findings.covers(path) for path in kept)
    shard.unlink()
    assert findings.covers(path_of(tmp_path / "s.tar!/a.wav")), "its archive is gone"


def test_a_list_names_its_clips_from_its_own_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    a, b = write(tmp_path / "in" / "a.wav", 1), write(tmp_path / "b.wav", 2)
    listed = tmp_path / "in" / "list.csv"
    listed.write_text(f"File,take,code\na.wav,1,007\n{b},2,008\n../b.wav,3,009\ngone.wav,4,010\n,5,011\n")
    with caplog.at_level(logging.WARNING):
        findings = found(listed)
    assert set(findings.files) == {path_of(a), path_of(b)}
    assert [(one.path, one.reason) for one in findings.failures] == [
        (str(listed), "1 of its rows names no file (the first is row 5)"),
        (str(tmp_path / "in" / "gone.wav"), "there is no such file"),
    ]
    assert "the last one counts" in caplog.text
    (columns,) = findings.columns
    rows = {row["clip_id"]: row for row in columns.to_pylist()}
    assert rows[clip_id_of(path_of(b))] == {"clip_id": clip_id_of(path_of(b)), "take": 3, "code": "009"}


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["l.csv", "l.tsv", "l.txt", "l.m3u", "l.jsonl"])
def test_lists_are_read_in_each_charset_of_unicode(tmp_path: Path, name: str, charset: str) -> None:
    """Excel writes its "Unicode text" with tabs, whatever its suffix."""
    paths = [path_of(write(tmp_path / one, 1)) for one in ("a.wav", "\u72ac.wav")]
    rows = [json.dumps({"path": one}, ensure_ascii=False) for one in ("a.wav", "\u72ac.wav")]
    if not name.endswith("jsonl"):
        rows = ["path\tn", "a.wav\t1", "\u72ac.wav\t2"] if name.endswith("sv") else ["a.wav", "\u72ac.wav"]
    (tmp_path / name).write_bytes("\r\n".join(rows).encode(charset))
    assert set(found(tmp_path / name).files) == set(paths)


def test_a_parquet_list_keeps_its_types(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 1)
    columns = {
        "path": pa.array(["a.wav"]).dictionary_encode(),
        "n": pa.array([2**40], pa.uint64()),
        "at": pa.array([1_000_000_000], pa.timestamp("ns")),
        "tags": pa.array([["x", "y"]]),
        "clip_id": pa.array(["mine"]),
    }
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    (found_columns,) = found(tmp_path / "list.parquet").columns
    assert found_columns.column_names == ["clip_id", "n", "at", "tags", "user_clip_id"]
    assert [str(kind) for kind in found_columns.schema.types[1:3]] == ["int64", "timestamp[us, tz=UTC]"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("l.csv", b"take,name\n1,a.wav\n", r"has no column 'path' or 'file' \(its columns are take, name\)"),
        ("l.csv", b"", "is empty"),
        ("l.csv", b"path\n", "is empty"),
        ("l.csv", b"path\ncaf\xe9.wav\n", r"is not UTF-8 text \(line 2 holds a byte 0xe9\)"),
        ("l.csv", b"path,n\na.wav\n", "is damaged or no such table"),
        ("l.csv", b"path,Path\na.wav,b.wav\n", "has two columns 'path'"),
        ("l.parquet", b"PAR1", "is damaged or no such table"),
        ("l.jsonl", b'{"path": "a.wav"\n', "line 1"),
        ("l.jsonl", b'{"path": "a.wav", "x": ' + b"[" * 300 + b"]" * 300 + b"}", "line 1: it is nested too deeply"),
        ("l.csv", "path\na.wav".encode("utf-16") + b"\0", "is not UTF-16.* text"),
        ("l.txt", "a.wav".encode("utf-16")[:-1], "is not UTF-16.* text"),
        ("l.csv", b"path\ngone.wav\n", r"there is no audio file that can be read \(.*gone.wav: there is no such file"),
    ],
)
def test_a_bad_list_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=rf"{name}: {reason}|{reason}"):
        build_collection(tmp_path / name, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_an_archive_shows_its_clips_and_what_lies_beside_them(tmp_path: Path) -> None:
    shard = tar(
        tmp_path / "s.tar",
        {
            "./a.json": json.dumps({"place": "Oslo", "n": 1, "tags": ["x"]}).encode(),
            "./a.wav": b"1",
            "sub/b.c.flac": b"22",
            "sub/b.txt": b" a dog\n",
            "sub/b.c.json": b"{",
            "sub/b.json": b"[" * 100_000,
            "a.c.json": b"[" * 990 + b"]" * 990,
            "notes.txt": b"x",
            ".hidden.wav": b"4",
            "/x.wav": b"5",
        },
    )
    findings = found(shard)
    assert {os.fsdecode(path): file.size_bytes for path, file in findings.files.items()} == {
        f"{shard}!/a.wav": 1,
        f"{shard}!/sub/b.c.flac": 2,
    }
    (columns,) = findings.columns
    rows = {row.pop("clip_id"): row for row in columns.to_pylist()}
    assert rows[clip_id_of(path_of(f"{shard}!/a.wav"))] == {"place": "Oslo", "n": 1, "tags": '["x"]', "txt": None}
    assert rows[clip_id_of(path_of(f"{shard}!/sub/b.c.flac"))]["txt"] == "a dog"
    assert [failure.reason for failure in findings.failures] == [
        "its name leads out of the archive (it is absolute or holds '..')"
    ]
    assert names(found(tmp_path / "*.tar")) == names(findings)
    assert names(found(f"{shard}!/a.wav")) == ["a.wav"]


def test_a_clip_leaves_with_its_row_unless_a_folder_has_it_too(tmp_path: Path, tiny_checkpoint: Path) -> None:
    for number in range(6):
        write(tmp_path / "sounds" / f"{number}.wav", number)
    folder, collection, listed = tmp_path / "sounds", tmp_path / "c", tmp_path / "list.csv"

    def put_on_list(*numbers: int) -> None:
        listed.write_text("path,take\n" + "".join(f"sounds/{one}.wav,{one * 10}\n" for one in numbers))

    put_on_list(0, 1, 2, 3)
    assert changes(index(collection, listed, encoder=tiny_checkpoint)) == (4, 0, 0, 0)
    assert metadata(collection)["3.wav"] == {"take": 30}
    assert changes(index(collection, folder / "0.wav", folder / "5.wav", encoder=tiny_checkpoint)) == (1, 0, 0, 1)
    put_on_list(1, 2, 5)
    report = index(collection, listed, encoder=tiny_checkpoint)
    assert changes(report) == (0, 0, 1, 3), "0 was given by name too, 3 was not"
    put_on_list(1, 2)
    assert changes(index(collection, listed, encoder=tiny_checkpoint)) == (0, 0, 0, 2), "5 was there before the list"
    assert clips(collection) == ["0.wav", "1.wav", "2.wav", "5.wav"]
    assert metadata(collection)["1.wav"] == {"take": 10}


def test_an_archive_that_changes_is_read_again_where_it_changed(tmp_path: Path, tiny_checkpoint: Path) -> None:
    sounds = [write(tmp_path / "made" / f"{number}.wav", number) for number in range(5)]
    (tmp_path / "sounds").mkdir()
    shard, collection = tmp_path / "sounds" / "s.tar", tmp_path / "c"
    tar(shard, {f"{one}.wav": sounds[one] for one in range(4)} | {"3.txt": b"three"})
    assert changes(index(collection, shard, encoder=tiny_checkpoint)) == (4, 0, 0, 0)
    assert metadata(collection) == {"3.wav": {"txt": "three"}}
    assert changes(index(collection, shard, encoder=tiny_checkpoint)) == (0, 0, 0, 4)
    write(tmp_path / "sounds" / "x.wav", 9)
    assert changes(index(collection, tmp_path / "sounds", encoder=tiny_checkpoint)) == (1, 0, 0, 0)
    tar(shard, {"0.wav": sounds[4], "1.wav": sounds[1], "moved.wav": sounds[2], "3.wav": sounds[3]})
    assert changes(index(collection, tmp_path / "sounds" / "*.tar", encoder=tiny_checkpoint)) == (1, 1, 1, 2)
    with shard.open("r+b") as file:
        file.truncate(shard.stat().st_size // 2)
    report = index(collection, shard, encoder=tiny_checkpoint)
    assert report.n_removed == 0, "what cannot be looked through is not gone"
    assert any("breaks off" in failure.reason for failure in report.failures)
    shard.unlink()
    assert changes(index(collection, tmp_path / "sounds", encoder=tiny_checkpoint, prune=True)) == (0, 0, 4, 1)


def test_a_bucket_is_indexed_and_kept_in_step(tmp_path: Path, tiny_checkpoint: Path, bucket: Bucket) -> None:
    sounds = [write(tmp_path / "made" / f"{number}.wav", number) for number in range(6)]
    for number in range(4):
        bucket.put(f"in/{number}.wav", sounds[number])
    bucket.put("in/notes.txt", b"x")
    shard = bucket.put("s.tar", tar(tmp_path / "s.tar", {"m.wav": sounds[4], "m.txt": b"four"}))
    listed = bucket.put("list.csv", b"path,take\nin/0.wav,7\n")
    collection = tmp_path / "c"
    sources = (f"{bucket.url}/in/", shard, listed)
    assert changes(index(collection, *sources, encoder=tiny_checkpoint)) == (5, 0, 0, 0)
    assert metadata(collection) == {"0.wav": {"txt": None, "take": 7}, "m.wav": {"txt": "four", "take": None}}
    assert changes(index(collection, *sources, encoder=tiny_checkpoint)) == (0, 0, 0, 5)
    bucket.put("in/1.wav", sounds[5])
    bucket.delete("in/2.wav")
    bucket.put("in/moved.wav", sounds[2])
    assert changes(index(collection, f"{bucket.url}/**/*.wav", encoder=tiny_checkpoint)) == (1, 1, 1, 2)
    assert clips(collection) == ["0.wav", "1.wav", "3.wav", "m.wav", "moved.wav"]


def test_a_store_out_of_reach_loses_nothing(
    tmp_path: Path, tiny_checkpoint: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bucket.put("in/a.wav", write(tmp_path / "a.wav", 1))
    collection = tmp_path / "c"
    index(collection, f"{bucket.url}/in", encoder=tiny_checkpoint)
    for source, reason in (
        ("s3://there-is-no-such-bucket/in", "cannot be read .there is no such object or bucket in the store"),
        (f"{bucket.url}/out", "cannot be read .there is no such object or bucket in the store"),
        (f"{bucket.url}/out.csv", "there is no such object or bucket"),
    ):
        with pytest.raises(UsageError, match=reason):
            index(collection, source, encoder=tiny_checkpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(UsageError, match="there are no credentials for the store"):
        index(collection, f"{bucket.url}/in", encoder=tiny_checkpoint)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        S3FileSystem.clear_instance_cache()
        with pytest.raises(UsageError, match="the store cannot be reached"):
            index(collection, url, encoder=tiny_checkpoint)
    assert clips(collection) == ["a.wav"]


def test_a_store_that_goes_down_in_the_middle_of_a_run_loses_nothing(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # or each file takes half a minute to fail
    server, names = Store(), [f"{number}.wav" for number in range(6)]
    bucket = server.make_bucket(monkeypatch)
    for number, name in enumerate(names):
        bucket.put(f"in/{name}", write(tmp_path / name, number))

    def run(progress: Callable[[Progress], None]) -> IndexReport:
        url, collection = f"{bucket.url}/in", tmp_path / "c"
        return build_collection(url, collection, encoder=tiny_checkpoint, n_workers=1, progress=progress)

    report = run(lambda progress: server.stop() if progress.n_done == 1 else None)
    n_before = report.n_clips
    assert 1 <= n_before == 6 - len(report.failures) < 6
    assert all("the store cannot be reached" in failure.reason for failure in report.failures)
    assert clips(tmp_path / "c") == names[:n_before]

    server.start()
    back = threading.Timer(3, server.start)

    def interrupt(progress: Progress) -> None:
        if progress.n_done == 1 and back.ident is None:
            server.stop()
            back.start()

    report = run(interrupt)
    assert (report.n_unchanged, report.n_added, report.failures) == (n_before, 6 - n_before, ())
    assert clips(tmp_path / "c") == names
    server.stop()


def test_a_hard_link_in_an_archive_is_a_clip_with_the_bytes_of_the_other(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wav", 1).read_bytes()
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        info = tarfile.TarInfo("./a.wav")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        for name, kind, target in (
            ("b.wav", tarfile.LNKTYPE, "./a.wav"),
            ("c.wav", tarfile.LNKTYPE, "b.wav"),
            ("d.wav", tarfile.SYMTYPE, "a.wav"),
            ("e.wav", tarfile.LNKTYPE, "nowhere.wav"),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            archive.addfile(link)
    findings = find_clips([tmp_path / "s.tar"], collection=Path("/nowhere"))
    names = {os.fsdecode(path).rpartition("/")[2]: file for path, file in findings.files.items()}
    assert sorted(names) == ["a.wav", "b.wav", "c.wav"]
    assert len({(file.span, file.size_bytes) for file in names.values()}) == 1
    assert open_clip(path_of(tmp_path / "s.tar") + b"!/c.wav").read() == data


def test_a_folder_of_archives_is_a_source_unless_it_holds_sounds(tmp_path: Path) -> None:
    data = write(tmp_path / "aside" / "a.wav", 1).read_bytes()
    for name in ("shards/0.tar", "shards/deep/1.tar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(tmp_path / name, "w") as archive:
            info = tarfile.TarInfo("a.wav")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

    def found() -> list[str]:
        files = find_clips([tmp_path / "shards"], collection=Path("/nowhere")).files
        return [os.fsdecode(path).removeprefix(f"{tmp_path}/shards/") for path in files]

    assert found() == ["0.tar!/a.wav", "deep/1.tar!/a.wav"]
    write(tmp_path / "shards" / "b.wav", 2)
    assert found() == ["b.wav"]
