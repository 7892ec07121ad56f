"""Zero-shot labels: what is read as labels, how clips are given them, and how often that is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import UsageError
from soundgrep.search import Collection
from soundgrep.search.evaluation.classification import Accuracy, Classification
from soundgrep.search.evaluation.labelling import Best, Labeller, label_collection
from soundgrep.search.evaluation.labels import Labels, Truth, read_labels
from soundgrep.search.store.identity import clip_id_of

from .conftest import Made
from .made import add_clips, clip_path, unit


def labels(folder: Path, text: str | bytes, name: str = "labels.txt") -> Labels:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_labels(folder / name)


def test_a_list_of_labels(tmp_path: Path) -> None:
    read = labels(tmp_path, "\ufeff# mine\r\ndog_bark\r\n\r\nGlass, breaking\r\nDog bark\r\nrain\r\n")
    assert read.names == ("dog_bark", "Glass, breaking", "rain")
    assert read.texts() == ["dog bark", "glass, breaking", "rain"]
    assert [str(some) for some in read.left_out] == ["1 label is there twice (line 5)"]
    assert read.truth == ()


def test_the_csv_of_esc_50(tmp_path: Path) -> None:
    read = labels(
        tmp_path,
        "filename,fold,target,category,esc10,src_file,take\n1-100032-A-0.wav,1,0,dog,True,100032,A\n"
        "1-100038-A-14.wav,1,14,chirping_birds,False,100038,A\n1-100210-A-36.wav,1,0,dog,False,100210,A\n",
        "esc50.csv",
    )
    assert read.names == ("dog", "chirping_birds")
    assert read.truth == (("1-100032-A-0.wav", 0), ("1-100038-A-14.wav", 1), ("1-100210-A-36.wav", 0))
    assert read.left_out == ()


def test_the_csv_of_urbansound8k(tmp_path: Path) -> None:
    read = labels(
        tmp_path,
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
        "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark\n100263-2-0-117.wav,100263,58.5,62.5,1,5,2,children_playing\n",
        "UrbanSound8K.csv",
    )
    assert read.names == ("dog_bark", "children_playing")
    assert read.truth[1] == ("100263-2-0-117.wav", 1)


def test_a_csv_of_labels_alone_and_one_with_gaps(tmp_path: Path) -> None:
    assert labels(tmp_path, "label\ndog\ncat\n", "a.csv").truth == ()
    read = labels(tmp_path, "file;label\na.wav;dog\nb.wav;\na.wav;dog\na.wav;cat\n", "b.csv")
    assert read.truth == (("a.wav", 0), ("a.wav", 1))
    assert [str(some) for some in read.left_out] == ["1 label is empty (line 3)", "1 label is there twice (line 4)"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.txt", "", "holds no labels"),
        ("a.txt", "# nothing\n\n", "holds no labels"),
        ("a.txt", "dog\n", "holds one label, 'dog', but a choice needs two or more"),
        ("a.txt", "dog\nDOG\n", "holds one label"),
        ("a.txt", b"caf\xe9\n", "is not UTF-8 text"),
        ("a.csv", "", "is empty"),
        ("a.csv", "label\n", "holds no labels"),
        ("a.csv", "dog\ncat\n", "has the columns dog, but labels need one called label, category or class"),
        ("a.csv", "file,label\n,dog\na.wav,cat\n", "line 2 names no file"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path: Path, name: str, text: str | bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        labels(tmp_path, text, name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_labels_are_embedded_in_their_templates(encoder: Encoder, tmp_path: Path) -> None:
    read = labels(tmp_path, "Dog_bark\nrain\n")
    templates = ("the sound of {}", "{}, {}!")
    labeller = Labeller.of(read, encoder, templates=templates)
    texts = encoder.embed_text(["the sound of dog bark", "dog bark, dog bark!"])
    np.testing.assert_allclose(labeller.embeddings[0], unit(texts.mean(axis=0)), atol=1e-6)
    for wrong in ((), ("no place",)):
        with pytest.raises(UsageError, match="template"):
            Labeller.of(read, encoder, templates=wrong)


def test_scores_are_a_softmax_over_all_labels() -> None:
    rng = np.random.default_rng(0)
    cosines = rng.uniform(-1, 1, (30, 40)).astype(np.float32)
    best = Labeller(np.zeros((40, 2), np.float32), scale=7.0).best(cosines)
    shares = np.exp(7.0 * cosines.astype(np.float64))
    shares /= shares.sum(axis=1, keepdims=True)
    order = np.argsort(-cosines, axis=1)[:, :5]
    np.testing.assert_array_equal(best.labels, order)
    np.testing.assert_allclose(best.scores, np.take_along_axis(shares, order, 1), rtol=1e-5)
    np.testing.assert_array_equal(best.cosines, np.take_along_axis(cosines, order, 1))


def test_equal_labels_go_by_the_order_they_are_named_in() -> None:
    best = Labeller(np.zeros((4, 2), np.float32), scale=100.0).best(np.zeros((1, 4), np.float32))
    assert best.labels.tolist() == [[0, 1, 2, 3]]
    assert best.scores[0] == pytest.approx(1 / 4)


def test_every_clip_of_a_collection_gets_the_labels_of_its_best_segments(small: Made) -> None:
    rows = unit(np.random.default_rng(3).standard_normal((12, small.clips[0].shape[1])))
    ids, best = label_collection(small.open(), Labeller(rows, scale=10.0))
    numbers = {clip_id_of(clip_path(number)): number for number in range(len(small.clips))}
    for clip_id, kept, cosines in zip(ids.tolist(), best.labels, best.cosines, strict=True):
        expected = (small.clips[numbers[clip_id]] @ rows.T).max(axis=0)
        np.testing.assert_array_equal(kept, np.argsort(-expected)[:5])
        np.testing.assert_allclose(cosines, np.sort(expected)[::-1][:5], atol=1e-6)
    assert len(set(ids.tolist())) == len(small.clips)


def test_clips_that_lie_in_several_parts_of_the_table(encoder: Encoder, tmp_path: Path) -> None:
    """With very many labels the table is read in small parts, and a long clip is in several of them."""
    rng = np.random.default_rng(4)
    clips = [unit(rng.standard_normal((n, encoder.embedding_dim))) for n in (3, 150, 1, 200)]
    collection = Collection.open(add_clips(tmp_path / "c", clips, encoder=encoder))
    rows = unit(rng.standard_normal((130_000, encoder.embedding_dim)))
    ids, best = label_collection(collection, Labeller(rows, scale=1.0))
    assert len(ids) == 4
    expected = {float(np.float32((clip @ rows.T).max())) for clip in clips}
    assert sorted(best.cosines[:, 0].tolist()) == pytest.approx(sorted(expected), abs=1e-6)


def test_an_empty_collection_has_no_labels(encoder: Encoder, tmp_path: Path) -> None:
    folder = add_clips(tmp_path / "c", [], encoder=encoder)
    rows = np.eye(3, encoder.embedding_dim, dtype=np.float32)
    ids, best = label_collection(Collection.open(folder), Labeller(rows, scale=1))
    assert (ids.shape, best.labels.shape) == ((0,), (0, 3))


def chosen(*rows: list[int]) -> Best:
    array = np.array(rows)
    return Best(array, np.zeros(array.shape, np.float32), np.zeros(array.shape, np.float32))


def test_accuracy_known_by_hand() -> None:
    names = ["dog", "cat", "rain", "wind", "bell", "horn"]
    best = chosen([0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [2, 3, 4, 5, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1])
    truth = Truth({0: frozenset({0}), 1: frozenset({0}), 2: frozenset({2, 3}), 3: frozenset({0})})
    accuracy = Accuracy.of(best, truth, names=names)
    assert accuracy is not None
    assert (accuracy.n_clips, accuracy.first.value, accuracy.first.chance) == (4, 0.5, pytest.approx(1 / 6))
    assert accuracy.among_five is not None
    assert accuracy.among_five.value == 0.75
    assert list(accuracy.by_label) == ["dog", "rain", "wind"]
    dog = accuracy.by_label["dog"]
    assert (dog.n_clips, dog.accuracy, dog.mistaken_for) == (3, pytest.approx(1 / 3), "cat")
    assert (accuracy.by_label["wind"].accuracy, accuracy.by_label["wind"].mistaken_for) == (1, None)
    few = Accuracy.of(chosen([0, 1], [1, 0]), Truth({0: frozenset({0})}), names=names[:2])
    assert few is not None
    assert few.among_five is None
    assert Accuracy.of(best, Truth(), names=names) is None


def test_truth_is_found_by_file_name_and_what_is_not_found_is_told(tmp_path: Path) -> None:
    read = labels(tmp_path, "file,label\na.wav,dog\ngone.wav,cat\n", "a.csv")
    found = Classification.of(
        read, np.array([7, 8]), ["/s/b.wav", "/s/a.wav"], chosen([1, 0], [0, 1]), encoder_id="tiny", where="/s"
    )
    assert found.paths == ("/s/a.wav", "/s/b.wav")
    assert found.clip_ids.tolist() == [8, 7]
    assert found.accuracy is not None
    assert (found.accuracy.n_clips, found.accuracy.first.value) == (1, 1)
    assert [str(some) for some in found.left_out] == ["1 file is not in /s (gone.wav)"]
    clips = found.to_json()["clips"]
    assert isinstance(clips, list)
    assert clips[0]["truth"] == ["dog"]
    assert clips[1]["truth"] == []
    with pytest.raises(UsageError, match=r"none of its files is in /t \(the first is 'a\.wav'\)"):
        read.truth_of(["/t/x.wav"], where="/t")
