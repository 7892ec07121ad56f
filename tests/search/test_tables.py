"""The tables on disk: what others can read, what deleting and restoring leave."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import deltalake
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.store.identity import clip_id_of, segment_id_of
from soundgrep.search.store.schema import CLIPS
from soundgrep.search.store.tables import Table

from .conftest import Made
from .made import add_clips, clustered


def rows(n: int, *, first: int = 0) -> pa.Table:
    ids = list(range(first, first + n))
    columns = {name: pa.array([None] * n, CLIPS.field(name).type) for name in CLIPS.names if CLIPS.field(name).nullable}
    for name in CLIPS.names:
        if name not in columns:
            kind = CLIPS.field(name).type
            columns[name] = pa.array(ids, pa.int64()).cast(pa.string() if kind == pa.string() else kind)
    return pa.table(columns).select(CLIPS.names).cast(CLIPS)


def ids(table: Table) -> list[int]:
    return sorted(table.read(["clip_id"]).column("clip_id").to_pylist())


def test_pandas_duckdb_and_pyarrow_read_the_tables_without_us(small: Made) -> None:
    manifest = json.loads((small.folder / "manifest.json").read_text())
    clips = deltalake.DeltaTable(str(small.folder / "clips"), version=manifest["clips_version"])
    encoding, place = manifest["encodings"]["tiny"], small.folder / "encodings" / "tiny" / "segments"
    segments = deltalake.DeltaTable(str(place), version=encoding["segments_version"])

    frame = clips.to_pandas().set_index("title")
    assert len(frame) == len(small.clips)
    assert frame.loc["number 5", "path"] == "/sounds/5/00005.wav"
    assert frame.loc["number 5", "clip_id"] == clip_id_of(b"/sounds/5/00005.wav")
    assert json.loads(frame.loc["number 5", "tags"]) == {"title": "number 5"}
    assert str(frame["indexed_at"].dtype) == "datetime64[us, UTC]"

    files = segments.file_uris()
    n, longest = duckdb.execute("SELECT count(*), max(len(embedding)) FROM read_parquet($1)", [files]).fetchone()
    assert (n, longest) == (encoding["n_segments"], encoding["embedding_dim"])

    table = pa.concat_tables([pq.read_table(file) for file in files]).sort_by("start_s")
    own = table.filter(pa.compute.equal(table["clip_id"], clip_id_of(b"/sounds/5/00005.wav")))
    assert np.array_equal(np.array(own["embedding"].to_pylist(), np.float32), small.clips[5])


@pytest.mark.parametrize("n_deleted", [1, 999, 1_000, 1_001, 2_500])
def test_deleting_takes_exactly_the_rows_named(tmp_path: Path, n_deleted: int) -> None:
    table = Table.create(tmp_path / "clips", CLIPS)
    table.append(rows(2_000))
    table.append(rows(1_000, first=2_000))
    gone = list(range(100, 100 + n_deleted))
    table.delete([*gone, 10**9])
    kept = sorted(set(range(3_000)) - set(gone))
    assert ids(table) == ids(Table.open(tmp_path / "clips")) == kept
    assert table.n_rows == len(kept)


def test_an_older_version_still_reads_and_can_be_made_the_newest(tmp_path: Path) -> None:
    table = Table.create(tmp_path / "clips", CLIPS)
    table.append(rows(10))
    version = table.version
    table.append(rows(10, first=10))
    table.delete([0, 1, 2])
    assert ids(table) == list(range(3, 20))
    assert ids(Table.open(tmp_path / "clips", version=version)) == list(range(10))
    assert table.restore(version)
    assert ids(table) == ids(Table.open(tmp_path / "clips")) == list(range(10))
    assert not table.restore(table.version)


def test_reading_some_ids_gives_their_rows_from_every_file(tmp_path: Path) -> None:
    table = Table.create(tmp_path / "clips", CLIPS)
    table.append(rows(10))
    table.append(rows(10, first=10))
    found = table.read_of("clip_id", [3, 15, 99], columns=["path", "clip_id"])
    assert found.column_names == ["path", "clip_id"]
    assert sorted(found["clip_id"].to_pylist()) == [3, 15]
    assert table.read_of("clip_id", []).num_rows == 0
    assert table.read_of("clip_id", [99]).schema.names == CLIPS.names


@pytest.mark.parametrize("name", ["with space", "50% #off?", "süß", "a'b\"c*"])
def test_a_collection_may_have_any_name_that_is_text(tmp_path: Path, name: str, encoder: Encoder) -> None:
    clips = [clustered(3, dim=encoder.embedding_dim, seed=1)]
    folder = add_clips(tmp_path / name, clips, encoder=encoder)
    assert len(Collection.open(folder).search(embedding=clips[0][0])) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["[x]", "a|b", "50%20off", "line\nbreak", os.fsdecode(b"caf\xe9"), "a^b", "a\\b"])
def test_a_name_that_tables_cannot_be_kept_under_is_refused(
    tmp_path: Path, name: str, encoder: Encoder, small: Made
) -> None:
    with pytest.raises(CollectionError, match="tables cannot be kept"):
        add_clips(tmp_path / name, [], encoder=encoder)
    assert not (tmp_path / name).exists()
    moved = shutil.copytree(small.folder, tmp_path / name)
    with pytest.raises(CollectionError, match="tables cannot be kept"):
        Collection.open(moved)


def test_a_table_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="nowhere: the table cannot be opened"):
        Table.open(tmp_path / "nowhere")
    Table.create(tmp_path / "clips", CLIPS)
    with pytest.raises(CollectionError, match="clips: the table cannot be opened"):
        Table.open(tmp_path / "clips", version=7)


def test_ids_depend_on_what_is_named_and_never_change() -> None:
    # Written down: collections on disk hold these numbers.
    assert clip_id_of(b"/sounds/a.wav") == 971126515746239922
    one = segment_id_of(1, content_hash="ab", number=0, encoder_digest="sha256:cd")
    assert one == 5611565050282010035
    others = {
        segment_id_of(2, content_hash="ab", number=0, encoder_digest="sha256:cd"),
        segment_id_of(1, content_hash="ac", number=0, encoder_digest="sha256:cd"),
        segment_id_of(1, content_hash="ab", number=1, encoder_digest="sha256:cd"),
        segment_id_of(1, content_hash="ab", number=0, encoder_digest="sha256:ce"),
    }
    assert len(others) == 4
    assert one not in others
    assert all(0 <= number < 2**63 for number in {one, *others})
