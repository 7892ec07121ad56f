"""Hits in a notebook: a table, with a player for each of the first."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence

from ...model.audio.indexed_clip import IndexedClip
from ...model.errors import SoundgrepError
from .hit import Hit

N_PLAYERS = 10
"""Hits that can be heard; the rest are listed. The sounds are inside the notebook, so that it can be sent."""

_MAX_S = 10.0
_RATE_HZ = 22_050


def html_of(hits: Sequence[Hit], files: Callable[[int], IndexedClip | None] | None) -> str:
    """Build an HTML table of hits; whatever a path holds, it is shown and never executed.

    Args:
        hits: The hits.
        files: What returns a clip's file by its id; None for no players.
    """
    rows = "".join(_row(hit, files if number < N_PLAYERS else None) for number, hit in enumerate(hits))
    head = "".join(f"<th>{name}</th>" for name in ("rank", "score", "seconds", "path", ""))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(hit: Hit, files: Callable[[int], IndexedClip | None] | None) -> str:
    file = None if files is None else files(hit.clip_id)
    cells = (
        str(hit.rank),
        f"{hit.score:.3f}",
        f"{hit.start_s:.1f}-{hit.end_s:.1f}",
        html.escape(hit.path),
        "" if file is None else _player(hit, file),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _player(hit: Hit, file: IndexedClip) -> str:
    from ...model.audio.excerpt import decode_excerpt, wav_bytes

    try:
        end_s = min(hit.end_s, hit.start_s + _MAX_S)
        waveform = decode_excerpt(file, start_s=hit.start_s, end_s=end_s, sampling_rate_hz=_RATE_HZ)
    except SoundgrepError as error:
        return html.escape(str(error))
    sound = base64.b64encode(wav_bytes(waveform, sampling_rate_hz=_RATE_HZ)).decode()
    return f'<audio controls preload="none" src="data:audio/wav;base64,{sound}"></audio>'
