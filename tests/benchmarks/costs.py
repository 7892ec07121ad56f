"""Measure what the steps of a search cost, and print the constants of soundgrep/search/index/costs.py.

    OMP_NUM_THREADS=1 python tests/benchmarks/costs.py

Made indexes of several sizes are searched exactly and through their cells, and lines are fitted to the processor time
of the calling thread, the shortest of several tries: how busy the machine is matters little. Cells are drawn, not
found, because only their number and size count here.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from soundgrep.search.index.celled import Celled
from soundgrep.search.index.cells import Cells
from soundgrep.search.index.embeddings import HalfEmbeddings
from soundgrep.search.index.space import Space
from soundgrep.search.store.manifest import Costs, Tuning

Float = npt.NDArray[np.float32]
SHAPES = list(itertools.product((40_000, 160_000), ((512, 128), (1_024, 128), (1_024, 320))))
SHARES = (0.01, 0.05, 0.2)
N_RANKED, N_QUERIES, N_TRIES = (50, 400), 24, 5


@dataclass
class Fit:
    """Counts of what was done [n, n_terms], and the nanoseconds that it took [n]."""

    counts: list[list[float]]
    took_ns: list[float]

    def solve(self) -> tuple[Float, float]:
        """The nanoseconds of each thing, and the median relative error."""
        from scipy.optimize import nnls

        counts, took = np.array(self.counts), np.array(self.took_ns)
        # Relative errors count: a search that takes long is no more important than one that does not.
        costs, _ = nnls(counts / took[:, None], np.ones(len(took)))
        return costs, float(np.median(np.abs(counts @ costs / took - 1)))


def took_ns(act: Callable[[Float], object], queries: Float) -> float:
    """The median over queries of the shortest of several tries, other queries between them: caches are as in life."""
    tries = np.empty((N_TRIES, len(queries)))
    for number, place in itertools.product(range(N_TRIES), range(len(queries))):
        started = time.thread_time_ns()
        act(queries[place])
        tries[number, place] = time.thread_time_ns() - started
    return float(np.median(tries.min(axis=0)))


def made(folder: Path, n: int, dim: int, code_dim: int) -> Celled:
    """An index with cells, of noise."""
    rng = np.random.default_rng(0)
    path = folder / f"{n}x{dim}"
    with path.open("wb") as file:
        for _ in range(0, n, 10_000):
            rows = rng.standard_normal((10_000, dim), np.float32)
            file.write((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f2").tobytes())
    stored = HalfEmbeddings.open(path, n=n, embedding_dim=dim)
    nlist = round(4 * n**0.5)
    space = Space(mean=np.zeros(dim, np.float32), axes=np.eye(code_dim, dim, dtype=np.float32))
    points = space.segments(stored.embeddings(np.arange(10_000)))
    cells = Cells.around(points[rng.integers(0, len(points), nlist)], points, space=space)
    homes = np.sort(rng.integers(0, nlist, n))
    for first, rows in stored.blocks(10_000):
        cells.add(rows, homes[first : first + len(rows)])
    return Celled(cells, stored, Tuning(0.99, 0.1, N_RANKED[0], n, 1.0, 1, 1.0, (), (), Costs(0, 0, 0)))


def engines() -> Iterator[Celled]:
    for n, (dim, code_dim) in SHAPES:
        with TemporaryDirectory() as folder:
            yield made(Path(folder), n, dim, code_dim)


class Fits(dict[str, Fit]):
    """What was measured, by step."""

    def add(self, step: str, counts: list[float], act: Callable[[Float], object], queries: Float) -> None:
        fit = self.setdefault(step, Fit([], []))
        fit.counts.append(counts)
        fit.took_ns.append(took_ns(act, queries))


def measure(engine: Celled, fits: Fits) -> None:
    (n, dim), cells, rng = engine.shape, engine.cells, np.random.default_rng(1)
    nlist, code_dim = cells.nlist, cells.space.dim
    queries = engine.stored.embeddings(rng.integers(0, n, N_QUERIES))
    for share in SHARES:
        some = rng.random(n) < share
        m = int(some.sum())
        fits.add("scan", [1, n, m, m * dim], lambda q: engine.stored.nearest(q, 10, allowed=some), queries)  # noqa: B023
    for n_ranked in N_RANKED:
        places = {query.tobytes(): rng.integers(0, n, n_ranked) for query in queries}
        ranked = [1, n_ranked * dim]
        fits.add("rank", ranked, lambda q: engine.stored.scores(q, places[q.tobytes()]), queries)  # noqa: B023
    fits.add("carry over", [1, dim * code_dim], cells.space.query, queries)
    queries, every = cells.space.queries(queries), np.ones(n, np.bool_)
    choice = [1, nlist, nlist * code_dim, 0]
    fits.add("choose", choice, lambda q: cells.choose(q, 32, spread_weight=0.1, allowed=None), queries)
    choice = [1, nlist, nlist * code_dim, n]
    fits.add("choose", choice, lambda q: cells.choose(q, 32, spread_weight=0.1, allowed=every), queries)
    for nprobe, is_filtered in itertools.product((8, 32, 128, 512), (False, True)):
        chosen = {query.tobytes(): rng.choice(nlist, nprobe, replace=False) for query in queries}
        allowed, codes = every if is_filtered else None, nprobe * n / nlist
        compared = [1, nprobe, codes, codes * code_dim, n * is_filtered, codes * is_filtered]
        fits.add(
            "compare",
            compared,
            lambda q: cells.candidates(q, chosen[q.tobytes()], N_RANKED[-1], allowed=allowed),  # noqa: B023
            queries,
        )


TERMS = {
    "scan": ("once", "a segment there", "a segment compared", "a number of it"),
    "carry over": ("once", "a number of an axis"),
    "choose": ("once", "a cell there", "a number of its centre", "a segment there, if filtered"),
    "compare": (
        "once",
        "a cell visited",
        "a code",
        "a number of it",
        "a segment there, if filtered",
        "a code, if filtered",
    ),
    "rank": ("once", "a number of a candidate"),
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    fits = Fits()
    for engine in engines():
        measure(engine, fits)
    for step, terms in TERMS.items():
        costs, error = fits[step].solve()
        print(f"{step}: nanoseconds, off by {error:.0%} in the median")
        for term, cost in zip(terms, costs, strict=True):
            print(f"    {term:<30}{cost:10.4f}")


if __name__ == "__main__":
    main()
