"""Facets over a million clips: reading them once, and counting them again after each choice.

The rival is what a page would do without them: one `GROUP BY` a facet in DuckDB, over the same tables.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundgrep import Collection, build_collection
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.search import Collections
from soundgrep.search.facets.counting import Facets
from soundgrep.search.facets.narrowing import Narrowing
from soundgrep.search.querying.condition import Condition
from soundgrep.search.store.manifest import CLIPS_FOLDER, read_manifest, write_manifest
from soundgrep.search.store.schema import CLIPS
from soundgrep.search.store.tables import Table

N_TIMES = 7
CODECS = ("flac", "mp3", "vorbis", "pcm_s16le", "aac", "opus")
GENRES = ("field", "foley", "music", "speech", None)


def made_clips(n: int) -> pa.Table:
    """Clips [n] as a large library has them: 2,000 folders in three levels."""
    rng = np.random.default_rng(0)
    numbers = np.arange(n)
    folder = rng.integers(0, 2_000, n)
    paths = [f"/library/{f % 10}/{f % 100}/{f}/clip {i:07d}.wav" for f, i in zip(folder.tolist(), numbers, strict=True)]
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    columns: dict[str, object] = {
        "clip_id": rng.permutation(n * 8)[:n].astype(np.int64),
        "path": paths,
        "size_bytes": np.full(n, 100_000),
        "mtime_ns": numbers,
        "content_hash": [f"{i:032x}" for i in range(n)],
        "container": ["wav"] * n,
        "codec": [CODECS[i] for i in rng.integers(0, len(CODECS), n)],
        "sampling_rate_hz": rng.choice([22_050, 44_100, 48_000, 96_000], n),
        "n_channels": rng.choice([1, 2, 6], n),
        "duration_s": rng.lognormal(1.5, 1.5, n),
        "genre": [GENRES[i] for i in rng.integers(0, len(GENRES), n)],
        "tags": ["{}"] * n,
        "n_segments": np.ones(n, np.int32),
        "indexed_at": [now] * n,
    }
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type) for f in CLIPS]
    return pa.Table.from_arrays(arrays, schema=CLIPS)


def made_collection(folder: Path, n: int) -> Collection:
    """A collection of so many clips, with labels and columns of the user's; made once and kept."""
    if not folder.exists():
        aside = folder.with_suffix(".tmp")
        shutil.rmtree(aside, ignore_errors=True)
        build_collection("data/demo/kitchen", aside, n_workers=1)
        clips = made_clips(n)
        table = Table.open(aside / CLIPS_FOLDER)
        table.overwrite(clips)
        write_manifest(aside, dataclasses.replace(read_manifest(aside), clips_version=table.version, n_clips=n))
        rng, ids = np.random.default_rng(1), clips.column("clip_id")
        labels = [f"label {i}" for i in rng.integers(0, 50, n)]
        best = {
            "clip_id": ids,
            "label": labels,
            "rank": np.ones(n, np.int32),
            "score": rng.random(n).astype(np.float32),
        }
        write_annex(aside, "labels", pa.table(best))
        own = {"clip_id": ids, "rating": rng.integers(1, 6, n), "loudness": rng.normal(-20, 9, n)}
        write_annex(aside, "metadata", pa.table(own))
        aside.rename(folder)
    return Collection.open(folder)


def median_ms(work: Callable[[], object]) -> float:
    """Milliseconds of some work, the median of several times."""
    times = []
    for _ in range(N_TIMES):
        started = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where the collection is kept")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    collection = made_collection(asked.folder / f"facets-{asked.clips}", asked.clips)
    started = time.perf_counter()
    facets = Facets(Collections([collection]))
    read_s = time.perf_counter() - started
    print(
        f"{asked.clips:,} clips, {len(facets.names)} facets: {', '.join(facets.names)}; read once in {read_s:.1f} s\n"
    )
    print(f"{'counted under':<46}{'facets ms':>11}{'GROUP BY ms':>13}{'ratio':>8}")
    cases = {
        "nothing": (Narrowing(), None),
        "a codec": (Narrowing({"codec": ("flac",)}), None),
        "a folder, two rates, a label from 0.5": (
            Narrowing({"path": ("/library/3",), "sampling_rate_hz": ("44100", "48000"), "label": ("label 7",)}, 0.5),
            None,
        ),
        "a codec, and a condition in SQL": (Narrowing({"codec": ("flac",)}), "duration_s < 30"),
    }
    for name, (narrowing, where) in cases.items():
        ours = median_ms(lambda narrowing=narrowing, where=where: facets.count(narrowing, where=where))
        theirs = median_ms(lambda narrowing=narrowing, where=where: grouped(collection, facets, narrowing, where))
        print(f"{name:<46}{ours:>11.1f}{theirs:>13.1f}{theirs / ours:>8.1f}")


def grouped(collection: Collection, facets: Facets, narrowing: Narrowing, where: str | None) -> None:
    """Count in SQL, each facet under the choices of the others."""
    for name in facets.names:
        others = Condition.joined(Condition(where), facets.condition(narrowing.with_chosen(name, ())))
        column = {"path": "regexp_replace(path, '/[^/]*$', '')", "duration_s": "floor(log2(duration_s))"}.get(
            name, "round(loudness, -1)" if name == "loudness" else f'"{name}"'
        )
        collection.sql(
            f"SELECT {column}, count(*) FROM clips WHERE ({others.where or 'true'}) GROUP BY 1", values=others.values
        )


if __name__ == "__main__":
    main()
