"""Generations: each index in a folder of its own, written aside and swapped in whole."""

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system import open_plain, sync_file, sync_folder
from ..store.manifest import IndexRecord
from .arrays import READING_ERRORS
from .cells import CODES_NAME
from .flat import FLAT_NAME
from .sums import SUMS_NAME, Sums, read_sums, renew_sum_of_ids

FLAT = "flat"
CELLS = "cells"
EMBEDDINGS_NAME = "embeddings.f16"
_IDS_NAME = "segment_ids.npy"
_BLOCK_BYTES = 1 << 20

Int = npt.NDArray[np.int64]


def faiss_file(generation: Path, kind: str) -> Path:
    """Name the file that FAISS reads of a generation."""
    return generation / (CODES_NAME if kind == CELLS else FLAT_NAME)


def read_segment_ids(folder: Path, record: IndexRecord) -> Int:
    """Read which segments a generation holds, and check that its files are whole.

    Args:
        folder: The folder of all generations.
        record: What the manifest says of the generation.

    Returns:
        Segment at each position [n], int64.

    Raises:
        CollectionError: If a file is missing, damaged or cut short, or the generation is of a kind that was written by
            an older version.
    """
    return read_ids_and_sums(folder, record)[0]


def read_ids_and_sums(folder: Path, record: IndexRecord) -> tuple[Int, Sums | None]:
    """Read the same, and the sums of its other parts, if it has any: of the codes' head and cells, and of each row.

    Raises:
        CollectionError: As above.
    """
    generation = folder / record.generation
    if record.kind not in (FLAT, CELLS):
        raise CollectionError(f"{readable_path(generation)}: the index is of an older kind ({record.kind})")
    with told(generation, "read"):
        with open_plain(generation / _IDS_NAME) as file:
            ids: Int = np.load(file, allow_pickle=False)
        size_bytes = faiss_file(generation, record.kind).stat().st_size
        if size_bytes != record.size_bytes or ids.shape != (record.n_segments,) or ids.dtype != np.int64:
            raise CollectionError(
                f"{readable_path(generation)}: the index cannot be read (a file is cut short or swapped)"
            )
        n_stretches = 1 + (record.nlist or 0) if record.kind == CELLS else 0
        return ids, read_sums(generation, ids, n_stretches + record.n_segments)


def file_digests(generation: Path) -> dict[str, str]:
    """Hash the files of a generation, for its manifest: "sha256:<hex>" by their names.

    Raises:
        OSError: If one cannot be read.
    """
    return {path.name: _digest(path) for path in sorted(generation.iterdir())}


def damaged_files(generation: Path, record: IndexRecord) -> list[str]:
    """List the files of a generation that are not what the manifest says; none where it says nothing of them."""
    damaged = []
    for name, digest in record.files.items():
        try:
            if _digest(generation / name) != digest:
                damaged.append(name)
        except OSError:
            damaged.append(name)
    return damaged


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


@contextlib.contextmanager
def written_aside(folder: Path, generation: str) -> Iterator[tuple[Path, Callable[[Int], None]]]:
    """Make the folder of a new generation, and rename it into place once it is whole and on the disk.

    Yields:
        Where its files are to be written, and what is called with its segment ids [n].

    Raises:
        CollectionError: If the disk cannot be written; nothing of the generation is left.
    """
    aside, place = folder / f".{generation}.tmp", folder / generation
    with told(folder, "written"):
        # A writer killed before its manifest may have left either; no manifest names them.
        for old in (aside, place):
            if old.exists():
                shutil.rmtree(old)
        aside.mkdir(parents=True)
        try:
            yield aside, lambda ids: np.save(aside / _IDS_NAME, ids, allow_pickle=False)
            for file in aside.iterdir():
                sync_file(file)
            sync_folder(aside)
            aside.rename(place)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        sync_folder(folder)


def renamed_generation(folder: Path, record: IndexRecord, generation: str, segment_ids: Int) -> IndexRecord:
    """Write a generation again with other names for its segments.

    Args:
        folder: The folder of all generations.
        record: What the manifest says of the generation.
        generation: Name of the new one.
        segment_ids: Segment at each position [n].

    Returns:
        What a manifest shall say of the new one.

    Raises:
        CollectionError: If the old one cannot be read, or the disk cannot be written.
    """
    with written_aside(folder, generation) as (aside, write_ids):
        for file in (folder / record.generation).iterdir():
            shutil.copyfile(file, aside / file.name)
        (aside / _IDS_NAME).unlink()
        write_ids(segment_ids)
        renew_sum_of_ids(aside, segment_ids)
        # The other files are held to what they were, whether or not they still are.
        renewed = {name: _digest(aside / name) for name in (_IDS_NAME, SUMS_NAME) if name in record.files}
    return dataclasses.replace(record, generation=generation, files={**record.files, **renewed})


@contextlib.contextmanager
def told(place: Path, deed: str) -> Iterator[None]:
    """Turn what the file system, numpy and FAISS raise into one sentence about the index."""
    try:
        yield
    except READING_ERRORS as error:
        if isinstance(error, CollectionError):
            raise
        why = getattr(error, "strerror", None) or ("it is damaged" if deed == "read" else "writing failed")
        raise CollectionError(f"{readable_path(place)}: the index cannot be {deed} ({why})") from error
