"""Facets: the properties by which clips are narrowed, with their choices and how many clips each has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["folder", "range", "value"]


@dataclass(frozen=True)
class Choice:
    """One choice of a facet.

    Attributes:
        key: What a `Narrowing` names it by; it goes into addresses.
        text: What a person reads.
        n_clips: Clips that it leaves, given what is chosen in the other facets.
        n_hits: How many of the hits are among them; None where no hits were given.
        is_chosen: Whether it is chosen.
        depth: Of a folder, how far below the topmost it lies; otherwise 0.
    """

    key: str
    text: str
    n_clips: int
    n_hits: int | None = None
    is_chosen: bool = False
    depth: int = 0


@dataclass(frozen=True)
class Facet:
    """A property by which clips can be narrowed.

    Attributes:
        name: The column of `clips` that it is about.
        title: What a person reads.
        kind: "folder", "range" of numbers, or "value".
        choices: Its choices that have clips or are chosen, in the order to show them.
        n_more: Choices that are not listed because there are too many.
    """

    name: str
    title: str
    kind: Kind
    choices: tuple[Choice, ...]
    n_more: int = 0


@dataclass(frozen=True)
class Counted:
    """The facets of a collection under a narrowing.

    Attributes:
        n_clips: Clips that pass it all.
        n_total: Clips that there are.
        facets: Each facet's own choice does not narrow its own counts.
    """

    n_clips: int
    n_total: int
    facets: tuple[Facet, ...]
