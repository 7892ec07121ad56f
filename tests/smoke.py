"""The smoke suite: what a new user does first, with the package as it is installed for the Python that runs this file.

It needs nothing but that package and the standard library, makes its sounds itself, and works in a folder of its own:
`python tests/smoke.py`, with any Python, from anywhere. `make matrix` runs it in new environments. It ends with exit
code 1 at the first step that fails, and says which.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import wave
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

RATE_HZ = 16_000
COLLECTION = "sounds.soundgrep"
# The command of this very Python, whatever else is called soundgrep on this machine.
COMMAND = [sys.executable, "-c", "from soundgrep.ui.cli import main; main()"]
LIMIT_S = 300.0

Step = Callable[[Path], None]


class Failure(Exception):
    """A step did not do what it should; the message says what it did instead."""


def main() -> int:
    """Run all steps in an empty folder."""
    folder = Path(tempfile.mkdtemp(prefix="soundgrep-smoke-"))
    try:
        for step in STEPS:
            try:
                step(folder)
            except (Failure, OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
                print(f"FAILED {step.__name__}: {error}", flush=True)
                return 1
            print(f"ok {step.__name__}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def version(folder: Path) -> None:
    """The command is where the environment keeps its commands."""
    script = Path(sys.executable).with_name("soundgrep")
    done = _run([script if script.exists() else script.with_suffix(".exe"), "--version"], folder)
    _expect(re.match(r"soundgrep \d", done.stdout), done)


def index(folder: Path) -> None:
    """Sounds of every kind are taken in, whatever cannot be read is listed, and a second run has nothing to do."""
    sounds = folder / "sounds"
    sounds.mkdir()
    for number in range(6):
        _write_wav(sounds / f"tone {number}.wav", hertz=200.0 * 2**number, seconds=1 + number)
    _write_flac(sounds / "grüße.flac")
    (sounds / "broken.mp3").write_bytes(b"no sound at all" * 100)
    (sounds / "notes.txt").write_text("not a sound", encoding="utf-8")
    done = _soundgrep(folder, "index", "sounds", COLLECTION, "--report", "report.json", allow=(0, 3))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    _expect(report["n_clips"] == 7 and len(report["failures"]) == 1, done)
    done = _soundgrep(folder, "index", "sounds", COLLECTION, allow=(0, 3))
    _expect("7 clips" in done.stdout and "added" not in done.stdout, done)


def search(folder: Path) -> None:
    """A text, a filter, words and a sound all find something."""
    _expect(len(_hits(folder, "a whistle", "-k", "3")) == 3)
    _expect(len(_hits(folder, "a whistle", "--where", "codec = 'flac'")) == 1)
    _expect(len(_hits(folder, "tone", "--text-match", "only")) == 6)
    found = _hits(folder, "--audio", "sounds/tone 3.wav")
    _expect("tone 3.wav" in found[0]["path"] and found[0]["score"] > 0.99, found)


def sql(folder: Path) -> None:
    """SQL counts, and has searches as tables."""
    done = _soundgrep(folder, "sql", COLLECTION, "SELECT count(*) AS n FROM clips", "--json")
    _expect(json.loads(done.stdout) == [{"n": 7}], done)
    statement = "SELECT path, score FROM search('a whistle', 3) JOIN clips USING (clip_id) ORDER BY score"
    done = _soundgrep(folder, "sql", COLLECTION, statement, "--json")
    _expect(len(json.loads(done.stdout)) == 3, done)
    _soundgrep(folder, "sql", COLLECTION, "FROM clips", "--output", "clips.parquet")
    _expect((folder / "clips.parquet").stat().st_size > 0)


def show(folder: Path) -> None:
    """The collection says what it holds."""
    done = _soundgrep(folder, "show", COLLECTION, "--json")
    _expect(json.loads(done.stdout)["n_clips"] == 7, done)


def upkeep(folder: Path) -> None:
    """Metadata, labels, a map and a saved query are added; compact and verify find all in order."""
    (folder / "known.csv").write_text("file,place\ntone 1.wav,a garden\n", encoding="utf-8")
    (folder / "labels.txt").write_text("a tone\na dog\n", encoding="utf-8")
    _soundgrep(folder, "metadata", COLLECTION, "known.csv", allow=(0, 3))
    _soundgrep(folder, "classify", COLLECTION, "--labels", "labels.txt", "--store")
    _soundgrep(folder, "map", COLLECTION, "--method", "pca")
    _soundgrep(folder, "search", COLLECTION, "a whistle", "--save", "whistles")
    _soundgrep(folder, "compact", COLLECTION)
    _expect(len(_hits(folder, "a whistle", "--where", "place = 'a garden'")) == 1)


def verify(folder: Path) -> None:
    """Nothing is damaged after all that."""
    _soundgrep(folder, "verify", COLLECTION)


def serve(folder: Path) -> None:
    """The service answers by text and by a sound that is sent."""
    with _listening(folder, "serve", COLLECTION, "--no-token", "--port", "0") as address:
        found = json.loads(_get(f"{address}/search?q=a+whistle&k=3"))
        _expect(len(found["hits"]) == 3, found)
        sent = (folder / "sounds" / "tone 3.wav").read_bytes()
        found = json.loads(_get(f"{address}/search/audio?k=1", body=sent))
        _expect("tone 3.wav" in found["hits"][0]["path"], found)
        _expect(b"soundgrep" in _get(f"{address}/metrics"))
        _expect("openapi" in json.loads(_get(f"{address}/openapi.json")))


def ui(folder: Path) -> None:
    """The page is served, and its script runs to the end for a browser that opens it."""
    with _listening(folder, "ui", COLLECTION, "--no-open", "--no-token", "--port", "0") as address:
        _expect(b"<html" in _get(address))
        shown = _run_page(address.rstrip("/").replace("http", "ws") + "/_stcore/stream")
        _expect("7 clips" in shown, shown[:2_000])


def optional(folder: Path) -> None:
    """What needs a package that is not installed says which, and how to get it, in one sentence."""
    (folder / "weights.pth").write_bytes(b"no weights")
    (folder / "tokenizer").mkdir()
    tries = {
        "torch": ("convert", "weights.pth", "out", "--tokenizer", "tokenizer"),
        "ray": ("index", "sounds", COLLECTION, "--engine", "ray"),
        "umap": ("map", COLLECTION, "--method", "umap"),
        "s3fs": ("index", "s3://bucket/sounds", COLLECTION),
    }
    for package, arguments in tries.items():
        if importlib.util.find_spec(package) is None:
            said = _soundgrep(folder, *arguments, allow=(2,)).stderr
            _expect(said.count("\n") == 1 and package in said and "pip install 'soundgrep[" in said, said)


STEPS: tuple[Step, ...] = (version, index, search, sql, show, upkeep, verify, serve, ui, optional)


def _expect(condition: object, seen: object = "") -> None:
    if isinstance(seen, subprocess.CompletedProcess):
        seen = f"{seen.args[-4:]} ended with {seen.returncode}: {seen.stdout[-2_000:]}{seen.stderr[-4_000:]}"
    if not condition:
        raise Failure(str(seen) or "there is not what should be there")


def _run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=LIMIT_S, check=False
    )


def run_command(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as people do, in a process of its own."""
    return _run([*COMMAND, *arguments], folder)


def _soundgrep(folder: Path, *arguments: str, allow: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = run_command(arguments, folder)
    _expect(done.returncode in allow and "Traceback" not in done.stderr, done)
    return done


def _hits(folder: Path, *arguments: str) -> list[dict[str, str | float]]:
    done = _soundgrep(folder, "search", COLLECTION, *arguments, "--json")
    found: list[dict[str, str | float]] = json.loads(done.stdout)
    return found


def _write_wav(path: Path, *, hertz: float, seconds: float) -> None:
    samples = (math.sin(2 * math.pi * hertz * n / RATE_HZ) for n in range(round(seconds * RATE_HZ)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
        file.writeframes(array("h", (round(20_000 * sample) for sample in samples)).tobytes())


def _write_flac(path: Path) -> None:
    import av  # the package brings it
    import numpy as np

    with av.open(str(path), "w") as file:
        stream = file.add_stream("flac", rate=RATE_HZ)
        stream.layout = "mono"
        noise = np.random.default_rng(0).integers(-9_000, 9_000, (1, 2 * RATE_HZ), dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)


@contextlib.contextmanager
def _listening(folder: Path, *arguments: str) -> Iterator[str]:
    """Start a command that serves, and give the address that it says."""
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
        )
        lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=lambda out=process.stdout: lines.put(out.readline()), daemon=True).start()
        try:
            try:
                line = lines.get(timeout=LIMIT_S)
            except queue.Empty:
                line = ""
            found = re.search(r"http://[^\s)]+", line)
            _expect(found, f"{arguments} said {line!r} {log.read_text(encoding='utf-8')[-4_000:]}")
            assert found is not None
            yield found[0].rstrip("/")
        except (Failure, OSError) as error:
            raise Failure(f"{error} {log.read_text(encoding='utf-8')[-4_000:]}") from error
        finally:
            process.terminate()
            process.wait(timeout=LIMIT_S)


def _get(url: str, *, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=LIMIT_S) as answer:
        content: bytes = answer.read()
        return content


def _run_page(url: str) -> str:
    """Run the page's script as a browser does that opens it, and give everything that it shows as one text."""
    from streamlit.proto.BackMsg_pb2 import BackMsg  # the package brings both
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    asked = BackMsg()
    asked.rerun_script.query_string = ""
    shown = []
    ends = time.monotonic() + LIMIT_S
    with connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        socket.send(asked.SerializeToString())
        while time.monotonic() < ends:
            content = socket.recv(timeout=LIMIT_S)
            message = ForwardMsg()
            message.ParseFromString(content)
            _expect(message.delta.new_element.WhichOneof("type") != "exception", message)
            shown.append(str(message))
            if message.WhichOneof("type") == "script_finished":
                return "".join(shown)
    raise Failure("the page's script does not end")


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)  # the installed package, no checkout
    sys.exit(main())
