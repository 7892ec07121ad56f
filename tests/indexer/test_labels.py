"""Classification of a folder as of a collection, and the labels that stay in one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundgrep import Collection, Encoder, build_collection, classify
from soundgrep.indexer.maintenance.labels import Watch, classify_collection, store_labels
from soundgrep.indexer.report import Progress
from soundgrep.indexer.writing.lock import writer_lock
from soundgrep.model.errors import CollectionError, EncoderMismatchError, UsageError
from soundgrep.search.evaluation.classification import Classification
from soundgrep.search.evaluation.labels import labels_of
from soundgrep.search.store.annexes import read_annex
from soundgrep.search.store.manifest import read_manifest

from .sounds import write


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels") / "sounds"
    for number in range(5):
        write(folder / f"{number % 2}" / f"{number}.wav", number, duration_s=0.5 + number)
    (folder / "broken.wav").write_bytes(b"no sound")
    return folder


@pytest.fixture(scope="module")
def made(sounds: Path, tiny_checkpoint: Path) -> Path:
    collection = sounds.parent / "c"
    build_collection(sounds, collection, encoder=tiny_checkpoint, n_workers=1)
    return collection


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("dog\ncat\nrain\nwind\nbell\nhorn\ndrum\n")
    return path


def by_path(found: Classification) -> dict[str, list[tuple[str, float]]]:
    return {
        path: [(found.names[label], float(score)) for label, score in zip(kept, scores, strict=True)]
        for path, kept, scores in zip(found.paths, found.best.labels, found.best.scores, strict=True)
    }


def test_a_folder_is_labelled_as_its_collection_and_nothing_is_left_behind(
    sounds: Path, made: Path, labels: Path, tiny_checkpoint: Path
) -> None:
    before = sorted(sounds.parent.rglob("*"))
    seen: list[Progress] = []
    heard = classify(sounds, labels, encoder=tiny_checkpoint, n_workers=1, watch=Watch(files=seen.append))
    stored = classify(made, labels)
    assert sorted(sounds.parent.rglob("*")) == before
    assert heard.paths == stored.paths
    assert heard.clip_ids.tolist() == stored.clip_ids.tolist()
    for path, kept in by_path(heard).items():
        assert [label for label, _ in kept] == [label for label, _ in by_path(stored)[path]]
        assert [score for _, score in kept] == pytest.approx([score for _, score in by_path(stored)[path]], abs=1e-5)
    assert [str(some) for some in stored.left_out] == []
    (unread,) = heard.left_out
    assert (unread.n, unread.examples[0].split(":")[0]) == (1, str(sounds / "broken.wav"))
    assert (seen[-1].n_done, seen[-1].n_total, seen[-1].n_failed) == (6, 6, 1)


def test_labels_are_those_that_the_encoder_puts_nearest(made: Path, labels: Path) -> None:
    """Against the naive formula: each clip's best segment, a softmax at the encoder's own scale."""
    found = classify(made, labels, templates=["a {} in the distance"])
    collection = Collection.open(made)
    encoder = collection.encoder
    texts = encoder.embed_text([f"a {label} in the distance" for label in labels.read_text(encoding="utf-8").split()])
    rows = collection.sql("SELECT path, list(embedding) AS e FROM segments JOIN clips USING (clip_id) GROUP BY path")
    for row in rows.to_pylist():
        cosines = (texts @ np.array(row["e"], np.float32).T).max(axis=1)
        shares = np.exp(encoder.logit_scale * cosines.astype(np.float64))
        shares /= shares.sum()
        order = np.argsort(-cosines)[:5]
        kept = by_path(found)[row["path"]]
        assert [label for label, _ in kept] == [found.names[label] for label in order]
        assert [score for _, score in kept] == pytest.approx(shares[order].tolist(), abs=1e-5)


def test_stored_labels_are_an_annex_that_the_next_ones_replace(made: Path, labels: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "c")
    found = classify(folder, labels, store=True)
    table = read_annex(folder, read_manifest(folder), "labels")
    assert table is not None
    rows = table.read().to_pylist()
    assert len(rows) == 5 * 5
    assert {row["clip_id"] for row in rows} == set(found.clip_ids.tolist())
    first = [row for row in rows if row["clip_id"] == int(found.clip_ids[0])]
    assert [row["rank"] for row in first] == [1, 2, 3, 4, 5]
    assert [row["label"] for row in first] == [found.names[label] for label in found.best.labels[0]]
    assert [row["score"] for row in first] == sorted((row["score"] for row in first), reverse=True)
    labels.write_text("up\ndown\n", encoding="utf-8")
    classify(folder, labels, store=True)
    collection = Collection.open(folder)
    counts = collection.sql("SELECT count(*) AS n, count(DISTINCT label) AS labels FROM labels").to_pylist()
    assert counts == [{"n": 5 * 2, "labels": 2}]
    assert len(collection.search("rain", where="label = 'up'")) + len(
        collection.search("rain", where="label = 'down'")
    ) == len(found.paths)


def test_typed_labels_are_counted_and_kept_from_a_least_score(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "c")
    typed = labels_of(["dog", " ", "CAT", "dog", "a_horn"], source="the list")
    assert (typed.names, typed.texts()) == (("dog", "CAT", "a_horn"), ["dog", "cat", "a horn"])
    found = classify_collection(Collection.open(folder), typed)
    called = found.called()
    assert sorted(np.concatenate(called).tolist()) == list(range(5))
    for label, places in enumerate(called):
        assert set(found.best.labels[places, 0].tolist()) <= {label}
        assert found.best.scores[places, 0].tolist() == sorted(found.best.scores[places, 0].tolist(), reverse=True)
    least = float(np.median(found.best.scores[:, 0]))
    assert sum(map(len, found.called(least_score=least))) == 3
    assert store_labels(folder, found, least_score=least) == 3
    opened = Collection.open(folder)
    assert opened.sql("SELECT count(*) AS n FROM clips WHERE label IS NULL").to_pylist() == [{"n": 2}]
    assert opened.sql("SELECT min(score) AS s FROM labels").to_pylist()[0]["s"] >= np.float32(least)
    with pytest.raises(UsageError, match="the list: holds one label, 'dog'"):
        labels_of(["dog", "___"], source="the list")
    with writer_lock(folder), pytest.raises(CollectionError, match="another run is writing it"):
        store_labels(folder, found)


def test_the_truth_beside_the_labels_gives_the_accuracy(made: Path, sounds: Path, labels: Path, tmp_path: Path) -> None:
    found = classify(made, labels)
    truth = tmp_path / "truth.csv"
    lines = [f"{path.removeprefix(f'{sounds}/')},{kept[0][0]}" for path, kept in by_path(found).items()]
    truth.write_text("file,label\n" + "\n".join(lines) + "\naway.wav,horn\n0/0.wav,drum\n")
    judged = classify(made, truth)
    assert judged.accuracy is not None
    assert judged.accuracy.first.value == 1
    assert [some.n for some in judged.left_out] == [1]


def test_whatever_can_be_indexed_can_be_labelled(sounds: Path, labels: Path, tiny_checkpoint: Path) -> None:
    found = classify(f"{sounds}/0/*.wav", labels, encoder=tiny_checkpoint, n_workers=1)
    assert [path.rsplit("/", 1)[1] for path in found.paths] == ["0.wav", "2.wav", "4.wav"]


@pytest.mark.parametrize("text", ["", "one\n"])
def test_too_few_labels_are_refused_before_anything_is_read(sounds: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(UsageError, match=r"labels\.txt: holds"):
        classify(sounds, tmp_path / "labels.txt")


def test_what_cannot_be_classified(
    made: Path, sounds: Path, labels: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is no collection, so its labels cannot be stored"):
        classify(sounds, labels, store=True)
    with pytest.raises(UsageError, match="no such file or folder"):
        classify(tmp_path / "nowhere", labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="there are no audio files"):
        classify(tmp_path / "empty", labels)
    (tmp_path / "empty" / "a.wav").write_bytes(b"no sound")
    with pytest.raises(UsageError, match=r"no audio file that can be read .*a\.wav"):
        classify(tmp_path / "empty", labels, encoder=tiny_checkpoint)
    with pytest.raises(UsageError, match="n_workers must be at least 1"):
        classify(sounds, labels, n_workers=0)
    with pytest.raises(EncoderMismatchError):
        classify(made, labels, encoder=Encoder.from_pretrained("mini"))
