"""Points: the map of a collection as the page's script reads it."""

from __future__ import annotations

import json
import posixpath
from weakref import WeakKeyDictionary

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from ...search import Collection
from ...search.map import Plane, read_plane
from ...search.union import Collections
from ..web.executor import Desk
from ..web.refusals import RefusedError

MOST = 20_000
"""Points that are drawn at most; the page stays quick with five times as many, and eyes don't tell more apart."""

_HIGHEST = 100_000
# What was given before, for as long as the collection it is of is open.
_known: WeakKeyDictionary[Collection, dict[tuple[str | None, int], bytes]] = WeakKeyDictionary()


async def points_answer(desk: Desk, request: Request) -> Response:
    """Answer with the points of a map.

    Raises:
        RefusedError: If there is no such collection, or it takes too long.
        QueryError: If the collection has no map, or nothing of the name to colour it by.
    """
    place, colour = request.path_params["place"], request.query_params.get("colour")

    def read(collections: Collections) -> bytes:
        if not place.isdecimal() or int(place) >= len(collections.members):
            raise RefusedError(404, "there is no such collection")
        collection = collections.members[int(place)]
        known = _known.setdefault(collection, {})
        wanted = (colour or None, _most(request))
        if wanted not in known:
            known[wanted] = packed(read_plane(collection, colour=wanted[0], most=wanted[1]))
        return known[wanted]

    content = await desk.ask(read)
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-cache"})


def packed(plane: Plane) -> bytes:
    """Pack points: the length of the head, the head as JSON, then `x`, `y`, `duration_s`, ids and groups, by column.

    Numbers are little-endian: the length of 32 bits, the first three float32, ids of 64 bits, groups of 8.
    """
    head = {
        "n": len(plane.clip_ids),
        "n_clips": plane.n_clips,
        "groups": [{"name": group.name, "n_clips": group.n_clips} for group in plane.groups],
        "is_scale": plane.is_scale,
        "names": [posixpath.basename(path) for path in plane.paths],
    }
    text = json.dumps(head).encode()
    columns = [
        np.array([len(text)], "<u4"),
        np.frombuffer(text, np.uint8),
        plane.places[:, 0].astype("<f4"),
        plane.places[:, 1].astype("<f4"),
        plane.durations_s.astype("<f4"),
        plane.clip_ids.astype("<u8"),
        plane.group_of.astype("i1"),
    ]
    return b"".join(column.tobytes() for column in columns)


def _most(request: Request) -> int:
    text = request.query_params.get("most", "")
    return min(int(text), _HIGHEST) if text.isascii() and text.isdecimal() and len(text) < 10 else MOST
