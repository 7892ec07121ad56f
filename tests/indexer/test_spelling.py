"""Names whose letters are composed in another way than on disk: they are the same names to people."""

from __future__ import annotations

import io
import os
import tarfile
import unicodedata
from pathlib import Path

import pytest

from soundgrep import build_collection
from soundgrep.indexer import add_metadata
from soundgrep.indexer.inputs.sources import find_clips
from soundgrep.search import Collection, SearchOptions
from soundgrep.search.store.identity import clip_id_of, path_of

from ..conftest import Bucket
from .sounds import write

FORMS = ("NFC", "NFD")
FOLDER, NAME = "Geräusche", "Tür größer.wav"


def form(text: str, of: str) -> str:
    return unicodedata.normalize(of, text)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=FORMS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """A folder of two sounds, whose names are composed in one way, and a collection of them."""
    folder = tmp_path_factory.mktemp("spelled")
    write(folder / form(FOLDER, request.param) / form(NAME, request.param), 1)
    write(folder / form(FOLDER, request.param) / "plain.wav", 2)
    build_collection(folder / form(FOLDER, request.param), folder / "c", encoder=str(tiny_checkpoint), n_workers=1)
    return folder


@pytest.mark.parametrize("other", FORMS)
def test_a_clip_is_found_by_its_name_however_it_is_composed(library: Path, other: str) -> None:
    collection = Collection.open(library / "c")
    exact = os.fsencode(next((library / form(FOLDER, "NFC")).glob("T*"), next(library.glob("Ger*/T*"))))
    folder, name = form(FOLDER, other), form(NAME, other)
    for condition, values in (
        (f"path LIKE '%{name}'", None),
        ("contains(path, $folder) AND ends_with(path, $names[1])", {"folder": folder, "names": [name]}),
    ):
        (hit,) = collection.search("x", where=condition, where_values=values, k=2)
        assert os.fsencode(hit.file) == exact
    (hit,) = collection.search(like=library / folder / name, k=5)
    assert hit.file.name == "plain.wav"
    found = collection.search(form("größer", other), k=1, options=SearchOptions(text_match="on"))
    assert os.fsencode(found[0].file) == exact
    table = library / f"{other}.csv"
    table.write_text(f"path,groß\n{folder}/{name},{other}\n")
    assert add_metadata(library / "c", table, replace=True).n_matched == 1
    table.write_text(f"file,{form('größe', other)}\n{name},{form('süß', other)}\n")
    assert add_metadata(library / "c", table, replace=True).n_matched == 1
    for typed in FORMS:
        condition = f"\"{form('größe', typed)}\" = '{form('süß', typed)}'"
        assert len(collection.open(library / "c").search("x", where=condition, k=2)) == 1


@pytest.mark.parametrize("other", FORMS)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "m3u8", "txt"])
def test_a_list_names_files_however_they_are_composed(library: Path, other: str, kind: str) -> None:
    named = f"{form(FOLDER, other)}/{form(NAME, other)}"
    texts = {
        "csv": f"path\n{named}\n",
        "jsonl": f'{{"path": "{named}"}}\n',
        "m3u8": f"#EXTM3U\n\n{named}\n",
        "txt": named,
    }
    path = library / f"list.{kind}"
    path.write_text(texts[kind])
    findings = find_clips([path], collection=Path("/nowhere"))
    assert findings.failures == []
    assert [Path(os.fsdecode(one)) for one in findings.files] == list(library.glob("Ger*/T*"))
    assert findings.lists == {str(path): {clip_id_of(one) for one in findings.files}}


def test_a_list_names_members_however_they_are_composed(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wav", 1).read_bytes()
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        info = tarfile.TarInfo(form("größe.wav", "NFD"))
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    (tmp_path / "l.csv").write_text(f"path,place\ns.tar!/{form('größe.wav', 'NFC')},Köln\n")
    findings = find_clips([tmp_path / "l.csv"], collection=Path("/nowhere"))
    exact = path_of(tmp_path / "s.tar") + b"!/" + form("größe.wav", "NFD").encode()
    assert (list(findings.files), findings.failures) == ([exact], [])
    assert [table.column("clip_id").to_pylist() for table in findings.columns] == [[clip_id_of(exact)]]


def test_playlists_of_old_programs_and_of_new_ones(tmp_path: Path) -> None:
    for name in ("größe.wav", "a b.wav", "#1.wav"):
        write(tmp_path / name, 1)
    (tmp_path / "old.m3u").write_bytes(b"#EXTM3U\r\n#EXTINF:1,x\r\ngr\xf6\xdfe.wav\r\n\r\nnone.wav\r\n")
    (tmp_path / "new.m3u8").write_text(f"\ufefffile://{tmp_path}/a%20b.wav\n")
    (tmp_path / "wide.txt").write_text("größe.wav\n#1.wav\n", "utf-16")

    def named(name: str) -> list[str]:
        return [Path(os.fsdecode(one)).name for one in find_clips([tmp_path / name], collection=Path("/no")).files]

    assert (named("old.m3u"), named("new.m3u8")) == (["größe.wav"], ["a b.wav"])
    assert named("wide.txt") == ["größe.wav", "#1.wav"]


@pytest.mark.parametrize("n_named", [1, 6])
@pytest.mark.parametrize("other", FORMS)
def test_a_list_finds_objects_however_their_keys_are_composed(
    tmp_path: Path, bucket: Bucket, other: str, n_named: int
) -> None:
    names = [f"{number} {NAME}" for number in range(n_named)]
    content = write(tmp_path / "a.wav", 1).read_bytes()
    for number, name in enumerate(names):
        bucket.put(form(f"{FOLDER}/{name}", FORMS[number % 2]), content)
    lines = [form(f"{bucket.url}/{FOLDER}/{name}", other) for name in names]
    (tmp_path / "l.txt").write_text("\n".join([*lines, f"{bucket.url}/gone \u00fc.wav"]))
    findings = find_clips([tmp_path / "l.txt"], collection=tmp_path / "c")
    there = [form(f"{bucket.url}/{FOLDER}/{name}", FORMS[number % 2]) for number, name in enumerate(names)]
    assert {os.fsdecode(path) for path in findings.files} == set(there)
    assert findings.lists[str(tmp_path / "l.txt")] > {clip_id_of(one.encode()) for one in there}
    assert [one.reason for one in findings.failures] == ["there is no such file"]
