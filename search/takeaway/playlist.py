"""Playlist: clips for any player, as an m3u file."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence

from ...model.audio.archives import split_member
from ...model.audio.stores import is_url
from .items import Item


def playlist_of(items: Sequence[Item]) -> tuple[bytes, list[Item]]:
    """Write a playlist: each clip's file, and for players that heed it (VLC) where the sound begins.

    Args:
        items: The clips.

    Returns:
        The m3u file, UTF-8 but for names that are not; and the clips that are not in it, because no player could open
        them: members of archives, and names that hold a line break; or that no player should: addresses of stores that
        the user has not named.
    """
    lines = [b"#EXTM3U"]
    left_out: list[Item] = []
    for item in items:
        is_broken = b"\n" in item.exact or b"\r" in item.exact
        is_place = item.file.is_allowed and (is_url(item.exact) or os.path.isabs(item.exact))  # noqa: PTH117 - bytes
        if is_broken or split_member(item.exact) is not None or not is_place:
            left_out.append(item)
            continue
        lines.append(f"#EXTINF:{round(item.duration_s)},{posixpath.basename(item.path)}".encode())
        if item.hit is not None and item.hit.start_s > 0:
            lines.append(f"#EXTVLCOPT:start-time={item.hit.start_s:.2f}".encode())
        lines.append(item.exact)
    return b"\n".join(lines) + b"\n", left_out
