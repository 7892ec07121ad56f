"""Names that somebody else chose: shown, whoever shows them, and never sent to the terminal as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .command import soundgrep, soundgrep_on_terminal
from .sounds import tone, write_wav

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\N{RIGHT-TO-LEFT OVERRIDE}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """A folder with a collection, whose clips, columns, labels and queries have hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    sounds = folder / f"sounds{ESCAPE}"
    for n in range(3):
        write_wav(sounds / f"{n}{ESCAPE}.wav", tone(300 + 100 * n))
    (sounds / f"broken{ESCAPE}.wav").write_bytes(b"no sound")
    shutil.copytree(tiny_checkpoint, folder / f"tiny{ESCAPE}")
    (folder / f"list{ESCAPE}.csv").write_text(
        f"path,{ESCAPE}\n" + "".join(f"{sounds}/{n}{ESCAPE}.wav,value {ESCAPE}\n" for n in range(3))
    )
    (folder / f"labels{ESCAPE}.txt").write_text(f"a dog {ESCAPE}\na cat\n")
    return folder


def commands(folder: Path) -> list[list[str | Path]]:
    collection, sounds, table = (
        folder / f"{name}{ESCAPE}{end}" for name, end in (("c", ""), ("sounds", ""), ("list", ".csv"))
    )
    return [
        ["index", sounds, collection, "--encoder", folder / f"tiny{ESCAPE}", "--workers", "1"],
        ["metadata", collection, table],
        ["search", collection, f"dog {ESCAPE}"],
        ["search", collection, "dog", "--explain"],
        ["search", collection, "dog", "--where", f"path = '{ESCAPE}' AND {ESCAPE} > 1"],
        ["search", collection, "dog", "--audio", folder / ESCAPE],
        ["search", collection, "dog", "--output", folder / f"taken{ESCAPE}.m3u"],
        ["show", collection],
        ["show", collection, f"{sounds}/0{ESCAPE}.wav"],
        ["sql", collection, "SELECT * FROM clips"],
        ["sql", collection, f"SELECT 1 AS \"{ESCAPE}\", '{ESCAPE}' AS b"],
        ["sql", collection, f"SELEKT {ESCAPE}"],
        ["classify", collection, "--labels", folder / f"labels{ESCAPE}.txt"],
        ["queries", collection, f"--{ESCAPE}"],
        ["verify", collection],
        ["verify", folder / ESCAPE],
        ["compact", collection],
        ["map", collection, "--method", "pca"],
        ["models", "check", f"no{ESCAPE}"],
        ["serve", folder / ESCAPE, "--port", "0"],
        ["ui", folder / ESCAPE, "--port", "0", "--no-open"],
        ["index", folder / ESCAPE, collection],
    ]


def test_no_command_sends_them(hostile: Path) -> None:
    shown = 0
    for command in commands(hostile):
        done = soundgrep(*command)
        for written in (done.out, done.err):
            assert not set(written) & set(ESCAPE) - set("]0;owned[2J31m"), (command[:1], written)
        shown += "\\x1b" in done.out + done.err
        assert "Traceback" not in done.err, (command, done.err)
    assert shown > 15


def test_nor_does_a_terminal_get_any(hostile: Path) -> None:
    for command in (commands(hostile)[2], commands(hostile)[9]):
        assert "\x1b]0" not in soundgrep_on_terminal(*command).out
        assert "\x9b" not in soundgrep_on_terminal(*command).out
