"""What the map and the marks put into the address of the page."""

from __future__ import annotations

import pytest

from soundgrep.ui.browser.state import SearchState


def test_an_area_and_marks_survive_the_address() -> None:
    search = SearchState(
        text="rain",
        keep=(7, 1 << 62),
        drop=(9,),
        area=((-1.0, 0.123), (0.5, -0.25), (0.0, 1.0)),
        mapped="field.soundgrep",
    )
    assert SearchState.of_address(search.to_address()) == search
    assert SearchState(area=((0, 0), (1, 0), (0, 1))).asks
    assert not SearchState(drop=(1,)).asks


@pytest.mark.parametrize(
    "text", ["", "1.2", "1.2.3.4", "a.b.c.d.e.f", "1.2.3.4.5.999999", ".".join(["1"] * 200), "1..2.3.4.5"]
)
def test_an_area_that_is_none_is_passed_over(text: str) -> None:
    assert SearchState.of_address({"area": [text]}).area == ()
