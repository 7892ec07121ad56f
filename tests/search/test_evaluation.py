"""Evaluation, on collections of made embeddings whose figures are known by hand, against the naive formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import SoundgrepWarning, UsageError
from soundgrep.search import Collection, evaluate
from soundgrep.search.evaluation.retrieval import embed_texts

from .made import Float, add_clips, by_clip, clip_path, unit

# fmt: off
WORDS = [
    "dog", "cat", "rain", "wind", "bell", "horn", "drum", "flute", "saw", "drill",
    "clock", "fire", "bird", "frog", "train", "plane", "door", "glass", "phone", "crowd",
]
# fmt: on


@pytest.fixture(scope="module")
def texts(encoder: Encoder) -> Float:
    return encoder.embed_text(WORDS)


def write(folder: Path, rows: list[tuple[int, str]], categories: dict[int, str] | None = None) -> Path:
    lines = [f"{clip_path(n).decode()},{text},{(categories or {}).get(n, '')}\n" for n, text in rows]
    path = folder / "captions.csv"
    path.write_text("file,caption,category\n" + "".join(lines))
    return path


def test_figures_known_by_hand(encoder: Encoder, texts: Float, tmp_path: Path) -> None:
    """Each clip has the embedding of its own text, but two, whose captions were exchanged."""
    folder = add_clips(tmp_path / "c", [texts[i : i + 1] for i in range(20)], encoder=encoder)
    rows = [(n, WORDS[n]) for n in range(18)] + [(18, WORDS[19]), (19, WORDS[18])]
    found = evaluate(folder, write(tmp_path, rows, {n: "right" if n < 18 else "wrong" for n in range(20)}))
    assert (found.encoder_id, found.n_clips, found.n_captions, found.left_out) == ("tiny", 20, 20, ())
    for direction in (found.text_to_audio, found.audio_to_text):
        assert direction.recall[1].value == pytest.approx(0.9)
        assert direction.recall[1].chance == pytest.approx(1 / 20)
        assert direction.median_rank.value == 1
        low, high = direction.recall[1].low, direction.recall[1].high
        assert low is not None
        assert high is not None
        assert low < 0.9 < high
    right, wrong = found.by_category["right"], found.by_category["wrong"]
    assert [figures.recall[1].value for figures in right] == [1, 1]
    assert [figures.recall[1].value for figures in wrong] == [0, 0]
    assert (right[0].n_queries, wrong[0].n_queries, wrong[0].n_answers) == (18, 2, 20)


def test_a_clip_is_as_near_as_its_best_segment(encoder: Encoder, texts: Float, tmp_path: Path) -> None:
    far = unit(-texts.mean(axis=0, keepdims=True))
    clips = [np.concatenate([far, texts[i : i + 1], far]) for i in range(10)]
    found = evaluate(
        add_clips(tmp_path / "c", clips, encoder=encoder), write(tmp_path, [(n, WORDS[n]) for n in range(10)])
    )
    assert found.text_to_audio.recall[1].value == 1
    assert found.audio_to_text.recall[1].value == 1


def test_a_caption_of_several_clips_may_find_any_of_them(encoder: Encoder, texts: Float, tmp_path: Path) -> None:
    """Ten clips sound alike and are captioned alike; one of another text lies nearer to their caption than nine."""
    clips = [texts[:1]] + [unit(texts[:1] + 0.5 * texts[1:2]) for _ in range(9)] + [unit(texts[:1] + 0.1 * texts[1:2])]
    folder = add_clips(tmp_path / "c", clips, encoder=encoder)
    rows = [(n, ("Dog." if n % 2 else "dog")) for n in range(10)] + [(10, WORDS[1])]
    found = evaluate(folder, write(tmp_path, rows))
    assert (found.n_clips, found.n_captions) == (11, 2)
    dog = found.text_to_audio
    assert dog.recall[1].value == 0.5  # "cat" finds the clips of dogs that lie nearer to it first
    assert found.audio_to_text.recall[5].value == 1


def naive(texts: Float, clips: list[Float], right: npt.NDArray[np.bool_]) -> tuple[dict[int, float], float, float]:
    """Recall, mAP@10 and median rank of the rows of `right` [n_texts, n_clips], one query at a time."""
    firsts, precisions = [], []
    for text, is_right in zip(texts, right, strict=True):
        scores = [max(float(segment @ text) for segment in clip) for clip in clips]
        order = sorted(range(len(clips)), key=lambda i: -scores[i])
        hits = [rank for rank, clip in enumerate(order, start=1) if is_right[clip]]
        firsts.append(hits[0])
        top = [rank for rank in hits if rank <= 10]
        precisions.append(sum((i + 1) / rank for i, rank in enumerate(top)) / min(10, len(hits)))
    recall = {k: float(np.mean([first <= k for first in firsts])) for k in (1, 5, 10)}
    return recall, float(np.mean(precisions)), float(np.median(firsts))


def test_any_collection_agrees_with_the_naive_formula(encoder: Encoder, texts: Float, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    embeddings = unit(texts[rng.integers(0, 20, 200)] + 1.5 * rng.standard_normal((200, encoder.embedding_dim)) / 6)
    clips = by_clip(embeddings, seed=5)
    folder = add_clips(tmp_path / "c", clips, encoder=encoder)
    pairs = sorted({(int(rng.integers(0, len(clips) // 2)) * 2, int(word)) for word in rng.integers(0, 20, 90)})
    found = evaluate(folder, write(tmp_path, [(clip, WORDS[word]) for clip, word in pairs]))
    asked, ranked = sorted({word for _, word in pairs}), sorted({clip for clip, _ in pairs})
    right = np.array([[(clip, word) in pairs for clip in ranked] for word in asked])
    among = [clips[clip] for clip in ranked]
    recall, precision, median = naive(texts[asked], among, right)
    assert {k: figure.value for k, figure in found.text_to_audio.recall.items()} == pytest.approx(recall)
    assert found.text_to_audio.map_at_10.value == pytest.approx(precision)
    assert found.text_to_audio.median_rank.value == median
    # The other way: each clip asks for texts, and a text is a clip of one segment as it were.
    firsts = []
    for clip, is_right in zip(among, right.T, strict=True):
        scores = (texts[asked] @ clip.T).max(axis=1)
        firsts.append(min(int((scores > scores[text]).sum()) + 1 for text in np.flatnonzero(is_right)))
    assert found.audio_to_text.recall[5].value == pytest.approx(np.mean([first <= 5 for first in firsts]))
    assert found.audio_to_text.median_rank.value == np.median(firsts)
    assert found.n_clips == len(ranked) < len(clips)


def test_many_texts_are_ranked_in_parts_as_in_one(
    encoder: Encoder, texts: Float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = add_clips(tmp_path / "c", [texts[i : i + 1] for i in range(20)], encoder=encoder)
    captions = write(tmp_path, [(n, WORDS[(n * 7) % 20]) for n in range(20)])
    whole = evaluate(Collection.open(folder), captions)
    monkeypatch.setattr("soundgrep.search.evaluation.retrieval._MAX_SCORES", 41)
    assert evaluate(folder, captions).to_json() == whole.to_json()


def test_progress_and_one_warning_for_all_texts_that_are_too_long(encoder: Encoder) -> None:
    long = "dog " * 200
    seen: list[tuple[int, int]] = []
    with pytest.warns(SoundgrepWarning, match="2 of 3 texts are longer than tiny reads") as caught:
        rows = embed_texts(encoder, [long, "dog", long], progress=lambda *done: seen.append(done))
    assert len(caught) == 1
    assert rows.shape == (3, encoder.embedding_dim)
    assert seen[-1] == (3, 3)


def test_captions_of_other_files(encoder: Encoder, texts: Float, tmp_path: Path) -> None:
    folder = add_clips(tmp_path / "c", [texts[:1]], encoder=encoder)
    with pytest.raises(UsageError, match=r"captions\.csv: none of its files is in .*/c \(the first is"):
        evaluate(folder, write(tmp_path, [(77, "dog")]))
    found = evaluate(folder, write(tmp_path, [(77, "cat"), (0, "dog"), (0, "DOG")]))
    assert [str(some) for some in found.left_out] == [
        f"1 file is not in {folder} ({clip_path(77).decode()})",
        "1 caption is there twice (line 4)",
    ]
    assert found.to_json()["n_clips"] == 1
