"""Every kind of query, in Python, in the shell and over HTTP, against exact search over all embeddings."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import numpy.typing as npt
import pytest

from soundgrep import Collection, Query, SearchOptions
from soundgrep.model.audio.decoding import decode
from soundgrep.search import Collections, Hit
from soundgrep.search.querying.fusion import reciprocal_rank_fusion
from soundgrep.ui.program import run

from .conftest import Indexed
from .service import served

Float = npt.NDArray[np.float32]
SAME = 0.98


@dataclass(frozen=True)
class Oracle:
    """All embeddings of the collection, and how each kind of query becomes one."""

    collection: Collection
    sounds: Path
    rows: dict[str, list[Any]]
    embeddings: Float

    @classmethod
    def of(cls, collection: Collection, sounds: Path) -> Oracle:
        rows = collection.sql(
            "SELECT s.segment_id, s.clip_id, s.start_s, s.embedding, c.duration_s, c.path FROM segments s JOIN clips c "
            "USING (clip_id)"
        ).to_pydict()
        return cls(collection, sounds, rows, unit(np.array(rows["embedding"], np.float32)))

    def text(self, text: str) -> Float:
        return self.collection.encoder.embed_text([text])[0]

    def waveform(self, name: str) -> Float:
        return decode(self.sounds / name, sampling_rate_hz=self.collection.encoder.sampling_rate_hz).waveform

    def audio(self, waveform: Float) -> Float:
        size = self.collection.encoder.segment_samples
        pieces = [waveform[first : first + size] for first in range(0, len(waveform), size)]
        return unit(self.collection.encoder.embed_audio(pieces).mean(axis=0))

    def clip_id(self, name: str) -> int:
        return next(
            int(clip_id)
            for clip_id, path in zip(self.rows["clip_id"], self.rows["path"], strict=True)
            if path == str(self.sounds / name)
        )

    def clip(self, name: str) -> Float:
        return unit(self.embeddings[np.array(self.rows["clip_id"]) == self.clip_id(name)].mean(axis=0))

    def ranked(self, query: Float, *, by: str = "clip") -> list[int]:
        """Rows, best first; the best of each clip, or every one."""
        order = np.lexsort((self.rows["start_s"], self.rows["clip_id"], -(self.embeddings @ query)))
        once = {self.rows["clip_id" if by == "clip" else "segment_id"][row]: row for row in reversed(order.tolist())}
        return sorted(once.values(), key=order.tolist().index)


def unit(rows: Float) -> Float:
    scaled: Float = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return scaled


@dataclass(frozen=True)
class Case:
    """One question in three languages, and the embedding that it comes to."""

    query: Query
    shell: list[str]
    body: dict[str, Any]
    embedding: Float
    without: str | None = None
    k: int = 5
    options: SearchOptions = field(default_factory=SearchOptions)
    where: str | None = None
    values: dict[str, object] | None = None
    kept: tuple[float, float] = (0.0, float("inf"))  # durations that `where` lets pass

    def expected(self, oracle: Oracle) -> list[int]:
        """The segments that exact search gives."""
        rows = oracle.ranked(self.embedding, by=self.options.by)
        if self.options.text_match != "off":
            found = SearchOptions(text_match="only")
            by_words = [hit.clip_id for hit in oracle.collection.search(self.query, k=100, options=found)]
            by_clip = {oracle.rows["clip_id"][row]: row for row in rows}
            ranked = by_words if self.options.text_match == "only" else reciprocal_rank_fusion(list(by_clip), by_words)
            rows = [by_clip[clip_id] for clip_id in ranked]
        least, most = self.kept
        rows = [row for row in rows if least < oracle.rows["duration_s"][row] < most]
        rows = [row for row in rows if self.without is None or oracle.rows["clip_id"][row] != self.left_out(oracle)]
        if self.options.min_score is not None:
            rows = [row for row in rows if oracle.embeddings[row] @ self.embedding >= self.options.min_score]
        if self.options.fold:
            once: list[int] = []
            for row in rows:
                if not once or (oracle.embeddings[once] @ oracle.embeddings[row]).max() < SAME:
                    once.append(row)
            rows = once
        page = rows[self.options.offset : self.options.offset + self.k]
        return [int(oracle.rows["segment_id"][row]) for row in page]

    def left_out(self, oracle: Oracle) -> int:
        assert self.without is not None
        return oracle.clip_id(self.without)


@pytest.fixture(scope="module")
def oracle(indexed: Indexed) -> Oracle:
    return Oracle.of(Collection.open(indexed.collection), indexed.sounds)


@pytest.fixture(scope="module")
def client(indexed: Indexed) -> Iterator[httpx2.Client]:
    with served(indexed.collection) as client:
        yield client


def kinds(oracle: Oracle, folder: Path) -> dict[str, Case]:
    """A case of every kind."""
    sounds, text = oracle.sounds, "a steady tone"
    said, other = oracle.text(text), oracle.text("noise")
    noise, long = oracle.waveform("noise.wav"), oracle.waveform("sub/long.wav")
    long_id, tone_id = oracle.clip_id("sub/long.wav"), oracle.clip_id("tone.wav")
    at = next(row for row in range(len(oracle.embeddings)) if oracle.rows["clip_id"][row] == long_id)
    segment_id, segment = int(oracle.rows["segment_id"][at]), oracle.embeddings[at]
    hit = next(one for one in oracle.collection.search(embedding=segment, k=50) if one.clip_id == long_id)
    at_hit = oracle.rows["segment_id"].index(hit.segment_id)
    np.save(folder / "noise.npy", 3 * other)
    (folder / "noise.json").write_text(json.dumps(other.tolist()))
    file = base64.b64encode((sounds / "sub/long.wav").read_bytes()).decode()
    summed = unit(said - 0.5 * other + 2 * oracle.clip("tone.wav"))
    query = Query.text(text) - 0.5 * Query.text("noise") + 2 * Query.like(tone_id)
    terms = [{"text": text}, {"text": "noise", "weight": -0.5}, {"like": str(tone_id), "weight": 2}]
    everything = unit(said + oracle.audio(long) + other)
    lowest = float(oracle.embeddings[at] @ said) - 1e-5  # just below a hit: its last digits depend on who multiplies
    as_text = {"query": Query.text(text), "body": {"text": text}, "embedding": said}
    return {
        "text": Case(shell=["a", "steady", "tone"], **as_text),
        "audio file": Case(
            Query.audio(sounds / "sub/long.wav"), ["--audio", f"{sounds}/sub/long.wav"], {"audio": file},
            oracle.audio(long),
        ),
        "audio samples": Case(
            Query.audio(noise), ["--audio", f"{sounds}/noise.wav"], {"waveform": noise.tolist()}, oracle.audio(noise)
        ),
        "like a clip": Case(
            Query.like(str(sounds / "tone.wav")), ["--like", f"{sounds}/tone.wav"], {"like": str(tone_id)},
            oracle.clip("tone.wav"), without="tone.wav",
        ),
        "like a segment": Case(
            Query.like(segment_id), ["--like", str(segment_id)], {"like": str(segment_id)}, segment,
            without="sub/long.wav",
        ),
        "like a hit": Case(
            Query.like(hit), ["--like", str(hit.segment_id)], {"like": str(hit.segment_id)}, oracle.embeddings[at_hit],
            without="sub/long.wav",
        ),
        "embedding": Case(
            Query.embedding(other), ["--embedding", f"{folder}/noise.npy"], {"embedding": other.tolist()}, other
        ),
        "weighted sum": Case(
            query, [text, "--minus", "noise*0.5", "--like", str(tone_id), "--like", str(tone_id)], {"terms": terms},
            summed, without="tone.wav",
        ),
        "sum of kinds": Case(
            Query.text(text) + Query.audio(sounds / "sub/long.wav") + Query.embedding(other),
            [text, "--audio", f"{sounds}/sub/long.wav", "--embedding", f"{folder}/noise.json"],
            {"text": text, "audio": file, "embedding": other.tolist()}, everything,
        ),
        "filter": Case(
            shell=[text, "--where", "duration_s > 0.5 AND duration_s < 1.5"], kept=(0.5, 1.5),
            where="duration_s > 0.5 AND duration_s < 1.5", **as_text,
        ),
        "filter with values": Case(
            shell=[text, "--where", "duration_s > $least", "--bind", "least=0.5"], kept=(0.5, np.inf),
            where="duration_s > $least", values={"least": 0.5}, **as_text,
        ),
        "words too": Case(shell=[text, "--text-match", "on"], options=SearchOptions(text_match="on"), **as_text),
        "words only": Case(shell=[text, "--text-match", "only"], options=SearchOptions(text_match="only"), **as_text),
        "folded": Case(shell=[text, "--fold"], options=SearchOptions(fold=True), **as_text),
        "second page": Case(shell=[text, "--offset", "5"], options=SearchOptions(offset=5), **as_text),
        "lowest score": Case(
            shell=[text, f"--min-score={lowest}"], k=100,
            options=SearchOptions(min_score=lowest), **as_text,
        ),
        "by segment": Case(shell=[text, "--by", "segment"], options=SearchOptions(by="segment"), **as_text),
    }  # fmt: skip


KINDS = (
    "text", "audio file", "audio samples", "like a clip", "like a segment", "like a hit", "embedding", "weighted sum",
    "sum of kinds", "filter", "filter with values", "words too", "words only", "folded", "second page", "lowest score",
    "by segment",
)  # fmt: skip


def in_shell(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command writes; it runs in this process, which spares its start."""
    monkeypatch.setattr(sys, "argv", ["soundgrep", *arguments])
    assert run() == 0, capsys.readouterr().err
    return capsys.readouterr().out


def listing(case: Case) -> dict[str, Any]:
    options = case.options
    asked: dict[str, Any] = {"k": case.k, "where": case.where, "where_values": case.values, "by": options.by}
    asked |= {"offset": options.offset, "min_score": options.min_score}
    return asked | {"fold": options.fold, "text_match": options.text_match}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_query_finds_what_exact_search_finds(
    kind: str,
    oracle: Oracle,
    client: httpx2.Client,
    indexed: Indexed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = kinds(oracle, tmp_path)[kind]
    expected = case.expected(oracle)
    assert expected
    given = {"k": case.k, "where": case.where, "where_values": case.values, "options": case.options}
    hits: list[Hit] = oracle.collection.search(case.query, **given)  # type: ignore[arg-type]  # one mapping for all
    assert [hit.segment_id for hit in hits] == expected
    scores = [float(oracle.embeddings[oracle.rows["segment_id"].index(one)] @ case.embedding) for one in expected]
    assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-4)
    collections = Collections([oracle.collection])
    (many,) = collections.search_many([case.query], **given)  # type: ignore[arg-type]
    assert [hit.segment_id for hit in many] == expected

    shell = ["search", str(indexed.collection), *case.shell, "-k", str(case.k), "--json"]
    shown = json.loads(in_shell(shell, monkeypatch, capsys))
    assert [int(hit["segment_id"]) for hit in shown] == expected

    answer = client.post("/search", json=case.body | listing(case))
    assert answer.status_code == 200, answer.text
    assert [int(hit["segment_id"]) for hit in answer.json()["hits"]] == expected
    answers = client.post("/search/many", json={"queries": [case.body, {"text": "a"}]} | listing(case))
    assert answers.status_code == 200, answers.text
    assert [int(hit["segment_id"]) for hit in answers.json()["answers"][0]["hits"]] == expected


def test_batches_of_texts_in_the_shell(
    oracle: Oracle,
    indexed: Indexed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("a steady tone\nnoise\n")
    lines = in_shell(["search", str(indexed.collection), "--queries", str(file), "-k", "4"], monkeypatch, capsys)
    for line, text in zip(lines.splitlines(), ("a steady tone", "noise"), strict=True):
        found = [int(hit["segment_id"]) for hit in json.loads(line)["hits"]]
        best = oracle.ranked(oracle.text(text))[:4]
        assert found == [oracle.rows["segment_id"][row] for row in best]


def test_a_text_in_other_letters_than_the_encoders_know_gets_a_note(
    indexed: Indexed,
    client: httpx2.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = {
        "a dog": False,
        "caf\u00e9": False,
        "\u72ac\u306e\u9cf4\u304d\u58f0": True,
        "\u0441\u043e\u0431\u0430\u043a\u0430": True,
        "42": False,
    }
    file = tmp_path / "queries.txt"
    file.write_text("\n".join(texts), "utf-8")
    lines = in_shell(["search", str(indexed.collection), "--queries", str(file)], monkeypatch, capsys).splitlines()
    assert [json.loads(line)["note"] is not None for line in lines] == list(texts.values())
    answers = client.post("/search/many", json={"queries": [{"text": text} for text in texts]}).json()["answers"]
    for text, answered in zip(texts, answers, strict=True):
        assert client.get("/search", params={"q": text}).json()["note"] == answered["note"]
        assert ("ask in English" in (answered["note"] or "")) is texts[text]
        monkeypatch.setattr(sys, "argv", ["soundgrep", "search", str(indexed.collection), text])
        assert run() == 0
        assert ("ask in English" in capsys.readouterr().err) is texts[text]


def test_several_collections_in_the_shell_answer_as_one(
    oracle: Oracle,
    indexed: Indexed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    copy = shutil.copytree(indexed.collection, tmp_path / "copy.soundgrep")
    both = ["search", str(indexed.collection), str(copy)]
    shown = json.loads(in_shell([*both, "a", "steady", "tone", "-k", "6", "--json"], monkeypatch, capsys))
    best = oracle.ranked(oracle.text("a steady tone"))[:6]
    assert [int(hit["segment_id"]) for hit in shown] == [oracle.rows["segment_id"][row] for row in best]
    monkeypatch.setattr(sys, "argv", ["soundgrep", *both])
    assert run() == 2
    assert "copy.soundgrep is a collection" in capsys.readouterr().err
