"""A door of `make fuzz`: a collection of which one file holds other bytes is opened, asked, checked and mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.model.errors import SoundgrepError
from soundgrep.search import Collection

GOLDEN = sorted((Path(__file__).parent / "search" / "golden").iterdir())[-1]
N_BYTES = 20_000


def parts() -> list[Path]:
    """The files of a collection that somebody may have written: manifest, logs, tables, index."""
    return sorted(path.relative_to(GOLDEN) for path in GOLDEN.rglob("*") if path.is_file())


def read_part(data: bytes, folder: Path) -> None:
    """Put bytes in the place of a file of a collection, which the first byte names, and use the collection."""
    collection, beside = folder / "c" / "collection", folder / "c" / "beside"
    shutil.rmtree(folder / "c", ignore_errors=True)
    shutil.copytree(GOLDEN, collection)
    beside.write_bytes(b"not of the collection")
    part = parts()[data[0] % len(parts()) if data else 0]
    (collection / part).write_bytes(data[1:])
    for use in (_ask, _mend, _ask):
        try:
            use(collection)
        except SoundgrepError as error:
            if not str(error) or "\n" in str(error):
                raise AssertionError("a refusal is one sentence") from error
    if sorted(path.name for path in (folder / "c").iterdir()) != ["beside", "collection"]:
        raise AssertionError("something was made beside the collection")
    if beside.read_bytes() != b"not of the collection":
        raise AssertionError("something beside the collection was written")


def part_seeds() -> Iterator[bytes]:
    """The files as they are, and the small ones cut short."""
    for number, part in enumerate(parts()):
        content = (GOLDEN / part).read_bytes()
        if len(content) < N_BYTES:
            yield bytes([number]) + content
        yield bytes([number]) + content[: min(len(content), N_BYTES) // 2]


def _ask(collection: Path) -> None:
    opened = Collection.open(collection)
    opened.search(embedding=np.ones(opened.manifest.encoding.embedding_dim, np.float32), k=3)
    opened.sql("SELECT count(*) FROM clips")


def _mend(collection: Path) -> None:
    verify_collection(collection, repair=True)
