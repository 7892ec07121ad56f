"""The engines that benchmark-index compares: each built once into a folder, opened from it, and asked at some effort.

An effort is what the engine's users turn up for recall: cells visited, and candidates ranked exactly for each wanted,
or the breadth of a walk over a graph.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Effort = tuple[int, ...]
Search = Callable[[Float, Effort], Int]

K = 10
OURS = "soundgrep"


@dataclass
class Given:
    """What an engine is built from.

    Attributes:
        sounds: Embeddings [n, dim], on the disk.
        bank: Gives embeddings of so many texts, for an engine that tunes itself.
    """

    sounds: Float
    bank: Callable[[int], Float]

    @property
    def nlist(self) -> int:
        return round(4 * len(self.sounds) ** 0.5)

    def batches(self) -> Iterator[Float]:
        for first in range(0, len(self.sounds), 20_000):
            yield np.ascontiguousarray(self.sounds[first : first + 20_000], np.float32)

    def sample(self, n: int) -> Float:
        drawn = np.random.default_rng(0).choice(len(self.sounds), min(n, len(self.sounds)), replace=False)
        return np.ascontiguousarray(self.sounds[np.sort(drawn)], np.float32)


@dataclass(frozen=True)
class Engine:
    """One engine.

    Attributes:
        name: As the table shows it.
        build: Builds it in a folder.
        open: Opens what was built.
        efforts: Efforts to try for so many cells, in groups; within a group each is greater than the one before.
    """

    name: str
    build: Callable[[Given, Path], None]
    open: Callable[[Path], Search]
    efforts: Callable[[int], list[list[Effort]]]


def ours_built(given: Given, place: Path) -> None:
    import dataclasses

    from soundgrep.search.index.building import Source, build_index

    def source() -> Iterator[tuple[Int, Float]]:
        first = 0
        for batch in given.batches():
            yield np.arange(first, first + len(batch), dtype=np.int64), batch
            first += len(batch)

    n, dim = given.sounds.shape
    record = build_index(place, "000001", Source(source, n, dim, given.bank))
    (place / "record.json").write_text(json.dumps(dataclasses.asdict(record)), "utf-8")
    (place / "dim").write_text(str(dim))


def ours_opened(place: Path) -> Search:
    from made_index import parsed_record

    from soundgrep.search.index import Index

    kept = json.loads((place / "record.json").read_text("utf-8"))
    index = Index.open(place, parsed_record(kept), embedding_dim=int((place / "dim").read_text()))
    return lambda query, _: index.segment_ids[index.search(query, K)[1]]


def _faiss_cells(given: Given, place: Path, make: Callable[[Any, int, int], tuple[Any, Any]]) -> None:
    import faiss as untyped

    faiss: Any = untyped
    whole, index = make(faiss, given.sounds.shape[1], given.nlist)
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = 40
    whole.train(given.sample(40 * given.nlist))
    for batch in given.batches():
        whole.add(batch)
    faiss.write_index(whole, str(place / "index.faiss"))


def ivf_flat_built(given: Given, place: Path) -> None:
    def make(faiss: Any, dim: int, nlist: int) -> tuple[Any, Any]:
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, nlist, faiss.METRIC_INNER_PRODUCT)
        return index, index

    _faiss_cells(given, place, make)


def ivf_flat_opened(place: Path) -> Search:
    import faiss as untyped

    faiss: Any = untyped
    index = faiss.read_index(str(place / "index.faiss"))

    def search(query: Float, effort: Effort) -> Int:
        parameters = faiss.SearchParametersIVF(nprobe=effort[0])
        found: Int = index.search(query[np.newaxis], K, params=parameters)[1][0]
        return found

    return search


def ivf_pq_built(given: Given, place: Path) -> None:
    def make(faiss: Any, dim: int, nlist: int) -> tuple[Any, Any]:
        quantizer = faiss.IndexFlatIP(dim)
        index = faiss.IndexIVFPQ(quantizer, dim, nlist, dim // 8, 8, faiss.METRIC_INNER_PRODUCT)
        # Its defaults train for many minutes.
        index.pq.cp.niter, index.pq.cp.max_points_per_centroid = 8, 64
        refined = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        return faiss.IndexRefine(index, refined), index

    _faiss_cells(given, place, make)


def ivf_pq_opened(place: Path) -> Search:
    import faiss as untyped

    faiss: Any = untyped
    index = faiss.read_index(str(place / "index.faiss"))

    def search(query: Float, effort: Effort) -> Int:
        base = faiss.SearchParametersIVF(nprobe=effort[0])
        parameters = faiss.IndexRefineSearchParameters(k_factor=effort[1], base_index_params=base)
        found: Int = index.search(query[np.newaxis], K, params=parameters)[1][0]
        return found

    return search


def lancedb_built(given: Given, place: Path) -> None:
    import lancedb
    import lancedb.index
    import pyarrow as pa

    n, dim = given.sounds.shape

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in given.batches():
            column = pa.FixedSizeListArray.from_arrays(pa.array(batch.ravel()), dim)
            yield pa.record_batch([pa.array(range(first, first + len(batch))), column], ["id", "vector"])
            first += len(batch)

    schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.float32(), dim))])
    table = lancedb.connect(str(place)).create_table("sounds", rows(), schema=schema)
    # As many cells as it takes by itself, and codes as fine as FAISS's; its default of dim / 16 finds less.
    cells = lancedb.index.IvfPq(distance_type="dot", num_partitions=round(n**0.5), num_sub_vectors=dim // 8)
    table.create_index("vector", config=cells)


def lancedb_opened(place: Path) -> Search:
    import lancedb

    table = lancedb.connect(str(place)).open_table("sounds")

    def search(query: Float, effort: Effort) -> Int:
        asked = table.search(query).distance_type("dot").nprobes(effort[0]).refine_factor(effort[1])
        found: Int = asked.limit(K).select(["id", "_distance"]).to_arrow().column("id").to_numpy()
        return found

    return search


def faiss_hnsw_built(given: Given, place: Path) -> None:
    import faiss as untyped

    faiss: Any = untyped
    index = faiss.IndexHNSWFlat(given.sounds.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 64
    for batch in given.batches():
        index.add(batch)
    faiss.write_index(index, str(place / "index.faiss"))


def faiss_hnsw_opened(place: Path) -> Search:
    import faiss as untyped

    faiss: Any = untyped
    index = faiss.read_index(str(place / "index.faiss"))

    def search(query: Float, effort: Effort) -> Int:
        parameters = faiss.SearchParametersHNSW(efSearch=effort[0])
        found: Int = index.search(query[np.newaxis], K, params=parameters)[1][0]
        return found

    return search


def hnswlib_built(given: Given, place: Path) -> None:
    import hnswlib

    n, dim = given.sounds.shape
    index = hnswlib.Index("ip", dim)
    index.init_index(n, M=16, ef_construction=64)
    for batch in given.batches():
        index.add_items(batch)
    index.save_index(str(place / "index.bin"))
    (place / "dim").write_text(str(dim))


def hnswlib_opened(place: Path) -> Search:
    import hnswlib

    index = hnswlib.Index("ip", int((place / "dim").read_text()))
    index.load_index(str(place / "index.bin"))

    def search(query: Float, effort: Effort) -> Int:
        index.set_ef(effort[0])
        found: Int = index.knn_query(query, K)[0][0].astype(np.int64)
        return found

    return search


def usearch_built(given: Given, place: Path) -> None:
    from usearch.index import Index

    index = Index(ndim=given.sounds.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=64)
    first = 0
    for batch in given.batches():
        index.add(np.arange(first, first + len(batch)), batch)
        first += len(batch)
    index.save(str(place / "index.usearch"))


def usearch_opened(place: Path) -> Search:
    from usearch.index import Index

    index = Index.restore(str(place / "index.usearch"))

    def search(query: Float, effort: Effort) -> Int:
        index.expansion_search = effort[0]
        return np.asarray(index.search(query, K).keys, np.int64)

    return search


def _steps(least: int, most: int) -> Iterable[int]:
    """Steps that double every second time: an engine is to be judged little beyond what it needs."""
    return itertools.takewhile(lambda step: step <= most, (round(least * 2 ** (half / 2)) for half in range(40)))


def _cells(nlist: int) -> list[list[Effort]]:
    return [[(nprobe,) for nprobe in _steps(4, nlist)]]


def _cells_and_candidates(nlist: int) -> list[list[Effort]]:
    return [[(nprobe, factor) for nprobe in _steps(16, nlist)] for factor in (10, 30, 100, 300)]


def _lancedb_cells(nlist: int) -> list[list[Effort]]:
    # Bigger steps: every query takes many milliseconds.
    nprobes = [nprobe for nprobe in (16, 64, 256, 1_024) if nprobe <= nlist // 4]
    return [[(nprobe, factor) for nprobe in nprobes] for factor in (30, 100, 300)]


def _breadths(_: int) -> list[list[Effort]]:
    return [[(ef,) for ef in _steps(16, 4_096)]]


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(OURS, ours_built, ours_opened, lambda _: [[()]]),  # it chooses by itself
        Engine("FAISS IVF-Flat", ivf_flat_built, ivf_flat_opened, _cells),
        Engine("FAISS IVF-PQ, refined", ivf_pq_built, ivf_pq_opened, _cells_and_candidates),
        Engine("LanceDB IVF-PQ, refined", lancedb_built, lancedb_opened, _lancedb_cells),
        Engine("FAISS HNSW", faiss_hnsw_built, faiss_hnsw_opened, _breadths),
        Engine("hnswlib", hnswlib_built, hnswlib_opened, _breadths),
        Engine("usearch, f16", usearch_built, usearch_opened, _breadths),
    )
}
