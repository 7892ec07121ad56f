"""A warm search of a million segments, text to hits, beside the text tower alone.

    make benchmark-warm

The full-size text tower with random weights, which cost the time of real ones, and texts of 12 tokens that were never
asked before; the segments are made, five a clip, in a collection as the indexer leaves it. Both alternate, as many
threads as they take by themselves. Must reach: the median of the whole at most 1.4 times the tower's.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command and the service have it

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_index import made_index, table_folder
from text_tower import WORDS, full_size

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.search import Collection
from soundgrep.search.store.manifest import EncoderRecord, Manifest, write_manifest
from soundgrep.search.store.schema import CLIPS
from soundgrep.search.store.tables import Table

N_QUERIES, DIM = 200, 1_024
SEGMENTS_A_CLIP = 5


def made_collection(folder: Path, place: Path, encoder: Encoder, *, n: int) -> Collection:
    """A collection around the table and the index of benchmark-index_building."""
    index, record = made_index(folder, n=n, dim=DIM)
    ids = np.arange(n // SEGMENTS_A_CLIP, dtype=np.int64)
    paths = [f"/sounds/{number % 1_000:03d}/{number:06d}.wav" for number in ids]
    given = {"clip_id": ids, "path": paths, "duration_s": np.full(len(ids), 5.0), "size_bytes": ids}
    columns = [
        pa.array(given[field.name], field.type) if field.name in given else default(field, len(ids)) for field in CLIPS
    ]
    clips = Table.create(place / "clips", CLIPS)
    clips.append(pa.Table.from_arrays(columns, schema=CLIPS))
    segments = table_folder(folder, n=n, dim=DIM).absolute()
    (place / "segments").symlink_to(segments)
    (place / "index").symlink_to(index.absolute())
    manifest = Manifest(
        encoder=EncoderRecord(id=encoder.id, digest=encoder.digest, source=str(encoder.source)),
        embedding_dim=DIM,
        sampling_rate_hz=encoder.sampling_rate_hz,
        segment_s=1.0,
        hop_s=1.0,
        pipeline_version=1,
        clips_version=clips.version,
        segments_version=Table.open(segments).version,
        n_clips=len(ids),
        n_segments=n,
        created_at="2026-01-01T00:00:00+00:00",
        updated_at="2026-01-01T00:00:00+00:00",
        index=record,
    )
    write_manifest(place, manifest)
    return Collection.open(place, encoder=encoder)


def default(field: pa.Field, n: int) -> pa.Array:
    """A column that no search looks at."""
    if field.nullable:
        return pa.nulls(n, field.type)
    if pa.types.is_string(field.type):
        return pa.array([""] * n, field.type)
    return pa.array(np.ones(n, np.int64)).cast(field.type)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"), help="where table and index are kept")
    asked = parser.parse_args()
    place = asked.folder.absolute() / f"made-{asked.segments}.soundgrep"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as weights:
        encoder = Encoder.from_pretrained(full_size(Path(weights)))
        collection = made_collection(asked.folder, place, encoder, n=asked.segments)
        rng = np.random.default_rng(0)

        def text() -> str:
            return "a " + " ".join(rng.choice(WORDS, 9))

        for _ in range(20):
            encoder.embed_text([text()])
            collection.search(text())
            collection.search(text(), where="size_bytes % 10 = 0")
        took: dict[str, list[float]] = {"the text tower alone": [], "text to hits": [], "with a filter of a tenth": []}
        parts: list[tuple[float, float]] = []
        for _ in range(N_QUERIES):
            started = time.perf_counter()
            encoder.embed_text([text()])
            at = [started, time.perf_counter()]
            explanation = collection.search(text(), explain=True).explanation
            at.append(time.perf_counter())
            collection.search(text(), where="size_bytes % 10 = 0")
            at.append(time.perf_counter())
            for times, took_s in zip(took.values(), np.diff(at), strict=True):
                times.append(1e3 * took_s)
            if explanation is not None:
                parts.append((explanation.query_ms, explanation.ranking_ms))
    tower_ms = float(np.median(took["the text tower alone"]))
    print(f"{asked.segments:,} segments, {N_QUERIES} texts, {os.cpu_count()} cores")
    for name, times in took.items():
        p50_ms, p95_ms = float(np.median(times)), float(np.quantile(times, 0.95))
        print(f"{name:26} {p50_ms:7.1f} ms median {p95_ms:7.1f} ms 95 % {p50_ms / tower_ms:6.2f} x the tower")
    query_ms, ranking_ms = np.median(parts, axis=0)
    print(f"of text to hits: {query_ms:.1f} ms the text's embedding, {ranking_ms:.1f} ms finding and looking up")


if __name__ == "__main__":
    main()
