"""What somebody made up and sent: tables, logs, saved queries and graphs of networks as nobody here writes them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pyarrow as pa
import pytest

from soundgrep.indexer import compact_collection, relocate_collection, verify_collection
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CheckpointError, CollectionError, QueryError, SoundgrepError
from soundgrep.search import Collection
from soundgrep.search.saved import file_of, saved_queries
from soundgrep.ui.rows_file import save_rows

from ..search.made import add_clips, by_clip, clustered
from ..search.test_confined import COMMANDS, GOLDEN, part, sounds, whole

__all__ = ["sounds", "whole"]


def relocate(folder: Path, sounds: Path) -> object:
    (sounds / "0").mkdir(exist_ok=True)
    (sounds / "0" / "00000.wav").touch()
    return relocate_collection(folder, "/sounds", sounds)


ASKED = {name: COMMANDS[name] for name in ("search", "index", "compact", "repair", "metadata", "save")}
ASKED["relocate"] = relocate

Column = pa.ChunkedArray
ODD: dict[str, Callable[[Column], Any] | None] = {
    "gone": None,
    "null": lambda column: pa.nulls(len(column), column.type),
    "text": lambda column: pa.array(["x"] * len(column)),
    "no text": lambda column: pa.array([b"\xff"] * len(column)).view(pa.string()),
    "infinite": lambda column: pa.array([float("inf")] * len(column)),
    "lists": lambda column: pa.array([[1.0]] * len(column)),
}


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "received")


@pytest.mark.parametrize(
    ("table", "column", "odd"),
    [
        ("clips", "clip_id", "null"),
        ("clips", "clip_id", "infinite"),
        ("clips", "path", "no text"),
        ("clips", "path", "null"),
        ("clips", "path_bytes", "text"),
        ("clips", "content_hash", "lists"),
        ("encodings/*/segments", "clip_id", "text"),
        ("encodings/*/segments", "embedding", "infinite"),
        ("encodings/*/coverage", "n_segments", "null"),
        ("encodings/*/coverage", "content_hash", "gone"),
        ("annexes/metadata", "clip_id", "lists"),
        ("annexes/metadata", "mood", "no text"),
    ],
)
def test_odd_columns_are_told_in_a_sentence(
    copy: Path, sounds: Path, tmp_path: Path, table: str, column: str, odd: str
) -> None:
    place, change = part(copy, table), ODD[odd]
    written = deltalake.DeltaTable(str(place))
    rows = written.to_pyarrow_table()
    number = rows.column_names.index(column)
    rows = rows.remove_column(number) if change is None else rows.set_column(number, column, change(rows[number]))
    deltalake.write_deltalake(written, rows, mode="overwrite", schema_mode="overwrite")
    record = json.loads((copy / "manifest.json").read_text())
    (encoding,) = record["encodings"].values()
    named = {"clips": record, "segments": encoding, "coverage": encoding}.get(place.name)
    if named is None:
        record["annexes"][place.name]["version"] = deltalake.DeltaTable(str(place)).version()
    else:
        named[f"{place.name}_version"] = deltalake.DeltaTable(str(place)).version()
    (copy / "manifest.json").write_text(json.dumps(record))
    for name, command in ASKED.items():
        folder = shutil.copytree(copy, tmp_path / name)
        with contextlib.suppress(SoundgrepError):
            command(folder, sounds)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("metaData", {"configuration": {"delta.constraints.c": "repeat('a', 999999999) > 'b'"}}),
        ("metaData", {"configuration": {"delta.appendOnly": "true"}}),
        ("metaData", {"partitionColumns": ["codec"]}),
        ("protocol", {"minWriterVersion": 7, "writerFeatures": ["invariants"]}),
    ],
)
def test_what_a_table_would_have_us_compute_is_refused(
    copy: Path, sounds: Path, action: str, fields: dict[str, object]
) -> None:
    entry = copy / "clips" / "_delta_log" / f"{0:020d}.json"
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        line.get(action, {}).update(fields)
    entry.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    for command in ASKED.values():
        with pytest.raises(CollectionError, match="never used here"):
            command(copy, sounds)


def test_a_log_that_would_fill_the_memory_is_refused(copy: Path, sounds: Path) -> None:
    os.truncate(part(copy, "clips/_delta_log/*.json"), 1 << 36)  # full of nothing
    for command in ASKED.values():
        with pytest.raises(CollectionError, match="has more than"):
            command(copy, sounds)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "\ud800"},
        {"text": "\ud800"},
        {"where": "\ud800"},
        {"values": {"x": "\ud800"}},
        {"rejected": [float("inf")]},
    ],
    ids=str,
)
def test_an_odd_saved_query_is_passed_over(copy: Path, sounds: Path, fields: dict[str, object]) -> None:
    file = file_of(copy, "first")
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
    before = file.read_bytes()
    assert saved_queries(copy) == []
    assert relocate(copy, sounds)
    assert file.read_bytes() == before


def test_a_file_is_written_through_no_link(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    for number in (os.getpid(), f"{os.getpid()}-{threading.get_ident()}"):
        (tmp_path / f".rows.csv.{number}.tmp").symlink_to(secret)
    save_rows(pa.table({"n": [1]}), tmp_path / "rows.csv")
    assert secret.read_text() == "mine"
    assert (tmp_path / "rows.csv").read_text().split() == ['"n"', "1"]


@pytest.mark.parametrize(("version", "name"), [(3, "encodings"), (4, "index"), (4, "ears"), (4, ".notes.tmp")])
def test_what_lies_beside_a_collection_stays_there(tmp_path: Path, version: int, name: str) -> None:
    folder = shutil.copytree(GOLDEN / f"format-{version}", tmp_path / "c")
    mine = folder / name
    if not name.startswith("."):
        mine.mkdir()
        mine /= "mine.txt"
    mine.write_text("mine")
    compact_collection(folder, keep_hours=0)
    assert verify_collection(folder, repair=True).is_sound
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["clips", "segments"])
def test_an_encoder_may_be_called_as_a_table_is(tmp_path: Path, encoder: Encoder, name: str) -> None:
    named = Encoder.from_pretrained(shutil.copytree(encoder.source, tmp_path / "of" / name))
    clips = by_clip(clustered(5, dim=named.embedding_dim, seed=1), seed=1)
    folder = add_clips(tmp_path / "c", clips, encoder=named)
    assert Collection.open(folder).n_clips == len(clips)


def _no_output(graph: Path) -> None:
    text = graph.read_text(encoding="utf-8")
    start = text.rindex("<layer ", 0, text.index('type="Result"'))
    graph.write_text(text[:start] + text[text.index("</layer>", start) + len("</layer>") :], encoding="utf-8")


def _pipe(graph: Path) -> None:
    graph.with_suffix(".bin").unlink()
    os.mkfifo(graph.with_suffix(".bin"))


@pytest.mark.parametrize(
    "change",
    [
        _no_output,
        _pipe,
        lambda graph: graph.write_text("node { name: 'x' op: 'ReadFile' }"),
        lambda graph: graph.write_text(""),
        lambda graph: graph.with_suffix(".bin").write_bytes(b""),
    ],
)
def test_an_odd_graph_beside_a_checkpoint_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SOUNDGREP_RUNTIME", "openvino")
    folder = shutil.copytree(Encoder.from_pretrained("mini").source, tmp_path / "sent")
    change(next(folder.glob("graphs/audio-*.xml")))
    with contextlib.suppress(CheckpointError):
        encoder = Encoder.from_pretrained(folder)
        assert np.isfinite(encoder.embed_audio(np.ones(encoder.segment_samples, np.float32))).all()


def test_a_sound_louder_than_numbers_go_is_the_askers_mistake(copy: Path) -> None:
    with pytest.raises(QueryError, match="too large"):
        Collection.open(copy).search(audio=np.array([1e28, -1e15, 0.1], np.float32))
