"""Reports: how a run goes and what it did."""

from dataclasses import dataclass
from pathlib import Path

from ..model.paths import readable_path

_MIN_FILES_FOR_PACE = 50


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
class Progress:
    """How far a run is.

    Attributes:
        n_done: Files dealt with, failures included.
        n_total: Files to deal with; unchanged ones are not among them.
        n_failed: Files that could not be indexed.
        audio_s: Seconds of audio indexed.
        elapsed_s: Seconds since the first file was begun.
    """

    n_done: int
    n_total: int
    n_failed: int
    audio_s: float
    elapsed_s: float

    @property
    def clips_per_s(self) -> float:
        """Files dealt with a second, 0 at the very start."""
        return self.n_done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds left at the pace so far; None until enough files are done to tell: the first wait for the encoder."""
        if self.n_done < min(_MIN_FILES_FOR_PACE, self.n_total):
            return None
        return (self.n_total - self.n_done) / self.clips_per_s if self.clips_per_s else None


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

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values that JSON can hold."""
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
            "failures": [{"path": failure.path, "reason": failure.reason} for failure in self.failures],
            "audio_s": round(self.audio_s, 3),
            "elapsed_s": round(self.elapsed_s, 3),
        }
