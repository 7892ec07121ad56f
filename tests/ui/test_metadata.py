"""`soundgrep metadata`, and `soundgrep index` with more than a folder."""

from __future__ import annotations

import json
from pathlib import Path

from .command import soundgrep
from .sounds import tone, write_wav


def test_a_list_and_a_pattern_are_indexed_and_a_table_is_joined(tmp_path: Path, tiny_checkpoint: Path) -> None:
    sounds, collection = tmp_path / "sounds", tmp_path / "c"
    for number, name in enumerate(("a.wav", "b.wav", "c.wav", "other/c.wav")):
        (sounds / name).parent.mkdir(parents=True, exist_ok=True)
        write_wav(sounds / name, tone(200 + 100 * number))
    (sounds / "list.csv").write_text("file,take\na.wav,1\nb.wav,2\n")
    said = soundgrep(
        "index", sounds / "list.csv", sounds / "**" / "c.*", collection, "--encoder", tiny_checkpoint, "--workers", "1"
    )
    assert said.code == 0, said.err
    assert "4 clips" in said.out
    (tmp_path / "table.tsv").write_text("name\tPlace of it\na.wav\tOslo\nc.wav\tRome\nz.wav\tBonn\n")
    said = soundgrep("metadata", collection, tmp_path / "table.tsv", "--key", "name")
    assert said.code == 0
    assert said.lines[0].endswith("c: 1 of 3 rows joined (Place of it); 2 clips with metadata")
    assert said.lines[1].endswith('"FROM clips SELECT path, \\"Place of it\\""')
    assert said.err.splitlines() == [
        "soundgrep: 1 row of the table named no clip of the collection:",
        "soundgrep:   z.wav",
        "soundgrep: 1 row of the table named more than one clip:",
        "soundgrep:   c.wav",
    ]
    query = 'SELECT take, "Place of it" FROM clips WHERE take IS NOT NULL ORDER BY take'
    rows = json.loads(soundgrep("sql", collection, query, "--json").out)
    assert rows == [{"take": 1, "Place of it": "Oslo"}, {"take": 2, "Place of it": None}]
    report = json.loads(soundgrep("metadata", collection, tmp_path / "table.tsv", "--key", "name", "--json").out)
    assert (report["n_matched"], report["unmatched"], report["ambiguous"]) == (1, ["z.wav"], ["c.wav"])


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("name\na.wav\n")
    for arguments, sentence in (
        (("metadata", tmp_path / "nowhere", tmp_path / "l.csv"), "there is no such collection"),
        (("index", tmp_path / "l.csv", tmp_path / "c"), "has no column 'path' or 'file' (its columns are name)"),
        (("index", "nosuch://host/a.wav", tmp_path / "c"), "such addresses cannot be read here"),
        (("index", tmp_path, tmp_path / "c", "--engine", "spark"), "the engine must be local or ray, not 'spark'"),
        (("index", tmp_path, tmp_path / "c", "--address", "h:1"), "an address is for the engine ray only"),
    ):
        said = soundgrep(*arguments)
        assert (said.code, said.out.partition("\n")[0].startswith("Traceback")) == (2, False)
        assert sentence in said.err
        assert said.err.count("\n") == 1
