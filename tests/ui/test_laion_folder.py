"""Every command with a folder of LAION CLAP: exactly as with one of MSCLAP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soundgrep import Collection, Encoder
from soundgrep.model.audio.decoding import decode

from .command import soundgrep
from .conftest import Indexed
from .service import served
from .sounds import GOOD, tone, write_sounds, write_wav


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_clap_checkpoint: Path) -> Indexed:
    folder = tmp_path_factory.mktemp("laion")
    sounds, collection = write_sounds(folder / "sounds"), folder / "sounds.soundgrep"
    said = soundgrep("index", sounds, collection, "--encoder", tiny_clap_checkpoint, "--workers", "1")
    return Indexed(sounds, collection, said, tiny_clap_checkpoint)


def test_index_and_again(indexed: Indexed, tiny_clap_checkpoint: Path) -> None:
    assert indexed.said.code == 0, indexed.said.err
    again = soundgrep("index", indexed.sounds, indexed.collection, "--workers", "1")
    assert again.code == 0, again.err
    collection = Collection.open(indexed.collection)
    assert (collection.n_clips, collection.encoder.id) == (len(GOOD), "tiny-clap")


def test_search_by_text_sound_and_likeness_within_a_filter(indexed: Indexed, tmp_path: Path) -> None:
    text = json.loads(soundgrep("search", indexed.collection, "a tone", "-k", "100", "--json").out)
    assert {hit["path"] for hit in text} == {f"{indexed.sounds}/{name}" for name in GOOD}
    sound = json.loads(soundgrep("search", indexed.collection, "--audio", indexed.sounds / "noise.wav", "--json").out)
    assert (Path(sound[0]["path"]).name, round(sound[0]["score"], 4)) == ("noise.wav", 1.0)
    write_wav(tmp_path / "other.wav", tone(880, duration_s=0.4))
    arguments = ["--like", indexed.sounds / "tone.wav", "--plus", "a tone", "--where", "duration_s > 3", "--json"]
    (like,) = json.loads(soundgrep("search", indexed.collection, *arguments).out)
    assert like["path"].endswith("long.wav")


def test_an_embedding_in_the_collection_is_that_of_its_clip_alone(indexed: Indexed, tiny_clap_checkpoint: Path) -> None:
    collection = Collection.open(indexed.collection)
    encoder = Encoder.from_pretrained(tiny_clap_checkpoint)
    path = indexed.sounds / "sub" / "long.wav"
    waveform = decode(path, sampling_rate_hz=encoder.sampling_rate_hz).waveform
    hits = collection.search(embedding=encoder.embed_audio([waveform[: encoder.segment_samples]])[0], k=3)
    assert (hits[0].path, hits[0].start_s) == (str(path), 0.0)
    assert hits[0].score == pytest.approx(1, abs=1e-5)


def test_sql_show_classify_and_evaluate(indexed: Indexed, tmp_path: Path) -> None:
    sql = "SELECT count(*) AS n FROM search('a tone', 100) JOIN clips USING (clip_id) WHERE duration_s < 2"
    assert json.loads(soundgrep("sql", indexed.collection, sql, "--json").out)[0]["n"] == len(GOOD) - 1
    shown = soundgrep("show", indexed.collection)
    assert shown.code == 0, shown.err
    assert "tiny-clap" in shown.out
    (tmp_path / "labels.txt").write_text("a tone\nnoise\n")
    classified = soundgrep("classify", indexed.collection, "--labels", tmp_path / "labels.txt", "--json")
    assert len(json.loads(classified.out)["clips"]) == len(GOOD), classified.err
    (tmp_path / "captions.csv").write_text("file,caption\ntone.wav,a tone\nnoise.wav,noise\n")
    evaluated = soundgrep("evaluate", indexed.collection, tmp_path / "captions.csv")
    assert evaluated.code == 0, evaluated.err
    assert evaluated.lines[0].startswith("tiny-clap: 2 captions of 2 clips")


def test_serve(indexed: Indexed) -> None:
    with served(indexed.collection) as client:
        hits = client.get("/search", params={"q": "a tone", "k": 3}).json()["hits"]
        assert len(hits) == 3
