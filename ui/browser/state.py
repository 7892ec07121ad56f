"""State: what a search is, in the page's address and back; the address alone repeats it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from urllib.parse import quote, unquote

import streamlit as st

from ...search.map import MAX_CORNERS
from ...search.querying.request import By, TextMatch

View = Literal["list", "grid"]

MAX_TEXT = 2_000
MAX_TERMS = 32
MAX_MARKS = 200
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST_ID = (1 << 63) - 1


@dataclass(frozen=True)
class SearchState:
    """A search as the page holds it; every field stands in the address.

    Attributes:
        text: What was typed.
        added: Texts that count too.
        subtracted: Texts that count against.
        like: Ids of clips or segments to be like.
        unlike: Ids of clips or segments to be unlike.
        sound: Digest of an uploaded or recorded sound to be like, as `resources.kept_sound` knows it.
        where: SQL condition on a clip.
        facets: Choices of facets, as (name of the facet, key of the choice).
        least: Labels that score less do not count.
        inside: Ids of the only clips to search in.
        saved: Name of a saved query that is asked for.
        keep: Ids of clips to learn from, as ones that were sought.
        drop: Ids of clips to learn from, as ones that were not, and that are left out.
        area: Corners of the area of the map to search in.
        mapped: Name of the collection whose map that is, where several are open.
        fold: Whether near copies are listed once.
        by: Each clip once, or every segment by itself.
        text_match: Whether words of names, tags and captions count.
        encoder: Name of the encoder that is asked, or "both" for all of them; empty for the collection's first.
        view: How hits are laid out.
    """

    text: str = ""
    added: tuple[str, ...] = ()
    subtracted: tuple[str, ...] = ()
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    sound: str = ""
    where: str = ""
    facets: tuple[tuple[str, str], ...] = ()
    least: float = 0.0
    inside: tuple[int, ...] = ()
    saved: str = ""
    keep: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    area: tuple[tuple[float, float], ...] = ()
    mapped: str = ""
    fold: bool = True
    by: By = "clip"
    text_match: TextMatch = "off"
    encoder: str = ""
    view: View = "list"

    @property
    def asks(self) -> bool:
        """Whether there is something to search for."""
        return bool(
            self.text.strip()
            or self.added
            or self.subtracted
            or self.like
            or self.unlike
            or self.sound
            or self.saved
            or self.keep
            or self.area
        )

    def to_address(self) -> dict[str, list[str]]:
        """Return the parameters of the address; what has its usual value is left out."""
        parameters: dict[str, list[str]] = {
            "q": [self.text] if self.text.strip() else [],
            "plus": list(self.added),
            "minus": list(self.subtracted),
            "like": [str(number) for number in self.like],
            "unlike": [str(number) for number in self.unlike],
            "sound": [self.sound] if self.sound else [],
            "where": [self.where] if self.where.strip() else [],
            "only": [f"{quote(name, safe=' ')}:{value}" for name, value in self.facets],
            "least": [f"{self.least:g}"] if self.least else [],
            "in": [_packed(self.inside)] if self.inside else [],
            "saved": [self.saved] if self.saved else [],
            "keep": [_packed(self.keep)] if self.keep else [],
            "drop": [_packed(self.drop)] if self.drop else [],
            "area": [_outlined(self.area)] if self.area else [],
            "map": [self.mapped] if self.mapped else [],
            "fold": [] if self.fold else ["no"],
            "by": [] if self.by == "clip" else [self.by],
            "words": [] if self.text_match == "off" else [self.text_match],
            "encoder": [self.encoder] if self.encoder else [],
            "view": [] if self.view == "list" else [self.view],
        }
        return {name: values for name, values in parameters.items() if values}

    @classmethod
    def of_address(cls, parameters: Mapping[str, Sequence[str]]) -> SearchState:
        """Read the parameters of an address, whoever wrote it; what cannot be is passed over."""

        def texts(name: str) -> tuple[str, ...]:
            given = (" ".join(text.split())[:MAX_TEXT] for text in parameters.get(name, ()))
            return tuple(text for text in given if text)[:MAX_TERMS]

        def one(name: str, choices: Sequence[str]) -> Any:
            given = texts(name)
            return given[0] if given and given[0] in choices else choices[0]

        # A value may begin or end with a blank, or hold a line break: it counts as it is.
        facets = (text[:MAX_TEXT].partition(":") for text in list(parameters.get("only", ()))[:MAX_TERMS])
        return cls(
            text=next(iter(texts("q")), ""),
            added=texts("plus"),
            subtracted=texts("minus"),
            like=_ids(texts("like")),
            unlike=_ids(texts("unlike")),
            sound=next((text for text in texts("sound") if re.fullmatch(r"[0-9a-f]{16}", text)), ""),
            where=next(iter(texts("where")), ""),
            facets=tuple((unquote(name), value) for name, colon, value in facets if name and colon),
            least=_share(next(iter(texts("least")), "")),
            inside=_unpacked(parameters.get("in", ())),
            saved=next(iter(texts("saved")), ""),
            keep=_unpacked(parameters.get("keep", ()))[:MAX_MARKS],
            drop=_unpacked(parameters.get("drop", ()))[:MAX_MARKS],
            area=_corners(next(iter(texts("area")), "")),
            mapped=next(iter(texts("map")), ""),
            fold=one("fold", ("yes", "no")) == "yes",
            by=cast("By", one("by", ("clip", "segment"))),
            text_match=cast("TextMatch", one("words", ("off", "on", "only"))),
            encoder=next(iter(texts("encoder")), ""),
            view=cast("View", one("view", ("list", "grid"))),
        )


def current() -> SearchState:
    """Return the search as it stands."""
    return cast("SearchState", st.session_state.setdefault("search", SearchState()))


def change(**fields: Any) -> SearchState:
    """Change some fields of the search, and the address with it.

    Returns:
        The search as it stands then.
    """
    changed = replace(current(), **fields)
    st.session_state["search"] = changed
    parameters = changed.to_address()
    if _parameters() != parameters:
        st.query_params.from_dict(parameters)
    return changed


def follow_address(page: str) -> None:
    """Take the search from the address: a link that was opened, or the browser's way back.

    Going to another page empties the address; the search stays, and is written into it again.

    Args:
        page: The page that is open.
    """
    turned = st.session_state.get("page") != page
    st.session_state["page"] = page
    parameters = _parameters()
    if not parameters and turned and "search" in st.session_state:
        change()
    else:
        st.session_state["search"] = SearchState.of_address(parameters)


def marks() -> dict[str, bool]:
    """Return what this visitor keeps (True) and rejects (False), by clip id as text."""
    return cast("dict[str, bool]", st.session_state.setdefault("marks", {}))


def as_text(text: str) -> str:
    """Escape what Streamlit would read as Markdown, in what comes from files and people."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:])", r"\\\1", text)


def _parameters() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _ids(texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(int(text) for text in texts if _ID.fullmatch(text) and int(text) <= _LARGEST_ID)


def _share(text: str) -> float:
    return float(text) if re.fullmatch(r"[01]|0?\.[0-9]{1,4}", text, re.ASCII) else 0.0


def _outlined(corners: Sequence[tuple[float, float]]) -> str:
    """Corners as thousandths: x and y in turn."""
    return ".".join(str(round(1000 * number)) for corner in corners for number in corner)


def _corners(text: str) -> tuple[tuple[float, float], ...]:
    if not re.fullmatch(r"-?[0-9]{1,5}(\.-?[0-9]{1,5})*", text, re.ASCII):
        return ()
    numbers = [int(part) / 1000 for part in text.split(".")]
    corners = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    return corners if 3 <= len(corners) <= MAX_CORNERS else ()


def _packed(ids: Sequence[int]) -> str:
    """Return the ids as short as an address wants them."""
    return ".".join(format(number, "x") for number in ids)


def _unpacked(texts: Sequence[str]) -> tuple[int, ...]:
    parts = [part for text in texts for part in text.split(".") if re.fullmatch(r"[0-9a-f]{1,16}", part)]
    return tuple(number for number in (int(part, 16) for part in parts) if number <= _LARGEST_ID)
