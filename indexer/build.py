"""Building: make a collection agree with folders of sounds."""

import os
import time
from collections.abc import Callable, Sequence

from ..model.encoders.encoder import Encoder
from ..model.errors import UsageError
from ..model.many import as_many
from ..model.paths import readable_path, user_path
from ..search.store.manifest import has_manifest
from .changed_clips import ChangedClips
from .encoder_pass import EncoderPass
from .encoders import Encoders
from .engines.engine import Engine
from .engines.pool import local_pool
from .engines.worker import embed_texts
from .inputs.files import Findings
from .inputs.sources import Source, find_clips
from .maintenance.list_membership import take_lists
from .options import BuildOptions
from .phrases import PHRASES
from .report import IndexReport, Progress
from .tally import Tally
from .writing.changes import find_changes
from .writing.refreshing import IndexOptions
from .writing.writer import Writer


def build_collection(
    source: Source | Sequence[Source],
    collection: str | os.PathLike[str],
    *,
    encoder: Encoder | str | os.PathLike[str] | None = None,
    hop_s: float | None = None,
    n_workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    options: BuildOptions | None = None,
) -> IndexReport:
    """Index sounds into a collection, or bring one up to date.

    Only what is new or changed is read; clips whose files are gone from the sources are dropped, but not more than half
    of them unless asked to. What is done is committed every few seconds: a run that is stopped or killed loses the last
    of them, and the next one goes on.

    Args:
        source: A folder; a file; a pattern such as `~/Sounds/**/*.flac`; a list of paths in csv, tsv, Parquet or JSON
            lines, whose column `path` or `file` names clips, relative to its own folder, and whose other columns become
            their metadata; a tar archive, with what WebDataset keeps beside its clips; the URL of any of these, such as
            `s3://bucket/sounds`; or several. Clips from elsewhere that the collection has stay in it.
        collection: The collection's folder; made if there is none.
        encoder: What embeds the clips: an encoder, its name, or its folder; None for those that the collection has, or
            mini. One that the collection does not have is added, and hears all clips of the sources; those that it has
            go on hearing what is new, but for one that is not on this machine, which catches up when it is.
        hop_s: Distance between the starts of neighbouring segments, above 0 and at most a segment. None for what the
            encoder has there, or a whole segment, so that none overlap.
        n_workers: Processes to read files with, at most one a file; None for one a core, or fewer for a few files; on a
            cluster, for one a GPU, or one a core where there is none.
        progress: Called with how far the run is, now and then, in this thread.
        options: The rarer choices; None for the careful ones.

    Returns:
        What was done, with the files that could not be indexed.

    Raises:
        UsageError: If a source is missing, nothing in them is audio, or an option is out of its range.
        CheckpointError: If the encoder cannot be loaded, or its towers are dead; if none is named and one of the
            collection's is not here.
        EngineError: If the cluster does not answer, or has no room for minutes.
        EncoderMismatchError: If the collection has another encoder of that name.
        CollectionError: If the collection cannot be written, is being written by another run, or is something else.
        KeyboardInterrupt: If the run was interrupted; what was done is kept.
    """
    started_s = time.monotonic()
    options = options or BuildOptions()
    sources = as_many(source, (str, os.PathLike))
    if not sources:
        raise UsageError("there is no source to index")
    if n_workers is not None and n_workers < 1:
        raise UsageError(f"n_workers must be at least 1, not {n_workers}")
    folder = user_path(collection)
    encoders = Encoders.open(folder, encoder)
    segment_s = encoders.chosen.segment_s
    if hop_s is not None and not 0 < hop_s <= segment_s:
        raise UsageError(f"hop_s must be above 0 and at most the segment's {segment_s:g} s, not {hop_s:g} s")
    findings = find_clips(sources, collection=folder, exclude=options.exclude)
    if not findings.files and not (options.prune and has_manifest(folder)):
        raise UsageError(_nothing_found(sources, findings) + ("; nothing is dropped" if has_manifest(folder) else ""))
    for one in encoders.here:
        one.check_text_tower()
    with Writer.open(folder, encoder=encoders.chosen, hop_s=hop_s) as writer:
        known, failed = writer.known_clips(), writer.known_failures()
        take_lists(writer, findings, known)
        changes = find_changes(findings, known, failed, retry_failed=options.retry_failed)
        tally = Tally(progress, failures=[*findings.failures, *changes.remembered])
        # The first encoder that is here makes clips of what changed; the others embed these after it.
        changed: ChangedClips | None = ChangedClips(changes, known, failed, tally=tally, prune=options.prune)
        for name, one in encoders.by_encoding(writer.manifest):
            this = EncoderPass(writer, name, one, findings, known=known, changed=changed, tally=tally)
            with _engine(one, options, this.n_files, n_workers, this.known_contents) as engine:
                this.read(engine)
                _refresh_index(writer, name, engine, encoder=one, options=options, tally=tally)
            changed = None
        return IndexReport(
            collection=folder,
            encoder_id=writer.manifest.encoding.encoder.id,
            n_clips=writer.manifest.n_clips,
            n_segments=writer.manifest.encoding.n_segments,
            n_added=tally.n_added,
            n_replaced=tally.n_replaced,
            n_removed=tally.n_removed,
            n_unchanged=changes.n_unchanged + tally.n_touched,
            failures=tuple(sorted({*tally.failures}, key=lambda failure: failure.path)),
            audio_s=tally.audio_s,
            elapsed_s=time.monotonic() - started_s,
            n_withheld=tally.n_withheld,
            n_unknown=len(changes.unknown),
            stages=dict(tally.stages),
            embedded=dict(tally.covered),
            absent=encoders.absent,
            passed_over=dict(findings.passed_over.most_common()),
            notes=tuple(sorted(tally.notes, key=lambda note: note.path)),
        )


def _refresh_index(
    writer: Writer, encoding: str, engine: Engine, *, encoder: Encoder, options: BuildOptions, tally: Tally
) -> None:
    with tally.building_index() as note:
        writer.refresh_index(
            encoding=encoding,
            text_queries=lambda n: engine.call(embed_texts, str(encoder.source), PHRASES[:n]),
            options=IndexOptions(recall=options.recall, rebuild=options.rebuild_index),
            progress=note,
        )


def _engine(
    encoder: Encoder, options: BuildOptions, n_files: int, n_workers: int | None, known_contents: frozenset[str]
) -> Engine:
    if options.engine == "local":
        return local_pool(n_files, n_workers=n_workers, known_contents=known_contents)
    from .engines.ray_engine import RayEngine  # only who uses a cluster need have it

    return RayEngine(
        encoder, n_files=n_files, address=options.address, n_workers=n_workers, known_contents=known_contents
    )


def _nothing_found(sources: Sequence[Source], findings: Findings) -> str:
    names = ", ".join(readable_path(source) for source in sources)
    if findings.failures:
        first = findings.failures[0]
        return f"{names}: there is no audio file that can be read ({first.path}: {first.reason})"
    return f"{names}: there are no audio files"
