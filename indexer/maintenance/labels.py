"""Labels: what a folder's or a collection's clips sound like, out of a list, and kept in the collection if wanted."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...model.encoders.encoder import Encoder
from ...model.errors import UsageError
from ...model.paths import readable_path, user_path
from ...search import Collection
from ...search.evaluation.classification import Classification
from ...search.evaluation.labelling import (
    TEMPLATES,
    Best,
    Labeller,
    best_of_segments,
    check_templates,
    label_collection,
)
from ...search.evaluation.labels import Labels, read_labels
from ...search.evaluation.listing import LeftOut
from ...search.store.identity import clip_id_of
from ...search.store.manifest import has_manifest
from ..engines.engine import Engine
from ..engines.pool import local_pool
from ..engines.worker import EmbeddedFile, Task
from ..inputs.sources import Source, find_clips
from ..report import Failure, Progress
from ..writing.annexes import write_annex

LABELS_ANNEX = "labels"
_DEFAULT_ENCODER = "mini"
_N_AT_ONCE = 256

LABELS = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("cosine", pa.float32(), nullable=False),
    ]
)


@dataclasses.dataclass(frozen=True)
class Watch:
    """Who wants to know how far a classification is.

    Attributes:
        texts: Called with how many labels are embedded, and of how many.
        files: Called with how far the reading of a folder is.
    """

    texts: Callable[[int, int], None] | None = None
    files: Callable[[Progress], None] | None = None


def classify(
    source: Source,
    labels: str | os.PathLike[str],
    *,
    encoder: Encoder | str | os.PathLike[str] | None = None,
    templates: Sequence[str] = TEMPLATES,
    store: bool = False,
    n_workers: int | None = None,
    watch: Watch | None = None,
) -> Classification:
    """Call each clip by the label that it sounds most like, without having been taught any of them (zero-shot).

    Args:
        source: A collection, whose embeddings are used; or whatever else can be indexed (a folder, a file, a pattern,
            a list, an archive, a URL), which is listened to now and of which nothing is kept.
        labels: A text file with a label a line, or a csv file with a column of labels; with file names beside them,
            as in ESC-50's and UrbanSound8K's, it also says what is right, and how often that was found is counted.
        encoder: What listens: an encoder, its name, or its folder. None for the collection's own, or mini.
        templates: Texts with {} where the label goes; a label's embedding is the mean over them.
        store: Whether to keep the labels in the collection as its annex `labels`, in place of those it has: `clip_id`,
            `label`, `rank` from 1, `score` and `cosine`, five rows a clip.
        n_workers: Processes to read a folder's files with; None for one a core.
        watch: Who wants to know how far it is.

    Returns:
        The clips in the order of their paths, with up to five labels each.

    Raises:
        UsageError: If the labels cannot be read or are fewer than two, a template has no {}, the folder is missing or
            holds no audio, none of the files that the labels name is there, or a folder's labels are to be stored.
        CheckpointError: If the encoder cannot be loaded.
        EncoderMismatchError: If the collection was made by another encoder.
        CollectionError: If the collection cannot be read, or not be written.
    """
    listed = read_labels(labels)
    check_templates(templates)
    watch = watch or Watch()
    if has_manifest(user_path(source)):
        collection = Collection.open(source, encoder=encoder)
        labeller = Labeller.of(listed, collection.encoder, templates=templates, progress=watch.texts)
        found = _classified(collection, listed, labeller)
        if store:
            store_labels(collection.path, found)
        return found
    if store:
        raise UsageError(f"{readable_path(source)}: is no collection, so its labels cannot be stored; index it first")
    if not isinstance(encoder, Encoder):
        encoder = Encoder.from_pretrained(encoder or _DEFAULT_ENCODER)
    return _Reading(source, encoder=encoder, n_workers=n_workers).classified(listed, templates=templates, watch=watch)


def classify_collection(
    collection: Collection, labels: Labels, *, templates: Sequence[str] = TEMPLATES, watch: Watch | None = None
) -> Classification:
    """Call each clip of an open collection by the label that it sounds most like, as `classify` does.

    Args:
        collection: The collection.
        labels: The labels.
        templates: Texts with {} where the label goes.
        watch: Who wants to know how far it is.

    Raises:
        UsageError: If a template has no {}.
        CollectionError: If the collection cannot be read.
    """
    progress = None if watch is None else watch.texts
    labeller = Labeller.of(labels, collection.encoder, templates=templates, progress=progress)
    return _classified(collection, labels, labeller)


def store_labels(collection: str | os.PathLike[str], found: Classification, *, least_score: float = 0.0) -> int:
    """Keep labels in a collection as its annex `labels`, in place of those it has.

    Args:
        collection: The collection's folder.
        found: What its clips were called.
        least_score: Labels that score less are not kept; a clip whose best one does has none.

    Returns:
        How many clips have a label.

    Raises:
        CollectionError: If another run is writing the collection, or it cannot be written.
    """
    rows = _table(found)
    rows = rows.filter(pc.greater_equal(rows.column("score"), pa.scalar(least_score, pa.float32())))
    write_annex(collection, LABELS_ANNEX, rows)
    return int(pc.count_distinct(rows.column("clip_id")).as_py())


def _classified(collection: Collection, listed: Labels, labeller: Labeller) -> Classification:
    rows = collection.clips.to_arrow(["clip_id", "path"])
    clip_ids, best = label_collection(collection, labeller)
    paths = dict(zip(rows.column("clip_id").to_pylist(), rows.column("path").to_pylist(), strict=True))
    return Classification.of(
        listed,
        clip_ids,
        [paths[clip] for clip in clip_ids.tolist()],
        best,
        encoder_id=collection.manifest.encoding.encoder.id,
        where=readable_path(collection.path),
    )


def _table(found: Classification) -> pa.Table:
    rows = [dict(zip(LABELS.names, row, strict=True)) for row in found.rows()]
    return pa.Table.from_pylist(rows, schema=LABELS)


class _Reading:
    """Listening to files of which only their labels are kept."""

    def __init__(self, source: Source, *, encoder: Encoder, n_workers: int | None) -> None:
        if n_workers is not None and n_workers < 1:
            raise UsageError(f"n_workers must be at least 1, not {n_workers}")
        self._name = readable_path(source)
        self._encoder = encoder
        self._findings = find_clips([source], collection=Path(os.devnull))
        if not self._findings.files:
            raise UsageError(f"{self._name}: there are no audio files")
        self._n_workers = n_workers
        self._failures = list(self._findings.failures)
        self._paths: list[bytes] = []
        self._best: list[Best] = []

    def classified(self, listed: Labels, *, templates: Sequence[str], watch: Watch) -> Classification:
        """Read all files and choose a label for each."""
        labeller = Labeller.of(listed, self._encoder, templates=templates, progress=watch.texts)
        with local_pool(len(self._findings.files), n_workers=self._n_workers) as engine:
            self._read(engine, labeller, watch)
        if not self._paths:
            first = min(self._failures, key=lambda failure: failure.path)
            raise UsageError(f"{self._name}: there is no audio file that can be read ({first.path}: {first.reason})")
        found = Classification.of(
            listed,
            np.array([clip_id_of(path) for path in self._paths], np.int64),
            [readable_path(path) for path in self._paths],
            Best.joined(self._best),
            encoder_id=self._encoder.id,
            where=self._name,
        )
        failures = sorted(f"{failure.path}: {failure.reason}" for failure in self._failures)
        unread = LeftOut.of("file could not be read", "files could not be read", failures)
        return dataclasses.replace(found, left_out=(*found.left_out, *unread))

    def _read(self, engine: Engine, labeller: Labeller, watch: Watch) -> None:
        started_s, audio_s = time.monotonic(), 0.0
        cosines: list[npt.NDArray[np.float32]] = []
        tasks = (
            Task(file.path, str(self._encoder.source), self._encoder.segment_s, span=file.span)
            for file in self._findings.files.values()
        )
        for n_done, (task, outcome) in enumerate(engine.read_files(tasks), start=1):
            if isinstance(outcome, Failure):
                self._failures.append(outcome)
            elif isinstance(outcome, EmbeddedFile):
                self._paths.append(task.path)
                cosines.append(best_of_segments(outcome.embeddings, labeller.embeddings))
                audio_s += outcome.info.duration_s
            if cosines and (len(cosines) == _N_AT_ONCE or n_done == len(self._findings.files)):
                self._best.append(labeller.best(np.stack(cosines)))
                cosines = []
            if watch.files is not None:
                elapsed_s = time.monotonic() - started_s
                watch.files(Progress(n_done, len(self._findings.files), len(self._failures), audio_s, elapsed_s))
