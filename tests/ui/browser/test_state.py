"""The address of the page: it says the whole search, and nothing that it is given can break it."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qs, urlencode

import pytest

from soundgrep.ui.browser.state import MAX_TERMS, MAX_TEXT, SearchState

EVERYTHING = SearchState(
    text="rain & thunder = 100 %",
    added=("a + b", "ü \N{BELL}"),
    subtracted=("music",),
    like=(1, (1 << 63) - 1),
    unlike=(7,),
    sound="0123456789abcdef",
    where="duration_s < 3 AND path LIKE '%x%'",
    facets=(("folder", "a:b"), ("codec", "flac")),
    least=0.5,
    inside=(0, 255, (1 << 63) - 1),
    saved="my query",
    keep=(1, 2),
    drop=(3,),
    area=((0.0, 0.25), (1.0, 0.5), (0.5, 1.0)),
    mapped="field",
    fold=False,
    by="segment",
    text_match="only",
    encoder="both",
    view="grid",
)


def through_an_address(search: SearchState) -> SearchState:
    return SearchState.of_address(parse_qs(urlencode(search.to_address(), doseq=True)))


def test_an_address_says_everything() -> None:
    usual = SearchState()
    for field in dataclasses.fields(SearchState):
        assert getattr(EVERYTHING, field.name) != getattr(usual, field.name), f"{field.name} is not tried here"
    assert through_an_address(EVERYTHING) == EVERYTHING


def test_what_is_usual_is_not_said() -> None:
    assert SearchState().to_address() == {}
    assert SearchState(text="rain").to_address() == {"q": ["rain"]}


@pytest.mark.parametrize(
    "parameters",
    [
        {"q": ["   "], "plus": ["", " "]},
        {"like": ["x", "-1", "1e3", "\N{FULLWIDTH DIGIT NINE}", str(1 << 63), "1" * 40]},
        {"sound": ["../../etc/passwd", "0123"]},
        {"in": ["zz.", "-5", "f" * 17]},
        {"by": ["moon"], "fold": ["perhaps"], "view": ["<b>"], "words": ["all"]},
        {"only": ["nothing", ":x"]},
        {"nobody": ["knows"]},
    ],
)
def test_what_cannot_be_is_passed_over(parameters: dict[str, list[str]]) -> None:
    assert SearchState.of_address(parameters) == SearchState()


def test_an_address_has_its_limits() -> None:
    search = SearchState.of_address({"q": ["a" * 100_000], "plus": [f"term {n}" for n in range(1_000)]})
    assert len(search.text) == MAX_TEXT
    assert len(search.added) == MAX_TERMS
