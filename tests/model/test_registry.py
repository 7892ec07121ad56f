"""The registry: families of other packages, checkpoints of the hub, and names that nobody knows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundgrep import Encoder
from soundgrep.model.errors import CheckpointError

pytestmark = pytest.mark.slow

# A family of another package: it hears how loud each eighth of a sound is, and reads which letters a text has.
MODULE = """
import json
import numpy as np
from pathlib import Path
from soundgrep.model import Family, Release, Traits

HERE = Path(__file__).parent


class Tower:
    n_at_once = 4
    spent = {}

    def embed_segments(self, waveforms):
        return np.stack([np.array([np.abs(part).mean() + 1e-3 for part in np.array_split(one, 26)], np.float32)
                         for one in waveforms])

    def embed_text(self, text):
        return np.array([text.count(chr(97 + letter)) + 0.01 for letter in range(26)], np.float32)


class Letters(Family):
    name = "letters"
    needs = (("config.json",),)
    releases = (Release("letters-1", licence="CC0-1.0", folder=HERE / "letters-1"),)

    def traits(self, checkpoint):
        return Traits(sampling_rate_hz=8000, segment_s=2.0, embedding_dim=26)

    def logit_scale(self, checkpoint):
        return 1.0

    def audio_tower(self, checkpoint):
        return Tower()

    def text_tower(self, checkpoint):
        return Tower()
"""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that has the package of that family installed."""
    site = tmp_path / "site"
    (site / "loud_letters" / "letters-1").mkdir(parents=True)
    (site / "loud_letters" / "__init__.py").write_text(MODULE)
    (site / "loud_letters" / "letters-1" / "config.json").write_text('{"model_type": "letters"}')
    info = site / "loud_letters-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud-letters\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[soundgrep.encoders]\nletters = loud_letters:Letters\nbroken = not_there_at_all:Nothing\n"
    )
    return {**os.environ, "PYTHONPATH": str(site), "SOUNDGREP_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}


def soundgrep(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("soundgrep"), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_another_package_brings_a_family_that_indexes_and_searches(plugin: dict[str, str], tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name, where in (("early", 0), ("late", 15_000)):
        waveform = np.zeros(16_000, np.float32)
        waveform[where : where + 600] = 0.5
        soundfile.write(sounds / f"{name}.wav", waveform, 8_000)
    collection = tmp_path / "letters.soundgrep"
    done = soundgrep(plugin, "index", sounds, collection, "--encoder", "letters-1")
    assert done.returncode == 0, done.stderr
    hits = [
        json.loads(soundgrep(plugin, "search", collection, word, "--json").stdout)[0]["path"]
        for word in ("aaaa", "zzzz")
    ]
    assert [Path(path).name for path in hits] == ["early.wav", "late.wav"]


def test_its_names_are_listed_and_examined_beside_ours(plugin: dict[str, str]) -> None:
    listed = {model["name"]: model for model in json.loads(soundgrep(plugin, "models", "--json").stdout)}
    assert {"mini", "msclap-2023", "letters-1"} <= set(listed)
    assert listed["letters-1"]["package"] == "loud-letters"
    assert listed["letters-1"]["embedding_dim"] == 26
    assert listed["letters-1"]["folder"] is not None
    assert listed["msclap-2023"]["folder"] is None
    assert listed["mini"]["package"] is None
    checked = soundgrep(plugin, "models", "check", "letters-1")
    assert checked.returncode == 0, checked.stderr
    assert "of the family letters" in checked.stdout


def test_a_family_that_cannot_be_loaded_says_why_and_hinders_no_other(plugin: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text('{"model_type": "broken"}')
    refused = soundgrep(plugin, "models", "check", tmp_path / "mine")
    assert refused.returncode == 2
    assert "the family 'broken' of the package loud-letters cannot be loaded" in refused.stderr
    assert soundgrep(plugin, "models").returncode == 0


def test_a_text_search_loads_no_other_family(tiny_checkpoint: Path) -> None:
    code = (
        "import sys; from soundgrep import Encoder\n"
        f"Encoder.from_pretrained({str(tiny_checkpoint)!r}).embed_text(['rain'])\n"
        "print([name for name in sys.modules if name in ('torch', 'transformers', 'huggingface_hub')"
        " or name.startswith('soundgrep.model.laion')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("mimi", "did you mean mini?"),
        ("MSCLAP2023", "did you mean msclap-2023"),
        ("no such thing at all", "`soundgrep models` lists those with a name"),
        ("./no/such/folder", "there is no encoder"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(asked: str, said: str) -> None:
    with pytest.raises(CheckpointError, match="there is no encoder") as caught:
        Encoder.from_pretrained(asked)
    assert said in str(caught.value)


class Hub:
    """A hub over loopback with one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commit = folder, "a" * 40
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def answer(self, *, with_body: bool) -> None:
                repository, _, rest = self.path.lstrip("/").partition("/resolve/")
                path = hub.folder / rest.partition("/")[2]
                is_there = repository == "someone/tiny" and path.is_file()
                body = path.read_bytes() if is_there else b""
                self.send_response(200 if is_there else 404)
                if repository == "someone/tiny":
                    self.send_header("X-Repo-Commit", hub.commit)
                if is_there:
                    self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
                else:
                    self.send_header(
                        "X-Error-Code", "EntryNotFound" if repository == "someone/tiny" else "RepoNotFound"
                    )
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if with_body:
                    self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub(tiny_checkpoint: Path, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(shutil.copytree(tiny_checkpoint, tmp_path / "published"))
    yield hub
    hub.server.shutdown()


def test_a_repository_of_the_hub_is_fetched_once_and_held_to(hub: Hub, tiny_checkpoint: Path, tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"},
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        "SOUNDGREP_CACHE": str(tmp_path / "cache"),
    }

    def ask(name: str, **more: str) -> str:
        code = (
            "import sys; from soundgrep import Encoder, SoundgrepError\n"
            "try: encoder = Encoder.from_pretrained(sys.argv[1]); print(encoder.id, encoder.digest)\n"
            "except SoundgrepError as error: print(error)"
        )
        command = [sys.executable, "-c", code, name]
        return subprocess.run(
            command, env=environment | more, capture_output=True, text=True, check=True
        ).stdout.strip()

    first = ask("someone/tiny")
    assert first == f"someone/tiny {Encoder.from_pretrained(tiny_checkpoint).digest}"
    assert ask("someone/tiny", HF_HUB_OFFLINE="1") == first
    assert "there is no repository someone/else on the hub" in ask("someone/else")
    # Cleared away and published otherwise meanwhile, under the same commit: not what it was.
    shutil.rmtree(tmp_path / "hub")
    (hub.folder / "model.safetensors").write_bytes(b"something else")
    assert "is not the file it should be" in ask("someone/tiny")
    hub.server.server_close()
    unreachable = ask("someone/other")
    assert "is not on this machine, and the hub cannot be reached" in unreachable
    offline = ask("someone/other", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in offline
    assert "\n" not in offline
