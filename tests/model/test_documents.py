"""JSON that somebody wrote is read or refused in a sentence, wherever it stands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from soundgrep.model.documents import json_of, text_of
from soundgrep.model.encoders.checkpoint import Checkpoint
from soundgrep.model.encoders.tensors import mapped_tensors
from soundgrep.model.errors import CheckpointError

DEEP = b"[" * 100_000


@pytest.mark.parametrize("depth", [0, 1, 150, 199])
def test_what_is_nested_as_people_nest_is_read(depth: int) -> None:
    text = '{"a": [' * (depth // 2) + "1" + "]}" * (depth // 2)
    assert json_of(text) == json_of(text.encode("utf-16")) == json.loads(text)


@pytest.mark.parametrize(
    "text", [DEEP, b"[" * 900 + b"]" * 900, b'{"a":' * 300 + b"1" + b"}" * 300, b"{", b"\xff", b""]
)
def test_what_is_none_or_nested_deeper_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_of(text)


def test_text_of_each_charset_of_unicode() -> None:
    for charset in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
        assert text_of("path,n\n\u72ac.wav,1".encode(charset)) == "path,n\n\u72ac.wav,1"
    with pytest.raises(UnicodeDecodeError):
        text_of(b"caf\xe9")


def _configuration(folder: Path) -> object:
    (folder / "config.json").write_bytes(DEEP)
    return Checkpoint(folder).model_type


def _front_end(folder: Path) -> object:
    (folder / "processor_config.json").write_bytes(DEEP)
    return Checkpoint(folder).segment_s


def _weights(folder: Path) -> object:
    header = b'{"a":' * 20_000
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return mapped_tensors(folder / "model.safetensors")


@pytest.mark.parametrize("read", [_configuration, _front_end, _weights])
def test_a_checkpoint_that_is_nested_too_deeply_is_refused(
    tmp_path: Path, tiny_checkpoint: Path, read: Callable[[Path], object]
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "deep")
    with pytest.raises(CheckpointError, match=str(folder)) as refused:
        read(folder)
    assert "\n" not in str(refused.value)
