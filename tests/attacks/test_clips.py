"""Clips that are not what was indexed: whatever a collection names, nothing of it is given, fetched or waited for."""

from __future__ import annotations

import base64
import io
import os
import shutil
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from soundgrep import build_collection
from soundgrep.model.audio.clip_files import open_clip
from soundgrep.model.audio.cutting import cut
from soundgrep.model.audio.excerpt import decode_excerpt, wav_bytes
from soundgrep.model.audio.indexed_clip import IndexedClip
from soundgrep.model.audio.picture import draw_picture
from soundgrep.model.audio.spread import spread_segments
from soundgrep.model.audio.stores import STORES_VARIABLE, is_named_store
from soundgrep.model.errors import AudioError
from soundgrep.model.system import is_share
from soundgrep.search import Collections
from soundgrep.search.store.manifest import CLIPS_FOLDER, read_manifest, write_manifest
from soundgrep.search.store.tables import Table
from soundgrep.search.takeaway.archive import archive_of
from soundgrep.search.takeaway.items import items_of
from soundgrep.search.takeaway.playlist import playlist_of

from ..ui.service import served

RATE_HZ = 16_000


@dataclass
class Place:
    """What a kind of attack works with: its own clip, a secret of the same size and time, and a server that listens."""

    clip: Path
    secret: Path
    port: int
    others: list[object] = field(default_factory=list)


Row = dict[str, Any]
Attack = Callable[[Place], Row | None]


def put_link(place: Place) -> None:
    place.clip.unlink()
    place.clip.symlink_to(place.secret)


def put_folder_link(place: Place) -> None:
    elsewhere = place.secret.parent / f"{place.clip.parent.name} elsewhere"
    elsewhere.mkdir()
    shutil.copy2(place.secret, elsewhere / place.clip.name)
    shutil.rmtree(place.clip.parent)
    place.clip.parent.symlink_to(elsewhere)


def put_hard_link(place: Place) -> None:
    place.clip.unlink()
    place.clip.hardlink_to(place.secret)


def put_pipe(place: Place) -> None:
    place.clip.unlink()
    os.mkfifo(place.clip)


def put_link_to_pipe(place: Place) -> None:
    pipe = place.clip.with_name("pipe")
    os.mkfifo(pipe)
    place.clip.unlink()
    place.clip.symlink_to(pipe)


def put_socket(place: Place) -> None:
    place.clip.unlink()
    listener = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    os.chdir(place.clip.parent)
    try:
        listener.bind(place.clip.name)
    finally:
        os.chdir(before)
    place.others.append(listener)


def put_folder(place: Place) -> None:
    place.clip.unlink()
    place.clip.mkdir()


def change(place: Place) -> None:
    status = place.clip.stat()
    place.clip.write_bytes(place.secret.read_bytes())
    os.utime(place.clip, ns=(status.st_atime_ns, status.st_mtime_ns))


def lengthen(place: Place) -> None:
    with place.clip.open("ab") as file:
        file.write(place.secret.read_bytes())


def shorten(place: Place) -> None:
    os.truncate(place.clip, 1_000)


def archive_with(place: Place) -> Row:
    archive = place.secret.with_name("shard.tar")
    with tarfile.open(archive, "w") as shard:
        shard.add(place.secret, "secret.wav")
    return {"path": f"{archive}!/secret.wav"}


ATTACKS: dict[str, Attack] = {
    "a file": lambda place: {"path": str(place.secret)},
    "a file by a way up": lambda place: {"path": f"{place.clip.parent}/../../{place.secret.parent.name}/secret.wav"},
    "a file by its bytes": lambda place: {"path_bytes": os.fsencode(place.secret)},
    "a relative path": lambda place: {"path": os.path.relpath(place.secret)},
    "a member": archive_with,
    "a member of what is no archive": lambda place: {"path": f"{place.secret}.tar!/etc/passwd"},
    "a device": lambda _: {"path": "/dev/zero"},
    "a terminal": lambda _: {"path": "/dev/tty"},
    "a process": lambda _: {"path": "/proc/self/environ", "size_bytes": 0},
    "a process's file": lambda _: {"path": "/proc/self/fd/0"},
    "a folder": lambda place: {"path": str(place.clip.parent)},
    "no name": lambda _: {"path": ""},
    "a null": lambda place: {"path": f"{place.secret}\0.wav"},
    "a very long name": lambda _: {"path": "/" + "a" * 10_000},
    "file:// of a secret": lambda place: {"path": f"file://{place.secret}"},
    "file:// of itself": lambda place: {"path": f"file://{place.clip}"},
    "local:// of itself": lambda place: {"path": f"local://{place.clip}"},
    "http://": lambda place: {"path": f"http://127.0.0.1:{place.port}/x.wav"},
    "HTTP://": lambda place: {"path": f"HTTP://user:word@127.0.0.1:{place.port}/x.wav"},
    "ftp://": lambda place: {"path": f"ftp://127.0.0.1:{place.port}/x.wav"},
    "s3://": lambda _: {"path": "s3://bucket/x.wav"},
    "memory://": lambda _: {"path": "memory://x.wav"},
    "a member behind http://": lambda place: {"path": f"http://127.0.0.1:{place.port}/x.tar!/x.wav"},
    "a chain": lambda place: {"path": f"simplecache::http://127.0.0.1:{place.port}/x.wav"},
    "a chain of files": lambda place: {"path": f"zip://x.wav::file://{place.secret}"},
    "link": put_link,
    "folder link": put_folder_link,
    "hard link": put_hard_link,
    "pipe": put_pipe,
    "link to a pipe": put_link_to_pipe,
    "socket": put_socket,
    "folder in its place": put_folder,
    "changed": change,
    "longer": lengthen,
    "shorter": shorten,
    "gone": lambda place: place.clip.unlink(),
}
UNTOUCHED = "untouched"


@dataclass(frozen=True)
class Crafted:
    """A collection that names what it should not, opened, and which of its clips is which attack."""

    folder: Path
    opened: Collections
    ids: dict[str, int]
    secret: Path
    asked: list[object]

    def file(self, name: str) -> IndexedClip:
        file = self.opened.clip_file(self.ids[name])
        assert file is not None
        return file


def write_wav(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = np.random.default_rng(number).uniform(-0.5, 0.5, RATE_HZ).astype(np.float32)
    path.write_bytes(wav_bytes(waveform, sampling_rate_hz=RATE_HZ))
    os.utime(path, ns=(10**18, 10**18))


@pytest.fixture(scope="module")
def crafted(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Iterator[Crafted]:
    home = tmp_path_factory.mktemp("crafted")
    secret = home / "private" / "secret.wav"
    write_wav(secret, 1_000)
    names = [UNTOUCHED, *ATTACKS]
    places = {name: home / "sounds" / f"{number:02d}" / "clip.wav" for number, name in enumerate(names)}
    for number, path in enumerate(places.values()):
        write_wav(path, number)
    folder = home / "received"
    build_collection(home / "sounds", folder, encoder=tiny_checkpoint, n_workers=1)
    asked: list[object] = []
    others: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, args=(server, asked), daemon=True).start()
        table = Table.open(folder / CLIPS_FOLDER)
        rows = table.read().to_pylist()
        by_path = {row["path"]: row for row in rows}
        ids = {}
        for name, path in places.items():
            row = by_path[str(path)]
            ids[name] = row["clip_id"]
            if name in ATTACKS:
                row |= ATTACKS[name](Place(path, secret, server.getsockname()[1], others)) or {}
        table.overwrite(pa.Table.from_pylist(rows, schema=table.dataset().schema))
        write_manifest(folder, replace(read_manifest(folder), clips_version=table.version))
        yield Crafted(folder, Collections.open(folder), ids, secret, asked)


def listen(server: socket.socket, asked: list[object]) -> None:
    while True:
        try:
            asked.append(server.accept())
        except OSError:
            return


def as_archive(crafted: Crafted, name: str, what: Any) -> bytes:
    items = items_of(crafted.opened, crafted.opened.search("a sound", k=len(crafted.ids)))
    (item,) = [item for item in items if item.clip_id == crafted.ids[name]]
    with zipfile.ZipFile(io.BytesIO(b"".join(archive_of([item], what)))) as archive:
        return b"".join(archive.read(name) for name in archive.namelist() if name.endswith((".wav", ".flac")))


def as_players(crafted: Crafted, name: str) -> bytes:
    hits = crafted.opened.search("a sound", k=len(crafted.ids))
    place = next(number for number, hit in enumerate(hits) if hit.clip_id == crafted.ids[name])
    _, there, sound = hits[place : place + 1]._repr_html_().partition("base64,")
    return base64.b64decode(sound.split('"')[0]) if there else b""


def as_bytes(crafted: Crafted, name: str) -> bytes:
    with open_clip(crafted.file(name)) as file:
        return file.read()


DOORS: dict[str, Callable[[Crafted, str], bytes]] = {
    "file": as_bytes,
    "excerpt": lambda crafted, name: decode_excerpt(
        crafted.file(name), start_s=0, end_s=1, sampling_rate_hz=RATE_HZ
    ).tobytes(),
    "picture": lambda crafted, name: draw_picture(crafted.file(name), start_s=0, end_s=1).to_bytes(),
    "cut": lambda crafted, name: b"".join(file.read() for file in cut(crafted.file(name), [(0, 1)])),
    "captions": lambda crafted, name: spread_segments(
        crafted.file(name), sampling_rate_hz=RATE_HZ, segment_samples=RATE_HZ, n_segments=1
    )[0].waveform.tobytes(),
    "archive of files": lambda crafted, name: as_archive(crafted, name, "files"),
    "archive of stretches": lambda crafted, name: as_archive(crafted, name, "wav"),
    "notebook": as_players,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_clip_as_it_was_indexed_is_handed_out(crafted: Crafted, door: str) -> None:
    assert len(DOORS[door](crafted, UNTOUCHED)) > 1_000


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_else_is_handed_out_by_any_door(crafted: Crafted, attack: str) -> None:
    for door, take in DOORS.items():
        try:
            taken = take(crafted, attack)
        except (AudioError, OSError) as error:
            taken = b""
            assert "\n" not in str(error), door  # noqa: PT017 - of many doors, some say it in another way
        assert not taken, door
    assert not crafted.asked


def test_nothing_else_is_served(crafted: Crafted) -> None:
    with served(crafted.folder, "--time-limit-s", "20") as client:
        for kind in ("audio", "preview"):
            untouched = client.get(f"/clips/{crafted.ids[UNTOUCHED]}/{kind}")
            assert untouched.status_code == 200
            assert untouched.content.startswith(b"RIFF")
            for attack in ATTACKS:
                answer = client.get(f"/clips/{crafted.ids[attack]}/{kind}")
                assert answer.status_code in (404, 422), attack
                assert answer.json().keys() == {"error"}
        assert client.get("/health").status_code == 200
    assert not crafted.asked


def test_no_player_is_led_to_an_address(crafted: Crafted) -> None:
    items = items_of(crafted.opened, crafted.opened.search("a sound", k=len(crafted.ids)))
    playlist, left_out = playlist_of(items)
    assert b"://" not in playlist
    assert {item.clip_id for item in left_out} >= {crafted.ids[name] for name in ATTACKS if "://" in name}


def test_a_store_that_was_named_is_asked_and_what_comes_is_held_to_what_was_indexed(
    crafted: Crafted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORES_VARIABLE, f"s3://other file://{crafted.secret.parents[1]}")
    itself, secret = crafted.file("file:// of itself"), crafted.file("file:// of a secret")
    assert as_bytes(crafted, "file:// of itself").startswith(b"RIFF")
    assert len(decode_excerpt(itself, start_s=0, end_s=1, sampling_rate_hz=RATE_HZ)) == RATE_HZ
    with pytest.raises(OSError, match="not the file that was indexed"):
        open_clip(secret)
    with pytest.raises(AudioError, match="not the file that was indexed"):
        decode_excerpt(secret, start_s=0, end_s=1, sampling_rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        (b"s3://mine/a.wav", True),
        (b"s3://mine/deep/a b.wav", True),
        (b"s3://mine-too/a.wav", False),
        (b"s3://mine@evil/a.wav", False),
        (b"s3://mine/../other/a.wav", False),
        (b"s3://mine/%2e%2e/other/a.wav", False),
        (b"s3://mine/x::file:///etc/passwd", False),
        (b"S3://mine/a.wav", False),
        (b"http://host/sounds/a.wav", True),
        (b"http://host/sounds", True),
        (b"http://host/other.wav", False),
        (b"http://host:81/sounds/a.wav", False),
        (b"https://host/sounds/a.wav", False),
        (rb"\\nas\sounds\a.wav", True),
        (b"//nas/sounds/a.wav", True),
        (rb"\\nas\sounds2\a.wav", False),
    ],
)
def test_a_store_is_named_by_all_of_its_name(url: bytes, is_named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORES_VARIABLE, r"s3://mine/ http://host/sounds \\nas\sounds")
    assert is_named_store(url) == is_named


def test_a_share_of_windows_is_a_store() -> None:
    import ntpath

    assert is_share(rb"\\evil\share\a.wav", flavour=ntpath)
    assert is_share(b"//evil/share/a.wav", flavour=ntpath)
    assert not is_share(rb"C:\Sounds\a.wav", flavour=ntpath)
    assert not is_share(b"//a/b/c.wav")


def test_who_indexes_from_a_store_has_named_it(tmp_path: Path, tiny_checkpoint: Path) -> None:
    write_wav(tmp_path / "sounds" / "a.wav", 1)
    build_collection(f"file://{tmp_path}/sounds", tmp_path / "c", encoder=tiny_checkpoint, n_workers=1)
    opened = Collections.open(tmp_path / "c")
    (hit,) = opened.search("a sound")
    file = opened.clip_file(hit.clip_id)
    assert file is not None
    assert file.path.startswith(b"file://")
    with open_clip(file) as content:
        assert content.read() == (tmp_path / "sounds" / "a.wav").read_bytes()
