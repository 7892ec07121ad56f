"""Files that are none, that never end, or that hold far more than anybody needs: one sentence each, and no hang."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from soundgrep import Encoder
from soundgrep.indexer.inputs.usertable import read_user_table
from soundgrep.model.errors import SoundgrepError, UsageError
from soundgrep.search.evaluation.listing import read_csv
from soundgrep.ui.embeddings import read_embedding

from ..ui.command import Finished, soundgrep
from ..ui.conftest import Indexed


def said(done: Finished) -> str:
    """The one sentence of a command that could not do what was asked."""
    assert done.code in (1, 2, 3), done
    assert "Traceback" not in done.err
    return done.out + done.err


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("odd", [pipe, device])
def test_pipes_and_devices_are_no_files(indexed: Indexed, tmp_path: Path, odd: Callable[[Path], Path]) -> None:
    new, collection = tmp_path / "new", indexed.collection
    for command in (
        ("index", odd(tmp_path / "a.wav"), new, "--encoder", indexed.encoder),
        ("index", odd(tmp_path / "a.csv"), new, "--encoder", indexed.encoder),
        ("index", odd(tmp_path / "a.tar"), new, "--encoder", indexed.encoder),
        ("index", indexed.sounds, new, "--encoder", odd(tmp_path / "encoder")),
        ("metadata", collection, odd(tmp_path / "table.csv")),
        ("metadata", collection, odd(tmp_path / "table.parquet")),
        ("search", collection, "--audio", odd(tmp_path / "sound.wav")),
        ("search", collection, "--embedding", odd(tmp_path / "embedding.npy")),
        ("classify", collection, "--labels", odd(tmp_path / "labels.txt")),
        ("evaluate", collection, odd(tmp_path / "pairs.csv")),
        ("serve", collection, "--token-file", odd(tmp_path / "token")),
    ):
        assert said(soundgrep(*command)), command


@pytest.mark.parametrize("odd", [pipe, device])
def test_pipes_and_devices_in_a_checkpoint(tiny_checkpoint: Path, tmp_path: Path, odd: Callable[[Path], Path]) -> None:
    needed = ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json")
    for path in map(tiny_checkpoint.joinpath, needed):
        folder = shutil.copytree(tiny_checkpoint, tmp_path / path.name)
        (folder / path.name).unlink()
        odd(folder / path.name)
        with pytest.raises(SoundgrepError):
            Encoder.from_pretrained(folder).embed_text(["a"])


@pytest.mark.parametrize("odd", [pipe, device])
def test_pipes_and_devices_in_a_collection(indexed: Indexed, tmp_path: Path, odd: Callable[[Path], Path]) -> None:
    for number, name in enumerate(("manifest.json", "queries/a.json", "clips/_delta_log/00000000000000000000.json")):
        folder = shutil.copytree(indexed.collection, tmp_path / str(number))
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        odd(folder / name)
        commands: list[tuple[str | Path, ...]] = [("verify", folder), ("verify", folder, "--repair")]
        commands += [("search", folder, "dog"), ("queries", folder), ("index", indexed.sounds, folder)]
        for command in commands:
            assert said(soundgrep(*command)), command


def test_tables_of_too_many_columns(tmp_path: Path) -> None:
    wide = [f"c{n}" for n in range(30_000)]
    (tmp_path / "wide.csv").write_text(f"path,{','.join(wide)}\na.wav{',1' * 30_000}\n")
    (tmp_path / "quoted.csv").write_text("path," + ",".join(f'"c{n}"' for n in range(3_000)) + "\na" + ",1" * 3_000)
    (tmp_path / "wide.jsonl").write_text("".join(f'{{"path": "a", "{name}": 1}}\n' for name in wide))
    for name in ("wide.csv", "quoted.csv", "wide.jsonl"):
        with pytest.raises(UsageError, match=r"columns.*more than 2,000"):
            read_user_table(os.fsencode(tmp_path / name))
    with pytest.raises(UsageError, match=r"30,001 columns, more than 2,000"):
        read_csv(tmp_path / "wide.csv")


def test_fields_of_too_many_characters(tmp_path: Path) -> None:
    (tmp_path / "huge.csv").write_text("path,note\na.wav," + "x" * 20_000_000 + "\n")
    (tmp_path / "open.csv").write_text('path,note\na.wav,"' + "x\n" * 5_000_000)
    for name in ("huge.csv", "open.csv"):
        with pytest.raises(UsageError):
            read_user_table(os.fsencode(tmp_path / name))
        with pytest.raises(UsageError):
            read_csv(tmp_path / name)
    (tmp_path / "deep.json").write_text("[" * 1_000_000)
    (tmp_path / "open.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((((")
    (tmp_path / "large.npy").write_bytes(
        b"\x93NUMPY\x01\x00\x50\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }".ljust(90)
        + b"\n"
    )
    for name in ("deep.json", "open.npy", "large.npy"):
        with pytest.raises(UsageError, match="holds no embedding"):
            read_embedding(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["a" * 5_000_000, "a " * 2_000_000, " " * 5_000_000 + "a", "\U0001f40d" * 1_000_000, "1" * 5_000_000]
)
def test_texts_that_tokenizers_choke_on(tiny_checkpoint: Path, text: str) -> None:
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is cut
        assert encoder.embed_text([text]).shape == (1, encoder.embedding_dim)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [b"[" * 1_000_000, b'{"a":' * 100_000, b" " * (65 << 20), b"{}", b"\xff", b"null"])
def test_files_of_a_checkpoint_that_are_bombs(tiny_checkpoint: Path, tmp_path: Path, name: str, content: bytes) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "c")
    (folder / name).write_bytes(content)
    with pytest.raises(SoundgrepError) as refused:
        Encoder.from_pretrained(folder).embed_text(["a"])
    assert "\n" not in str(refused.value)
