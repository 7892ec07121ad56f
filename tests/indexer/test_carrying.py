"""What is kept about clips follows their files and their sound."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from soundgrep import build_collection
from soundgrep.indexer import IndexReport, add_metadata
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.search import Collection
from soundgrep.search.store.identity import clip_id_of, path_of

from .sounds import write

N_CLIPS = 4
TABLES = ("metadata", "labels", "marks", "spans")


class Place:
    """A folder of sounds with a collection of them, about which all kinds of things are kept."""

    def __init__(self, folder: Path, encoder: Path) -> None:
        self.sounds, self.collection, self._encoder = folder / "sounds", folder / "c", encoder
        for number in range(N_CLIPS):
            write(self.sounds / f"{number}.wav", number)
        self.index()
        listed = folder / "takes.csv"
        listed.write_text("path,take,mood\n" + "".join(f"sounds/{one}.wav,{one * 10},m{one}\n" for one in range(3)))
        add_metadata(self.collection, listed)
        ids = [clip_id_of(path_of(self.sounds / f"{number}.wav")) for number in range(N_CLIPS)]
        twice = pa.array([clip_id for clip_id in ids for _ in range(2)], pa.int64())
        words = [f"{word}{number}" for number in range(N_CLIPS) for word in ("dog", "cat")]
        write_annex(self.collection, "labels", pa.table({"clip_id": twice, "label": words}))
        write_annex(self.collection, "marks", pa.table({"clip_id": twice, "mark": words}))
        write_annex(self.collection, "spans", pa.table({"clip_id": twice, "segment_id": pa.array(range(2 * N_CLIPS))}))

    def index(self) -> IndexReport:
        return build_collection(self.sounds, self.collection, encoder=self._encoder, n_workers=1)

    def told(self, table: str) -> dict[str, list[object]]:
        """What a table tells of each clip, by its file's name; without what it tells of clips that are gone."""
        column = {"metadata": "mood", "labels": "label", "marks": "mark", "spans": "segment_id"}[table]
        rows = Collection.open(self.collection).sql(
            f'SELECT path, t."{column}" AS it FROM clips JOIN {table} AS t USING (clip_id) ORDER BY path, it'
        )
        told: dict[str, list[object]] = {}
        for row in rows.to_pylist():
            told.setdefault(Path(row["path"]).name, []).append(row["it"])
        return told


@pytest.fixture
def place(tmp_path: Path, tiny_checkpoint: Path) -> Place:
    return Place(tmp_path, tiny_checkpoint)


def test_a_moved_file_keeps_what_is_known_of_it_and_a_copy_gets_what_was_heard(place: Place) -> None:
    (place.sounds / "0.wav").rename(place.sounds / "moved.wav")
    write(place.sounds / "copy of 1.wav", 1)
    report = place.index()
    assert (report.n_added, report.n_removed, report.audio_s) == (2, 1, 0)
    assert place.told("metadata") == {"moved.wav": ["m0"], "1.wav": ["m1"], "2.wav": ["m2"]}
    marks = place.told("marks")
    assert marks["moved.wav"] == ["cat0", "dog0"]
    assert "copy of 1.wav" not in marks
    labels = place.told("labels")
    assert labels["moved.wav"] == ["cat0", "dog0"]
    assert labels["copy of 1.wav"] == labels["1.wav"] == ["cat1", "dog1"]
    assert "moved.wav" not in place.told("spans"), "its segments have other ids now"
    (place.sounds / "moved.wav").rename(place.sounds / "0.wav")
    place.index()
    assert place.told("metadata")["0.wav"] == ["m0"]


def test_what_was_heard_goes_when_the_sound_does_and_what_was_said_stays(place: Place) -> None:
    write(place.sounds / "1.wav", 77)
    (place.sounds / "2.wav").unlink()
    place.index()
    write(place.sounds / "2.wav", 78)  # came back as something else
    place.index()
    assert set(place.told("labels")) == {"0.wav", "3.wav"}
    assert set(place.told("marks")) == {"0.wav", "1.wav", "2.wav", "3.wav"}
    assert place.told("metadata")["1.wav"] == ["m1"]


def test_of_a_file_that_takes_the_place_of_another_both_are_known(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    write(place.sounds / "new.wav", 50)
    place.index()
    other.write_text("path,take\nsounds/new.wav,5\n")
    add_metadata(place.collection, other)
    (place.sounds / "new.wav").unlink()
    place.index()
    (place.sounds / "0.wav").rename(place.sounds / "new.wav")
    place.index()
    row = Collection.open(place.collection).sql("SELECT take, mood FROM clips WHERE path LIKE '%new.wav'").to_pylist()
    assert row == [{"take": 5, "mood": "m0"}], "what is said of the place itself counts, the rest comes along"
    assert place.told("labels")["new.wav"] == ["cat0", "dog0"]


def test_a_folder_that_was_renamed_needs_no_leave_to_drop_the_old_names(place: Place) -> None:
    (place.sounds / "sub").mkdir()
    for number in range(N_CLIPS):
        (place.sounds / f"{number}.wav").rename(place.sounds / "sub" / f"{number}.wav")
    report = place.index()
    assert (report.n_added, report.n_removed, report.n_withheld) == (N_CLIPS, N_CLIPS, 0)
    assert place.told("metadata") == {"0.wav": ["m0"], "1.wav": ["m1"], "2.wav": ["m2"]}
    assert len(place.told("labels")) == N_CLIPS
