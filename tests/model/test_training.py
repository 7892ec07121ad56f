"""The recipe of `mini` on made data: small steps whose right outcome is known by hand."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from soundgrep.model.encoder import Encoder
from soundgrep.model.errors import UsageError
from soundgrep.model.training.anchors import Anchors, embed_texts
from soundgrep.model.training.audio import AudioRecipe, AudioStudent, audio_config, enlarged, train_audio
from soundgrep.model.training.augment import add, cut, draw_batch
from soundgrep.model.training.corpus import Example, WaveformCache, read_examples
from soundgrep.model.training.evaluate import HeldOut, encoder_figures
from soundgrep.model.training.export import export_checkpoint
from soundgrep.model.training.mels import MelStore
from soundgrep.model.training.parallel import Team
from soundgrep.model.training.phrases import composed_phrases, templated, wordnet_phrases
from soundgrep.model.training.retrieval import chance_of_hit, measure
from soundgrep.model.training.text import TextLesson, train_text
from soundgrep.model.training.tokenizer import train_tokenizer
from soundgrep.model.training.vocabulary import event_phrases

RATE = 22_050
PITCHES = {"low hum": 110.0, "whistle": 2200.0}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> WaveformCache:
    folder = tmp_path_factory.mktemp("cache")
    waveforms, rows, offset = [], [], 0
    for name, pitch in PITCHES.items():
        for number, duration_s in enumerate((0.4, 2.0, 7.0)):
            time_s = np.arange(round(duration_s * RATE)) / RATE
            tone = (8000 * np.sin(2 * np.pi * pitch * time_s)).astype(np.int16)
            rows.append((f"{name}/{number}", offset, len(tone), RATE))
            waveforms.append(tone)
            offset += len(tone)
    np.save(folder / "tones.npy", np.concatenate(waveforms))
    with (folder / "tones.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "offset", "n_samples", "source_sampling_rate_hz"), *rows])
    return WaveformCache(folder)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [Example("tones", f"{name}/{i}", f"a {name}", "tones", name) for name in PITCHES for i in range(3)]


@pytest.fixture(scope="module")
def store(cache: WaveformCache, examples: list[Example], tmp_path_factory: pytest.TempPathFactory) -> MelStore:
    missing = Example("tones", "not there", "a gap", "tones", "gap")
    return MelStore.build([*examples, missing], cache, tmp_path_factory.mktemp("mels") / "train.npy")


def hashed_embeddings(texts: list[str]) -> np.ndarray:
    """A stand-in for the text tower: a fixed direction for each concept, whatever the wording."""
    rows = []
    for text in texts:
        concept = next((name for name in PITCHES if name in text), text)
        rows.append(np.random.default_rng(sum(concept.encode()) * 7919).normal(size=256))
    embeddings = np.array(rows, dtype=np.float32)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def anchors(store: MelStore) -> Anchors:
    return Anchors.build(store.examples, hashed_embeddings)


def no_figures(student: AudioStudent) -> dict[str, object]:
    return {}


def test_clips_that_the_cache_lacks_are_left_out(store: MelStore) -> None:
    assert len(store.examples) == 6
    assert store.lengths[0, 0] == 256, "a short clip is repeated to a segment"
    assert store.own_lengths[0, 0] == round(0.4 * RATE / 432)
    assert store.lengths[2, 0] == 7 * RATE // 432 + 1


def test_faster_is_shorter_and_higher(store: MelStore) -> None:
    assert store.own_lengths[2, 1] > store.own_lengths[2, 0] > store.own_lengths[2, 2]
    slow, fast = (int(store.mels(5, speed).astype(np.float32).mean(0).argmax()) for speed in (1, 2))
    assert slow < fast


def test_a_captions_file_without_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("package,path,caption\na,b,c\n")
    with pytest.raises(UsageError, match="no column category, concept"):
        read_examples(tmp_path / "captions.csv")
    with pytest.raises(UsageError, match="no such captions file"):
        read_examples(tmp_path / "other.csv")


def test_missing_wordnet_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no data\.noun and data\.verb"):
        wordnet_phrases(tmp_path)


def test_equal_powers_add_to_three_decibels() -> None:
    level = np.full((2, 2), -20.0, dtype=np.float32)
    assert add(level, level) == pytest.approx(-20 + 10 * np.log10(2), abs=1e-4)
    assert add(level, level - 100) == pytest.approx(-20, abs=1e-4)


@pytest.mark.parametrize("n_frames", [64, 256])
def test_cuts_have_the_length_asked_for(store: MelStore, n_frames: int) -> None:
    chance = np.random.default_rng(0)
    for clip in range(6):
        for _ in range(8):
            part = cut(store.mels(clip), int(store.own_lengths[clip, 0]), chance, n_frames=n_frames)
            assert part.shape == (n_frames, 64)
            assert part.max() > -100, "never silence alone"


def test_batches_are_finite_and_say_what_they_hold(store: MelStore, anchors: Anchors) -> None:
    chance = np.random.default_rng(1)
    batch = draw_batch(store, anchors.clip_weights(power=0.5), 32, chance, mixing=0.5)
    assert np.isfinite(batch.mels).all()
    labels = anchors.labels(batch.first, batch.second, batch.share)
    assert labels.sum(1) == pytest.approx(1, abs=1e-5)
    alone = batch.first == batch.second
    assert (batch.share[alone & (batch.share == 1)] == 1).all()
    assert (labels.argmax(1) == anchors.concept_of[batch.first]).all()


def test_rare_concepts_are_drawn_more_than_their_share(examples: list[Example]) -> None:
    anchors = Anchors.build([examples[0]] * 9 + [examples[3]], hashed_embeddings)
    weights = anchors.clip_weights(power=0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[9] == pytest.approx(1 / (1 + 3))


def test_the_audio_stage_steps_and_resumes(store: MelStore, anchors: Anchors, tmp_path: Path) -> None:
    recipe = {"minutes": 60.0, "batch": 4, "spec_size": 64}
    train_audio(store, anchors, tmp_path, AudioRecipe(**recipe, max_steps=2), Team(), no_figures)
    train_audio(store, anchors, tmp_path, AudioRecipe(**recipe, max_steps=3), Team(), no_figures)
    rows = [json.loads(line) for line in (tmp_path / "audio.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3]
    assert all(np.isfinite(row["loss"]) for row in rows)


def test_learning_lowers_the_loss(store: MelStore, anchors: Anchors, tmp_path: Path) -> None:
    recipe = AudioRecipe(minutes=60.0, batch=8, spec_size=64, mixing=0.0, max_steps=12)
    held_out = HeldOut.of(store, hashed_embeddings)
    student = train_audio(store, anchors, tmp_path, recipe, Team(), no_figures)
    (row,) = [json.loads(line) for line in (tmp_path / "audio.jsonl").read_text().splitlines()]
    assert row["loss"] < np.log(len(event_phrases()) + 2) + 0.5 * np.log(8)
    assert held_out.figures(enlarged(student, spec_size=128)).n_clips == 6


def test_a_larger_image_keeps_the_weights() -> None:
    torch.manual_seed(0)
    small = AudioStudent(audio_config(spec_size=64)).eval()
    large = enlarged(small, spec_size=128)
    name = "tower.audio_model.encoder.stages.1.blocks.0.attn.relative_position_bias_table"
    before = small.state_dict()[name].view(7, 7, -1)
    after = large.state_dict()[name].view(15, 15, -1)
    assert torch.equal(after[4:11, 4:11], before)
    assert large(torch.zeros(1, 1, 256, 64)).shape == (1, 256)


def test_the_tokenizer_keeps_gpt2s_conventions() -> None:
    tokenizer = train_tokenizer([phrase.text for event in event_phrases() for phrase in templated(event)])
    assert tokenizer.convert_tokens_to_ids("!") == 0
    assert tokenizer.eos_token_id == len(tokenizer) - 1
    assert tokenizer.encode("A Dog Barking") == tokenizer.encode("a dog barking")


def test_the_text_stage_resumes_and_exports_an_encoder(
    tmp_path: Path, cache: WaveformCache, examples: list[Example]
) -> None:
    events = event_phrases()[:40]
    texts = [phrase.text for phrase in composed_phrases(events, n_phrases=60)]
    tokenizer = train_tokenizer(texts)
    ids = [tokenizer.encode(f"{text} <|endoftext|>") for text in texts]
    lesson = TextLesson(ids, hashed_embeddings(texts), np.full(len(texts), 1 / len(texts)))
    train_text(lesson, tmp_path, minutes=60, vocab_size=len(tokenizer), max_steps=1)
    text = train_text(lesson, tmp_path, minutes=60, vocab_size=len(tokenizer), max_steps=5)
    rows = [json.loads(line) for line in (tmp_path / "text.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [4, 8], "four batches are drawn at once"
    assert rows[1]["loss"] < rows[0]["loss"]

    export_checkpoint(text, AudioStudent(audio_config()).eval(), tokenizer, tmp_path / "tiny")
    encoder = Encoder.from_pretrained(tmp_path / "tiny")
    assert (encoder.sampling_rate_hz, encoder.segment_s, encoder.embedding_dim) == (RATE, 5.0, 256)
    # Half precision in the file is all that parts it from the tower that was trained.
    wanted = embed_texts(text, tokenizer, texts[:5])
    assert (encoder.embed_text(texts[:5]) * wanted).sum(1) == pytest.approx(1, abs=1e-3)
    figures = encoder_figures(encoder, examples, cache)
    assert (figures.n_clips, figures.n_queries, figures.recall_at_10) == (6, 2, 1.0)


def test_chance_is_that_of_drawing_without_return() -> None:
    assert chance_of_hit(20, 1, 10) == pytest.approx(0.5)
    assert chance_of_hit(4, 2, 2) == pytest.approx(1 - 1 / 6)
    draw = random.Random(0)
    drawn = sum(any(i < 3 for i in draw.sample(range(50), 10)) for _ in range(4000)) / 4000
    assert chance_of_hit(50, 3, 10) == pytest.approx(drawn, abs=0.03)


def test_figures_known_by_hand() -> None:
    clips = [
        Example("p", str(i), "", category, concept)
        for i, (concept, category) in enumerate(
            [("dog", "animals"), ("dog", "animals"), ("rain", "weather"), ("wind", "weather")]
        )
    ]
    queries = [Example("p", "", "a dog", "animals", "dog"), Example("p", "", "rain", "weather", "rain")]
    scores = np.array([[0.9, 0.1, 0.5, 0.2], [0.3, 0.4, 0.1, 0.2]], dtype=np.float32)
    figures = measure(
        scores,
        queries,
        clips,
        category_scores=np.array([[0.9, 0.9, 0.9, 0.1], [0.1, 0.1, 0.2, 0.2]], dtype=np.float32),
        categories=["animals", "weather"],
        k=2,
    )
    assert figures.recall_at_10 == 0.5
    assert figures.median_rank == 2.5
    assert figures.chance_at_10 == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert figures.map_at_10 == pytest.approx((0.5 + 0) / 2)
    assert figures.zero_shot_category == 0.75
    assert figures.by_category["animals"] == (1, 1.0, pytest.approx(5 / 6))
