"""Reports: how a run goes and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..model.paths import readable_path

# Before that many files and seconds after the first one, which waits for the encoder, there is no telling.
_MIN_FILES_FOR_PACE, _MIN_S_FOR_PACE = 3, 2.0


@dataclass(frozen=True)
class Failure:
    r"""A file that could not be indexed.

    Attributes:
        path: Its absolute path as people read it (undecodable bytes as ``\xNN``).
        reason: Why, as the rest of a sentence that begins with the path.
        is_lasting: Whether the same bytes would fail again, so that there is no use in trying before they change.
    """

    path: str
    reason: str
    is_lasting: bool = True


@dataclass(frozen=True)
class Note:
    """What was found of a file that was indexed, such as that it breaks off.

    Attributes:
        path: Its absolute path as people read it.
        note: What was found, as the rest of a sentence that begins with the path.
    """

    path: str
    note: str


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        n_done: Files dealt with, failures included.
        n_total: Files to deal with; unchanged ones are not among them.
        n_failed: Files that could not be indexed.
        audio_s: Seconds of audio indexed.
        elapsed_s: Seconds since the first file was begun.
        share_done: Share of the files' bytes dealt with, 0 to 1; None where their sizes are not known.
        first_s: Seconds until the first file was dealt with, most of which the encoder took to load.
        first_share: `share_done` at that moment.
        newest_failure: The file that failed last.
        index_step: What of the index is being done, as "finding cells", when all files are dealt with; None before.
        index_share: Share of that step done, 0 to 1; 0 throughout where it cannot be told.
    """

    n_done: int
    n_total: int
    n_failed: int
    audio_s: float
    elapsed_s: float
    share_done: float | None = None
    first_s: float = 0.0
    first_share: float = 0.0
    newest_failure: Failure | None = None
    index_step: str | None = None
    index_share: float = 0.0

    @property
    def clips_per_s(self) -> float:
        """Files dealt with a second, 0 at the very start."""
        return self.n_done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def audio_s_per_s(self) -> float:
        """Seconds of audio indexed a second, 0 at the very start."""
        return self.audio_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds left at the pace since the first file, by bytes or else by files; None until there is a pace."""
        if self.n_done == self.n_total:
            return 0.0
        passed_s = self.elapsed_s - self.first_s
        if self.n_done < _MIN_FILES_FOR_PACE or passed_s < _MIN_S_FOR_PACE:
            return None
        if self.share_done is None:
            return passed_s * (self.n_total - self.n_done) / (self.n_done - 1)
        done = self.share_done - self.first_share
        return passed_s * (1 - self.share_done) / done if done > 0 else None


@dataclass(frozen=True)
class IndexReport:
    """What a run did, and what the collection holds after it.

    Attributes:
        collection: The collection's folder.
        encoder_id: Name of the encoder that embedded it.
        n_clips: Clips in the collection now.
        n_segments: Segments in the collection now.
        n_added: Files that were not in it before.
        n_replaced: Files whose content had changed.
        n_removed: Clips whose files are gone, or cannot be used any more.
        n_unchanged: Files that were in it already, as they are.
        failures: Files that could not be indexed, by path; those remembered from an earlier run too.
        audio_s: Seconds of audio indexed.
        elapsed_s: Seconds the run took.
        n_withheld: Clips whose files are gone or cannot be used any more, but that were kept, because they are more
            than half of what the collection has from the sources and `prune` was not given.
        stages: Seconds of work by stage. Of all workers together: "hash" and "decode" for reading, "mel" and "tower"
            for embedding. Of this process: "write" for commits, beside the workers, and "index" after them; of it, each
            step of building the index by itself, as "index: finding cells".
        embedded: Clips of the collection that each further encoder newly embedded, by its name; the first one too, if
            it had clips to catch up with.
        n_unknown: Clips whose files could not be looked at, as in a folder without permission or on a server that does
            not answer: they may be there or not, and were kept.
        passed_over: Files in the folders whose suffix is none of sound, or that are text, by that suffix.
        absent: Encoders of the collection that are not on this machine, and embed what is new when they are.
        notes: What was found of files that this run indexed, by path.
    """

    collection: Path
    encoder_id: str
    n_clips: int
    n_segments: int
    n_added: int
    n_replaced: int
    n_removed: int
    n_unchanged: int
    failures: tuple[Failure, ...]
    audio_s: float
    elapsed_s: float
    n_withheld: int = 0
    stages: Mapping[str, float] = field(default_factory=dict)
    embedded: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    n_unknown: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {
            "collection": readable_path(self.collection),
            "encoder_id": self.encoder_id,
            "n_clips": self.n_clips,
            "n_segments": self.n_segments,
            "n_added": self.n_added,
            "n_replaced": self.n_replaced,
            "n_removed": self.n_removed,
            "n_unchanged": self.n_unchanged,
            "n_withheld": self.n_withheld,
            "n_unknown": self.n_unknown,
            "failures": [{"path": failure.path, "reason": failure.reason} for failure in self.failures],
            "passed_over": dict(self.passed_over),
            **({"notes": [{"path": note.path, "note": note.note} for note in self.notes]} if self.notes else {}),
            "audio_s": round(self.audio_s, 3),
            "elapsed_s": round(self.elapsed_s, 3),
            **({"embedded": dict(self.embedded), "absent": list(self.absent)} if self.embedded or self.absent else {}),
            "stages_s": {stage: round(seconds, 3) for stage, seconds in self.stages.items()},
        }
