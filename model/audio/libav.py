"""FFmpeg's libraries through PyAV, 17 to 19: the one place that knows PyAV's names, and what its releases changed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from ..errors import AudioError

MediaError = av.FFmpegError
"""What FFmpeg raises of a file that it cannot read; where it is an `OSError` as well, the reading itself failed."""

# A frame's head holds eight pointers to planes, and PyAV counts on until it meets one that is zero: there is none.
_MAX_PLANES = 7
_WIDE = ("s64", "s64p")
# Before 19 PyAV refused text that is not UTF-8 unless told otherwise; since then it knows no other way than this one.
_RAW_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
_ENOUGH_BYTES = 256 << 20  # for any header or packet that is what it says
_DAMAGE = (av.InvalidDataError, av.EOFError, av.PatchWelcomeError, av.BugError)


class Frame(NamedTuple):
    """A stretch of decoded sound.

    Attributes:
        samples: As they lie in memory: [n_channels, n] where `is_planar`, else [1, n * n_channels].
        n_samples: Samples of one channel.
        n_channels: Channels.
        rate_hz: Sampling rate.
        is_planar: Whether channels lie one after the other.
        is_lossy: Whether the coding is lossy, as its samples tell (planar floats).
        time_s: When it is to be heard, by the container's own clock; None where the container says nothing.
    """

    samples: npt.NDArray[np.generic]
    n_samples: int
    n_channels: int
    rate_hz: int
    is_planar: bool
    is_lossy: bool
    time_s: float | None


class Media:
    """An open audio or video file.

    Attributes:
        format_name: FFmpeg's name of the container, such as "mov,mp4,m4a,3gp,3g2,mj2".
        tags: Text that the container holds by name; bytes that are not UTF-8 are lone surrogates, as `os.fsdecode`
            makes them (`tag_text` reads them).
        start_s: When its first track starts, by the container's own clock.
        duration_s: What its header says of its length; None where it does not.
        tracks: Its audio tracks, the best one first.
    """

    def __init__(self, container: av.container.InputContainer) -> None:
        self._container = container
        self.format_name = str(container.format.name)
        self.tags: Mapping[str, str] = dict(container.metadata)
        self.start_s = (container.start_time or 0) / av.time_base
        self.duration_s = container.duration / av.time_base if container.duration else None
        streams = [stream for stream in container.streams if isinstance(stream, av.AudioStream)]
        best = container.streams.best("audio")
        streams.sort(key=lambda stream: (best is None or stream.index != best.index, stream.index))
        self.tracks: Sequence[Track] = [Track(container, stream) for stream in streams]

    def rewind(self) -> None:
        """Go back to the start, to decode a track once more."""
        self._container.seek(0, any_frame=True)
        for track in self.tracks:
            track.forget()


class Track:
    """An audio track of an open file.

    Attributes:
        tags: Text that the file holds about this track, as `Media.tags`.
        n_damaged: Packets so far that could not be decoded.
        broke_off: Whether the container was damaged where the reading ended.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self._container, self._stream = container, stream
        context = stream.codec_context
        if context is not None and (n_channels := context.layout.nb_channels):  # to be read once, for the same reason:
            # The order of channels is of no account to us; one that has no name is freed twice by PyAV with each frame.
            context.layout = f"{n_channels} channels"
        self.tags: Mapping[str, str] = dict(stream.metadata)
        self.n_damaged = 0
        self.broke_off = False

    @property
    def number(self) -> int:
        """Place among the file's streams, from 0."""
        return int(self._stream.index)

    @property
    def codec_name(self) -> str | None:
        """Short name of the coding, such as "aac"; None where FFmpeg has no decoder for it."""
        context = self._stream.codec_context
        return None if context is None else str(context.codec.canonical_name)

    def forget(self) -> None:
        """Begin anew, after the container was rewound."""
        self._stream.codec_context.flush_buffers()
        self.n_damaged, self.broke_off = 0, False

    def frames(self) -> Iterator[Frame]:
        """Decode the track, once; a damaged packet is counted and passed over.

        Raises:
            MediaError: If reading fails.
            MemoryError: If it takes more memory than there is.
        """
        packets = self._container.demux(self._stream)
        to_packed: av.AudioResampler | None = None
        while True:
            packet = None
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.FFmpegError as error:
                _check_memory(error)
                # EINVAL is for an empty packet, as VLC ends Vorbis with; ENOMEM for one that is larger than memory.
                if not isinstance(error, _DAMAGE) and error.errno not in (errno.EINVAL, errno.ENOMEM):
                    raise
                self.n_damaged += 1
                self.broke_off = packet is None  # a generator that has raised is over
                continue
            for frame in frames:
                if not frame.samples:
                    continue
                if frame.layout.nb_channels > _MAX_PLANES and frame.format.is_planar:
                    to_packed = to_packed or av.AudioResampler(format=frame.format.packed.name)
                    yield from map(_frame_of, to_packed.resample(frame))
                else:
                    yield _frame_of(frame)


@contextlib.contextmanager
def open_media(file: BinaryIO, *, containers: str) -> Iterator[Media]:
    """Open a file's sound.

    Args:
        file: Its bytes; libav reads through this object, so names need not be text, and reading fails with the
            system's own error.
        containers: FFmpeg's names of the containers that may be opened, with commas between.

    Raises:
        MediaError: If it is in none of them, or damaged beyond reading.
        MemoryError: If it takes more memory than there is.
    """
    try:
        container = av.open(file, "r", container_options={"format_whitelist": containers}, **_RAW_TAGS)
    except av.FFmpegError as error:
        _check_memory(error)
        raise
    with container:
        yield Media(container)


class FlacWriter:
    """A flac file in the making.

    Args:
        file: Where to write it.
        n_channels: 1 to 8.
        rate_hz: Its sampling rate.
        bits: 16 or 24.

    Raises:
        AudioError: If flac cannot hold that.
    """

    MAX_CHANNELS = 8
    _LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
    _NARROW_BITS = 16

    def __init__(self, file: BinaryIO, *, n_channels: int, rate_hz: int, bits: int) -> None:
        self._rate_hz, self._n = rate_hz, 0
        self._format = "s16" if bits == self._NARROW_BITS else "s32"
        self._shift = 0 if bits == self._NARROW_BITS else 32 - bits  # of 32 bits, the encoder takes the upper ones
        self._layout = self._LAYOUTS[n_channels - 1]
        self._container = av.open(file, "w", format="flac")
        try:
            self._stream = self._container.add_stream("flac", rate=rate_hz, layout=self._layout)
            self._stream.format = self._format
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(f"it cannot be written as flac at {rate_hz} Hz: take it as wav") from error

    def write(self, whole: npt.NDArray[np.int64]) -> None:
        """Write whole numbers [n_channels, n_samples] of so many bits."""
        packed = np.ascontiguousarray(whole.T).reshape(1, -1).astype(f"i{int(self._format[1:]) // 8}") << self._shift
        frame = av.AudioFrame.from_ndarray(packed, self._format, self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate_hz, Fraction(1, self._rate_hz), self._n
        self._n += whole.shape[1]
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is left."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def drop(self) -> None:
        """Let go of a file that nobody wants any more."""
        with contextlib.suppress(av.FFmpegError):  # whoever drops it has something else to say
            self._container.close()


def _check_memory(error: av.FFmpegError) -> None:
    """Raise where there is no memory left; a file whose header asks for gigabytes is refused memory that is there.

    Raises:
        MemoryError: If it is the machine's memory that has run out.
    """
    if error.errno == errno.ENOMEM:
        bytearray(_ENOUGH_BYTES)


def _frame_of(frame: av.AudioFrame) -> Frame:
    layout, n_channels = frame.format, frame.layout.nb_channels
    name, is_planar = layout.name, layout.is_planar
    samples: npt.NDArray[np.generic]
    if name in _WIDE:  # which PyAV's own conversion does not know
        count = frame.samples if is_planar else frame.samples * n_channels
        samples = np.stack([np.frombuffer(memoryview(plane), "i8", count=count) for plane in frame.planes])
    else:
        samples = frame.to_ndarray()
    return Frame(samples, frame.samples, n_channels, frame.sample_rate, is_planar, name == "fltp", frame.time)
