"""`soundgrep serve`: a real server on the loopback, asked by a real client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from starlette.types import Receive

from soundgrep import Collection
from soundgrep.search import Query
from soundgrep.search.live import LiveCollections
from soundgrep.ui.web.attended import attend
from soundgrep.ui.web.executor import Desk
from soundgrep.ui.web.settings import Settings

from ..processes import children, cpu_s
from ..waiting import LONG_S, wait_until
from .command import ENVIRONMENT, soundgrep
from .conftest import Indexed
from .service import served
from .sounds import GOOD, RATE_HZ, tone, write_wav

SQL_CHILD = "soundgrep.search.sql.child"


@pytest.fixture(scope="module")
def client(indexed: Indexed) -> Iterator[httpx2.Client]:
    with served(indexed.collection) as client:
        yield client


@pytest.fixture(scope="module")
def collection(indexed: Indexed) -> Collection:
    return Collection.open(indexed.collection)


def segments(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["segment_id"] for hit in answer.json()["hits"]]


def clip_named(client: httpx2.Client, name: str) -> dict[str, object]:
    hits = client.get("/search", params={"q": "tone", "k": 100}).json()["hits"]
    return next(hit for hit in hits if hit["path"].endswith(name))


def sentence(answer: httpx2.Response, status: int) -> str:
    """The one sentence of a refusal."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    (error,) = answer.json().values()
    assert set(answer.json()) == {"error"}
    assert error
    assert "\n" not in error
    assert "Traceback" not in error
    return str(error)


def test_every_kind_of_query_is_answered_as_the_library_answers_it(
    client: httpx2.Client, collection: Collection, indexed: Indexed
) -> None:
    first, second = collection.search("a steady tone", k=2)
    embedding = collection.encoder.embed_text(["noise"])[0]
    summed = Query.text("a steady tone") - 0.5 * Query.like(second.clip_id)
    sound = indexed.sounds / "noise.wav"
    same = [
        (client.get("/search", params={"q": "a steady tone"}), collection.search("a steady tone")),
        (client.get("/search", params={"q": "a", "minus": "b"}), collection.search(Query.text("a") - "b")),
        (client.get("/search", params={"like": first.clip_id}), collection.search(like=first.clip_id)),
        (client.get("/search", params={"like": first.segment_id}), collection.search(like=first)),
        (client.post("/search", json={"text": "a steady tone"}), collection.search("a steady tone")),
        (client.post("/search", json={"embedding": embedding.tolist()}), collection.search(embedding=embedding)),
        (
            client.post(
                "/search", json={"terms": [{"text": "a steady tone"}, {"like": str(second.clip_id), "weight": -0.5}]}
            ),
            collection.search(summed),
        ),
        (client.post("/search/audio", content=sound.read_bytes()), collection.search(audio=sound)),
    ]
    for number, (answer, hits) in enumerate(same):
        assert segments(answer) == [str(hit.segment_id) for hit in hits], number
        scores = [hit["score"] for hit in answer.json()["hits"]]
        np.testing.assert_allclose(scores, [hit.score for hit in hits], atol=1e-4)


def test_hits_are_filtered_paged_and_listed_by_segment(client: httpx2.Client, collection: Collection) -> None:
    whole = segments(client.get("/search", params={"q": "tone", "k": 10}))
    pages = [segments(client.get("/search", params={"q": "tone", "k": 3, "offset": n})) for n in (0, 3, 6, 9)]
    assert [one for page in pages for one in page][: len(whole)] == whole
    assert len(segments(client.get("/search", params={"q": "tone", "k": 99, "by": "segment"}))) == collection.n_segments
    filtered = client.get("/search", params={"q": "tone", "where": "duration_s > 3"}).json()["hits"]
    assert [Path(hit["path"]).name for hit in filtered] == ["long.wav"]
    bound = {"text": "tone", "where": "duration_s > $least", "where_values": {"least": 3}}
    assert client.post("/search", json=bound).json()["hits"][0]["path"] == filtered[0]["path"]
    explained = client.get("/search", params={"q": "tone", "explain": True}).json()["explanation"]
    assert explained["plan"]


def test_a_hit_leads_to_its_clip_its_file_and_a_preview(client: httpx2.Client, indexed: Indexed) -> None:
    hit = clip_named(client, "sub/long.wav")
    facts = client.get(f"/clips/{hit['clip_id']}").json()
    assert facts["path"] == str(indexed.sounds / "sub" / "long.wav")
    assert facts["duration_s"] == pytest.approx(3.5)
    assert (facts["clip_id"], facts["collection"]) == (hit["clip_id"], indexed.collection.name)
    file = client.get(str(hit["audio"]))
    assert file.content == (indexed.sounds / "sub" / "long.wav").read_bytes()
    assert file.headers["content-type"] in ("audio/wav", "audio/x-wav", "audio/vnd.wave")
    preview = client.get(f"/clips/{hit['clip_id']}/preview", params={"start_s": 1, "end_s": 2.5})
    with wave.open(io.BytesIO(preview.content)) as reader:
        assert (reader.getnchannels(), reader.getnframes()) == (1, round(1.5 * reader.getframerate()))
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32767
        spectrum = np.abs(np.fft.rfft(samples))
        assert spectrum.argmax() * reader.getframerate() / len(samples) == pytest.approx(880, abs=2)
    beyond = client.get(f"/clips/{hit['clip_id']}/preview", params={"start_s": 30, "end_s": 31})
    assert "no sound from 30 to 31 s" in sentence(beyond, 422)
    assert client.get(str(hit["preview"])).status_code == 200


@pytest.mark.parametrize("name", ["new\\nline.wav", "caf\\xe9.wav", 'it\'s a "name".wav'])
def test_files_of_odd_names_are_had_too(client: httpx2.Client, indexed: Indexed, name: str) -> None:
    hit = clip_named(client, name)
    exact = os.fsdecode(name.encode().replace(b"\\n", b"\n").replace(b"\\xe9", b"\xe9"))
    assert client.get(str(hit["audio"])).content == (indexed.sounds / exact).read_bytes()


def test_parts_of_a_file(client: httpx2.Client, indexed: Indexed) -> None:
    content = (indexed.sounds / "tone.wav").read_bytes()
    address, size = str(clip_named(client, "/tone.wav")["audio"]), len(content)
    etag = client.get(address).headers["etag"]
    for wanted, part in (
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, size)),
        ("bytes=-7", slice(size - 7, size)),
        (f"bytes=5-{size * 10}", slice(5, size)),
        (f"bytes=-{size * 10}", slice(0, size)),
    ):
        answer = client.get(address, headers={"Range": wanted, "If-Range": etag})
        first, last = part.start, part.stop - 1
        assert (answer.status_code, answer.content) == (206, content[part]), wanted
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    for refused in (f"bytes={size}-", "bytes=-0", f"bytes={10**17}-{10**17 + 1}"):
        answer = client.get(address, headers={"Range": refused})
        assert "beyond" in sentence(answer, 416)
        assert answer.headers["content-range"] == f"bytes */{size}"
    for ignored in ("bytes=9-5", "bytes=-", "bytes=a-b", "lines=0-3", "bytes=0-1,4-5", "bytes=" + "9" * 400 + "-", "x"):
        answer = client.get(address, headers={"Range": ignored})
        assert (answer.status_code, answer.content) == (200, content), ignored
    outdated = client.get(address, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (outdated.status_code, outdated.content) == (200, content)
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
    head = client.head(address)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    assert head.headers["accept-ranges"] == "bytes"


def test_only_clips_can_be_had(client: httpx2.Client, indexed: Indexed) -> None:
    host, port = client.base_url.host, client.base_url.port
    for path in (
        "/clips/../../../../etc/passwd/audio",
        "/clips/..%2f..%2f..%2fetc%2fpasswd/audio",
        "/clips/%2fetc%2fpasswd/audio",
        "/../../etc/passwd",
        "//etc/passwd",
        f"/clips/{indexed.sounds}/tone.wav/audio",
        "/clips/-1/audio",
        "/clips/1/audio",
        "/clips/99999999999999999999999/audio",
        "/clips/1e3/preview",
        "/clips/%00/audio",
        "/clips/\u0663/audio".encode().decode("latin-1"),
        "/clips/tone.wav",
        "/manifest.json",
        "/docs",
    ):
        with socket.create_connection(
            (host, port or 80), timeout=LONG_S
        ) as connection:  # as it is, not tidied by a client
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode("latin-1"))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.split()[1] in (b"404", b"400"), (path, answer[:200])
        assert b"root:" not in answer
    assert sentence(client.post("/clips/1/audio"), 405)
    assert sentence(client.delete("/search"), 405)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"text": "a", "k": 10**9}, "at most 1,000"),
        ({"text": "a", "k": 0}, "k"),
        ({"text": "a", "k": -1}, "k"),
        ({"text": "a", "offset": 10**12}, "at most 10,000"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "empty"),
        ({"text": "a" * 20_000}, "10000"),
        ({"text": "\ud800"}, ""),
        ({}, "nothing to search for"),
        ({"text": "a", "whree": "1"}, "whree"),
        ({"text": "a", "min_score": "high"}, "min_score"),
        ({"like": "1"}, "not in"),
        ({"like": "9" * 19}, "no clip"),
        ({"embedding": [1.0, 2.0]}, "shape"),
        ({"embedding": [0.0] * 32}, "zero"),
        ({"embedding": [1e39] * 32}, ""),
        ({"terms": [{"text": "a", "like": "1"}]}, "exactly one"),
        ({"terms": [{"text": "a", "weight": 1e9}]}, "weight"),
        ({"terms": [{"text": "a"}] * 33}, "terms"),
        ({"text": "a", "where": "duration_s >"}, "filter"),
        ({"text": "a", "where": "no_such_column = 1"}, "no_such_column"),
        ({"text": "a", "where": "1=1); DROP TABLE clips; --"}, "filter"),
        ({"text": "a", "where": "true; DELETE FROM clips"}, "filter"),
        ({"text": "a", "where": "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0"}, "filter"),
        ({"text": "a", "where": "(SELECT count(*) FROM '/etc/passwd') > 0"}, "filter"),
        ({"text": "a", "where": "duration_s > $least"}, "least"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_sentence(
    client: httpx2.Client, question: dict[str, object], said: str
) -> None:
    body = json.dumps(question).encode()
    answer = client.post("/search", content=body, headers={"Content-Type": "application/json"})
    assert said in sentence(answer, 404 if said == "no clip" else 422)


def test_bodies_that_are_no_question(client: httpx2.Client, indexed: Indexed) -> None:
    json_header = {"Content-Type": "application/json"}
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"embedding": [NaN, 1]}',
        b'{"embedding": [1e999]}',
    ):
        sentence(client.post("/search", content=body, headers=json_header), 422)
    assert "JSON" in sentence(client.post("/search", content=b"[" * 100_000, headers=json_header), 400)
    assert "empty" in sentence(client.post("/search/audio", content=b""), 422)
    said = sentence(client.post("/search/audio", content=b"this is no sound" * 100), 422)
    assert said.startswith("the sound: ")
    assert "/" not in said, "the service's own temporary file is nobody's business"
    cut = (indexed.sounds / "tone.wav").read_bytes()[:10]
    sentence(client.post("/search/audio", content=cut), 422)


def test_long_bodies_are_refused_before_they_are_read(client: httpx2.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(1 << 20)

    for address, body in (
        ("/search/audio", bytes(100 << 20)),
        ("/search", bytes(9 << 20)),
        ("/search/audio", endless()),
    ):
        try:
            answer = client.post(address, content=body)
        except (httpx2.WriteError, httpx2.ReadError, httpx2.RemoteProtocolError):
            continue  # the service hung up while the body was still coming, as it may
        assert "longer than" in sentence(answer, 413)
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("peak", [1.0, 1e300, np.inf, np.nan])
@pytest.mark.parametrize(("tag", "kind"), [(1, "<i8"), (3, "<f8"), (3, "<f4")])
def test_sounds_of_64_bits_are_heard_or_refused(client: httpx2.Client, peak: float, tag: int, kind: str) -> None:
    samples = (
        (peak * tone(440)[0, :RATE_HZ].astype(np.float64)).clip(-1, 1) * 2**62 if tag == 1 else peak * tone(440)[0]
    )
    with np.errstate(all="ignore"):
        data = np.asarray(samples).astype(kind).tobytes()
    width = np.dtype(kind).itemsize
    form = struct.pack("<HHIIHH", tag, 1, RATE_HZ, RATE_HZ * width, width, 8 * width)
    for size, name in ((4 + 24 + 8 + len(data), b"RIFF"), (0xFFFFFFFF, b"RIFF"), (0xFFFFFFFF, b"RF64")):
        content = struct.pack("<4sI4s4sI", name, size, b"WAVE", b"fmt ", 16) + form
        answer = client.post("/search/audio", content=content + struct.pack("<4sI", b"data", len(data)) + data)
        assert answer.status_code in (200, 422), answer.text
        assert client.post("/search", json={"audio": base64.b64encode(content).decode()}).status_code == 422


def test_long_sounds_are_refused(client: httpx2.Client, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", np.zeros((1, 125 * RATE_HZ), np.float32))
    assert "longer than 120 s" in sentence(client.post("/search/audio", content=path.read_bytes()), 422)


def test_other_names_of_the_loopback_are_refused(client: httpx2.Client) -> None:
    for name in ("evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example:80"):
        assert "this machine" in sentence(client.get("/health", headers={"Host": name}), 421)
    assert client.get("/health", headers={"Host": "localhost:1"}).status_code == 200


def test_it_describes_itself(client: httpx2.Client, indexed: Indexed) -> None:
    described = client.get("/openapi.json").json()
    assert {"/search", "/search/audio", "/clips/{clip_id}", "/clips/{clip_id}/audio", "/health"} <= set(
        described["paths"]
    )
    health = client.get("/health").json()
    assert (health["status"], health["problem"]) == ("ok", None)
    assert health["collections"][0]["n_clips"] == len(GOOD)
    figures = client.get("/metrics").text
    assert f'soundgrep_clips{{collection="{indexed.collection.name}"}} {len(GOOD)}.0' in figures
    assert 'soundgrep_requests_total{method="GET",route="/health",status="200"}' in figures


def test_a_collection_written_to_is_opened_again_and_nobody_notices(
    indexed: Indexed, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    for n in range(3):
        write_wav(sounds / f"{n}.wav", tone(200 + 100 * n))
    place = tmp_path / "growing.soundgrep"
    first = ["index", sounds, place, "--workers", "1"]
    assert soundgrep(*first, "--encoder", tiny_checkpoint).code == 0
    with served(place, indexed.collection) as client:
        statuses: list[int] = []
        over = threading.Event()

        def ask() -> None:
            with httpx2.Client(base_url=client.base_url, timeout=LONG_S) as other:
                while not over.is_set():
                    statuses.append(other.get("/search", params={"q": f"tone {len(statuses)}", "k": 3}).status_code)

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        write_wav(sounds / "new.wav", tone(990))
        (sounds / "0.wav").unlink()
        assert soundgrep(*first).code == 0
        wait_until(lambda: "new.wav" in client.get("/search", params={"q": "tone", "k": 100}).text)
        over.set()
        for thread in asking:
            thread.join()
        assert len(statuses) > 3
        assert set(statuses) == {200}
        assert "soundgrep_refreshes_total 1.0" in client.get("/metrics").text
        # Damaged, it stays open as it was, and /health says so.
        (place / "manifest.json").write_text("{")
        wait_until(lambda: client.get("/health").json()["status"] == "stale")
        assert "manifest" in client.get("/health").json()["problem"]
        assert client.get("/search", params={"q": "tone"}).status_code == 200


def test_several_collections_are_ranked_together(indexed: Indexed, tiny_checkpoint: Path, tmp_path: Path) -> None:
    sounds = tmp_path / "more"
    write_wav(sounds / "other.wav", tone(1234))
    other = tmp_path / "other.soundgrep"
    assert soundgrep("index", sounds, other, "--encoder", tiny_checkpoint, "--workers", "1").code == 0
    with served(indexed.collection, other, "--workers", "2") as client:
        hits = client.get("/search", params={"q": "tone", "k": 100}).json()["hits"]
        assert {hit["collection"] for hit in hits} == {indexed.collection.name, "other.soundgrep"}
        scores = [hit["score"] for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert [hit["rank"] for hit in hits] == list(range(1, len(GOOD) + 2))
        only = next(hit for hit in hits if hit["collection"] == "other.soundgrep")
        assert client.get(only["audio"]).content == (sounds / "other.wav").read_bytes()
        like = client.get("/search", params={"like": only["clip_id"], "k": 100}).json()["hits"]
        assert len(like) == len(GOOD)
        for _ in range(20):
            assert client.get("/health").status_code == 200
        counted = [line for line in client.get("/metrics").text.splitlines() if 'route="/health",status="200"' in line]
        assert any(line.endswith(" 20.0") for line in counted), "all workers together"


def test_mistakes_are_said_before_anything_is_served(indexed: Indexed, other_checkpoint: Path, tmp_path: Path) -> None:
    assert str(tmp_path) in soundgrep("serve", tmp_path, "--port", "0").mistake()
    other = tmp_path / "other.soundgrep"
    write_wav(tmp_path / "sounds" / "a.wav", tone(440))
    assert soundgrep("index", tmp_path / "sounds", other, "--encoder", other_checkpoint, "--workers", "1").code == 0
    for workers in ("1", "2"):
        said = soundgrep("serve", indexed.collection, other, "--port", "0", "--workers", workers).mistake()
        assert "cannot be ranked together" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "cannot listen" in soundgrep("serve", indexed.collection, "--port", port).mistake()


def test_without_its_packages_it_says_which(indexed: Indexed) -> None:
    code = (
        "import importlib.util as u, sys; real = u.find_spec;"
        "u.find_spec = lambda name, *more: None if name == 'fastapi' else real(name, *more);"
        "from soundgrep.ui.program import run; sys.exit(run())"
    )
    arguments = [sys.executable, "-c", code, "serve", indexed.collection]
    done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == "soundgrep: soundgrep serve needs fastapi, which is not installed: pip install 'soundgrep[serve]'\n"
    )


def test_bodies_and_answers_that_take_too_long(indexed: Indexed) -> None:
    with (
        served(indexed.collection, "--time-limit-s", "0.5") as client,
        socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=LONG_S) as connection,
    ):
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.split()[1] == b"408"
        assert b"did not arrive within 0.5 s" in answer
        endless = "(SELECT count(*) FROM range(10000000) a, range(10000000) b) > 0"
        said = sentence(client.get("/search", params={"q": "a", "where": endless}), 504)
        assert "within 0.5 s" in said
        assert client.get("/health").status_code == 200


def test_threads_end_with_their_request(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody waits any more, what computes the answer ends, whatever its own limit is."""
    monkeypatch.setattr("soundgrep.search.sql.isolated.FILTER_LIMIT_S", LONG_S)
    endless = "levenshtein(repeat('a', 10000000), repeat('b', 10000000)) > 0"
    live = LiveCollections([indexed.collection])

    desk = Desk(live, Settings(collections=(), time_limit_s=LONG_S))

    async def ask() -> set[int]:
        """Ask for something endless, leave, and return what computed it."""
        before = {child: cpu_s(child) for child in children(SQL_CHILD)}
        asking = asyncio.create_task(desk.ask(lambda opened: opened.search("tone", where=endless)))
        while not (busy := {one for one in children(SQL_CHILD) if cpu_s(one) > before.get(one, 1.0) + 0.5}):
            await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return busy

    busy = asyncio.run(ask())
    wait_until(lambda: not busy & children(SQL_CHILD))


def test_a_client_that_goes_ends_its_request() -> None:
    async def main() -> None:
        gone, ended = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, object]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def app(_scope: object, receive: Receive, _send: object) -> None:
            assert (await receive())["body"] == b"asked"
            gone.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async def send(_message: object) -> None: ...

        await attend(app, {"type": "http"}, receive, send, body=b"asked")
        assert ended.is_set()

    asyncio.run(main())
