"""`soundgrep show`: what a collection holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import CollectionFolder
from ..screen import counted, printable, shown_path, spoken_duration, spoken_size, write_json, write_line

if TYPE_CHECKING:
    from ...search.store.manifest import EncodingRecord, IndexRecord, Tuning

HELP = """\
Show what a collection holds.

The encoder it was made with, how many clips and hours of sound, its size on
disk and the kind of its index; for a large one also what visiting more or
fewer of its cells finds and costs, as measured when it was built."""

EXAMPLES = """\
Example:
  soundgrep show sounds.soundgrep"""


def show(
    collection: CollectionFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Describe a collection from its manifest."""
    from ...search import Collection

    opened = Collection.open(collection)
    # An empty table has no sum.
    duration_s = opened.sql("SELECT coalesce(sum(duration_s), 0) AS s FROM clips").column("s")[0].as_py()
    size_bytes = sum(file.lstat().st_size for file in opened.path.rglob("*") if file.is_file())
    if as_json:
        facts = {"path": str(opened.path.absolute()), "duration_s": duration_s, "size_bytes": size_bytes}
        manifest = opened.manifest
        write_json(facts | dataclasses.asdict(manifest.encoding) | dataclasses.asdict(manifest))
        return
    manifest, encoding = opened.manifest, opened.manifest.encoding
    for head, text in (
        ("collection", shown_path(opened.path)),
        ("encoder", f"{printable(encoding.encoder.id)} ({encoding.encoder.digest[:19]})"),
        *(
            (("encoder", f"{printable(one.encoder.id)}, beside it, {_in_words(one)}"))
            for name, one in manifest.encodings.items()
            if name != manifest.default_encoding
        ),
        ("clips", f"{manifest.n_clips:,}, {spoken_duration(duration_s)} of sound"),
        ("segments", f"{encoding.n_segments:,} of {encoding.segment_s:g} s, one every {encoding.hop_s:g} s"),
        ("index", _index_in_words(encoding.index)),
        ("size", spoken_size(size_bytes)),
        ("updated", manifest.updated_at),
    ):
        write_line(f"{head:<12}{text}")
    index = encoding.index
    if index is not None and index.tuning is not None:
        write_line()
        for line in _curve_lines(index.tuning, nprobe=index.nprobe):
            write_line(line)
        if index.advice is not None:
            write_line(f"advice: {index.advice}")


def _in_words(one: EncodingRecord) -> str:
    segments = f"{counted(one.n_segments, 'segment')} of {one.segment_s:g} s, one every {one.hop_s:g} s"
    return f"{counted(one.n_clips, 'clip')} in {segments}"


def _index_in_words(index: IndexRecord | None) -> str:
    if index is None:
        return "none yet, every search is exact"
    if index.nlist is None:
        return f"{index.kind}, exact, over {counted(index.n_segments, 'segment')}"
    cells = f"{index.nlist:,} cells, {index.nprobe} visited"
    recall = "" if index.recall_at_10 is None else f", recall@10 {index.recall_at_10:.3f}"
    return f"{index.kind} over {counted(index.n_segments, 'segment')}: {cells}{recall}"


def _curve_lines(tuning: Tuning, *, nprobe: int | None) -> list[str]:
    """Return what was measured when the index was built; the row that searches use is marked."""
    from ..table import table_lines

    rows = [
        (
            f"{point.nprobe:,}{' *' if point.nprobe == nprobe else ''}",
            f"{point.text_recall:.3f}",
            f"{point.audio_recall:.3f}",
        )
        for point in tuning.curve
    ]
    names = ["cells visited", "recall@10 of texts", "of sounds"]
    return list(table_lines(names, rows, width=None))
