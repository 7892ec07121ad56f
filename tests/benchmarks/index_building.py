"""Build the index of a million segments of 1,024 dimensions from its Delta table, in bounded memory.

The table is made once and kept (4 GB); the second run of the script is the one to time. Must reach: under 10 minutes
on two cores. Memory is the process's own: of the files that it maps, the system keeps in memory what it has room for.
`--only N` takes the first segments of the table, to see how time and memory grow.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from gap import Gap

from soundgrep.search.index.building import Source, build_index
from soundgrep.search.store.manifest import IndexRecord
from soundgrep.search.store.schema import SEGMENTS, embedding_column
from soundgrep.search.store.tables import Table

N_BATCH = 50_000


def make_table(folder: Path, *, n: int, dim: int) -> Table:
    """The segments table of a made collection: five segments a clip."""
    if folder.exists():
        return Table.open(folder)
    aside = folder.with_suffix(".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    table, gap = Table.create(aside, SEGMENTS), Gap(dim)
    for seed, first in enumerate(range(0, n, N_BATCH)):
        embeddings = gap.sounds(min(N_BATCH, n - first), seed=seed)
        ids = np.arange(first, first + len(embeddings), dtype=np.int64)
        columns = [ids, ids // 5, (ids % 5).astype(np.float64), (ids % 5 + 1).astype(np.float64)]
        arrays = [*(pa.array(column) for column in columns), embedding_column(embeddings)]
        table.append(pa.Table.from_arrays(arrays, schema=SEGMENTS))
        print(f"\rmaking the table: {first + len(ids):,}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    aside.rename(folder)
    return Table.open(folder)


def own_memory_gib() -> float:
    """Memory of this process without the files it maps."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("RssAnon:")[2].split()[0]) / 2**20


class Stages:
    """Seconds and peak memory of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak_gib: dict[str, float] = {}
        self._now, self._since_s = "", time.perf_counter()
        self._done = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def note(self, name: str, share: float = 0.0) -> None:
        if name != self._now:
            now_s = time.perf_counter()
            self.seconds[self._now] = self.seconds.get(self._now, 0.0) + now_s - self._since_s
            self._now, self._since_s = name, now_s

    def end(self) -> None:
        self.note("")
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.peak_gib[self._now] = max(self.peak_gib.get(self._now, 0.0), own_memory_gib())


def build(table: Table, out: Path, *, n: int, dim: int) -> IndexRecord:
    """Build the index and print what each stage took."""
    gap, before_gib = Gap(dim), own_memory_gib()

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        left = n
        for ids, embeddings in table.read_embeddings(embedding_dim=dim):
            yield ids[:left], embeddings[:left]
            left -= len(ids)
            if left <= 0:
                return

    stages = Stages()
    record = build_index(out, "000001", Source(batches, n, dim, lambda k: gap.texts(k, seed=1)), progress=stages.note)
    stages.end()
    print(f"{n:,} segments of {dim:,} dimensions, {record.nlist:,} cells; {before_gib:.2f} GiB before")
    for name, seconds in stages.seconds.items():
        if name:
            print(f"  {name:<20}{seconds:8.1f} s  {stages.peak_gib.get(name, 0.0):6.2f} GiB")
    print(f"  {'together':<20}{sum(stages.seconds.values()):8.1f} s  {max(stages.peak_gib.values()):6.2f} GiB")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1_024)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where the table is kept")
    parser.add_argument("--only-table", action="store_true")
    parser.add_argument("--only", type=int, help="segments of the table to index, by default all")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    n = asked.only or asked.segments
    name = f"{asked.segments}x{asked.dim}"
    table = make_table(asked.folder / f"segments-{name}", n=asked.segments, dim=asked.dim)
    if asked.only_table:
        return
    out = asked.folder / f"index-{n}x{asked.dim}"
    shutil.rmtree(out, ignore_errors=True)
    record = build(table, out, n=n, dim=asked.dim)
    (out / "record.json").write_text(json.dumps(dataclasses.asdict(record), indent=2), "utf-8")


if __name__ == "__main__":
    main()
