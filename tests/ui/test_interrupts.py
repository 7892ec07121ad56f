"""Ctrl-C ends every command with 130 and without a traceback, whatever it is just doing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from ..grids import taking_turns
from ..model import captioner_checkpoint
from .command import ENVIRONMENT, SOUNDGREP, soundgrep
from .conftest import Indexed

# One that runs for hours, in C.
ENDLESS = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE hash(a.range * b.range) = 5"
ENDLESS_FILTER = (
    "clip_id IN (SELECT a.range FROM range(10000000000) a, range(1000) b WHERE hash(a.range * b.range) = 5)"
)
# One call of a function, which does not look whether it shall stop.
DEAF = "SELECT list_sum(list_transform(range(400000000), lambda x: hash(x) % 7))"
END_LIMIT_S = 60.0

Arguments = list[str | Path]


@dataclass(frozen=True)
class Made:
    """What the commands work on."""

    sounds: Path
    collection: Path
    encoder: Path
    captioner: Path
    captions: Path
    labels: Path
    table: Path
    archive: Path
    weights: Path


@pytest.fixture(scope="session")
def made(indexed: Indexed, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Work that takes a while."""
    folder = tmp_path_factory.mktemp("work")
    good = ["tone.wav", "noise.wav", "eight.wav", "sub/long.wav"]
    captions, labels, table = (folder / name for name in ("captions.csv", "labels.txt", "table.csv"))
    captions.write_text("file,caption\n" + "".join(f"{name},a sound {n}\n" for n in range(500) for name in good))
    labels.write_text("".join(f"sound number {n}\n" for n in range(1000)))
    table.write_text("file,take\n" + "".join(f"{name},{n}\n" for n in range(50_000) for name in good))
    with tarfile.open(folder / "sounds.tar", "w") as archive:
        for n in range(300):
            archive.add(indexed.sounds / good[n % 4], f"{n}.wav")
    torch.save({"model": {f"{n}": torch.zeros(1 << 16) for n in range(400)}}, folder / "weights.pth")
    tokenizer = AutoTokenizer.from_pretrained(indexed.encoder)
    captioner = captioner_checkpoint.build(folder / "captioner", tokenizer)
    collection = Path(shutil.copytree(indexed.collection, folder / "sounds.soundgrep"))
    return Made(
        sounds=indexed.sounds,
        collection=collection,
        encoder=indexed.encoder,
        captioner=captioner,
        captions=captions,
        labels=labels,
        table=table,
        archive=folder / "sounds.tar",
        weights=folder / "weights.pth",
    )


COMMANDS: dict[str, Callable[[Made, Path], Arguments]] = {
    "help": lambda made, folder: ["search", "--help"],
    "index": lambda made, folder: ["index", made.sounds, folder / "new.soundgrep", "--encoder", made.encoder],
    "tar": lambda made, folder: ["index", made.archive, folder / "new.soundgrep", "--encoder", made.encoder],
    "search": lambda made, folder: ["search", made.collection, "a dog"],
    "zip": lambda made, folder: ["search", made.collection, "a dog", "--output", folder / "dogs.zip"],
    "filter": lambda made, folder: ["search", made.collection, "a dog", "--where", ENDLESS_FILTER],
    "sql": lambda made, folder: ["sql", made.collection, ENDLESS],
    "deaf": lambda made, folder: ["sql", made.collection, DEAF],
    "show": lambda made, folder: ["show", made.collection],
    "evaluate": lambda made, folder: ["evaluate", made.collection, made.captions],
    "classify": lambda made, folder: ["classify", made.sounds, "--labels", made.labels, "--encoder", made.encoder],
    "caption": lambda made, folder: ["caption", made.sounds / "sub/long.wav", "--captioner", made.captioner],
    "metadata": lambda made, folder: ["metadata", made.collection, made.table, "--key", "file"],
    "map": lambda made, folder: ["map", made.collection],
    "verify": lambda made, folder: ["verify", made.collection],
    "compact": lambda made, folder: ["compact", made.collection],
    "convert": lambda made, folder: ["convert", made.weights, folder / "out", "--tokenizer", made.encoder],
    "check": lambda made, folder: ["models", "check", made.encoder],
    "serve": lambda made, folder: ["serve", made.collection, "--port", "0"],
    "ui": lambda made, folder: ["ui", made.collection, "--port", "0", "--no-open"],
}
LASTING = ("sql", "deaf", "filter", "serve", "ui")  # which do not end by themselves
# The start is the same for all of them.
MOMENTS = [("search", after_s) for after_s in (0.0, 0.03, 0.1, 0.2)]
MOMENTS += taking_turns(LASTING, (0.4, 1.2))
MOMENTS += taking_turns([name for name in COMMANDS if name not in LASTING], (0.3, 0.8))
MOMENTS += [(name, 2.0) for name in ("index", "tar", "evaluate", "classify", "caption", "convert", "map")]


def start(arguments: Arguments) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [SOUNDGREP, *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for_handler(process: subprocess.Popen[bytes]) -> None:
    """Wait until the command listens to Ctrl-C: before, Python itself is starting, and answers as it likes."""
    while process.poll() is None:
        try:
            opened = [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        if any(name.startswith("socket:") for name in opened):
            return
        time.sleep(0.001)


def end_of(process: subprocess.Popen[bytes]) -> bytes:
    """What it says before it has ended."""
    try:
        return process.communicate(timeout=END_LIMIT_S)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.mark.parametrize(("name", "after_s"), MOMENTS)
def test_ctrl_c_ends_it_at_any_time(name: str, after_s: float, made: Made, tmp_path: Path) -> None:
    with start(COMMANDS[name](made, tmp_path)) as process:
        wait_for_handler(process)
        time.sleep(after_s)
        is_over = process.poll() is not None
        if not is_over:
            os.killpg(process.pid, signal.SIGINT)
        said = end_of(process)
    assert b"Traceback" not in said, said.decode()
    assert b"Exception ignored" not in said, said.decode()
    # It may have ended by itself in the very moment.
    assert process.returncode in ((0, 2, 3) if is_over else (130, 0, 2, 3)), said
    if name in LASTING and name not in ("serve", "ui"):
        assert not is_over
        assert process.returncode == 130, said
        assert said == b"soundgrep: stopped.\n"


def test_no_command_is_a_mistake(made: Made, tmp_path: Path) -> None:
    """What is interrupted above would do its work."""
    done = {}
    for name in ("evaluate", "classify", "caption", "metadata", "zip", "check"):
        with start(COMMANDS[name](made, tmp_path)) as process:
            said = end_of(process)
        done[name] = (process.returncode, said.decode())
    assert {name: code for name, (code, _) in done.items()} == dict.fromkeys(done, 0), done


@pytest.mark.parametrize("between_s", [0.0, 0.2])
def test_a_second_ctrl_c_ends_an_index_run_at_once(between_s: float, made: Made, tmp_path: Path) -> None:
    collection = tmp_path / "new.soundgrep"
    with start(["index", made.archive, collection, "--encoder", made.encoder, "--workers", "1"]) as process:
        while process.poll() is None and not (collection / "manifest.json").exists():
            time.sleep(0.005)
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(between_s)
        said = end_of(process)
    assert (process.returncode, b"Traceback" in said) == (130, False), said.decode()
    with start(["index", made.archive, collection, "--encoder", made.encoder, "--workers", "1"]) as process:
        said = end_of(process)
    assert (process.returncode, said) == (0, b"")
    assert soundgrep("verify", collection).code == 0


def test_ctrl_c_while_the_command_starts_shows_nothing_of_it() -> None:
    """Before its first line Python answers, of whose start nobody can take the traceback away."""
    ended = set()
    for after_s in [n / 200 for n in range(4, 24)]:
        with start(["--version"]) as process:
            time.sleep(after_s)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            said = end_of(process).decode()
        ended.add(process.returncode)
        assert "/ui/interrupts.py" not in said, said
        assert "/ui/program.py" not in said, said
        assert "/model/" not in said, said
        assert process.returncode in (0, 130, -signal.SIGINT, 1), said
    assert ended & {0, 130}
