"""Build the index of a million segments of 1,024 dimensions from its Delta table, in bounded memory.

The table is made once and kept (4 GB); the second run of the script is the one to time. Must reach: under 10 minutes
on two cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from gap import Gap

from soundgrep.search.index import Source, build_index
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


def build(table: Table, out: Path, *, n: int, dim: int) -> IndexRecord:
    """Build the index and print what each stage took."""
    gap, stages, started = Gap(dim), [("", time.perf_counter())], time.perf_counter()

    def stage(name: str, share: float) -> None:
        if name != stages[-1][0]:
            stages.append((name, time.perf_counter()))

    source = Source(lambda: table.read_embeddings(embedding_dim=dim), n, dim, lambda k: gap.texts(k, seed=1))
    record = build_index(out, "000001", source, progress=stage)
    ends = [at for _, at in stages[2:]] + [time.perf_counter()]
    print(f"{n:,} segments of {dim:,} dimensions, {record.nlist:,} cells")
    for (name, at), end in zip(stages[1:], ends, strict=True):
        print(f"  {name:<20}{end - at:8.1f} s")
    print(f"  {'together':<20}{time.perf_counter() - started:8.1f} s")
    print(f"  {'peak memory':<20}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1_024)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where the table is kept")
    parser.add_argument("--only-table", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    name = f"{asked.segments}x{asked.dim}"
    table = make_table(asked.folder / f"segments-{name}", n=asked.segments, dim=asked.dim)
    if asked.only_table:
        return
    out = asked.folder / f"index-{name}"
    shutil.rmtree(out, ignore_errors=True)
    record = build(table, out, n=asked.segments, dim=asked.dim)
    (out / "record.json").write_text(json.dumps(dataclasses.asdict(record), indent=2), "utf-8")


if __name__ == "__main__":
    main()
