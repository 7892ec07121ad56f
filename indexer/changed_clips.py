"""Changed clips: what becomes of the clips whose files are new, changed, moved or gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa

from ..model.audio.archives import split_member
from ..model.audio.stores import is_url
from ..model.paths import readable_path
from ..search.store.identity import clip_id_of
from .engines.engine import Outcome
from .engines.worker import EmbeddedFile, RecognisedFile
from .inputs.files import FoundFile, is_gone
from .report import Failure, Note
from .tally import Tally
from .writing.batch import Batch
from .writing.changes import Changes, KnownClip
from .writing.failures import KnownFailure, failure_row


class ChangedClips:
    """The clips of a collection whose files changed, as they are read.

    Attributes:
        files: Files that are new, or may have changed, by their paths.
        known: The clips of the collection before the run.
    """

    def __init__(
        self,
        changes: Changes,
        known: Mapping[int, KnownClip],
        failed: Mapping[int, KnownFailure],
        *,
        tally: Tally,
        prune: bool,
    ) -> None:
        self.files: dict[bytes, FoundFile] = {file.path: file for file in changes.to_read}
        self.known = known
        self._failed = failed
        self._changes = changes
        self._tally = tally
        self._prune = prune
        self._moves = _Moves(changes, known)
        self._broken = list(changes.broken)

    def note(self, batch: Batch, path: bytes, outcome: Outcome) -> None:
        """Put what came of reading a file into a batch, but for the rows of a file whose content is known."""
        clip_id = clip_id_of(path)
        if clip_id in self._failed:
            batch.stale_failures.add(clip_id)
        if isinstance(outcome, Failure):
            self._note_failure(batch, path, outcome)
            return
        old = self.known.get(clip_id)
        is_same = old is not None and old.content_hash == outcome.state.content_hash
        if is_same and isinstance(outcome, RecognisedFile):
            self._tally.n_touched += 1
        elif old is not None:
            batch.remove(clip_id)
            self._tally.n_replaced += 1
        else:
            self._tally.n_added += 1
        if isinstance(outcome, EmbeddedFile):
            batch.add(path, outcome)
            self._tally.notes += (Note(readable_path(path), note) for note in outcome.info.notes)
            if not is_same:
                batch.changed.add(clip_id)
        else:
            self._moves.note(outcome.state.content_hash, is_new=old is None)

    def take(
        self, batch: Batch, path: bytes, file: RecognisedFile, donor: int, rows: tuple[pa.Table, pa.Table]
    ) -> None:
        """Put a file of known content into a batch, with the rows of a clip that has it.

        Args:
            batch: The batch.
            path: The file.
            file: The file as it is now.
            donor: The clip.
            rows: Its row and its segments, as they were before the run.
        """
        clip_id, (clip, segments) = clip_id_of(path), rows
        if donor == clip_id:
            batch.update(path, file.state, clip=clip)
            return
        batch.copy(path, file.state, clip=clip, segments=segments)
        moved = None if clip_id in self.known else self._moves.taken(file.state.content_hash)
        if moved is None:
            batch.copied[clip_id] = donor
        else:
            batch.moved[clip_id] = moved

    def finish(self, batch: Batch) -> None:
        """Drop the clips whose files are gone or broken, unless that looks like a disk that is missing."""
        batch.stale_failures.update(self._changes.forgotten)
        moved, left_behind = self._moves.found()
        lost = [*(set(self._changes.gone) - set(moved)), *self._broken]
        if not self._prune:
            n_lost = len(lost)
            if 2 * n_lost > self._changes.n_within:
                lost = []
            lost = [clip_id for clip_id in lost if clip_id not in self._changes.doubtful]
            self._tally.n_withheld = n_lost - len(lost)
        for clip_id in (*moved, *left_behind, *lost):
            batch.remove(clip_id)
        self._tally.n_removed = len(moved) + len(left_behind) + len(lost)

    def _note_failure(self, batch: Batch, path: bytes, failure: Failure) -> None:
        self._tally.failures.append(failure)
        if failure.is_lasting:
            batch.failures.append(failure_row(self.files[path], failure.reason))
            if clip_id_of(path) in self.known:
                # What the collection holds is not in the file any more.
                self._broken.append(clip_id_of(path))


class _Moves:
    """Clips whose files are gone, by content: where it comes up again under another name, the file was moved."""

    def __init__(self, changes: Changes, known: Mapping[int, KnownClip]) -> None:
        self._known = known
        self._gone = changes.gone
        self._unmoved: defaultdict[str, list[int]] = defaultdict(list)
        for clip_id in changes.gone:
            self._unmoved[known[clip_id].content_hash].append(clip_id)
        # So it may be with clips that the sources do not show at all, as when a whole library got another name. A file
        # that was moved has the size it had.
        sizes = {file.size_bytes for file in changes.to_read}
        shown = {
            *changes.gone,
            *changes.unknown,
            *changes.unchanged,
            *(clip_id_of(one.path) for one in changes.to_read),
        }
        self._elsewhere: defaultdict[str, list[int]] = defaultdict(list)
        for clip_id, clip in known.items():
            if clip.size_bytes in sizes and clip_id not in shown:
                self._elsewhere[clip.content_hash].append(clip_id)
        self._left_behind: list[int] = []
        self._contents: set[str] = set()

    def note(self, content: str, *, is_new: bool) -> None:
        """Note a content that came up; for a new file, look outside the sources for one that is gone and had it."""
        self._contents.add(content)
        if not is_new or self._unmoved[content]:
            return
        for clip_id in self._elsewhere[content]:
            path = self._known[clip_id].path
            if not is_url(path) and is_gone((split_member(path) or (path,))[0]):
                self._elsewhere[content].remove(clip_id)
                self._unmoved[content].append(clip_id)
                self._left_behind.append(clip_id)
                return

    def taken(self, content: str) -> int | None:
        """Return a clip of this content that a new file was before, each one once."""
        unmoved = self._unmoved[content]
        return unmoved.pop(0) if unmoved else None

    def found(self) -> tuple[list[int], list[int]]:
        """Return the clips that were moved: those that the sources showed, and those from elsewhere."""
        return [one for one in self._gone if self._known[one].content_hash in self._contents], self._left_behind
