"""Sounds that crash or stall their decoder: a sentence to who asked, and everything else goes on."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pyarrow as pa
import pytest

from soundgrep import Collection
from soundgrep.model.audio.indexed_clip import HASH_BYTES
from soundgrep.model.errors import AudioError
from soundgrep.search.store.manifest import CLIPS_FOLDER, read_manifest, write_manifest
from soundgrep.search.store.tables import Table

from ..processes import children, cpu_s
from ..waiting import wait_until
from .browser.conftest import bearer
from .browser.conftest import served as page_served
from .command import ENVIRONMENT, SOUNDGREP, soundgrep
from .service import served
from .sounds import tone, write_wav

CHILD = "soundgrep.model.audio.decoder_child"
LONG_S = 2 * 3600
START = {"start_s": LONG_S - 10, "end_s": LONG_S - 5}


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hours of silence, which take seconds to decode."""
    path = tmp_path_factory.mktemp("hours") / "hours.flac"
    with av.open(path, "w") as container:
        stream = container.add_stream("flac", rate=8_000, layout="mono")
        for _ in range(LONG_S):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8_000), np.int16), "s16", "mono")
            frame.sample_rate = 8_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def collection(hours: Path, tiny_checkpoint: Path) -> Path:
    """A short clip and one that has grown since to hours."""
    sounds = hours.with_name("sounds")
    write_wav(sounds / "tone.wav", tone(440))
    write_wav(sounds / "hours.flac", tone(220))
    folder = hours.with_name("hours.soundgrep")
    done = soundgrep("index", sounds, folder, "--encoder", tiny_checkpoint, "--workers", "1")
    assert done.code == 0, done.err
    hours.replace(sounds / "hours.flac")
    _take_for_indexed(folder, sounds / "hours.flac")
    return folder


def _take_for_indexed(collection: Path, path: Path) -> None:
    """Write into the clips table that a file is what was indexed."""
    manifest = read_manifest(collection)
    clips = Table.open(collection / CLIPS_FOLDER)
    rows = clips.read()
    place = rows.column("path").to_pylist().index(str(path))
    for name, value in (
        ("size_bytes", path.stat().st_size),
        ("content_hash", hashlib.blake2b(path.read_bytes(), digest_size=HASH_BYTES).hexdigest()),
    ):
        values = rows.column(name).to_pylist()
        values[place] = value
        number = rows.column_names.index(name)
        rows = rows.set_column(number, rows.schema.field(number), pa.array(values, rows.schema.field(number).type))
    clips.overwrite(rows)
    write_manifest(collection, dataclasses.replace(manifest, clips_version=clips.version))


@pytest.fixture(scope="module")
def client(collection: Path) -> Iterator[httpx2.Client]:
    with served(collection, "--time-limit-s", "60") as client:
        yield client


@pytest.fixture(scope="module")
def page(collection: Path) -> Iterator[httpx2.Client]:
    with (
        page_served(collection) as address,
        httpx2.Client(base_url=address, headers=bearer(address), timeout=90) as client,
    ):
        yield client


def clip_id(collection: Path, name: str) -> int:
    (row,) = Collection.open(collection).sql(f"SELECT clip_id FROM clips WHERE path LIKE '%{name}'").to_pylist()
    return int(row["clip_id"])


def crashing(work: Callable[[], Any]) -> Any:
    """Do something, during which whatever decodes for long crashes once."""
    done = threading.Event()

    def crash() -> None:
        before = {child: cpu_s(child) for child in children(CHILD)}
        while not done.wait(0.02):
            for child in children(CHILD):
                if cpu_s(child) - before.get(child, 0.0) > 0.7:
                    os.kill(child, signal.SIGSEGV)
                    return

    thread = threading.Thread(target=crash)
    thread.start()
    try:
        return work()
    finally:
        done.set()
        thread.join()


def sentence(answer: httpx2.Response) -> str:
    assert answer.status_code == 422, answer.text
    (error,) = answer.json().values()
    return str(error)


def test_a_crash_in_the_service_is_a_sentence(client: httpx2.Client, collection: Path) -> None:
    address = f"/clips/{clip_id(collection, 'hours.flac')}/preview"
    said = sentence(crashing(lambda: client.get(address, params=START)))
    assert said.endswith("hours.flac: its decoder crashed (segmentation fault)")
    assert client.get(f"/clips/{clip_id(collection, 'tone.wav')}/preview").status_code == 200
    content = hours_of(collection).with_name("tone.wav").read_bytes()
    assert client.post("/search/audio", content=content).status_code == 200


def hours_of(collection: Path) -> Path:
    return collection.with_name("sounds") / "hours.flac"


def test_a_sound_that_libraries_crash_over_ends_no_service(client: httpx2.Client, tmp_path: Path) -> None:
    path = tmp_path / "eight.m4a"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="7.1")
        for _ in range(50):
            frame = av.AudioFrame.from_ndarray(np.full((1, 8 * 1024), 0.1, np.float32), "flt", "7.1")
            frame.sample_rate = 44_100
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    encoded = base64.b64encode(content).decode()
    for answer in (
        client.post("/search/audio", content=content),
        client.post("/search", json={"audio": encoded}),
        client.post("/search/many", json={"queries": [{"audio": encoded}]}),
    ):
        if answer.status_code != 200:  # what comes of it depends on the library's release
            assert sentence(answer).startswith("the sound: ")
    assert client.get("/search", params={"q": "tone"}).status_code == 200


def test_a_decoder_that_hangs_is_a_sentence(collection: Path) -> None:
    before = children(CHILD)
    with served(collection, "--time-limit-s", "5") as client:
        address = f"/clips/{clip_id(collection, 'tone.wav')}/preview"
        assert client.get(address).status_code == 200
        (child,) = children(CHILD) - before
        os.kill(child, signal.SIGSTOP)
        assert sentence(client.get(address)).endswith("decoding it was stopped: it takes longer than 4 s")
        assert child not in children(CHILD)
        assert client.get(address).status_code == 200
    wait_until(lambda: not children(CHILD) - before)  # its processes end with it


def test_a_crash_under_the_page_is_a_sentence(page: httpx2.Client, collection: Path) -> None:
    for kind in ("preview", "picture"):
        address = f"/soundgrep/clips/{clip_id(collection, 'hours.flac')}/{kind}"
        said = sentence(crashing(lambda address=address: page.get(address, params=START)))  # type: ignore[misc]
        assert said.endswith("hours.flac: its decoder crashed (segmentation fault)")
        assert page.get(f"/soundgrep/clips/{clip_id(collection, 'tone.wav')}/{kind}").status_code == 200


def test_a_crash_in_the_shell_is_a_sentence(collection: Path) -> None:
    done = crashing(lambda: soundgrep("search", collection, "--audio", hours_of(collection)))
    assert done.mistake().endswith("hours.flac: its decoder crashed (segmentation fault)")
    assert soundgrep("search", collection, "--audio", hours_of(collection).with_name("tone.wav")).code == 0


def test_a_crash_in_python_is_an_error(collection: Path) -> None:
    opened = Collection.open(collection)
    with pytest.raises(AudioError, match=r"hours\.flac: its decoder crashed \(segmentation fault\)"):
        crashing(lambda: opened.search(audio=hours_of(collection)))
    assert opened.search(audio=hours_of(collection).with_name("tone.wav"))


def test_ctrl_c_ends_the_decoder_too(collection: Path) -> None:
    before = children(CHILD)
    process = subprocess.Popen(
        [SOUNDGREP, "search", collection, "--audio", hours_of(collection)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: any(cpu_s(child) > 0.5 for child in children(CHILD) - before))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    wait_until(lambda: not children(CHILD) - before)
