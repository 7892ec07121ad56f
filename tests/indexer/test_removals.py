"""Clips that a run would drop, and files that it knows to be broken: nothing goes or is tried without need."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from soundgrep import build_collection
from soundgrep.indexer import BuildOptions, IndexReport, add_metadata
from soundgrep.model.errors import UsageError
from soundgrep.search import Collection
from soundgrep.search.store.annexes import read_annex
from soundgrep.search.store.manifest import read_manifest

from .sounds import sound, write

N_CLIPS = 5
Build = Callable[..., IndexReport]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """A folder with five sounds, another with one more, and a collection of both, all below the folder returned."""
    folder = tmp_path_factory.mktemp("removals") / "base"
    for number in range(N_CLIPS):
        write(folder / "a" / f"{number}.wav", number)
    write(folder / "b" / "9.wav", 9)
    build_collection([folder / "a", folder / "b"], folder / "c", encoder=str(tiny_checkpoint), n_workers=1)
    return folder


@pytest.fixture
def place(base: Path) -> Path:
    """The folder as it was made: the paths in the collection are these."""
    kept = base.with_name("kept")
    if not kept.exists():
        shutil.copytree(base, kept)
    shutil.rmtree(base)
    shutil.copytree(kept, base)
    return base


@pytest.fixture
def build(place: Path, tiny_checkpoint: Path) -> Build:
    def run(*sources: Path, **options: bool) -> IndexReport:
        where = list(sources) or [place / "a", place / "b"]
        return build_collection(
            where, place / "c", encoder=str(tiny_checkpoint), n_workers=1, options=BuildOptions(**options)
        )

    return run


def clips(place: Path) -> list[str]:
    rows = Collection.open(place / "c").sql("SELECT path FROM clips ORDER BY path").to_pylist()
    return [str(Path(row["path"]).relative_to(place)) for row in rows]


def failed_rows(place: Path) -> list[dict[str, object]]:
    table = read_annex(place / "c", read_manifest(place / "c"), "failures")
    return [] if table is None else table.read().sort_by("path").to_pylist()


def failures(report: IndexReport) -> list[str]:
    return [Path(failure.path).name for failure in report.failures]


def test_half_may_go_but_more_is_withheld_until_asked_for(place: Path, build: Build) -> None:
    for number in (1, 2):
        (place / "a" / f"{number}.wav").unlink()
    report = build(place / "a")
    assert (report.n_removed, report.n_withheld) == (2, 0)
    (place / "a" / "3.wav").unlink()
    (place / "a" / "4.wav").write_bytes(b"broken now")
    write(place / "a" / "new.wav", 10)
    report = build(place / "a")
    assert (report.n_added, report.n_removed, report.n_withheld) == (1, 0, 2)
    assert failures(report) == ["4.wav"]
    assert clips(place) == ["a/0.wav", "a/3.wav", "a/4.wav", "a/new.wav", "b/9.wav"]
    report = build(place / "a", prune=True)
    assert (report.n_removed, report.n_withheld) == (2, 0)
    assert clips(place) == ["a/0.wav", "a/new.wav", "b/9.wav"]


def test_a_withheld_removal_is_withheld_again_by_the_next_run(place: Path, build: Build) -> None:
    for number in range(1, N_CLIPS):
        (place / "a" / f"{number}.wav").unlink()
    for _ in range(2):
        report = build(place / "a")
        assert (report.n_removed, report.n_withheld, report.n_clips) == (0, 4, 6)
    # Within both folders it is 4 of 6; with enough elsewhere it is not more than half.
    assert build().n_withheld == 4
    write(place / "a" / "1.wav", 1)
    assert build().n_removed == 3


def test_an_unmounted_disk_empties_no_collection(place: Path, build: Build) -> None:
    before = Collection.open(place / "c").manifest
    shutil.rmtree(place / "a")
    (place / "a").mkdir()
    with pytest.raises(UsageError, match="there are no audio files; nothing is dropped"):
        build(place / "a")
    assert Collection.open(place / "c").manifest == before
    report = build(place / "a", prune=True)
    assert (report.n_removed, report.n_clips) == (N_CLIPS, 1)
    assert clips(place) == ["b/9.wav"]


def test_a_source_that_shows_nothing_any_more_loses_nothing_though_it_is_the_smaller_one(
    place: Path, build: Build
) -> None:
    (place / "b" / "9.wav").unlink()
    report = build()
    assert (report.n_removed, report.n_withheld, report.n_clips) == (0, 1, N_CLIPS + 1)
    assert build(prune=True).n_removed == 1


def test_a_library_that_got_another_name_is_known_again_with_what_people_know_of_it(place: Path, build: Build) -> None:
    (place / "known.csv").write_text("path,place\na/0.wav,Oslo\na/3.wav,Rome\nb/9.wav,Bern\n")
    add_metadata(place / "c", place / "known.csv")
    shutil.copyfile(place / "a" / "1.wav", place / "b" / "copy.wav")
    (place / "a").rename(place / "new name")
    report = build(place / "new name")
    assert (report.n_added, report.n_removed, report.n_clips, report.audio_s) == (N_CLIPS, N_CLIPS, N_CLIPS + 1, 0)
    assert clips(place) == ["b/9.wav", *(f"new name/{number}.wav" for number in range(N_CLIPS))]
    rows = Collection.open(place / "c").sql("SELECT path, place FROM clips WHERE place IS NOT NULL").to_pylist()
    known = {str(Path(row["path"]).relative_to(place)): row["place"] for row in rows}
    assert known == {"new name/0.wav": "Oslo", "new name/3.wav": "Rome", "b/9.wav": "Bern"}
    # A copy is none that was moved: the first one is still there.
    assert build(place / "b").n_removed == 0
    assert len(clips(place)) == N_CLIPS + 2


def test_moving_everything_drops_nothing_and_embeds_nothing(place: Path, build: Build) -> None:
    (place / "a").rename(place / "b" / "moved")
    (place / "a").mkdir()
    report = build()
    assert (report.n_added, report.n_removed, report.n_withheld, report.audio_s) == (N_CLIPS, N_CLIPS, 0, 0)
    assert clips(place) == ["b/9.wav", *(f"b/moved/{number}.wav" for number in range(N_CLIPS))]
    found = Collection.open(place / "c").search(audio=sound(3), k=1)[0]
    assert (found.file, round(found.score, 4)) == (place / "b" / "moved" / "3.wav", 1)


@pytest.mark.parametrize(
    ("ways", "source", "n_left"),
    [
        ("copied within", "a", 7),
        ("copied to another source", "b", 7),
        ("moved to another source, the old one not looked at", "b", 6),
        ("moved to another source, both looked at", "", 6),
        ("swapped with another", "a", 6),
        ("moved over another", "a", 5),
    ],
)
def test_known_content_is_embedded_once(place: Path, build: Build, ways: str, source: str, n_left: int) -> None:
    one, other = place / "a" / "1.wav", place / "a" / "2.wav"
    if ways == "copied within":
        shutil.copyfile(one, place / "a" / "copy.wav")
    elif ways == "copied to another source":
        shutil.copyfile(one, place / "b" / "copy.wav")
    elif ways.startswith("moved to another"):
        one.rename(place / "b" / "moved.wav")
    elif ways == "swapped with another":
        one.rename(place / "aside")
        other.rename(one)
        (place / "aside").rename(other)
    else:
        one.rename(other)
    report = build(*([place / source] if source else []))
    assert report.audio_s == 0
    assert (report.n_clips, len(clips(place)), report.failures) == (n_left, n_left, ())
    collection = Collection.open(place / "c")
    for file in [*(place / source).glob("**/*.wav")] if source else []:
        hits = collection.search(audio=file, k=7)
        assert str(file) in [hit.path for hit in hits if hit.score > 0.9999]


def test_a_file_that_failed_is_not_tried_again_until_it_changes(place: Path, build: Build) -> None:
    write(place / "a" / "good.wav", 20)
    for name in ("x.wav", "y.wav"):
        (place / "a" / name).write_bytes(b"no sound")
    first = build()
    assert failures(first) == ["x.wav", "y.wav"]
    again = build()
    assert again.failures == first.failures
    assert [row["reason"] for row in failed_rows(place)] == [failure.reason for failure in first.failures]
    assert [failure.path for failure in build(retry_failed=True).failures] == [
        failure.path for failure in first.failures
    ]
    write(place / "a" / "x.wav", 21)
    (place / "a" / "y.wav").unlink()
    report = build()
    assert (failures(report), report.n_added) == ([], 1)
    assert failed_rows(place) == []


def test_one_that_could_not_be_opened_is_tried_each_time_and_its_clip_is_kept(place: Path, build: Build) -> None:
    file = place / "a" / "1.wav"
    file.unlink()
    file.symlink_to(place / "nowhere.wav")
    for _ in range(2):
        report = build()
        assert (failures(report), report.n_clips, report.n_removed) == (["1.wav"], N_CLIPS + 1, 0)
    assert failed_rows(place) == []
