"""Search a million made embeddings by texts under filters: recall, and time against comparing all that a filter leaves.

    make benchmark-filters

Filters at random, as of a codec or a date, and filters that keep what sounds alike, as of a folder or a label, which an
index with cells finds harder. Must reach: recall@10 as the index was tuned for, 0.99, and never over 1.1 times as long
as the exact scan, which compares the same half-precision numbers of the segments allowed in FAISS's own loop. Each
query runs through both, one after the other, in one thread; table and index are those of benchmark-index_building.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gap import Gap
from made_index import made_index

from soundgrep.search.index.celled import Celled

SHARES = (0.5, 0.1, 0.01, 0.001)
K, N_QUERIES, N_TIMED = 10, 500, 60
Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


def filters(engine: Celled, gap: Gap) -> dict[tuple[str, float], Bool]:
    """What each filter allows [n]."""
    drawn = np.random.default_rng(5).random(len(engine.cells), np.float32)
    one = gap.sounds(1, seed=12_345)[0]
    closeness = np.concatenate([embeddings @ one for _, embeddings in engine.stored.blocks(8_192)])
    kept = {("at random", share): drawn < share for share in SHARES}
    kept |= {("alike", share): closeness >= np.quantile(closeness, 1 - share) for share in SHARES}
    return {("none", 1.0): np.ones(len(drawn), np.bool_), **kept}


def exact(engine: Celled, queries: Float, allowed: list[Bool]) -> list[Float]:
    """The ten best scores [n_queries, 10] under each filter."""
    best = [np.full((len(queries), K), -np.inf, np.float32) for _ in allowed]
    for first, embeddings in engine.stored.blocks(8_192):
        scores = queries @ embeddings.T
        for number, mask in enumerate(allowed):
            inside = mask[first : first + len(embeddings)]
            seen = np.concatenate([best[number], scores[:, inside]], axis=1)
            best[number] = np.partition(seen, seen.shape[1] - K, axis=1)[:, -K:]
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1_024)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where table and index are kept")
    asked = parser.parse_args()
    place, record = made_index(asked.folder, n=asked.segments, dim=asked.dim)
    engine = Celled.open(place / record.generation, record, embedding_dim=asked.dim, sums=None)
    gap = Gap(asked.dim)
    queries, kept = gap.texts(N_QUERIES, seed=99), filters(engine, gap)
    truths = exact(engine, queries, list(kept.values()))
    print(f"{len(engine.cells):,} segments of {asked.dim:,} dimensions, tuned for {engine.tuning.target_recall}")
    print("| filter | leaves | plan | recall@10 | median ms | exact scan, ms | times exact |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for ((name, share), mask), truth in zip(kept.items(), truths, strict=True):
        allowed, n_allowed = None if name == "none" else mask, int(mask.sum())
        hits, took_ms, exact_ms = 0, [], []
        for number, (query, best) in enumerate(zip(queries, truth, strict=True)):
            engine.search(query, K, n_sure=K, allowed=allowed)
            started = time.perf_counter()
            scores, _ = engine.search(query, K, n_sure=K, allowed=allowed)
            took_ms.append(1e3 * (time.perf_counter() - started))
            hits += int((scores >= best.min() - 2e-5).sum())
            if number < N_TIMED:
                started = time.perf_counter()
                engine.stored.nearest(query, K, allowed=allowed)
                exact_ms.append(1e3 * (time.perf_counter() - started))
        nprobe = engine.nprobe(K, n_allowed=n_allowed)
        plan = "exact" if nprobe is None else f"{nprobe:,} of {engine.nlist:,} cells"
        mine, theirs = float(np.median(took_ms)), float(np.median(exact_ms))
        recall = hits / (min(K, n_allowed) * len(queries))
        print(f"| {name} | {share:.1%} | {plan} | {recall:.3f} | {mine:.2f} | {theirs:.2f} | {mine / theirs:.2f} |")


if __name__ == "__main__":
    main()
