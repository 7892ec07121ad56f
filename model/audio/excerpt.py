"""Excerpts: a stretch of a clip, decoded, and as a wav file to listen to."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from ..paths import AnyPath, readable_path
from .clip_files import checked_clip
from .decoders import decode_apart


def excerpt_blocks(
    path: AnyPath,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    sampling_rate_hz: int,
    content: bytes | None = None,
    limit_s: float | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a stretch of a clip, and what comes before it, but nothing after it, in a process of its own.

    Args:
        path: The clip, as `open_clip` takes it.
        start_s: Where the stretch starts, from 0.
        end_s: Where it ends, after its start; None for the clip's end.
        sampling_rate_hz: Rate of the waveform to give.
        content: The clip's bytes, if they are no file; the path is then only what messages call them.
        limit_s: How long it may take; None for as long as it goes on.

    Yields:
        Mono samples [n_samples], float32, in blocks, none empty; at least one.

    Raises:
        AudioError: If the clip cannot be decoded, not in time, or ends before the stretch starts.
    """
    first = round(start_s * sampling_rate_hz)
    last = None if end_s is None else round(end_s * sampling_rate_hz)
    name = readable_path(path)
    is_there = False
    for block in decode_apart(
        _stretch, checked_clip(path), first, last, sampling_rate_hz, content, name=name, limit_s=limit_s
    ):
        is_there = True
        yield block
    if not is_there:
        end = "its end" if end_s is None else f"{end_s:g} s"
        raise AudioError(f"{name}: there is no sound from {start_s:g} to {end}")


def decode_excerpt(
    path: AnyPath,
    *,
    start_s: float,
    end_s: float,
    sampling_rate_hz: int,
    content: bytes | None = None,
    limit_s: float | None = None,
) -> npt.NDArray[np.float32]:
    """Decode a stretch of a clip, as `excerpt_blocks` does block by block.

    Returns:
        Mono samples [n_samples], float32, fewer than asked for if the clip ends before.

    Raises:
        AudioError: As there.
    """
    blocks = excerpt_blocks(
        path, start_s=start_s, end_s=end_s, sampling_rate_hz=sampling_rate_hz, content=content, limit_s=limit_s
    )
    return np.concatenate(list(blocks))


def _stretch(
    path: AnyPath, first: int, last: int | None, sampling_rate_hz: int, content: bytes | None
) -> Iterator[npt.NDArray[np.float32] | None]:
    """Give samples of a clip, and None for every block before them."""
    from .decoding import AudioStream  # decoders load only where sound is decoded: not in the process that asks

    file = None if content is None else io.BytesIO(content)
    n = 0
    for block in AudioStream(path, sampling_rate_hz=sampling_rate_hz, file=file).blocks():
        piece = block[max(0, first - n) : None if last is None else max(0, last - n)]
        yield piece if len(piece) else None
        n += len(block)
        if last is not None and n >= last:
            return


def wav_bytes(waveform: npt.NDArray[np.float32], *, sampling_rate_hz: int) -> bytes:
    """Write mono samples [n_samples] as a wav file of 16 bits; what is beyond full scale is clipped."""
    samples = (np.clip(waveform, -1, 1) * 32767).round().astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sampling_rate_hz)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
