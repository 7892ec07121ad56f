"""The manifest: the one small file that says which table versions and which index belong together."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...model.atomic import write_atomically
from ...model.documents import json_of
from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system import read_regular
from .formats import in_format_4

FORMAT_VERSION = 4
"""Version of the on-disk format that is written here; older ones are read too, newer ones refused.

1: clips, segments and an index. 2: annexes. 3: further encoders, beside the first. 4: encodings, all alike.
"""

PIPELINE_VERSION = 1
"""Version of decoding, mixdown, resampling and segmenting: one collection never holds embeddings of two."""

MANIFEST_NAME = "manifest.json"
PREVIOUS_MANIFEST_NAME = "manifest.previous.json"
CLIPS_FOLDER = "clips"
SEGMENTS_FOLDER = "segments"
INDEX_FOLDER = "index"
ANNEXES_FOLDER = "annexes"
FAILURES_ANNEX = "failures"
ENCODINGS_FOLDER = "encodings"
COVERAGE_FOLDER = "coverage"
LOCK_NAME = "lock"

_MAX_BYTES = 16 << 20
_MAX_INT = (1 << 63) - 1
_MAX_DIM = 1 << 16
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")
_ANNEX_NAME = re.compile(r"[a-z_]{1,255}")

# Cells that lie this much more unevenly than when they were made, or of which so many more are visited, have drifted.
_DRIFT = 1.5


@dataclass(frozen=True)
class EncoderRecord:
    """The encoder whose embeddings a collection holds.

    Attributes:
        id: Name the encoder goes by ("mini", "msclap-2023", or a folder's name).
        digest: "sha256:<hex>" of its weights; two encoders are the same if their digests are.
        source: Folder its checkpoint was loaded from when the collection was last written.
    """

    id: str
    digest: str
    source: str


@dataclass(frozen=True)
class CurvePoint:
    """What visiting so many cells finds, measured when the index was built.

    Attributes:
        nprobe: Cells visited.
        text_recall: Share of the exact top 10 found, for texts.
        audio_recall: The same for segments of the collection, each without itself.
    """

    nprobe: int
    text_recall: float
    audio_recall: float


@dataclass(frozen=True)
class Route:
    """How many cells hold the nearest segments.

    Attributes:
        depth: The nearest so many of all; a filter that leaves a tenth makes the best 10 as deep as the best 100.
        nprobe: Cells to visit for them.
    """

    depth: int
    nprobe: int


@dataclass(frozen=True)
class Costs:
    """What visiting cells costs, counted in segments that an exact search compares meanwhile.

    Attributes:
        query: A query, before any cell is visited.
        filter: What a filter adds to it.
        cell: Each cell visited.
    """

    query: float
    filter: float
    cell: float


@dataclass(frozen=True)
class Tuning:
    """How an index with cells is searched, as found when it was built; no clock has a say in it.

    Attributes:
        target_recall: Share of the exact top 10 that was asked for, of texts and of audio alike.
        spread_weight: How much the spread of a cell counts beside its centre when cells are chosen.
        n_ranked: Candidates ranked exactly for the best 10.
        n_trained: Segments when the cells were made.
        trained_imbalance: Imbalance of the cells then.
        trained_nprobe: Cells visited then.
        imbalance: How many times more a query compares now than with cells of one size.
        routes: Cells to visit by depth.
        curve: Recall by cells visited.
        costs: What decides whether cells are visited or all that a filter leaves is compared; None in manifests of
            before there were costs, for which they are worked out when the index is opened.
    """

    target_recall: float
    spread_weight: float
    n_ranked: int
    n_trained: int
    trained_imbalance: float
    trained_nprobe: int
    imbalance: float
    routes: tuple[Route, ...]
    curve: tuple[CurvePoint, ...]
    costs: Costs | None = None


@dataclass(frozen=True)
class IndexRecord:
    """The index generation that belongs to a manifest.

    Attributes:
        generation: Name of its folder under `index`.
        kind: "flat" (exact) or "cells"; "ivf" in collections of format 1.
        n_segments: Segments in it; those added to the table since are searched exactly.
        size_bytes: Size of its FAISS file; another size means a damaged file.
        nlist: Cells; None if the index is flat.
        nprobe: Cells visited by an unfiltered query; None if the index is flat.
        recall_at_10: Share of the exact top 10 found with `nprobe` for texts, measured when the index was built; None
            if flat.
        tuning: How it is searched; None if flat.
        files: Digests of the generation's files, by their names; empty where none were taken.
    """

    generation: str
    kind: str
    n_segments: int
    size_bytes: int
    nlist: int | None = None
    nprobe: int | None = None
    recall_at_10: float | None = None
    tuning: Tuning | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def advice(self) -> str | None:
        """What is worth doing about the index, in words; None for nothing."""
        tuning = self.tuning
        if tuning is None or self.nprobe is None:
            return None
        if tuning.imbalance > _DRIFT * tuning.trained_imbalance or self.nprobe > _DRIFT * tuning.trained_nprobe:
            return "the cells fit badly what came since they were made: run soundgrep index with --rebuild-index"
        return None


@dataclass(frozen=True)
class AnnexRecord:
    """A further table of a collection, with rows about its clips.

    Attributes:
        version: Version of the table to read.
        n_rows: Its rows at that version.
    """

    version: int
    n_rows: int


@dataclass(frozen=True)
class EncodingRecord:
    """What one encoder made of a collection's clips: segments, coverage and an index.

    Attributes:
        encoder: The encoder.
        embedding_dim: Numbers in an embedding.
        sampling_rate_hz: Rate clips are resampled to before they are embedded.
        segment_s: Length of a segment.
        hop_s: Distance between the starts of neighbouring segments.
        segments_version: Version of its segments table to read.
        coverage_version: Version of its table of the clips that it covers; None for the first encoding of a collection
            of format 1 to 3, where the clips table says it.
        n_clips: Rows of that table at that version.
        n_segments: Rows of the segments table at that version.
        index: The index generation, or None where none is built yet.
    """

    encoder: EncoderRecord
    embedding_dim: int
    sampling_rate_hz: int
    segment_s: float
    hop_s: float
    segments_version: int
    coverage_version: int | None
    n_clips: int
    n_segments: int
    index: IndexRecord | None = None


@dataclass(frozen=True)
class Manifest:
    """What a collection is, and the versions of its parts that belong together.

    Attributes:
        encodings: What each encoder made of the clips, by name, in the order in which they were added.
        default_encoding: Name of the one that is asked where none is named.
        pipeline_version: Version of decoding, mixdown, resampling and segmenting; embeddings of two versions don't mix.
        clips_version: Version of the clips table to read.
        n_clips: Rows of the clips table at that version.
        created_at: When the collection was made, ISO 8601, UTC.
        updated_at: When this manifest was written, ISO 8601, UTC.
        annexes: Further tables about the clips, by name.
        format_version: Version of the on-disk format.
    """

    encodings: Mapping[str, EncodingRecord]
    default_encoding: str
    pipeline_version: int
    clips_version: int
    n_clips: int
    created_at: str
    updated_at: str
    annexes: Mapping[str, AnnexRecord] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @property
    def encoding(self) -> EncodingRecord:
        """The default encoding."""
        return self.encodings[self.default_encoding]


def has_manifest(collection: Path) -> bool:
    """Return whether a folder is a collection."""
    return os.path.lexists(collection / MANIFEST_NAME)  # whatever it is: reading it says so


def read_manifest(collection: Path, *, file_name: str = MANIFEST_NAME) -> Manifest:
    """Read a collection's manifest.

    Args:
        collection: The collection's folder.
        file_name: Which one: the manifest, or the one before it.

    Returns:
        The manifest, every field checked for its type.

    Raises:
        CollectionError: If the folder is missing or no collection, or the manifest is unreadable, damaged, or of a
            newer format version.
    """
    name = readable_path(collection)
    try:
        data = read_regular(collection / file_name, most_bytes=_MAX_BYTES, follows_links=False)
    except FileNotFoundError:
        what = "is not a collection (it has no manifest)" if collection.is_dir() else "there is no such collection"
        raise CollectionError(f"{name}: {what}") from None
    except NotADirectoryError:
        raise CollectionError(f"{name}: is not a collection (a collection is a folder)") from None
    except OSError as error:
        raise CollectionError(f"{name}: its manifest cannot be read ({error.strerror})") from error
    try:
        record = json_of(data)
    except ValueError as error:
        raise CollectionError(f"{name}: its manifest is damaged ({error})") from error
    if not isinstance(record, dict):
        raise CollectionError(f"{name}: its manifest is damaged (it is not a JSON object)")
    version = record.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CollectionError(
            f"{name}: is of format version {version}, newer than the {FORMAT_VERSION} read here: upgrade soundgrep"
        )
    try:
        is_older = isinstance(version, int) and version < FORMAT_VERSION
        manifest: Manifest = _parse(Manifest, in_format_4(record) if is_older else record, "")
        _check(manifest)
    except ValueError as error:
        raise CollectionError(f"{name}: its manifest is damaged ({error})") from error
    return manifest


def write_manifest(collection: Path, manifest: Manifest) -> Manifest:
    """Swap a collection's manifest in one atomic step: this is the moment a batch of writing becomes visible.

    The old one is kept beside it, for a repair to fall back on.

    Returns:
        The manifest, as it was written.

    Raises:
        CollectionError: If the folder cannot be written, or the collection is of an older format, which an upgrade must
            come before; the old manifest still stands.
    """
    if manifest.format_version != FORMAT_VERSION:
        raise CollectionError(
            f"{readable_path(collection)}: is of format version {manifest.format_version}; only {FORMAT_VERSION} is "
            "written"
        )
    data = json.dumps(dataclasses.asdict(manifest), indent=2).encode() + b"\n"
    with contextlib.suppress(OSError):
        _keep_previous(collection)
    try:
        write_atomically(collection / MANIFEST_NAME, data, is_durable=True)
    except OSError as error:
        raise CollectionError(f"{readable_path(collection)}: cannot be written ({error.strerror})") from error
    return manifest


def _keep_previous(collection: Path) -> None:
    data = read_regular(collection / MANIFEST_NAME, most_bytes=_MAX_BYTES, follows_links=False)
    write_atomically(collection / PREVIOUS_MANIFEST_NAME, data)


def _check(manifest: Manifest) -> None:
    """Check what becomes part of a path, or of a statement in SQL, or the size of something."""
    records = manifest.encodings
    names = [("annexes", _ANNEX_NAME, name) for name in manifest.annexes]
    names += [("encodings", _FOLDER_NAME, name) for name in records]
    for record in records.values():
        if record.index is not None:
            names.append(("index.generation", _FOLDER_NAME, record.index.generation))
            names += [("index.files", _FOLDER_NAME, name) for name in record.index.files]
    for where, allowed, name in names:
        if not allowed.fullmatch(name) or (where == "annexes" and name in (CLIPS_FOLDER, SEGMENTS_FOLDER)):
            raise ValueError(
                f"{where} has the name {readable_path(name)[:80]!r}, which no part of a collection can have"
            )
    if manifest.default_encoding not in records:
        raise ValueError("default_encoding is none of its encodings")
    for name, record in records.items():
        is_old_first = manifest.format_version < FORMAT_VERSION and name == manifest.default_encoding
        if (record.coverage_version is None) != is_old_first:
            raise ValueError("coverage_version is not a number")
        if not 0 < record.embedding_dim <= _MAX_DIM or record.sampling_rate_hz < 1:
            raise ValueError("embedding_dim or sampling_rate_hz is out of range")
        if record.segment_s <= 0 or record.hop_s <= 0:
            raise ValueError("segment_s or hop_s is not above 0")


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _parse(kind: Any, value: object, where: str) -> Any:
    """Check a value from JSON against a field's type; unknown keys are left for later versions to use."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where or 'manifest'} is not an object")
        make: Any = kind
        hints = _hints(make)
        names = [one.name for one in dataclasses.fields(kind)]
        absent = [
            one.name
            for one in dataclasses.fields(kind)
            if one.name not in value and dataclasses.MISSING is one.default is one.default_factory
        ]
        if absent:
            raise ValueError(f"it has no {where}{absent[0]}")
        return make(**{n: _parse(hints[n], value[n], f"{where}{n}.") for n in names if n in value})
    if isinstance(kind, types.UnionType):
        return None if value is None else _parse(typing.get_args(kind)[0], value, where)
    if typing.get_origin(kind) is Mapping:
        if not isinstance(value, dict):
            raise ValueError(f"{where.rstrip('.')} is not an object")
        return {name: _parse(typing.get_args(kind)[1], one, f"{where}{name}.") for name, one in value.items()}
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where.rstrip('.')} is not a list")
        return tuple(_parse(typing.get_args(kind)[0], one, f"{where}{n}.") for n, one in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) <= _MAX_INT else math.inf
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - a wrong value in a file
            f"{where.rstrip('.')} is not {'a text' if kind is str else 'a number'}"
        )
    if (kind is int and not 0 <= value <= _MAX_INT) or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{where.rstrip('.')} is out of range")
    return value
