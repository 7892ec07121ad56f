"""Which files a run finds."""

from __future__ import annotations

import os
import socket
import tarfile
from pathlib import Path

import pytest

from soundgrep.indexer.inputs.sources import find_clips
from soundgrep.indexer.writing.changes import KnownClip, find_changes
from soundgrep.indexer.writing.failures import KnownFailure
from soundgrep.model.errors import UsageError
from soundgrep.search.store.identity import clip_id_of, path_of


def touch(path: Path, content: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(*sources: Path, collection: Path = Path("/nowhere")) -> list[str]:
    return [os.fsdecode(path) for path in find_clips(sources, collection=collection).files]


def test_audio_is_found_in_order_by_its_suffix_in_any_case(tmp_path: Path) -> None:
    names = ["b.WAV", "a.flac", "sub/deep/x.Mp3", "sub/film.mkv", "z.opus"]
    for name in (*names, "notes.txt", "cover.jpg", "wav", "sub/.wav", ".hidden.wav", ".git/x.wav", "._b.wav"):
        touch(tmp_path / name)
    assert found(tmp_path) == [str(tmp_path / name) for name in ("a.flac", "b.WAV", "z.opus", *names[3:1:-1])]


def test_text_with_the_suffix_of_a_sound_is_passed_over(tmp_path: Path) -> None:
    """TypeScript and device trees; but a page that was to be a sound, and a stream with text in it, are tried."""
    code = "import { x } from './x'; // \u00e9\u72ac\n".encode() * 100
    for name in ("a.ts", "b.MTS", "tree.dts", "words.voc"):
        touch(tmp_path / name, code)
    touch(tmp_path / "cut.ts", code[:510] + "\u72ac\u72ac".encode())
    stream = b"G@\x11\x10\0B\xf0%" + code
    kept = [
        touch(tmp_path / "film.ts", stream),
        touch(tmp_path / "page.wav", b"<html>"),
        touch(tmp_path / "zero.ts", b""),
    ]
    findings = find_clips([tmp_path], collection=Path("/nowhere"))
    assert set(findings.files) == set(map(path_of, kept))
    assert (findings.passed_over[".ts"], findings.passed_over[".mts"], findings.passed_over[".voc"]) == (2, 1, 1)
    assert found(tmp_path / "a.ts") == [str(tmp_path / "a.ts")], "what is named is taken"
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        for path in sorted(tmp_path.glob("*.ts")):
            archive.add(path, path.name)
    assert found(tmp_path / "s.tar") == [f"{tmp_path}/s.tar!/film.ts", f"{tmp_path}/s.tar!/zero.ts"]


def test_names_of_any_bytes_are_kept_exactly(tmp_path: Path) -> None:
    names = [b"caf\xe9.wav", b"new\nline.wav", "süß.wav".encode(), b"\xff\xfe/x.wav", b" .wav"]
    for name in names:
        touch(tmp_path / os.fsdecode(name))
    assert {os.fsencode(path) for path in found(tmp_path)} == {os.fsencode(tmp_path) + b"/" + name for name in names}


def test_loops_of_links_end_and_real_folders_come_first(tmp_path: Path) -> None:
    touch(tmp_path / "z" / "a.wav")
    (tmp_path / "z" / "up").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "z")
    (tmp_path / "self").symlink_to("self")
    assert found(tmp_path) == [str(tmp_path / "z" / "a.wav")]


def test_links_are_followed_to_folders_elsewhere_and_to_files(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    touch(there / "a.wav")
    here.mkdir()
    (here / "linked").symlink_to(there)
    (here / "b.wav").symlink_to(there / "a.wav")
    assert found(here) == [str(here / "b.wav"), str(here / "linked" / "a.wav")]


def test_the_collection_itself_is_not_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    touch(tmp_path / "c" / "b.wav")
    (tmp_path / "link").symlink_to(tmp_path / "c")
    assert found(tmp_path, collection=tmp_path / "c") == [str(tmp_path / "a.wav")]


def test_sources_that_overlap_give_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = touch(tmp_path / "sub" / "a.wav")
    monkeypatch.chdir(tmp_path)
    assert found(tmp_path / "sub", tmp_path, Path("sub"), inner, tmp_path / "sub" / ".." / "sub") == [str(inner)]


def test_a_file_given_by_name_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    assert found(touch(tmp_path / "recording.bin")) == [str(tmp_path / "recording.bin")]


def test_what_is_no_file_is_reported_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "broken.wav").symlink_to("nowhere.wav")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.wav"))
        findings = find_clips([tmp_path], collection=Path("/nowhere"))
    assert not findings.files
    assert {Path(failure.path).name: failure.reason for failure in findings.failures} == {
        "pipe.wav": "it is not a regular file",
        "s.wav": "it is not a regular file",
        "broken.wav": "cannot be read (No such file or directory)",
    }


def test_a_source_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: there is no such file or folder"):
        found(tmp_path, tmp_path / "nowhere")


def known(path: Path, *, size: int = 5, mtime: int = 1) -> dict[int, KnownClip]:
    return {clip_id_of(path_of(path)): KnownClip(path_of(path), size, mtime, "ab")}


def test_only_size_and_time_decide_what_is_read_again(tmp_path: Path) -> None:
    paths = [touch(tmp_path / name) for name in ("same.wav", "longer.wav", "later.wav", "new.wav")]
    for path in paths:
        os.utime(path, ns=(1, 1))
    clips = known(paths[0]) | known(paths[1], size=4) | known(paths[2], mtime=2)
    findings = find_clips([tmp_path], collection=Path("/nowhere"))
    changes = find_changes(findings, clips, {})
    assert {os.fsdecode(file.path) for file in changes.to_read} == {str(path) for path in paths[1:]}
    assert changes.n_unchanged == 1
    assert changes.gone == ()


def test_only_what_is_gone_from_the_sources_is_gone(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "x.wav")
    gone = known(tmp_path / "a" / "gone.wav") | known(tmp_path / "a" / "sub" / "gone.wav")
    elsewhere = known(tmp_path / "ab" / "x.wav") | known(tmp_path / "x.wav") | known(tmp_path / "a" / "dark" / "x.wav")
    findings = find_clips([tmp_path / "a"], collection=Path("/nowhere"))
    findings.unseen.append(path_of(tmp_path / "a" / "dark"))  # a folder without permission: root can read any
    changes = find_changes(findings, gone | elsewhere, {})
    assert set(changes.gone) == set(gone)
    assert changes.n_within == len(gone) + 1


def test_a_file_that_failed_is_left_alone_until_it_changes_or_is_asked_for(tmp_path: Path) -> None:
    paths = [touch(tmp_path / name) for name in ("same.wav", "longer.wav", "later.wav", "mended.wav", "broken.wav")]
    for path in paths:
        os.utime(path, ns=(1, 1))
    ids = [clip_id_of(path_of(path)) for path in paths]
    shapes = [(5, 1), (4, 1), (5, 2), (5, 1), (5, 1)]
    failed = {
        clip_id: KnownFailure(path_of(path), size, mtime, "no sound")
        for clip_id, path, (size, mtime) in zip(ids, paths, shapes, strict=True)
    }
    gone = KnownFailure(path_of(tmp_path / "gone.wav"), 5, 1, "no sound")
    clips = known(paths[3]) | known(paths[4], mtime=7)
    findings = find_clips([tmp_path], collection=Path("/nowhere"))
    changes = find_changes(findings, clips, failed | {7: gone})
    assert {file.path for file in changes.to_read} == {path_of(path) for path in paths[1:3]}
    assert {(failure.path, failure.reason) for failure in changes.remembered} == {
        (str(path), "no sound") for path in (paths[0], paths[4])
    }
    assert changes.broken == (ids[4],)  # the collection still has what was in it before
    assert set(changes.forgotten) == {ids[3], 7}
    assert changes.n_unchanged == 1
    again = find_changes(findings, clips, failed, retry_failed=True)
    assert {file.path for file in again.to_read} == {path_of(path) for path in paths if path != paths[3]}
    assert (again.remembered, again.broken) == ((), ())


@pytest.mark.parametrize("folder", ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"])
def test_what_systems_keep_beside_files_is_passed_over(tmp_path: Path, folder: str) -> None:
    touch(tmp_path / folder / "a.wav")
    touch(tmp_path / "x" / folder.lower() / "b" / "a.wav")
    kept = touch(tmp_path / "recycle" / "a.wav")
    assert found(tmp_path) == [str(kept)]
    assert found(tmp_path / folder) == [str(tmp_path / folder / "a.wav")]  # who names it wants it


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["*.mp3"], ["a/drafts/1.wav", "a/x.wav", "drafts/2.wav"]),
        (["drafts"], ["a/x.mp3", "a/x.wav"]),
        (["a/drafts/"], ["a/x.mp3", "a/x.wav", "drafts/2.wav"]),
        (["**/[0-9].wav", "*.mp3"], ["a/x.wav"]),
        (["a/*"], ["drafts/2.wav"]),
        (["A"], ["a/drafts/1.wav", "a/x.mp3", "a/x.wav", "drafts/2.wav"]),
    ],
)
@pytest.mark.parametrize("source", [".", "**/*"])
def test_what_a_pattern_excludes_is_passed_over(
    tmp_path: Path, patterns: list[str], left: list[str], source: str
) -> None:
    root = tmp_path / "drafts"  # the name of the source itself does not matter
    for name in ("a/drafts/1.wav", "a/x.mp3", "a/x.wav", "drafts/2.wav"):
        touch(root / name)
    findings = find_clips([root / source], collection=Path("/nowhere"), exclude=patterns)
    assert sorted(os.fsdecode(path).removeprefix(f"{root}/") for path in findings.files) == left


@pytest.mark.parametrize("pattern", ["", "/", "[z-a]"])
def test_a_pattern_that_is_none_is_a_mistake(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path / "a.wav")
    with pytest.raises(UsageError, match="pattern"):
        find_clips([tmp_path], collection=Path("/nowhere"), exclude=[pattern])


def test_other_files_are_counted_by_their_suffix(tmp_path: Path) -> None:
    for name in ("a.wav", "b.MID", "sub/c.mid", "notes.txt", "README", ".hidden.mid", "@eaDir/d.mid"):
        touch(tmp_path / name)
    assert find_clips([tmp_path], collection=Path("/nowhere")).passed_over == {".mid": 2, ".txt": 1, "": 1}


def test_of_what_lies_too_deep_to_be_looked_at_nothing_is_known(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    name = "d" * 200
    folder, place = os.open(tmp_path, os.O_RDONLY), tmp_path
    for _ in range(25):  # a path of more than 4,096 bytes
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder, place = inner, place / name
    os.close(os.open("x.wav", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    (tmp_path / "away").symlink_to("/nowhere/at/all")
    clips = known(place / "x.wav") | known(tmp_path / "away" / "b.wav") | known(tmp_path / "gone.wav")
    findings = find_clips([tmp_path], collection=Path("/nowhere"))
    changes = find_changes(findings, clips, {})
    assert changes.gone == tuple(known(tmp_path / "gone.wav"))
    assert len(changes.unknown) == 2
    assert [failure.reason for failure in findings.failures] == ["cannot be read (File name too long)"]


def test_what_a_list_names_and_cannot_be_looked_at_is_not_gone(tmp_path: Path) -> None:
    deep = "/".join(["d" * 200] * 25)
    (tmp_path / "list.csv").write_text(f"path\n{deep}/x.wav\nloop/y.wav\ngone.wav\na.wav/z.wav\n")
    touch(tmp_path / "a.wav")
    (tmp_path / "loop").symlink_to("loop")
    findings = find_clips([tmp_path / "list.csv"], collection=Path("/nowhere"))
    assert findings.unseen == [path_of(tmp_path / deep / "x.wav"), path_of(tmp_path / "loop" / "y.wav")]
    assert len(findings.failures) == 4


@pytest.mark.parametrize("source", ["c", "c/inside", "link"])
def test_a_collection_is_no_source(tmp_path: Path, source: str) -> None:
    touch(tmp_path / "c" / "inside" / "a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "c")
    with pytest.raises(UsageError, match="collection"):
        find_clips([tmp_path / source], collection=tmp_path / "c")
