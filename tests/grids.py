"""Grids of cases: all of them in the long run, in the short one each kind, with everything else taking turns."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from typing import Any

import pytest


def taking_turns(*axes: Collection[Any]) -> list[Any]:
    """Return every combination of the axes' values as parameters of a test; all but one value of the last axis for each
    combination of the others, and another one every time, are marked as long."""
    *others, last = axes
    return [
        pytest.param(
            *chosen, value, marks=[] if number == (place + place // len(last)) % len(last) else pytest.mark.long
        )
        for place, chosen in enumerate(product(*others))
        for number, value in enumerate(last)
    ]
