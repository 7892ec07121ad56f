"""Search a million made embeddings by texts, against other engines: recall, milliseconds, memory, building time.

One engine a process, so that memory is its own; what each reached is kept in a JSON file beside the vectors, and the
table is made of all that are there. Without arguments every engine is run, ours first: hours on two cores. With
`--engine NAME` one is; with `--table` none is. Recall@10 counts any of equals, against exact search; a query's time is
without the text tower, one query at a time, as many threads as the engine takes by itself on the cores there are.

The vectors are those of gap.py, or with `--sounds FILE.npy` real ones [n, dim] that `mini` made, in which case the
texts are the captions of data/corpus/held_out.csv, and ours is tuned with its own bank of phrases as always.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gap import Gap

Float = npt.NDArray[np.float32]
Search = Callable[[Float, int], npt.NDArray[np.int64]]

N_MADE, DIM = 1_000_000, 1_024
N_QUERIES = 300
TARGETS = (0.95, 0.99)
OURS = "soundgrep"


@dataclass
class Data:
    """The vectors, and the queries with what exact search finds for them."""

    folder: Path
    sounds: Float
    texts: Float
    audio: Float
    bank: Callable[[int], Float]

    def exact(self, queries: Float) -> Float:
        """The ten best scores [n_queries, 10], best first."""
        best = np.full((len(queries), 10), -np.inf, np.float32)
        for first in range(0, len(self.sounds), 50_000):
            scores = np.concatenate([best, queries @ self.sounds[first : first + 50_000].T], axis=1)
            best = -np.sort(np.partition(-scores, 9, axis=1)[:, :10], axis=1)
        return best


def made(folder: Path, n: int) -> Data:
    path, gap = folder / f"sounds-{n}x{DIM}.npy", Gap(DIM)
    if not path.exists():
        out = np.lib.format.open_memmap(path.with_suffix(".tmp"), "w+", np.float32, (n, DIM))
        for seed, first in enumerate(range(0, n, 50_000)):
            out[first : first + 50_000] = gap.sounds(min(50_000, n - first), seed=seed)
        out.flush()
        path.with_suffix(".tmp").rename(path)
    sounds = np.load(path, mmap_mode="r")
    return Data(
        folder, sounds, gap.texts(N_QUERIES, seed=99), gap.sounds(N_QUERIES, seed=9_999), lambda k: gap.texts(k, seed=1)
    )


def real(folder: Path, path: Path) -> Data:
    from soundgrep.indexer.phrases import PHRASES
    from soundgrep.model.encoder import Encoder

    encoder = Encoder.from_pretrained("mini")
    with (Path(__file__).parents[2] / "data/corpus/held_out.csv").open(encoding="utf-8") as file:
        captions = sorted({row["caption"] for row in csv.DictReader(file)})
    sounds = np.load(path)
    # Every so many is a query and not searched.
    is_query = np.arange(len(sounds)) % (len(sounds) // N_QUERIES) == 0
    return Data(
        folder,
        np.ascontiguousarray(sounds[~is_query]),
        encoder.embed_text(captions),
        sounds[is_query],
        lambda k: encoder.embed_text(PHRASES[:k]),
    )


def batches(sounds: Float) -> Iterator[Float]:
    for first in range(0, len(sounds), 20_000):
        yield np.ascontiguousarray(sounds[first : first + 20_000])


def steps(most: int) -> list[int]:
    return [2**power for power in range(12) if 2**power <= most]


def ours(data: Data) -> tuple[Search, list[int]]:
    from soundgrep.search.index import Index, Source, build_index

    folder = data.folder / "ours"
    shutil.rmtree(folder, ignore_errors=True)

    def source() -> Iterator[tuple[npt.NDArray[np.int64], Float]]:
        first = 0
        for batch in batches(data.sounds):
            yield np.arange(first, first + len(batch), dtype=np.int64), batch
            first += len(batch)

    dim = data.sounds.shape[1]
    record = build_index(folder, "000001", Source(source, len(data.sounds), dim, data.bank))
    index = Index.open(folder, record, embedding_dim=dim)
    # The one that the index chose by itself: 0 stands for "as tuned".
    return (lambda query, _: index.segment_ids[index.search(query, 10)[1]]), [0]


def faiss_cells(data: Data, *, pq: bool) -> tuple[Search, list[int]]:
    import faiss as untyped

    faiss: Any = untyped
    dim, n = data.sounds.shape[1], len(data.sounds)
    nlist = round(4 * n**0.5)
    quantizer = faiss.IndexFlatIP(dim)
    if pq:
        index: Any = faiss.IndexIVFPQ(quantizer, dim, nlist, dim // 8, 8, faiss.METRIC_INNER_PRODUCT)
        # Its defaults train for many minutes.
        index.pq.cp.niter, index.pq.cp.max_points_per_centroid = 8, 64
        refined = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        whole = faiss.IndexRefine(index, refined)
    else:
        index = whole = faiss.IndexIVFFlat(quantizer, dim, nlist, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = 40
    drawn = np.sort(np.random.default_rng(0).choice(n, min(n, 40 * nlist), replace=False))
    whole.train(data.sounds[drawn])
    for batch in batches(data.sounds):
        whole.add(batch)

    def search(query: Float, nprobe: int) -> npt.NDArray[np.int64]:
        parameters = faiss.SearchParametersIVF(nprobe=nprobe)
        if pq:
            parameters = faiss.IndexRefineSearchParameters(k_factor=20, base_index_params=parameters)
        found: npt.NDArray[np.int64] = whole.search(query[np.newaxis], 10, params=parameters)[1][0]
        return found

    return search, steps(nlist)


def lancedb_cells(data: Data) -> tuple[Search, list[int]]:
    import lancedb.index
    import pyarrow as pa

    dim, n = data.sounds.shape[1], len(data.sounds)
    folder = data.folder / "lancedb"
    shutil.rmtree(folder, ignore_errors=True)

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in batches(data.sounds):
            column = pa.FixedSizeListArray.from_arrays(pa.array(batch.ravel()), dim)
            yield pa.record_batch([pa.array(range(first, first + len(batch))), column], ["id", "vector"])
            first += len(batch)

    schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.float32(), dim))])
    table = lancedb.connect(str(folder)).create_table("sounds", rows(), schema=schema)
    cells = lancedb.index.IvfPq(distance_type="dot", num_partitions=round(4 * n**0.5))
    table.create_index("vector", config=cells)

    def search(query: Float, nprobe: int) -> npt.NDArray[np.int64]:
        asked = table.search(query).distance_type("dot").nprobes(nprobe).refine_factor(20).limit(10).select(["id"])
        return asked.to_arrow().column("id").to_numpy()

    return search, steps(round(4 * n**0.5))


def faiss_hnsw(data: Data) -> tuple[Search, list[int]]:
    import faiss as untyped

    faiss: Any = untyped
    index = faiss.IndexHNSWFlat(data.sounds.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 64
    for batch in batches(data.sounds):
        index.add(batch)
    return (
        lambda query, ef: index.search(query[np.newaxis], 10, params=faiss.SearchParametersHNSW(efSearch=ef))[1][0],
        [16, 32, 64, 128, 256, 512, 1024],
    )


def hnswlib_graph(data: Data) -> tuple[Search, list[int]]:
    import hnswlib

    index = hnswlib.Index("ip", data.sounds.shape[1])
    index.init_index(len(data.sounds), M=16, ef_construction=64)
    for batch in batches(data.sounds):
        index.add_items(batch)

    def search(query: Float, ef: int) -> npt.NDArray[np.int64]:
        index.set_ef(ef)
        found: npt.NDArray[np.int64] = index.knn_query(query, 10)[0][0].astype(np.int64)
        return found

    return search, [16, 32, 64, 128, 256, 512, 1024]


def usearch_graph(data: Data) -> tuple[Search, list[int]]:
    from usearch.index import Index

    index = Index(ndim=data.sounds.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=64)
    first = 0
    for batch in batches(data.sounds):
        index.add(np.arange(first, first + len(batch)), batch)
        first += len(batch)

    def search(query: Float, ef: int) -> npt.NDArray[np.int64]:
        index.expansion_search = ef
        return np.asarray(index.search(query, 10).keys, np.int64)

    return search, [16, 32, 64, 128, 256, 512, 1024]


ENGINES: dict[str, Callable[[Data], tuple[Search, list[int]]]] = {
    OURS: ours,
    "FAISS IVF-Flat": lambda data: faiss_cells(data, pq=False),
    "FAISS IVF-PQ, refined": lambda data: faiss_cells(data, pq=True),
    "LanceDB IVF-PQ, refined": lancedb_cells,
    "FAISS HNSW": faiss_hnsw,
    "hnswlib": hnswlib_graph,
    "usearch, f16": usearch_graph,
}


def anonymous_mib() -> float:
    """Memory of this process that is not a mapped file's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def measure(name: str, data: Data) -> dict[str, Any]:
    """Build, and search at growing effort until the highest target is passed."""
    before, started = anonymous_mib(), time.perf_counter()
    search, efforts = ENGINES[name](data)
    report: dict[str, Any] = {"engine": name, "build_s": time.perf_counter() - started, "points": []}
    kinds = {"text": (data.texts, data.exact(data.texts)), "audio": (data.audio, data.exact(data.audio))}
    for effort in efforts:
        point: dict[str, float] = {"effort": effort}
        for kind, (queries, exact) in kinds.items():
            hits, took_ms = 0, []
            for query, best in zip(queries, exact, strict=True):
                started = time.perf_counter()
                found = search(query, effort)
                took_ms.append(1e3 * (time.perf_counter() - started))
                hits += int((data.sounds[np.sort(found[found >= 0])] @ query >= best[-1] - 2e-5).sum())
            point |= {f"{kind}_recall": hits / exact.size}
            point |= {f"{kind}_p50_ms": float(np.median(took_ms)), f"{kind}_p95_ms": float(np.quantile(took_ms, 0.95))}
        report["points"].append(point)
        print(name, point, file=sys.stderr, flush=True)
        if point["text_recall"] >= max(TARGETS) + 0.003:
            break
    report["memory_mib"] = anonymous_mib() - before
    report["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return report


def at(report: dict[str, Any], target: float) -> dict[str, float] | None:
    """The least effort that reaches a recall of texts."""
    return next((point for point in report["points"] if point["text_recall"] >= target), None)


def show(reports: list[dict[str, Any]]) -> None:
    print(
        "| engine | texts: recall@10 | p50 ms | p95 ms | sounds: recall@10 | memory, GiB | built in, min | times ours |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    mine = next((at(one, max(TARGETS)) or one["points"][-1] for one in reports if one["engine"] == OURS), None)
    for one in reports:
        point = at(one, max(TARGETS)) or one["points"][-1]
        ratio = "" if mine is None else f"{point['text_p50_ms'] / mine['text_p50_ms']:.1f}"
        recall, p50_ms, p95_ms = point["text_recall"], point["text_p50_ms"], point["text_p95_ms"]
        figures = f"{recall:.3f} | {p50_ms:.2f} | {p95_ms:.2f} | {point['audio_recall']:.3f}"
        print(f"| {one['engine']} | {figures} | {one['memory_mib'] / 1024:.2f} | {one['build_s'] / 60:.1f} | {ratio} |")


def plot(reports: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for one in reports:
        points = [point for point in one["points"] if point["text_recall"] > 0.5]
        style = {"linewidth": 2.5, "color": "black", "marker": "*", "markersize": 12} if one["engine"] == OURS else {}
        x, y = [point["text_p50_ms"] for point in points], [point["text_recall"] for point in points]
        axes.plot(x, y, **{"marker": "o", "markersize": 4, **style}, label=one["engine"])
    axes.axhline(max(TARGETS), color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="median milliseconds a query", ylabel="recall@10 of texts")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=list(ENGINES))
    parser.add_argument("--table", action="store_true", help="only show what was measured")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--segments", type=int, default=N_MADE)
    parser.add_argument("--sounds", type=Path, help="real embeddings instead of made ones")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    kept = asked.folder / f"index-{'real' if asked.sounds else asked.segments}.json"
    reports = json.loads(kept.read_text()) if kept.exists() else {}
    if asked.engine:
        data = real(asked.folder, asked.sounds) if asked.sounds else made(asked.folder, asked.segments)
        reports[asked.engine] = measure(asked.engine, data)
        kept.write_text(json.dumps(reports, indent=1))
    elif not asked.table:
        for name in ENGINES:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--engine", name], check=True)
        reports = json.loads(kept.read_text())
    ordered = [reports[name] for name in ENGINES if name in reports]
    print(f"{os.cpu_count()} cores")
    show(ordered)
    if asked.plot:
        plot(ordered, asked.plot)


if __name__ == "__main__":
    main()
