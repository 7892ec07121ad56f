"""Cutting: stretches of a clip as sound files of their own, at the clip's own rate and with all its channels."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from ..paths import AnyPath, readable_path
from .clip_files import checked_clip
from .decoders import decode_apart
from .decoding import native_blocks
from .libav import FlacWriter

CutCodec = Literal["wav", "flac"]

_IN_MEMORY_BYTES = 8 << 20
_PIECE_BYTES = 1 << 20
_MAX_WAV_BYTES = (1 << 32) - (1 << 16)
_NARROW_BITS, _WIDE_BITS = 16, 24
_NARROW_BYTES = 2


def cut(path: AnyPath, spans: Sequence[tuple[float, float]], *, codec: CutCodec = "wav") -> Iterator[BinaryIO]:
    """Cut stretches out of a clip, decoding it once, in bounded memory and in a process of its own.

    What was coded in 16 bits, or lossily, is written with 16 bits, everything else with 24.

    Args:
        path: The clip, as `open_clip` takes it.
        spans: Start and end of each stretch in seconds, in order of time and apart from each other.
        codec: What to write.

    Yields:
        For each stretch a file at its start, which goes when it is closed; shorter if the clip ends within it.

    Raises:
        AudioError: If the clip cannot be decoded, ends before a stretch starts, or a file cannot hold it.
        OSError: If the disk for temporary files is full.
    """
    current: BinaryIO | None = None
    try:
        for piece in decode_apart(_pieces, checked_clip(path), tuple(spans), codec, name=readable_path(path)):
            if current is None:
                current = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115 - given away
            if piece:
                current.write(piece)
                continue
            current.seek(0)
            done, current = current, None
            yield done
    finally:
        if current is not None:
            current.close()


def _pieces(path: AnyPath, spans: Sequence[tuple[float, float]], codec: CutCodec) -> Iterator[bytes | None]:
    """Give the files in pieces, an empty one at the end of each, and None for every block that was decoded."""
    for file in _cut(path, spans, codec):
        if file is None:
            yield None
            continue
        with file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
        yield b""


def _cut(path: AnyPath, spans: Sequence[tuple[float, float]], codec: CutCodec) -> Iterator[BinaryIO | None]:
    waiting = list(spans)
    n = 0
    current: _Writer | None = None
    try:
        for block, rate_hz, is_lossy in native_blocks(path):
            yield None
            first = n
            n += block.shape[1]
            while waiting:
                start, end = (round(second * rate_hz) for second in waiting[0])
                if start >= n:
                    break
                if current is None:
                    current = _writer(codec, block, rate_hz, is_lossy=is_lossy)
                current.write(block[:, max(0, start - first) : end - first])
                if end > n:
                    break
                waiting.pop(0)
                done, current = current, None
                yield done.finish()
            if not waiting:
                return
        if current is not None:
            waiting.pop(0)
            done, current = current, None
            yield done.finish()
    except AudioError as error:
        name = readable_path(path)
        raise error if str(error).startswith(name) else AudioError(f"{name}: {error}") from error
    finally:
        if current is not None:
            current.drop()
    if waiting:
        start_s, end_s = waiting[0]
        raise AudioError(f"{readable_path(path)}: there is no sound from {start_s:g} to {end_s:g} s")


class _Writer(Protocol):
    def write(self, block: npt.NDArray[np.generic]) -> None: ...

    def finish(self) -> BinaryIO: ...

    def drop(self) -> None: ...


def _writer(codec: CutCodec, block: npt.NDArray[np.generic], rate_hz: int, *, is_lossy: bool) -> _Writer:
    bits = _NARROW_BITS if is_lossy or block.dtype.itemsize <= _NARROW_BYTES else _WIDE_BITS
    kind = _Wav if codec == "wav" else _Flac
    return kind(len(block), rate_hz, bits=bits)


class _Wav:
    """A wav file in the making."""

    def __init__(self, n_channels: int, rate_hz: int, *, bits: int) -> None:
        self._bits = bits
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - given away
        self._n_channels, self._n_bytes = n_channels, 0
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115
        self._wave.setnchannels(n_channels)
        self._wave.setsampwidth(bits // 8)
        self._wave.setframerate(rate_hz)

    def write(self, block: npt.NDArray[np.generic]) -> None:
        _check_channels(block, self._n_channels)
        self._n_bytes += block.size * self._bits // 8
        if self._n_bytes > _MAX_WAV_BYTES:
            raise AudioError("the stretch is too long for a wav file: take it as flac")
        whole = np.ascontiguousarray(_whole(block, self._bits).T)
        data = whole.astype("<i2").tobytes()
        if self._bits == _WIDE_BITS:
            data = whole.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
        self._wave.writeframesraw(data)

    def finish(self) -> BinaryIO:
        self._wave.close()
        self._file.seek(0)
        return cast("BinaryIO", self._file)

    def drop(self) -> None:
        self._wave.close()
        self._file.close()


class _Flac:
    """A flac file in the making."""

    def __init__(self, n_channels: int, rate_hz: int, *, bits: int) -> None:
        if n_channels > FlacWriter.MAX_CHANNELS:
            raise AudioError(f"flac holds {FlacWriter.MAX_CHANNELS} channels at most, not {n_channels}: take it as wav")
        self._bits, self._n_channels = bits, n_channels
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - given away
        try:
            self._flac = FlacWriter(cast("BinaryIO", self._file), n_channels=n_channels, rate_hz=rate_hz, bits=bits)
        except AudioError:
            self._file.close()
            raise

    def write(self, block: npt.NDArray[np.generic]) -> None:
        _check_channels(block, self._n_channels)
        self._flac.write(_whole(block, self._bits))

    def finish(self) -> BinaryIO:
        self._flac.finish()
        self._file.seek(0)
        return cast("BinaryIO", self._file)

    def drop(self) -> None:
        self._flac.drop()
        self._file.close()


def _check_channels(block: npt.NDArray[np.generic], n_channels: int) -> None:
    if len(block) != n_channels:
        raise AudioError("its number of channels changes within the stretch")


def _whole(block: npt.NDArray[np.generic], bits: int) -> npt.NDArray[np.int64]:
    """Turn samples of any type into whole numbers of so many bits."""
    if block.dtype.kind == "f":
        full = (1 << (bits - 1)) - 1
        return (np.clip(np.nan_to_num(block.astype(np.float64)), -1, 1) * full).round().astype(np.int64)
    n_bits = 8 * block.dtype.itemsize
    whole = block.astype(np.int64) - (128 if block.dtype == np.uint8 else 0)
    return whole << (bits - n_bits) if bits >= n_bits else whole >> (n_bits - bits)
