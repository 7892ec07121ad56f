"""Index files that somebody changed: no wrong first hit in silence, no crash, and FAISS reads only what we wrote."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from soundgrep.indexer import verify_collection
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError, IndexDamagedError
from soundgrep.search import Collection
from soundgrep.search.index import Index
from soundgrep.search.index.building import Source, build_index, fold_index
from soundgrep.search.index.generation import damaged_files
from soundgrep.search.store.manifest import IndexRecord

from ..search.made import Float, add_clips, by_clip, clustered

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from gap import Gap

DIM = 32
N = {"flat": 2_000, "cells": 20_000}
GAP = Gap(DIM)
FILES = {
    "flat": ("embeddings.faiss", "segment_ids.npy", "sums.npy", "bank.npz"),
    "cells": ("codes.faiss", "embeddings.f16", "segment_ids.npy", "space.npz", "sums.npy", "bank.npz"),
}
EACH = [(kind, name) for kind, names in FILES.items() for name in names]


@dataclass(frozen=True)
class Built:
    """An index, and the first hits of some queries."""

    folder: Path
    record: IndexRecord
    queries: list[Float]
    allowed: np.ndarray
    truth: list[int]

    def file(self, name: str) -> Path:
        return self.folder / "000001" / name

    def open(self) -> Index:
        return Index.open(self.folder, self.record, embedding_dim=DIM)

    def firsts(self, index: Index) -> list[int]:
        """The first hits, by cells, by comparing all and with a filter."""
        found = [index.search(query, 10)[1][0] for query in self.queries]
        found += [index.search(query, len(index) - 1)[1][0] for query in self.queries[:1]]
        found += [index.search(query, 10, allowed=self.allowed)[1][0] for query in self.queries]
        return [int(index.segment_ids[position]) for position in found]


def source(kind: str) -> tuple[Source, Float]:
    sounds = GAP.sounds(N[kind], seed=1)
    ids = 3 * np.arange(N[kind], dtype=np.int64)
    return Source(lambda: [(ids, sounds)], N[kind], DIM, lambda n: GAP.texts(n, seed=1)), sounds


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    built = {}
    for kind in FILES:
        folder = tmp_path_factory.mktemp(kind)
        made, sounds = source(kind)
        record = build_index(folder, "000001", made)
        assert record.kind == kind
        queries = [*GAP.texts(4, seed=5), *sounds[:4]]
        allowed = np.random.default_rng(1).random(N[kind]) < 0.3
        new = Built(folder, record, queries, allowed, [])
        built[kind] = Built(folder, record, queries, allowed, new.firsts(new.open()))
    return built


@pytest.fixture
def copy(originals: dict[str, Built], tmp_path: Path) -> Callable[[str], Built]:
    def copied(kind: str) -> Built:
        one = originals[kind]
        place = Path(shutil.copytree(one.folder, tmp_path / kind))
        return Built(place, one.record, one.queries, one.allowed, one.truth)

    return copied


def flips(path: Path, n: int) -> Iterator[None]:
    """Flip a bit at one place after the other, each time back again."""
    rng = np.random.default_rng(7)
    for place in sorted(rng.integers(0, path.stat().st_size, n).tolist()):
        bit = 1 << int(rng.integers(8))
        for _ in range(2):
            with path.open("r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ bit]))
            if _ == 0:
                yield


@pytest.mark.parametrize("n", [8, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_flipped_bit_is_told_or_changes_no_first_hit(
    copy: Callable[[str], Built], kind: str, name: str, n: int
) -> None:
    built = copy(kind)
    told: list[str] = []
    for _ in flips(built.file(name), n):
        assert damaged_files(built.folder / "000001", built.record) == [name]  # what verify says
        try:
            assert built.firsts(built.open()) == built.truth
        except CollectionError as error:
            told.append(str(error))
    assert not any("\n" in sentence for sentence in told)
    assert built.firsts(built.open()) == built.truth
    if name in ("embeddings.faiss", "segment_ids.npy"):
        assert len(told) == n


@pytest.mark.parametrize(("kind", "name"), [("flat", "embeddings.faiss"), ("cells", "embeddings.f16")])
def test_a_bit_of_the_first_hit_is_always_told(copy: Callable[[str], Built], kind: str, name: str) -> None:
    built = copy(kind)
    position = int(built.open().search(built.queries[0], 1)[1][0])
    path = built.file(name)
    row_bytes = DIM * (4 if kind == "flat" else 2)
    start = path.stat().st_size - N[kind] * row_bytes + position * row_bytes
    whole = path.read_bytes()
    for bit in range(0, 8 * row_bytes, 7):
        changed = bytearray(whole)
        changed[start + bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        index = built.open()
        with pytest.raises(IndexDamagedError, match="verify --repair"):
            index.search(built.queries[0], 1)
        with pytest.raises(IndexDamagedError):
            index.embedding(position)


def test_an_index_with_flipped_bits_is_not_added_to(copy: Callable[[str], Built]) -> None:
    built = copy("cells")
    path = built.file("embeddings.f16")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 64
    path.write_bytes(content)
    keep = np.ones(N["cells"], np.bool_)
    nothing = Source(list, N["cells"], DIM, lambda n: GAP.texts(n, seed=1))
    with pytest.raises(IndexDamagedError):
        fold_index(built.folder, "000002", nothing, old=(built.record, keep))
    assert sorted(path.name for path in built.folder.iterdir()) == ["000001"]


def _names(secret: Path) -> bytes:
    return b"ilod" + struct.pack("<QQQ", 1, 32, len(str(secret))) + os.fsencode(secret)


FIELDS: dict[str, tuple[str, int | bytes, bytes]] = {
    "another kind": ("flat", 0, b"IxF2"),
    "a kind of any": ("flat", 0, b"IxHe"),
    "fewer numbers": ("flat", 4, struct.pack("<i", DIM // 2)),
    "negative numbers": ("flat", 4, struct.pack("<i", -1)),
    "more rows": ("flat", 8, struct.pack("<q", N["flat"] + 1)),
    "rows without end": ("flat", 8, struct.pack("<q", 1 << 60)),
    "negative rows": ("flat", 8, struct.pack("<q", -1)),
    "another metric": ("flat", 33, struct.pack("<i", 1)),
    "a metric of none": ("flat", 33, struct.pack("<i", 99)),
    "a longer vector": ("flat", 37, struct.pack("<Q", 1 << 40)),
    "cells of another kind": ("cells", 0, b"IwPQ"),
    "cells in another place": ("cells", 0, b"IwFl"),
    "dimensions of cells": ("cells", 4, struct.pack("<i", 1 << 30)),
    "total of cells": ("cells", 8, struct.pack("<q", 1 << 50)),
    "metric of cells": ("cells", 33, struct.pack("<i", 1)),
    "number of cells": ("cells", 37, struct.pack("<Q", 1 << 33)),
    "no cells": ("cells", 37, struct.pack("<Q", 0)),
    "a quantiser of another kind": ("cells", 53, b"IHNf"),
    "more centres": ("cells", 53 + 8, struct.pack("<q", 1 << 40)),
    "longer centres": ("cells", 53 + 37, struct.pack("<Q", 1 << 40)),
    "lists on disk": ("cells", b"ilar", b"ilod"),
    "lists in blocks": ("cells", b"ilar", b"ilbl"),
    "more lists": ("cells", b"ilar", b"ilar" + struct.pack("<Q", 1 << 40)),
    "longer codes": ("cells", b"ilar", b"ilar" + struct.pack("<Q", 566) + struct.pack("<Q", 1 << 40)),
    "sparse lists": ("cells", b"full", b"sprs"),
    "longer sizes": ("cells", b"full", b"full" + struct.pack("<Q", 1 << 40)),
    "a list without end": ("cells", b"full", b"full" + struct.pack("<QQ", 566, 1 << 40)),
}


@pytest.mark.parametrize("field", FIELDS)
def test_faiss_is_given_no_file_that_says_what_is_not_so(copy: Callable[[str], Built], field: str) -> None:
    kind, place, value = FIELDS[field]
    built = copy(kind)
    built.file("sums.npy").unlink()  # who makes a file up makes its sums up as well
    path = built.file("embeddings.faiss" if kind == "flat" else "codes.faiss")
    content = bytearray(path.read_bytes())
    at = content.index(place) if isinstance(place, bytes) else place
    content[at : at + len(value)] = value
    path.write_bytes(content)
    with pytest.raises(CollectionError, match="cannot be read"):
        built.open()


def test_lists_in_another_file_are_not_opened(copy: Callable[[str], Built], tmp_path: Path) -> None:
    built = copy("cells")
    built.file("sums.npy").unlink()
    secret = tmp_path / "secret"
    os.mkfifo(secret)  # whoever opened it would wait
    path = built.file("codes.faiss")
    content = path.read_bytes()
    head = content[: content.index(b"ilar")] + _names(secret)
    path.write_bytes(head + content[len(head) :])
    with pytest.raises(CollectionError, match="cannot be read"):
        built.open()


def test_segments_that_an_index_does_not_hold_are_not_looked_up(copy: Callable[[str], Built]) -> None:
    built = copy("cells")
    built.file("sums.npy").unlink()
    path = built.file("codes.faiss")
    content = path.read_bytes()
    whole = bytearray(content)
    with np.load(built.file("space.npz")) as space:
        starts, dim = space["starts"], len(space["axes"])
    first = len(content) - N["cells"] * (dim + 8)
    for start, end in itertools.pairwise(starts):
        at = first + int(start) * (dim + 8) + int(end - start) * dim
        whole[at : at + 8 * int(end - start)] = struct.pack("<q", 1 << 40) * int(end - start)
    path.write_bytes(whole)
    with pytest.raises(IndexDamagedError):
        built.open().search(built.queries[0], 10)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
@pytest.mark.parametrize(
    ("kind", "name"), [("flat", "embeddings.faiss"), ("cells", "codes.faiss"), ("cells", "embeddings.f16")]
)
@pytest.mark.parametrize("warm", [True, False])
def test_a_file_that_shrinks_while_it_is_searched_ends_nothing(
    copy: Callable[[str], Built], kind: str, name: str, share: float, warm: bool
) -> None:
    built = copy(kind)
    whole = built.file(name).stat().st_size
    index, other = built.open(), copied_beside(built)
    if warm:
        assert built.firsts(index) == built.truth
    os.truncate(built.file(name), int(whole * share))
    with ThreadPoolExecutor(4) as threads:
        for answer in [threads.submit(built.firsts, index) for _ in range(8)]:
            with contextlib.suppress(IndexDamagedError):
                assert answer.result() == built.truth
    assert built.firsts(other) == built.truth
    with pytest.raises(CollectionError):
        built.open()
    everything = np.arange(len(index))
    with pytest.raises(IndexDamagedError):
        [(index.embeddings(everything), index.search(query, 300)) for query in GAP.texts(300, seed=9)]


def copied_beside(built: Built) -> Index:
    """The same index in another folder, open at the same time."""
    folder = Path(shutil.copytree(built.folder, built.folder.with_name("beside")))
    return Index.open(folder, built.record, embedding_dim=DIM)


def test_verify_names_the_file_and_repair_makes_it_anew(tmp_path: Path, encoder: Encoder) -> None:
    whole = tmp_path / "whole"
    add_clips(whole, by_clip(clustered(40, dim=encoder.embedding_dim, seed=1), seed=1), encoder=encoder)
    asked = np.ones(encoder.embedding_dim, np.float32)
    before = [hit.segment_id for hit in Collection.open(whole).search(embedding=asked)]
    for name in FILES["flat"]:
        folder = Path(shutil.copytree(whole, tmp_path / name))
        (path,) = folder.glob(f"encodings/*/index/*/{name}")
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
        (problem,) = verify_collection(folder).problems
        assert name in problem.what
        assert verify_collection(folder, repair=True).is_sound
        assert [hit.segment_id for hit in Collection.open(folder).search(embedding=asked)] == before
