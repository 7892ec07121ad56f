"""One folder of sounds, indexed once by the real command, for all tests that only look at the collection."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from .command import Finished, soundgrep
from .sounds import write_sounds


@dataclass(frozen=True)
class Indexed:
    """A folder, the collection made of it, and what the command said while making it."""

    sounds: Path
    collection: Path
    said: Finished
    encoder: Path


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Indexed:
    folder = tmp_path_factory.mktemp("indexed")
    sounds = write_sounds(folder / "sounds")
    collection = folder / "sounds.soundgrep"
    said = soundgrep("index", sounds, collection, "--encoder", tiny_checkpoint, "--workers", "1")
    return Indexed(sounds, collection, said, tiny_checkpoint)


@pytest.fixture
def other_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint like the tiny one, with other weights."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: np.asarray(weight * weight.dtype.type(2)) for name, weight in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder
