"""A collection stays in its folder: whatever lies in it or is written in it, no file outside is read or changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundgrep.indexer import (
    add_metadata,
    build_collection,
    compact_collection,
    delete_query,
    save_query,
    verify_collection,
)
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError, SoundgrepError
from soundgrep.search import Collection, Query
from soundgrep.search.saved import file_of

from ..grids import taking_turns
from ..indexer.sounds import write
from ..ui.command import soundgrep
from .made import add_clips, by_clip, clustered

pytestmark = pytest.mark.slow

SECRET = "the canary sings"
GOLDEN = Path(__file__).parent / "golden"

Snapshot = dict[str, tuple[int, bytes]]
Command = Callable[[Path, Path], object]


def snapshot(folder: Path) -> Snapshot:
    """Every name below a folder, with times and bytes."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (folder, *sorted(folder.rglob("*")))
    }


def search(folder: Path, sounds: Path) -> object:
    del sounds
    collection = Collection.open(folder)
    dim = collection.manifest.encoding.embedding_dim
    return (
        collection.search(embedding=np.ones(dim), where="duration_s > 0"),
        collection.sql("FROM clips").to_pylist(),
        [collection.sql(f"FROM {name}").to_pylist() for name in collection.manifest.annexes],
    )


def keep_query(folder: Path, sounds: Path) -> object:
    del sounds
    collection = Collection.open(folder)
    asked = Query.embedding(np.ones(collection.manifest.encoding.embedding_dim, np.float32))
    return save_query(collection, "kept", asked, text="something")


def join_table(folder: Path, sounds: Path) -> object:
    return add_metadata(folder, sounds / "table.csv")


COMMANDS: dict[str, Command] = {
    "search": search,
    "index": lambda folder, sounds: build_collection(sounds, folder),
    "compact": lambda folder, sounds: compact_collection(folder, keep_hours=0),
    "verify": lambda folder, sounds: verify_collection(folder),
    "repair": lambda folder, sounds: verify_collection(folder, repair=True),
    "metadata": join_table,
    "save": keep_query,
    "delete": lambda folder, sounds: delete_query(folder, "first"),
}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """A collection that has one of everything: two generations' worth of commits, an annex, a saved query."""
    place = tmp_path_factory.mktemp("whole")
    folder = place / "sounds"
    clips = by_clip(clustered(30, dim=encoder.embedding_dim, seed=1), seed=1)
    add_clips(folder, clips[:5], encoder=encoder)
    add_clips(folder, clips[5:8], encoder=encoder, first=5)
    (place / "table.csv").write_text("path,mood\n00001.wav,dark\n")
    add_metadata(folder, place / "table.csv")
    collection = Collection.open(folder)
    save_query(collection, "first", Query.embedding(np.ones(encoder.embedding_dim, np.float32)), text="something")
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "received")


@pytest.fixture
def outside(whole: Path, tmp_path: Path) -> Path:
    """What lies beside a collection: a tree that holds all that could be taken for parts of one, and a secret."""
    place = tmp_path / "outside"
    shutil.copytree(whole, place / "other")
    (place / "secret.txt").write_text(SECRET)
    (place / "000001").mkdir()
    (place / "000001" / "precious.wav").write_text(SECRET)
    return place


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    place = tmp_path / "library"
    place.mkdir()
    write(place / "new.wav", 1)
    (place / "table.csv").write_text("path,mood\n00001.wav,bright\n")
    return place


@contextlib.contextmanager
def untouched(outside: Path) -> Iterator[None]:
    before = snapshot(outside)
    yield
    assert snapshot(outside) == before


def refused(command: str, folder: Path, sounds: Path) -> str:
    """The one sentence that a command refuses a collection with."""
    with pytest.raises(SoundgrepError) as caught:
        COMMANDS[command](folder, sounds)
    sentence = str(caught.value)
    assert SECRET not in sentence
    assert "\n" not in sentence
    assert folder.name in sentence
    return sentence


FOLDERS = ("clips", "encodings", "encodings/*/segments", "encodings/*/coverage", "encodings/*/index/*")
FOLDERS += ("annexes", "annexes/metadata", "queries", "clips/_delta_log")
FILES = ("manifest.json", "manifest.previous.json", "lock", "clips/*.parquet", "encodings/*/segments/*.parquet")
FILES += ("clips/_delta_log/*.json", "encodings/*/index/*/*", "queries/*.json", "annexes/metadata/*.parquet")


def part(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]


@pytest.mark.parametrize(("pattern", "command"), taking_turns([*FOLDERS, *FILES], COMMANDS))
def test_a_link_in_a_collection_is_not_followed(
    copy: Path, outside: Path, sounds: Path, pattern: str, command: str
) -> None:
    path = part(copy, pattern)
    target = outside / "other" / path.relative_to(copy)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    path.symlink_to(target)
    with untouched(outside):
        sentence = refused(command, copy, sounds)
    assert str(path.relative_to(copy)) in sentence or "manifest cannot be read (it is a symbolic link)" in sentence


WRITTEN = ("manifest.previous.json", "lock", "damaged", "queries", "ears", "segments", ".manifest.json.1.tmp")


@pytest.mark.parametrize(("name", "command"), taking_turns(WRITTEN, ["index", "compact", "repair", "metadata", "save"]))
def test_a_link_where_a_command_would_write_is_not_followed(
    copy: Path, outside: Path, sounds: Path, name: str, command: str
) -> None:
    path = copy / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    target = outside / "secret.txt" if "." in name or name == "lock" else outside
    path.symlink_to(target)
    if command == "repair":
        (copy / "manifest.json").write_text("{")
    with untouched(outside):
        refused(command, copy, sounds)


def test_a_dangling_link_makes_no_file(copy: Path, outside: Path, sounds: Path) -> None:
    (copy / "lock").unlink(missing_ok=True)
    (copy / "lock").symlink_to(outside / "new")
    with untouched(outside):
        refused("compact", copy, sounds)


def test_the_folder_of_a_collection_may_be_a_link_itself(copy: Path, tmp_path: Path, sounds: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(copy)
    for command in ("search", "verify", "compact", "metadata", "save"):
        COMMANDS[command](link, sounds)
    assert link.is_symlink()


def test_what_else_lies_in_the_folder_is_nobodys_business(copy: Path, outside: Path, sounds: Path) -> None:
    (copy / "notes").symlink_to(outside)
    with untouched(outside):
        for command in ("search", "verify", "repair", "compact"):
            COMMANDS[command](copy, sounds)


def edit(folder: Path, change: Callable[[dict[str, Any]], object], *, name: str = "manifest.json") -> None:
    record = json.loads((folder / name).read_text())
    change(record)
    (folder / name).write_text(json.dumps(record))


def having(**fields: object) -> Callable[[dict[str, Any]], None]:
    """Set fields of a manifest, or of its encodings if they are theirs."""

    def change(record: dict[str, Any]) -> None:
        for part in (record, *record["encodings"].values()):
            part.update({name: value for name, value in fields.items() if name in part})

    return change


NAMES = (
    "../outside/other",
    "..",
    ".",
    "",
    "/etc",
    "a/b",
    "a\\b",
    "x\0",
    "%2e%2e",
    'a"; DROP VIEW clips; --',
    "a b",
    "é",
)


@pytest.mark.parametrize(
    ("name", "kind", "command"),
    taking_turns(NAMES, ["annex", "generation", "encoding", "file"], ["search", "index", "compact", "repair"]),
)
def test_a_name_in_the_manifest_leads_nowhere(
    copy: Path, outside: Path, sounds: Path, kind: str, name: str, command: str
) -> None:
    def change(record: dict[str, Any]) -> None:
        encoding = next(iter(record["encodings"].values()))
        if kind == "annex":
            record["annexes"] = {name: {"version": 1, "n_rows": 1}}
        elif kind == "generation":
            encoding["index"]["generation"] = name
        elif kind == "file":
            encoding["index"]["files"] = {name: "0"}
        else:
            record["encodings"][name] = encoding

    for manifest in ("manifest.json", "manifest.previous.json"):
        edit(copy, change, name=manifest)
    with untouched(outside):
        assert not verify_collection(copy).is_sound
        refused(command, copy, sounds)


PATHS = (
    "../../outside/other/clips/{name}",
    "..%2F..%2Foutside%2Fother%2Fclips%2F{name}",
    "%2e%2e/%2e%2e/outside/other/clips/{name}",
    "{outside}/other/clips/{name}",
    "file://{outside}/other/clips/{name}",
    "http://127.0.0.1:9/{name}",
    "s3://bucket/{name}",
)
STYLES = ("plain", "escaped", "twice", "joined")


def named_by_log(table: Path, action: str, path: str, *, style: str) -> None:
    """Have the last entry of a table's log add, or remove, a file elsewhere."""
    entry = part(table, "_delta_log/*.json")
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    added = next(line for line in lines if "add" in line)
    record = {**added["add"], "path": path}
    if action == "remove":
        record = {"path": path, "deletionTimestamp": 1, "dataChange": True}
        lines.append({"remove": record})
    else:
        added["add"] = record
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    if style == "escaped":
        text = text.replace('"path"', '"\\u0070ath"')
    elif style == "twice":
        text = text.replace('"path": ', '"path": "part-0.parquet", "path": ')
    elif style == "joined":  # two records on one line, which some readers take for two lines
        text = text.replace("\n", " ").strip() + "\n"
    entry.write_text(text)


@pytest.mark.parametrize(("path", "action", "command"), taking_turns(PATHS, ["add", "remove"], COMMANDS))
def test_a_path_in_a_log_leads_nowhere(
    copy: Path, outside: Path, sounds: Path, path: str, action: str, command: str
) -> None:
    name = part(outside, "other/clips/*.parquet").name
    named_by_log(copy / "clips", action, path.format(name=name, outside=outside), style="plain")
    with untouched(outside):
        assert "clips/_delta_log" in refused(command, copy, sounds)


@pytest.mark.parametrize(
    ("style", "action", "command"), taking_turns(STYLES, ["add", "remove"], ["search", "compact", "repair"])
)
def test_however_it_is_written(copy: Path, outside: Path, sounds: Path, action: str, style: str, command: str) -> None:
    name = part(outside, "other/clips/*.parquet").name
    named_by_log(copy / "clips", action, f"../../outside/other/clips/{name}", style=style)
    with untouched(outside), contextlib.suppress(SoundgrepError):
        COMMANDS[command](copy, sounds)


@pytest.mark.parametrize(
    "line",
    [
        {"sidecar": {"path": "../../../outside/x.parquet", "sizeInBytes": 1, "modificationTime": 1}},
        {"cdc": {"path": "../../outside/x.parquet", "size": 1, "dataChange": False, "partitionValues": {}}},
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"]}},
        {"add": {"path": "x.parquet", "deletionVector": {"storageType": "p", "pathOrInlineDv": "file:///etc/passwd"}}},
    ],
    ids=lambda line: next(iter(line)),
)
def test_what_a_log_of_ours_never_holds_is_refused(
    copy: Path, outside: Path, sounds: Path, line: dict[str, object]
) -> None:
    with part(copy, "clips/_delta_log/*.json").open("a") as file:
        file.write(json.dumps(line) + "\n")
    with untouched(outside):
        for command in COMMANDS:
            refused(command, copy, sounds)


AWAITED = ("manifest.json", "lock", "clips/*.parquet", "clips/_delta_log/*.json", "encodings/*/index/*/*")


@pytest.mark.parametrize(("pattern", "kind", "command"), taking_turns(AWAITED, ["pipe", "socket"], COMMANDS))
def test_a_pipe_or_a_socket_is_not_waited_for(copy: Path, sounds: Path, pattern: str, kind: str, command: str) -> None:
    path = part(copy, pattern) if list(copy.glob(pattern)) else copy / pattern
    path.unlink(missing_ok=True)
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(path.parent):
            listener.bind(path.name)
    else:
        os.mkfifo(path)
    sentence = refused(command, copy, sounds)
    assert "neither a file nor a folder" in sentence or "manifest cannot be read (it is not a regular" in sentence


MANIFESTS: dict[str, str] = {
    "nested": "[" * 200_000,
    "nested object": '{"a":' * 100_000,
    "long number": '{"format_version": 1' + "0" * 10_000 + "}",
    "large": '{"x": "' + "a" * (17 << 20) + '"}',
    "zero": "\0" * 100,
    "nothing": "",
    "text": '"manifest"',
    "not unicode": "\udcff",
}


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none_is_refused_in_a_sentence(copy: Path, sounds: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text, errors="surrogateescape")
    (copy / "manifest.previous.json").unlink(missing_ok=True)
    for command in COMMANDS.keys() - {"verify"}:
        assert len(refused(command, copy, sounds)) < 600
    assert not verify_collection(copy).is_sound


COUNTS = ("clips_version", "segments_version", "n_clips", "embedding_dim", "sampling_rate_hz")
ODD = (-1, 1 << 63, 1 << 80, "1", None, 1.5, [], True, {})


@pytest.mark.parametrize(
    ("key", "value", "command"), taking_turns(COUNTS, ODD, ["search", "index", "compact", "metadata"])
)
def test_odd_numbers_in_a_manifest_are_refused(copy: Path, sounds: Path, key: str, value: object, command: str) -> None:
    edit(copy, having(**{key: value}))
    assert key in refused(command, copy, sounds)


@pytest.mark.parametrize("key", ["segment_s", "hop_s"])
@pytest.mark.parametrize(
    "value", [0, -1.0, float("nan"), float("inf"), int("9" * 400)], ids=lambda value: str(value)[:9]
)
def test_odd_lengths_in_a_manifest_are_refused(copy: Path, sounds: Path, key: str, value: float) -> None:
    edit(copy, having(**{key: value}))
    assert key in refused("search", copy, sounds)


@pytest.mark.parametrize("key", ["clips_version", "embedding_dim", "n_segments", "n_clips"])
def test_numbers_that_are_not_so_are_told_in_a_sentence(copy: Path, sounds: Path, key: str) -> None:
    edit(copy, having(**{key: 4_711}))
    with contextlib.suppress(SoundgrepError):
        search(copy, sounds)
    assert not verify_collection(copy).is_sound


def test_nothing_of_a_golden_collection_is_refused(tmp_path: Path, sounds: Path) -> None:
    for golden in sorted(GOLDEN.iterdir()):
        folder = shutil.copytree(golden, tmp_path / golden.name)
        search(folder, sounds)
        compact_collection(folder, keep_hours=0)
        assert Collection.open(folder).n_clips


def test_a_folder_where_a_file_should_be_is_told_in_a_sentence(copy: Path, sounds: Path) -> None:
    for pattern in ("clips/*.parquet", "encodings/*/index/*/*", "queries/*.json", "manifest.json"):
        path = part(copy, pattern) if list(copy.glob(pattern)) else file_of(copy, "first")
        path.unlink(missing_ok=True)
        path.mkdir()
        for command in COMMANDS.keys() - {"repair"}:
            with contextlib.suppress(CollectionError, SoundgrepError):
                COMMANDS[command](copy, sounds)


def test_no_encoder_is_fetched_because_a_collection_says_so(copy: Path, sounds: Path, tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []
    with socket.create_server(("127.0.0.1", 0)) as hub:
        threading.Thread(target=lambda: asked.append(hub.accept()[1]), daemon=True).start()
        address = f"http://127.0.0.1:{hub.getsockname()[1]}"
        environment = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub")}
        environment |= {"HF_TOKEN": SECRET, "SOUNDGREP_CACHE": str(tmp_path / "cache")}
        for name in ("someone/evil", "laion/clap-htsat-unfused", f"{address}/x", "../../x", "msclap-2023"):
            source = {"id": name, "digest": "sha256:0", "source": name}
            edit(copy, having(encoder=source))
            for command in (["search", str(copy), "a dog"], ["index", str(sounds), str(copy)]):
                said = soundgrep(*command, environment=environment).mistake()
                assert "soundgrep models check" in said
                assert SECRET not in said
    assert not asked
    assert not (tmp_path / "cache").exists()


def test_an_encoder_that_comes_with_a_collection_is_not_opened(
    copy: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = shutil.copytree(encoder.source, copy / "encoder")
    monkeypatch.chdir(copy)
    for source in (str(inside), "encoder"):
        edit(copy, having(encoder={"id": "encoder", "digest": encoder.digest, "source": source}))
        with pytest.raises(SoundgrepError, match="cannot be opened"):
            Collection.open(copy).search("a dog")
    assert Collection.open(copy, encoder=inside).search("a dog")  # who names it may
