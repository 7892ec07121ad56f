"""Collections that the search tests only look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.search import Collection

from .made import Float, add_clips, by_clip, clustered


@dataclass(frozen=True)
class Made:
    """A collection, and the embeddings of each of its clips by number."""

    folder: Path
    clips: list[Float]

    def open(self) -> Collection:
        return Collection.open(self.folder)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Made:
    """Some 300 segments: exact index."""
    clips = by_clip(clustered(300, dim=encoder.embedding_dim, seed=1), seed=1)
    return Made(add_clips(tmp_path_factory.mktemp("made") / "small", clips, encoder=encoder), clips)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Made:
    """24,000 segments: index with cells."""
    clips = by_clip(clustered(24_000, dim=encoder.embedding_dim, seed=2), seed=2)
    return Made(add_clips(tmp_path_factory.mktemp("made") / "large", clips, encoder=encoder), clips)
