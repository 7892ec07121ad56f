"""A clip's bytes, wherever they are."""

from __future__ import annotations

import datetime
import io
import os
import socket
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from s3fs import S3FileSystem

from soundgrep.model.audio.archives import read_members
from soundgrep.model.audio.clip_files import clip_state, open_clip
from soundgrep.model.audio.clip_state import ClipState
from soundgrep.model.audio.decoding import decode
from soundgrep.model.errors import ArchiveError, AudioError

from ..conftest import Bucket
from .media import sine, write_media

RATE_HZ = 16_000


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write_media(tmp_path / "a.wav", sine(440, rate_hz=RATE_HZ)[None], codec="pcm_s16le", rate_hz=RATE_HZ)


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def names_and_problems(path: Path) -> dict[str, str | None]:
    with path.open("rb") as file:
        return {os.fsdecode(member.name): member.problem for member in read_members(file)}


def test_a_member_of_an_archive_decodes_as_the_file_itself(tmp_path: Path, wav: Path) -> None:
    content = wav.read_bytes()
    shard = tar(tmp_path / "s.tar", {"./before.txt": b"x" * 700, "sub/a.wav": content, "after.txt": b"y"})
    inside = decode(f"{shard}!/sub/a.wav", sampling_rate_hz=RATE_HZ)
    outside = decode(wav, sampling_rate_hz=RATE_HZ)
    assert np.array_equal(inside.waveform, outside.waveform)
    assert inside.info == outside.info
    with open_clip(f"{shard}!/sub/a.wav") as file:
        assert file.read() == content
        assert file.seek(-4, os.SEEK_END) == len(content) - 4
        assert file.read(100) == content[-4:]
    with open_clip(f"{shard}!/before.txt") as file:
        assert file.read() == b"x" * 700
    assert clip_state(f"{shard}!/sub/a.wav") == clip_state(shard)


def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path: Path, wav: Path) -> None:
    (tmp_path / "s.tar!").mkdir()
    with open_clip(wav.rename(tmp_path / "s.tar!" / "a.wav")) as file:
        assert file.read(4) == b"RIFF"


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    shard = tar(tmp_path / "s.tar", {"a.wav": b"RIFF"})
    for path in (f"{shard}!/b.wav", f"{tmp_path}/t.tar!/b.wav", tmp_path / "b.wav"):
        with pytest.raises(AudioError, match="there is no such file"):
            decode(path, sampling_rate_hz=RATE_HZ)


def test_an_archive_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    shard = tar(tmp_path / "s.tar", {"a.wav": b"a" * 2_000, "b.wav": b"b" * 9_000})
    with shard.open("r+b") as file:
        file.truncate(6_000)
    with open_clip(f"{shard}!/a.wav") as file:
        assert file.read() == b"a" * 2_000
    with pytest.raises(FileNotFoundError):
        open_clip(f"{shard}!/b.wav")
    with shard.open("rb") as file:
        members = read_members(file)
        assert (next(members).problem, next(members).problem) == (None, "the archive breaks off before its end")
        with pytest.raises(ArchiveError, match="breaks off"):
            next(members)


def test_names_that_lead_out_of_an_archive_are_refused_and_links_are_passed_over(tmp_path: Path) -> None:
    shard = tar(tmp_path / "s.tar", {"/etc/x.wav": b"1", "a/../../x.wav": b"2", "..wav": b"3"})
    with tarfile.open(shard, "a") as archive:
        link = tarfile.TarInfo("link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    out = "its name leads out of the archive (it is absolute or holds '..')"
    assert names_and_problems(shard) == {"/etc/x.wav": out, "a/../../x.wav": out, "..wav": None}


def test_names_of_any_bytes_are_found_again(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\nx.wav")
    shard = tmp_path / "s.tar"
    with tarfile.open(shard, "w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    with open_clip(os.fsencode(shard) + b"!/caf\xe9\nx.wav") as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x1f\x8b\x08" + b"0" * 600, "decompress it first"),
        (b"not a tar archive" * 100, "is no tar archive"),
        (b"", "is no tar archive"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "s.tar").write_bytes(content)
    with pytest.raises(ArchiveError, match=reason):
        names_and_problems(tmp_path / "s.tar")


def test_objects_in_a_bucket_are_opened_as_files_are(tmp_path: Path, wav: Path, bucket: Bucket) -> None:
    shard = tar(tmp_path / "s.tar", {"x.txt": b"x", "sub/a.wav": wav.read_bytes()})
    outside = decode(wav, sampling_rate_hz=RATE_HZ)
    for url in (bucket.put("sub/a b#%41.wav", wav), bucket.put("s.tar", shard) + "!/sub/a.wav"):
        inside = decode(url, sampling_rate_hz=RATE_HZ)
        assert np.array_equal(inside.waveform, outside.waveform)
        assert inside.info == outside.info


def test_an_object_that_is_written_again_has_another_state(bucket: Bucket) -> None:
    first = clip_state(bucket.put("a.wav", b"1"))
    assert clip_state(bucket.put("a.wav", b"1")).mtime_ns % 10**9 == first.mtime_ns % 10**9
    assert clip_state(bucket.put("a.wav", b"2")).mtime_ns % 10**9 != first.mtime_ns % 10**9
    assert first.size_bytes == 1
    assert first.mtime_ns > 10**18


@pytest.mark.parametrize("mtime", [-(1 << 62), -1, 0, 1 << 33, 1 << 62, 1e300, "inf", "-inf", "nan", "yesterday"])
def test_any_time_in_an_archive(tmp_path: Path, mtime: float | str) -> None:
    shard = tmp_path / "s.tar"
    with tarfile.open(shard, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.wav")
        info.size = 3
        info.pax_headers = {"mtime": str(mtime), "uid": "9" * 40, "atime": str(mtime), "SCHILY.ino": "9" * 40}
        archive.addfile(info, io.BytesIO(b"abc"))
    assert names_and_problems(shard) == {"a.wav": None}
    with open_clip(f"{shard}!/a.wav") as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize("field", [slice(108, 116), slice(116, 124), slice(136, 148)])  # uid, gid, mtime
def test_any_number_in_the_head_of_a_member(tmp_path: Path, field: slice) -> None:
    shard = tar(tmp_path / "s.tar", {"a.wav": b"abc"})
    content = bytearray(shard.read_bytes())
    content[field] = (b"\x80" + b"\x7f" * 11)[: field.stop - field.start]  # as GNU tar writes what octal cannot
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    shard.write_bytes(content)
    with open_clip(f"{shard}!/a.wav") as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize(("size", "second"), [(-1, -(1 << 200)), (1 << 70, 1 << 200), (0, 0), (1 << 63, -(1 << 63))])
def test_numbers_from_the_system_become_the_nearest_that_tables_hold(size: int, second: int) -> None:
    state = ClipState(size, second * 10**9)
    assert 0 <= state.size_bytes < 1 << 63
    assert -(1 << 63) <= state.mtime_ns < 1 << 63
    pa.array([state.size_bytes, state.mtime_ns], pa.int64())


@pytest.mark.parametrize(
    "told",
    [
        {"LastModified": datetime.datetime.min.replace(tzinfo=datetime.UTC)},
        {"LastModified": datetime.datetime.max.replace(tzinfo=datetime.UTC)},
        {"LastModified": "9999-12-31T23:59:59+00:00"},
        {"LastModified": "soon"},
        {"mtime": float("inf")},
        {"mtime": float("nan")},
        {"mtime": -1e300},
        {},
    ],
)
def test_any_time_of_an_object(told: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    fs = MemoryFileSystem()
    fs.pipe("/odd/a.wav", b"abc")
    info = MemoryFileSystem.info
    real = {"name": "/odd/a.wav", "size": 3, "type": "file"}
    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path, **more: info(self, path, **more) and real | told)
    state = clip_state("memory://odd/a.wav")
    assert state.size_bytes == 3
    pa.array([state.mtime_ns], pa.int64())


def test_a_store_out_of_reach_is_told_in_plain_words(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, reason in (
        (f"{bucket.url}/gone.wav", "there is no such file"),
        ("s3://there-is-no-such-bucket/a.wav", "there is no such file"),
        ("nosuchscheme://host/a.wav", r"a.wav: such addresses cannot be read here \(.*nosuchscheme"),
    ):
        with pytest.raises(AudioError, match=reason):
            decode(url, sampling_rate_hz=RATE_HZ)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        S3FileSystem.clear_instance_cache()
        with pytest.raises(AudioError, match="the store cannot be reached"):
            decode(f"{bucket.url}/a.wav", sampling_rate_hz=RATE_HZ)
