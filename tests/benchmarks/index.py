"""Search made embeddings by texts, against other engines: recall, milliseconds, memory, building time.

    make benchmark-index

A million segments and 100,000. One engine a process, so that memory is its own; each is built into a folder first and
asked then, and what it reached is kept in a file beside it. So a run that was stopped goes on where it was,
`--engine NAME` runs one, `--table` only shows what is there and `--again` asks again. Recall@10 counts any of equals,
against exact search. A query's time is without the text tower, one query at a time, after all were asked once.

The embeddings are those of gap.py; or real ones, `--sounds FOLDER` of sounds, which `mini` listens to once a second, or
FILE.npy [n, dim] of such. Their texts are then the captions of data/corpus/held_out.csv, and ours is tuned with its own
bank of phrases as always.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gap import Gap
from rivals import ENGINES, OURS, Effort, Float, Given, K, Search

DIM = 1_024
SIZES = (1_000_000, 100_000)
N_TEXTS, N_AUDIO = 300, 100
TARGET, ENOUGH = 0.99, 0.995
# Longer than this a user does not wait for: greater efforts are not tried.
MOST_MS = 100.0


@dataclass
class Data:
    """The embeddings, and the queries with what exact search finds for them."""

    folder: Path
    given: Given
    queries: dict[str, Float]

    def exact(self) -> dict[str, Float]:
        """The ten best scores [n_queries, 10] of each kind of query, best first."""
        kept = self.folder / "truth.npz"
        if not kept.exists():
            both = np.concatenate(list(self.queries.values()))
            best = np.full((len(both), K), -np.inf, np.float32)
            for batch in self.given.batches():
                scores = np.concatenate([best, both @ batch.T], axis=1)
                best = -np.sort(np.partition(-scores, K - 1, axis=1)[:, :K], axis=1)
            np.save(kept.with_suffix(".tmp.npy"), best)
            kept.with_suffix(".tmp.npy").rename(kept)
        best, ends = np.load(kept), np.cumsum([len(rows) for rows in self.queries.values()])[:-1]
        return dict(zip(self.queries, np.split(best, ends), strict=True))


def made(folder: Path, n: int) -> Data:
    path, gap = folder / "sounds.npy", Gap(DIM)
    if not path.exists():
        aside = path.with_suffix(".tmp")
        out = np.lib.format.open_memmap(aside, "w+", np.float32, (n, DIM))
        for seed, first in enumerate(range(0, n, 50_000)):
            out[first : first + 50_000] = gap.sounds(min(50_000, n - first), seed=seed)
        out.flush()
        aside.rename(path)
    queries = {"text": gap.texts(N_TEXTS, seed=99), "audio": gap.sounds(N_AUDIO, seed=9_999)}
    return Data(folder, Given(np.load(path, mmap_mode="r"), lambda k: gap.texts(k, seed=1)), queries)


def real(folder: Path, place: Path) -> Data:
    from soundgrep.indexer.phrases import PHRASES
    from soundgrep.model.encoders.encoder import Encoder

    encoder = Encoder.from_pretrained("mini")
    with (Path(__file__).parents[2] / "data/corpus/held_out.csv").open(encoding="utf-8") as file:
        captions = sorted({row["caption"] for row in csv.DictReader(file)})
    sounds = np.load(place) if place.suffix == ".npy" else listened(folder, place)
    # Every so many is a query and not searched.
    is_query = np.arange(len(sounds)) % max(1, len(sounds) // N_AUDIO) == 0
    queries = {"text": encoder.embed_text(captions), "audio": sounds[is_query]}
    return Data(folder, Given(sounds[~is_query], lambda k: encoder.embed_text(PHRASES[:k])), queries)


def listened(folder: Path, sounds: Path) -> Float:
    """Embeddings [n, dim] of a folder of sounds, a segment a second."""
    from soundgrep import Collection, build_collection

    collection = folder / "real.soundgrep"
    report = build_collection(sounds, collection, encoder="mini", hop_s=1.0)
    print(f"{report.n_clips:,} clips, {report.n_segments:,} segments", file=sys.stderr)
    rows = Collection.open(collection).sql("SELECT embedding FROM segments ORDER BY segment_id").column("embedding")
    embeddings = rows.combine_chunks().values.to_numpy().reshape(len(rows), -1).astype(np.float32)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def memory_mib() -> float:
    """Memory of this process that is not a mapped file's."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def build(name: str, data: Data, place: Path) -> None:
    """Build an engine, if it was not before."""
    if (place / "built.json").exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    started = time.perf_counter()
    ENGINES[name].build(data.given, place)
    (place / "built.json").write_text(json.dumps({"build_s": time.perf_counter() - started}), "utf-8")


def ask(search: Search, effort: Effort, data: Data, exact: dict[str, Float]) -> dict[str, float]:
    """Ask every query."""
    point: dict[str, float] = {}
    for kind, queries in data.queries.items():
        took_ms, found = [], []
        for query in queries:
            started = time.perf_counter()
            found.append(search(query, effort))
            took_ms.append(1e3 * (time.perf_counter() - started))
        hits = 0
        for query, ids, best in zip(queries, found, exact[kind], strict=True):
            scores = data.given.sounds[np.sort(ids[ids >= 0])] @ query
            hits += int((scores >= best[-1] - 2e-5).sum())
        point |= {f"{kind}_recall": hits / exact[kind].size}
        point |= {f"{kind}_p50_ms": float(np.median(took_ms)), f"{kind}_p95_ms": float(np.quantile(took_ms, 0.95))}
    return point


def measure(name: str, data: Data, place: Path) -> dict[str, Any]:
    """Ask at growing effort until nearly all is found, or no more is, or it takes too long."""
    exact, before = data.exact(), memory_mib()
    search = ENGINES[name].open(place)
    points: list[dict[str, Any]] = []
    for group in ENGINES[name].efforts(data.given.nlist):
        reached = 0.0
        for query in data.queries["text"]:
            search(query, group[len(group) // 2])
        for effort in group:
            point = {"effort": effort, **ask(search, effort, data, exact)}
            points.append(point)
            print(name, point, file=sys.stderr, flush=True)
            recall = point["text_recall"]
            if recall >= ENOUGH or point["text_p50_ms"] > MOST_MS or 0.5 < recall < reached + 0.0005:
                break
            reached = recall
    built = json.loads((place / "built.json").read_text("utf-8"))
    return {
        "engine": name,
        "n": len(data.given.sounds),
        "memory_mib": max(0.0, memory_mib() - before),
        "points": points,
        **built,
    }


def best(report: dict[str, Any]) -> dict[str, Any]:
    """The quickest point that reaches the target, or else the one that finds most."""
    there = [point for point in report["points"] if point["text_recall"] >= TARGET]
    if there:
        return min(there, key=lambda point: point["text_p50_ms"])
    return max(report["points"], key=lambda point: point["text_recall"])


def show(reports: list[dict[str, Any]]) -> None:
    print(f"\n{reports[0]['n']:,} segments, {os.cpu_count()} cores")
    print("| engine | recall@10 of texts | median ms | p95 ms | of sounds | memory, GiB | built in, min | times ours |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    mine = next((best(one)["text_p50_ms"] for one in reports if one["engine"] == OURS), None)
    for one in reports:
        point = best(one)
        name = one["engine"] if point["text_recall"] >= TARGET else f"{one['engine']}, at most"
        recall, p50_ms, p95_ms = point["text_recall"], point["text_p50_ms"], point["text_p95_ms"]
        figures = f"{recall:.3f} | {p50_ms:.2f} | {p95_ms:.2f} | {point['audio_recall']:.3f}"
        ratio = "" if mine is None else f"{p50_ms / mine:.1f}"
        print(f"| {name} | {figures} | {one['memory_mib'] / 1024:.2f} | {one['build_s'] / 60:.1f} | {ratio} |")


def plot(reports: list[dict[str, Any]], path: Path) -> None:
    """Draw of each engine what no other of its points beats."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for one in reports:
        points = sorted((point["text_p50_ms"], point["text_recall"]) for point in one["points"])
        front = [(ms, recall) for ms, recall in points if all(recall > other for at, other in points if at < ms)]
        x, y = zip(*((ms, recall) for ms, recall in front if recall > 0.5), strict=True)
        style = {"linewidth": 2.5, "color": "black", "marker": "*", "markersize": 12} if one["engine"] == OURS else {}
        axes.plot(x, y, **{"marker": "o", "markersize": 4, **style}, label=one["engine"])
    axes.axhline(TARGET, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="median milliseconds a query", ylabel="recall@10 of texts")
    axes.set_title(f"{reports[0]['n']:,} segments", fontsize=9)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def kept_in(folder: Path, name: str) -> Path:
    """Where what an engine reached is kept; beside it, without the ending, what was built."""
    return folder / f"{name.replace(', ', '-').replace(' ', '-')}.json"


def run(name: str, asked: argparse.Namespace, folder: Path, n: int) -> None:
    """Build and ask one engine in this process."""
    data = real(folder, asked.sounds) if asked.sounds else made(folder, n)
    kept = kept_in(folder, name)
    place = kept.with_suffix("")
    build(name, data, place)
    if not asked.only_build:
        kept.write_text(json.dumps(measure(name, data, place), indent=1), "utf-8")
        if not asked.keep:
            shutil.rmtree(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=list(ENGINES), help="run only this one, at one size")
    parser.add_argument("--segments", type=int, help="one size instead of both")
    parser.add_argument("--sounds", type=Path, help="real sounds or embeddings instead of made ones")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where all is kept")
    parser.add_argument("--only-build", action="store_true", help="build, and ask in another run")
    parser.add_argument("--keep", action="store_true", help="keep what was built, some GB an engine")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    parser.add_argument("--table", action="store_true", help="only show what was measured")
    parser.add_argument("--plot", type=Path, help="draw the first size")
    asked = parser.parse_args()
    sizes = (0,) if asked.sounds else (asked.segments,) if asked.segments else SIZES
    for number, n in enumerate(sizes):
        folder = asked.folder / f"index-{n or 'real'}"
        folder.mkdir(parents=True, exist_ok=True)
        if asked.engine:
            run(asked.engine, asked, folder, n)
            return
        for name in () if asked.table else ENGINES:
            if asked.again or not kept_in(folder, name).exists():
                more = [] if asked.sounds else ["--segments", str(n)]
                subprocess.run([sys.executable, __file__, *sys.argv[1:], "--engine", name, *more], check=True)
        kept = [kept_in(folder, name) for name in ENGINES]
        reports = [json.loads(path.read_text("utf-8")) for path in kept if path.exists()]
        if reports:
            show(reports)
            if asked.plot and number == 0:
                plot(reports, asked.plot)


if __name__ == "__main__":
    main()
