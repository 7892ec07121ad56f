"""Every mistake a user can make at the command line: one clear sentence, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from .command import soundgrep, without_root_rights
from .conftest import Indexed
from .sounds import tone, write_wav


def test_missing_folder(tiny_checkpoint: Path, tmp_path: Path) -> None:
    sentence = soundgrep("index", tmp_path / "nowhere", tmp_path / "out", "--encoder", tiny_checkpoint).mistake()
    assert str(tmp_path / "nowhere") in sentence
    assert not (tmp_path / "out").exists()


def test_empty_folder(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sentence = soundgrep("index", tmp_path / "empty", tmp_path / "out", "--encoder", tiny_checkpoint).mistake()
    assert str(tmp_path / "empty") in sentence
    assert not (tmp_path / "out").exists()


def test_folder_without_audio(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no sound")
    sentence = soundgrep("index", tmp_path / "texts", tmp_path / "out", "--encoder", tiny_checkpoint).mistake()
    assert str(tmp_path / "texts") in sentence
    assert "audio" in sentence
    assert not (tmp_path / "out").exists()


def test_a_collection_cannot_be_written_into_a_folder_of_other_things(tiny_checkpoint: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "sounds" / "a.wav", tone(440))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "letter.txt").write_text("dear")
    sentence = soundgrep("index", tmp_path / "sounds", tmp_path / "papers", "--encoder", tiny_checkpoint).mistake()
    assert str(tmp_path / "papers") in sentence
    assert [file.name for file in (tmp_path / "papers").iterdir()] == ["letter.txt"]


def test_unreadable_file_is_reported_and_the_rest_goes_on(indexed: Indexed, tmp_path: Path) -> None:
    sounds, collection = tmp_path / "sounds", shutil.copytree(indexed.collection, tmp_path / "out")
    sounds.mkdir()
    for name in ("locked.wav", "open.wav"):
        shutil.copy(indexed.sounds / "tone.wav", sounds / name)
    (sounds / "locked.wav").chmod(0)
    said = soundgrep("index", sounds, collection, "--workers", "1", "--json", before=without_root_rights)
    assert said.code == 0, said.err
    report = json.loads(said.out)
    assert report["n_added"] == 1
    (failure,) = report["failures"]
    assert failure["path"] == str(sounds / "locked.wav")
    assert "permission" in failure["reason"].lower()


def test_clips_in_a_folder_that_cannot_be_read_are_kept_and_it_says_so(tiny_checkpoint: Path, tmp_path: Path) -> None:
    sounds, collection = tmp_path / "sounds", tmp_path / "out"
    for name in ("a/1.wav", "a/2.wav", "b/3.wav", "b/sub/4.wav"):
        (sounds / name).parent.mkdir(parents=True, exist_ok=True)
        write_wav(sounds / name, tone(440 + len(name)))
    (sounds / "b" / "sheet.mid").touch()
    index = ("index", sounds, collection, "--encoder", tiny_checkpoint, "--workers", "1")
    assert "passed over as no sound: 1 .mid" in soundgrep(*index).lines
    (sounds / "a" / "1.wav").unlink()
    (sounds / "b").chmod(0o400)  # its names can be listed, and no more
    said = soundgrep(*index, "--json", before=without_root_rights)
    (sounds / "b").chmod(0o700)
    assert said.code == 3, said.err
    assert "the files of 2 clips of" in said.err
    report = json.loads(said.out)
    assert (report["n_clips"], report["n_removed"], report["n_unknown"], report["n_withheld"]) == (3, 1, 2, 0)
    assert [failure["path"] for failure in report["failures"]] == [
        str(sounds / "b" / "3.wav"),
        str(sounds / "b" / "sub"),
    ]


def test_when_most_files_fail_it_says_so_in_its_exit_code(tiny_checkpoint: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "sounds" / "a.wav", tone(440))
    index = ("index", tmp_path / "sounds", tmp_path / "out", "--encoder", tiny_checkpoint, "--workers", "1")
    for name, code in (("b.wav", 0), ("c.wav", 3)):
        (tmp_path / "sounds" / name).write_bytes(b"no sound")
        said = soundgrep(*index)
        assert said.code == code, said.err
    assert "failed (2) than could be read (1)" in said.err


def test_unreadable_folder_is_a_mistake(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    arguments = ["index", tmp_path / "locked", tmp_path / "out", "--encoder", tiny_checkpoint]
    sentence = soundgrep(*arguments, before=without_root_rights).mistake()
    assert str(tmp_path / "locked") in sentence


@pytest.mark.parametrize("name", ["text.wav", "nan.wav", "absent.wav"])
def test_audio_to_search_by_cannot_be_used(indexed: Indexed, name: str) -> None:
    sentence = soundgrep("search", indexed.collection, "--audio", indexed.sounds / name).mistake()
    assert sentence.startswith(f"{indexed.sounds / name}: ")


def test_the_encoder_of_a_collection_has_been_replaced(
    indexed: Indexed, tiny_checkpoint: Path, other_checkpoint: Path, tmp_path: Path
) -> None:
    collection = shutil.copytree(indexed.collection, tmp_path / "copy")
    manifest = collection / "manifest.json"
    manifest.write_text(manifest.read_text().replace(str(tiny_checkpoint), str(other_checkpoint)))
    sentence = soundgrep("search", collection, "rain").mistake()
    assert "'tiny'" in sentence
    assert "'other'" in sentence


@pytest.mark.parametrize("arguments", [["search", "rain"], ["sql", "SELECT 1"], ["show"]])
def test_collection_of_a_newer_format(indexed: Indexed, tmp_path: Path, arguments: list[str]) -> None:
    manifest = json.loads((indexed.collection / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    verb, *rest = arguments
    sentence = soundgrep(verb, tmp_path, *rest).mistake()
    assert sentence.startswith(f"{tmp_path}: ")
    assert "99" in sentence


@pytest.mark.parametrize("arguments", [["search", "rain"], ["sql", "SELECT 1"], ["show"]])
def test_no_such_collection(tmp_path: Path, arguments: list[str]) -> None:
    verb, *rest = arguments
    assert soundgrep(verb, tmp_path / "nowhere", *rest).mistake().startswith(f"{tmp_path / 'nowhere'}: ")


def test_a_folder_that_is_no_collection(tmp_path: Path) -> None:
    assert soundgrep("show", tmp_path).mistake().startswith(f"{tmp_path}: ")


def test_corrupt_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    sounds = write_wav(tmp_path / "sounds" / "a.wav", tone(440)).parent
    broken = shutil.copytree(tiny_checkpoint, tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    said = soundgrep("index", sounds, tmp_path / "out", "--encoder", broken, "--workers", "1")
    assert said.code == 2, said
    assert said.err.count("\n") == 1, said.err
    assert str(broken) in said.err
    # Nothing was indexed, so the collection is not bound to the broken encoder.
    (sounds / "a.wav").write_text("no sound")
    said = soundgrep("index", sounds, tmp_path / "out", "--encoder", tiny_checkpoint, "--workers", "1")
    assert said.code == 3, "a run in which nothing could be read wants attention"
    assert said.err == f"soundgrep: none of the files of {sounds} could be read: {tmp_path / 'out'} is empty\n"


def test_checkpoint_without_weights(tiny_checkpoint: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    assert str(broken) in soundgrep("index", tmp_path, tmp_path / "out", "--encoder", broken).mistake()


def test_unknown_encoder_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    sentence = soundgrep("index", tmp_path, tmp_path / "out", "--encoder", "clapp").mistake()
    assert "'clapp'" in sentence
    assert "soundgrep models" in sentence
    sentence = soundgrep("index", tmp_path, tmp_path / "out", "--encoder", "msclap-2032").mistake()
    assert "msclap-2023" in sentence, "the nearest names are said"


@pytest.mark.parametrize("where", ["duration_s <", "no_such_column = 1", "1=1; DROP TABLE clips", ""])
def test_malformed_where(indexed: Indexed, where: str) -> None:
    sentence = soundgrep("search", indexed.collection, "rain", "--where", where).mistake()
    assert "filter" in sentence


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "SELECT * FROM nothing",
        "DELETE FROM clips",
        "SELECT * FROM '/etc/passwd'",
        "SELECT search('rain')",
        "FROM search(lower('rain'))",
    ],
)
def test_malformed_sql(indexed: Indexed, query: str) -> None:
    assert "SQL" in soundgrep("sql", indexed.collection, query).mistake()


def test_a_query_that_would_never_end(indexed: Indexed) -> None:
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = -1"
    assert "0.3 s" in soundgrep("sql", indexed.collection, endless, "--time-limit", "0.3").mistake()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rain", "--queries", "text.wav"],
        ["--queries", "nowhere.txt"],
        ["--queries", "tone.wav"],
        ["--plus", " "],
        ["--like", "nowhere.wav"],
        ["--like", "12345"],
        ["rain", "--minus", "rain"],
        ["rain", "--by", "song"],
        ["rain", "--offset", "-1"],
        ["rain", "--min-score", "nan"],
        ["rain", "--text-match", "maybe"],
        ["rain", "--text-match", "on", "--by", "segment"],
        ["--audio", "tone.wav", "--text-match", "on"],
        ["rain", "--bind", "s"],
        ["rain", "--bind", "s=1"],
        ["rain", "--where", "duration_s < $s"],
        ["rain", "--where", "duration_s < $s", "--bind", "s=1", "--bind", "s=2"],
        ["rain", "--where", "duration_s < $s", "--bind", "s=long"],
        [os.fsdecode(b"\xff\xfe")],
        ["rain", "-k", "0"],
        ["rain", "-k", "three"],
        ["rain", "--limit", "3"],
    ],
)
def test_a_search_that_asks_for_nothing_or_for_too_much(indexed: Indexed, arguments: list[str]) -> None:
    assert soundgrep("search", indexed.collection, *arguments, cwd=indexed.sounds).mistake()


@pytest.mark.parametrize("output", ["rows.txt", "rows", "nowhere/rows.csv"])
def test_rows_that_cannot_be_written(indexed: Indexed, tmp_path: Path, output: str) -> None:
    sentence = soundgrep("sql", indexed.collection, "SELECT 1", "--output", output, cwd=tmp_path).mistake()
    assert sentence.startswith(f"{output}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("hop", ["0", "nan"])
def test_hop_that_is_no_length(tiny_checkpoint: Path, tmp_path: Path, hop: str) -> None:
    write_wav(tmp_path / "a.wav", tone(440))
    arguments = ["index", tmp_path, tmp_path / "out", "--encoder", tiny_checkpoint, f"--hop-s={hop}"]
    assert soundgrep(*arguments).mistake()


@pytest.mark.parametrize("workers", ["0", "many"])
def test_workers_that_are_no_number(tiny_checkpoint: Path, tmp_path: Path, workers: str) -> None:
    write_wav(tmp_path / "a.wav", tone(440))
    arguments = ["index", tmp_path, tmp_path / "out", "--encoder", tiny_checkpoint, f"--workers={workers}"]
    assert soundgrep(*arguments).mistake()


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    sentence = soundgrep("convert", tmp_path / "no.pth", tmp_path / "out", "--tokenizer", tmp_path).mistake()
    assert sentence.startswith(f"{tmp_path / 'no.pth'}: ")


def test_unknown_command_and_option() -> None:
    assert "'serch'" in soundgrep("serch").mistake()
    assert "--colour" in soundgrep("show", "--colour").mistake()
    assert "soundgrep search --help" in soundgrep("search").mistake()


def test_a_dead_checkpoint_is_refused_before_anything_is_read(tiny_checkpoint: Path, tmp_path: Path) -> None:
    """As laion/larger_clap_music is: every text gets nearly the same embedding."""
    from safetensors.numpy import load_file, save_file

    sounds = write_wav(tmp_path / "sounds" / "a.wav", tone(440)).parent
    dead = shutil.copytree(tiny_checkpoint, tmp_path / "dead")
    weights = load_file(dead / "model.safetensors")
    weights["text_projection.layer_norm.bias"] += 40
    save_file(weights, dead / "model.safetensors", metadata={"format": "pt"})
    sentence = soundgrep("index", sounds, tmp_path / "out", "--encoder", dead).mistake()
    assert sentence.startswith(f"{dead}: the text tower is dead")
    assert not (tmp_path / "out").exists()
