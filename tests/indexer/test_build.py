"""Whole runs over folders of real files, with real worker processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundgrep import build_collection
from soundgrep.indexer import IndexReport
from soundgrep.indexer.report import Progress
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CheckpointError, CollectionError, EncoderMismatchError, UsageError
from soundgrep.search import Collection, Hit

from .sounds import RATE_HZ, sound, write


@dataclass(frozen=True)
class Run:
    """A folder and what a run over it left and said."""

    sounds: Path
    collection: Path
    report: IndexReport
    progress: list[Progress]

    def open(self) -> Collection:
        return Collection.open(self.collection)


def index(sounds: Path, collection: Path, encoder: Path) -> Run:
    progress: list[Progress] = []
    report = build_collection(sounds, collection, encoder=str(encoder), progress=progress.append)
    return Run(sounds, collection, report, progress)


def names(hits: list[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in hits]


BROKEN = {
    "empty.wav": b"",
    "text.wav": b"this is not a sound\n" * 100,
    "header.wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "noise.flac": bytes(range(256)) * 20,
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Run:
    """A first run: good files, odd ones and broken ones."""
    folder = tmp_path_factory.mktemp("build")
    sounds = folder / "sounds"
    for number in range(8):
        write(sounds / f"{number}.wav", number)
    write(sounds / "sub" / "long.wav", 20, duration_s=2.6)
    shutil.copy(sounds / "1.wav", sounds / "copy of 1.wav")
    write(sounds / os.fsdecode(b"caf\xe9\n.wav"), 30)
    soundfile.write(sounds / "silent.wav", np.zeros(RATE_HZ), RATE_HZ)
    soundfile.write(sounds / "one.wav", np.full(1, 0.5), RATE_HZ)
    stereo = np.stack([sound(40), sound(41)], axis=1)
    soundfile.write(sounds / "stereo.flac", stereo, RATE_HZ)
    for name, content in BROKEN.items():
        (sounds / name).write_bytes(content)
    return index(sounds, folder / "c", tiny_checkpoint)


@pytest.fixture(scope="module")
def second(first: Run, tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Run:
    """A second run over a copy, after about everything that can happen to files happened."""
    folder = tmp_path_factory.mktemp("build")
    sounds = first.sounds.rename(folder / "aside")  # the paths in the collection are the first folder's
    shutil.copytree(sounds, first.sounds, symlinks=True)
    collection = shutil.copytree(first.collection, folder / "c")
    os.utime(first.sounds / "0.wav", ns=(1, 1))  # touched
    write(first.sounds / "1.wav", 101)  # changed
    (first.sounds / "2.wav").unlink()  # gone
    (first.sounds / "3.wav").rename(first.sounds / "sub" / "moved.wav")
    (first.sounds / "4.wav").write_bytes(b"broken now")
    write(first.sounds / "new.wav", 102)
    write(first.sounds / "empty.wav", 103)  # mended
    run = index(first.sounds, collection, tiny_checkpoint)
    shutil.rmtree(first.sounds)
    sounds.rename(first.sounds)
    return run


def test_the_first_run_takes_all_that_is_good_and_reports_the_rest(first: Run) -> None:
    report = first.report
    assert {Path(failure.path).name for failure in report.failures} == set(BROKEN)
    assert all(failure.reason and str(first.sounds) not in failure.reason for failure in report.failures)
    assert (report.n_added, report.n_clips, report.n_segments) == (14, 14, 16)
    assert (report.n_replaced, report.n_removed, report.n_unchanged) == (0, 0, 0)
    assert report.encoder_id == "tiny"
    assert report.audio_s == pytest.approx(8 * 0.5 + 0.5 + 2.6 + 0.5 + 1 + 0.5, abs=0.01)
    assert json.loads(json.dumps(report.to_json()))["n_clips"] == 14


def test_progress_goes_from_nothing_to_everything(first: Run) -> None:
    progress = [step for step in first.progress if step.index_step is None]
    assert [step.n_done for step in progress] == list(range(19))
    assert {step.n_total for step in progress} == {18}
    assert progress[-1].n_failed == len(BROKEN)
    assert progress[-1].audio_s == first.report.audio_s
    assert progress[0].remaining_s is None
    assert progress[-1].remaining_s == 0
    assert progress[-1].clips_per_s > 0
    building = first.progress[len(progress) :]
    assert [(step.index_step, step.n_done) for step in building] == [("embedding texts", 18)]
    assert 0 < first.report.stages["index: embedding texts"] <= first.report.stages["index"]


def test_every_clip_is_found_by_its_own_sound(first: Run, tiny_checkpoint: Path) -> None:
    collection = first.open()
    for file in ("0.wav", "5.wav", "stereo.flac"):
        hit = collection.search(audio=first.sounds / file, k=1)[0]
        assert (hit.file, hit.score) == (first.sounds / file, pytest.approx(1, abs=1e-5))
    assert set(names(collection.search(audio=first.sounds / "1.wav", k=2))) == {"1.wav", "copy of 1.wav"}
    # One sample, repeated, is as constant as silence.
    assert set(names(collection.search(audio=first.sounds / "one.wav", k=2))) == {"one.wav", "silent.wav"}
    strange = collection.search(audio=sound(30), k=1)[0]
    assert (strange.path, strange.file) == (
        f"{first.sounds}/caf\\xe9\\n.wav",
        first.sounds / os.fsdecode(b"caf\xe9\n.wav"),
    )
    # The table's embeddings are the encoder's.
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    samples = soundfile.read(first.sounds / "0.wav", dtype="float32")[0]
    stored = collection.sql("SELECT embedding FROM segments JOIN clips USING (clip_id) WHERE path LIKE '%/0.wav'")
    assert stored["embedding"].to_pylist()[0] == pytest.approx(encoder.embed_audio([samples])[0], abs=1e-6)


def test_a_long_clip_has_segments_up_to_its_end(first: Run) -> None:
    rows = first.open().sql(
        "SELECT start_s, end_s FROM segments JOIN clips USING (clip_id) WHERE path LIKE '%long.wav' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows.to_pylist()] == [(0, 1), (1, 2), pytest.approx((1.6, 2.6))]


def test_the_clips_table_tells_what_the_files_are(first: Run) -> None:
    rows = {Path(row["path"]).name: row for row in first.open().sql("SELECT * FROM clips").to_pylist()}
    stereo, silent, status = rows["stereo.flac"], rows["silent.wav"], (first.sounds / "stereo.flac").stat()
    assert (stereo["container"], stereo["codec"], stereo["n_channels"]) == ("flac", "flac", 2)
    assert (stereo["sampling_rate_hz"], stereo["duration_s"], stereo["n_segments"]) == (RATE_HZ, 0.5, 1)
    assert (stereo["size_bytes"], stereo["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
    assert -40 < stereo["rms_dbfs"] < stereo["peak_dbfs"] < 0
    assert (silent["rms_dbfs"], silent["peak_dbfs"]) == (None, None)
    assert rows["1.wav"]["content_hash"] == rows["copy of 1.wav"]["content_hash"] != rows["0.wav"]["content_hash"]
    assert rows["1.wav"]["clip_id"] != rows["copy of 1.wav"]["clip_id"]
    assert rows["caf\\xe9\\n.wav"]["path_bytes"].endswith(b"/caf\xe9\n.wav")
    assert rows["1.wav"]["path_bytes"] is None


def test_the_second_run_does_only_what_is_new(second: Run) -> None:
    report = second.report
    assert second.progress[-1].n_total == 6  # 0, 1, moved, 4, new and the one that was mended
    assert (report.n_added, report.n_replaced) == (3, 1)  # moved, new, empty; 1
    assert report.n_removed == 3  # 2, 3 and 4
    assert report.n_unchanged == 14 - 4  # 0 was touched, but its content is known
    assert {Path(failure.path).name for failure in report.failures} == set(BROKEN) - {"empty.wav"} | {"4.wav"}
    assert report.n_clips == 14 - 3 + 3
    # Only 1, new and empty were embedded again.
    assert report.audio_s == pytest.approx(3 * 0.5)


def test_after_the_second_run_the_collection_agrees_with_the_files(second: Run) -> None:
    collection = second.open()
    everything = collection.search(embedding=np.ones(32), k=100)
    assert len(everything) == collection.n_clips
    assert {"2.wav", "3.wav", "4.wav"}.isdisjoint(names(everything))
    by_sound = {number: collection.search(audio=sound(number), k=1)[0] for number in (0, 3, 101, 102, 103)}
    found = {number: (Path(hit.path).name, round(hit.score, 3)) for number, hit in by_sound.items()}
    assert found == {
        0: ("0.wav", 1),
        3: ("moved.wav", 1),
        101: ("1.wav", 1),
        102: ("new.wav", 1),
        103: ("empty.wav", 1),
    }
    touched = collection.sql("SELECT mtime_ns FROM clips WHERE path LIKE '%/0.wav'").to_pylist()
    assert touched == [{"mtime_ns": 1}]


def test_a_run_with_nothing_to_do_starts_no_process_and_changes_nothing(first: Run, tiny_checkpoint: Path) -> None:
    for name in BROKEN:
        (first.sounds / name).rename(first.sounds / f"{name}.aside")
    index(first.sounds, first.collection, tiny_checkpoint)  # forgets the files that failed
    manifest = (first.collection / "manifest.json").read_bytes()
    run = index(first.sounds, first.collection, tiny_checkpoint)
    for name in BROKEN:
        (first.sounds / f"{name}.aside").rename(first.sounds / name)
    assert (run.report.n_unchanged, run.report.n_clips, run.report.failures) == (14, 14, ())
    assert (first.collection / "manifest.json").read_bytes() == manifest
    assert run.report.elapsed_s < 60


def test_the_parent_loads_no_tower(tmp_path: Path, tiny_checkpoint: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.wav").write_bytes(b"broken")
    code = f"""
import sys
from soundgrep import build_collection
report = build_collection({str(tmp_path / "s")!r}, {str(tmp_path / "c")!r}, encoder={str(tiny_checkpoint)!r})
assert len(report.failures) == 1 and report.n_clips == 0
assert not {{"torch", "transformers", "streamlit", "rich"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Collection.open(tmp_path / "c").search(embedding=np.ones(32)) == []


def test_only_sources_that_are_given_are_pruned(first: Run, tmp_path: Path, tiny_checkpoint: Path) -> None:
    collection = shutil.copytree(first.collection, tmp_path / "c")
    run = index(first.sounds / "sub", collection, tiny_checkpoint)
    assert (run.report.n_unchanged, run.report.n_removed, run.report.n_clips) == (1, 0, 14)


def test_what_cannot_be_indexed_at_all_is_refused_and_leaves_nothing(tmp_path: Path, tiny_checkpoint: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no sound")
    cases = {
        "empty": "there are no audio files",
        "texts": "there are no audio files",
        "nowhere": "there is no such file or folder",
    }
    for name, reason in cases.items():
        with pytest.raises(UsageError, match=f"{name}: {reason}"):
            build_collection(tmp_path / name, tmp_path / "c", encoder=str(tiny_checkpoint))
    with pytest.raises(UsageError, match="there is no source to index"):
        build_collection([], tmp_path / "c", encoder=str(tiny_checkpoint))
    assert not (tmp_path / "c").exists()


def test_options_out_of_range_are_refused(first: Run, tmp_path: Path, tiny_checkpoint: Path) -> None:
    def build(**options: object) -> None:
        build_collection(first.sounds, tmp_path / "c", **({"encoder": str(tiny_checkpoint)} | options))

    for hop_s in (0, -1, 1.5, float("nan")):
        with pytest.raises(UsageError, match="hop_s"):
            build(hop_s=hop_s)
    with pytest.raises(UsageError, match="n_workers"):
        build(n_workers=0)
    with pytest.raises(CheckpointError):
        build(encoder=str(tmp_path / "nowhere"))
    assert not (tmp_path / "c").exists()


def test_an_encoder_or_a_hop_that_does_not_fit_is_refused(first: Run, tmp_path: Path, tiny_checkpoint: Path) -> None:
    other = shutil.copytree(tiny_checkpoint, tmp_path / "tiny")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"logit_scale_init_value": 1.0}))
    with pytest.raises(EncoderMismatchError, match=r"'tiny' \(sha256:.*'tiny' \(sha256:"):
        build_collection(first.sounds, first.collection, encoder=str(other))
    with pytest.raises(CollectionError, match="hop"):
        build_collection(first.sounds, first.collection, encoder=str(tiny_checkpoint), hop_s=0.5)
    assert first.open().n_clips == 14
