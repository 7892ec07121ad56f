"""Bytes that nobody wrote: decoding, tags, lists and manifests take them or refuse them in a sentence. `make fuzz`.

A finding ends the run: its traceback is printed, and its bytes are left in a file `crash-...` in build/fuzz.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris
import numpy as np
import soundfile

with atheris.instrument_imports(include=["soundgrep"]):
    from fuzz_collection import part_seeds, read_part

    from soundgrep.indexer.inputs.usertable import TABLE_SUFFIXES, read_user_table
    from soundgrep.model.audio.decoding import decode
    from soundgrep.model.audio.tag_text import tag_of_bytes, tag_text
    from soundgrep.model.audio.written_tags import written_tags
    from soundgrep.model.errors import SoundgrepError
    from soundgrep.search.store.manifest import MANIFEST_NAME, read_manifest

FOLDER = Path("build/fuzz")
SOUNDS = [
    ("WAV", "PCM_16"),
    ("WAV", "MS_ADPCM"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("W64", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("CAF", "PCM_24"),
    ("AU", "ULAW"),
    ("VOC", "PCM_16"),
    ("SVX", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("NIST", "PCM_16"),
]


def hear(data: bytes) -> None:
    """Decode a file."""
    decode("x", sampling_rate_hz=8_000, file=io.BytesIO(data))


def read_tags(data: bytes) -> None:
    """Read a file's tags, and the text of one."""
    written_tags(io.BytesIO(data))
    tag_of_bytes(data).encode()
    tag_text(os.fsdecode(data)).encode()


def read_list(data: bytes) -> None:
    """Read a table of clips; the first byte says which kind."""
    path = FOLDER / f"table{TABLE_SUFFIXES[data[0] % len(TABLE_SUFFIXES)].decode()}" if data else FOLDER / "table.csv"
    path.write_bytes(data[1:])
    read_user_table(os.fsencode(path))


def read_collection(data: bytes) -> None:
    """Read a manifest."""
    (FOLDER / MANIFEST_NAME).write_bytes(data)
    read_manifest(FOLDER)


def use_collection(data: bytes) -> None:
    """Use a collection with a file that nobody wrote."""
    read_part(data, FOLDER)


DOORS: tuple[Callable[[bytes], None], ...] = (hear, read_tags, read_list, read_collection, use_collection)


def seeds() -> Iterator[bytes]:
    """Sound files, tables and manifests to begin with."""
    sound = 0.1 * np.random.default_rng(0).normal(size=(800, 1))
    for container, coding in SOUNDS:
        file = io.BytesIO()
        soundfile.write(file, sound, 8_000, format=container, subtype=coding)
        yield b"\0" + file.getvalue()
        yield b"\1" + file.getvalue()[:400]
    yield b"\1" + b"RIFF\x24\0\0\0WAVELIST\x14\0\0\0INFOINAM\x08\0\0\0\xff\xfea\0b\0c\0"
    for number, suffix in enumerate(TABLE_SUFFIXES):
        rows = b'{"path": "a.wav", "x": 1}\n' if b"json" in suffix else b"path,x\na.wav,1\nb.wav,2020-01-01\n"
        yield b"\2" + bytes([number]) + rows
    for path in sorted(Path("tests/search/golden").glob("*/manifest.json")):
        yield b"\3" + path.read_bytes()
    yield from (b"\4" + seed for seed in part_seeds())
    deep = b"[" * 100_000
    yield from (b"\3" + deep, b"\2" + bytes([TABLE_SUFFIXES.index(b".jsonl")]) + deep, b"\3" + json.dumps("x").encode())


def take(data: bytes) -> None:
    """Give bytes to one of the doors."""
    try:
        DOORS[data[0] % len(DOORS) if data else 0](data[1:])
    except SoundgrepError as error:
        if not str(error) or "\n" in str(error):
            raise AssertionError("a refusal is one sentence") from error


def main() -> None:
    """Write the seeds, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    grown = FOLDER / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (grown / f"seed-{number}").write_bytes(seed)
        take(seed)
    limits = [f"-max_total_time={arguments.seconds}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOLDER}/", str(grown)], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
