"""Values given as `--bind name=value`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..model.errors import UsageError
from .screen import printable

_BOUND = re.compile(r"\$?(\w+)=(.*)", re.DOTALL)


def bound_values(given: Sequence[str] | None) -> dict[str, object]:
    """Reads values for the parameters of a filter or a statement; SQL turns the texts into what it compares them with.

    Raises:
        UsageError: If one is not `name=value`, or a name comes twice.
    """
    values: dict[str, object] = {}
    for one in given or ():
        bound = _BOUND.fullmatch(one)
        if bound is None:
            raise UsageError(f"--bind takes name=value, not {printable(one)!r}")
        if bound[1] in values:
            raise UsageError(f"--bind gives {bound[1]!r} twice")
        values[bound[1]] = bound[2]
    return values
