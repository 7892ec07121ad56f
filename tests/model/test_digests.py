"""Digests: the hash of files, taken again exactly when one has changed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from soundgrep.model.cache import CACHE_VARIABLE
from soundgrep.model.encoders import digests
from soundgrep.model.encoders.digests import digest_of


def naive(*paths: Path) -> str:
    inner = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)
    return "sha256:" + hashlib.sha256(inner).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 0)
    return tmp_path / "cache" / "digests.json"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(path.name.encode() * 100)
    return paths


def test_it_is_the_hash_of_the_hashes(files: list[Path], cache: Path) -> None:
    assert digest_of(files) == naive(*files)
    assert digest_of(files[::-1]) == naive(*files[::-1])
    assert len(json.loads(cache.read_text(encoding="utf-8"))) == 2


def test_what_is_remembered_is_not_read_again(files: list[Path], cache: Path) -> None:
    digest_of(files)
    (name,) = json.loads(cache.read_text(encoding="utf-8"))
    cache.write_text(json.dumps({name: "sha256:remembered"}), encoding="utf-8")
    assert digest_of(files) == "sha256:remembered"


def test_a_changed_file_is_hashed_again_though_its_size_and_date_are_kept(files: list[Path], cache: Path) -> None:
    before, status = digest_of(files), files[1].stat()
    files[1].write_bytes(b"c" * 100)
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files[1].stat().st_mtime_ns == status.st_mtime_ns
    assert digest_of(files) == naive(*files) != before


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}'])
def test_a_damaged_cache_is_no_harm(files: list[Path], cache: Path, content: str) -> None:
    cache.parent.mkdir()
    cache.write_text(content, encoding="utf-8")
    assert digest_of(files) == naive(*files)


def test_nor_is_one_that_cannot_be_written(files: list[Path], cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    assert digest_of(files) == naive(*files)


def test_small_checkpoints_leave_no_trace(files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 1 << 20)
    assert digest_of(files) == naive(*files)
    assert not cache.exists()
