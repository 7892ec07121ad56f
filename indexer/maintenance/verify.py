"""Verifying: is a collection whole, and what can be done if it is not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...model.paths import readable_path, user_path
from ..writing.lock import writer_lock
from .inspection import Problem, inspect_collection
from .repair import repair_collection


@dataclass(frozen=True)
class VerifyReport:
    """What a look at a collection found, and what was done about it.

    Attributes:
        collection: The collection's folder.
        n_clips: Clips in it now.
        n_segments: Segments in it now.
        problems: What was wrong when it was looked at.
        repairs: What was done, a sentence each; empty if no repair was asked for.
        remaining: What is wrong still.
        leftovers: What runs that were killed, or other programs, left in the folder: paths within it, harmless.
    """

    collection: Path
    n_clips: int
    n_segments: int
    problems: tuple[Problem, ...]
    repairs: tuple[str, ...]
    remaining: tuple[Problem, ...]
    leftovers: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with the collection now."""
        return not self.remaining

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {
            "collection": readable_path(self.collection),
            "is_sound": self.is_sound,
            "n_clips": self.n_clips,
            "n_segments": self.n_segments,
            "problems": [{"part": problem.part, "what": problem.what} for problem in self.problems],
            "repairs": list(self.repairs),
            "remaining": [{"part": problem.part, "what": problem.what} for problem in self.remaining],
            "leftovers": list(self.leftovers),
        }


def verify_collection(path: str | os.PathLike[str], *, repair: bool = False) -> VerifyReport:
    """Look at everything in a collection: manifest, tables, index, annexes, and whether they agree.

    Every file is read from end to end, every row's id computed anew, every embedding measured, and the index compared
    with the tables by a sample.

    Args:
        path: The collection's folder.
        repair: Whether to mend what can be mended. Rows that are lost are looked for in older versions; clips that stay
            incomplete are dropped, for the next run to index again; nothing that is intact is lost, and damaged files
            are put aside, into the folder `damaged`.

    Returns:
        What was found and done.

    Raises:
        CollectionError: If the folder is missing, is no collection, or is of a newer format version; for a repair, if
            it cannot be written or is being written by another run.
    """
    folder = user_path(path)
    found = inspect_collection(folder)
    after, repairs = found, tuple[str, ...]()
    if repair and (found.problems or found.leftovers):
        with writer_lock(folder):
            repairs = tuple(repair_collection(folder))
            after = inspect_collection(folder)
    return VerifyReport(
        collection=folder,
        n_clips=0 if after.manifest is None else after.manifest.n_clips,
        n_segments=0 if after.manifest is None else after.manifest.encoding.n_segments,
        problems=found.problems,
        repairs=repairs,
        remaining=after.problems,
        leftovers=after.leftovers,
    )
