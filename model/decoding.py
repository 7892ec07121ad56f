"""Decoding: any audio file, or a video file's audio track, to a mono waveform at one sampling rate."""

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt

from .clip_files import open_clip
from .errors import AudioError
from .mixdown import Mixdown
from .paths import readable_path
from .tag_text import tag_text
from .written_tags import written_tags

_AUDIO_FORMATS = (
    "wav wave bwf bw64 w64 rf64 aif aiff aifc caf au snd voc flac wv ape mac tta tak mpc mpp mp+ dsf dff ogg oga mogg"
    " opus spx mp3 mp2 mp1 m2a mpa mpga m4a m4b m4r m4p aac adts ac3 eac3 ec3 dts dtshd wma amr awb 3ga mka weba ra"
    " 8svx iff svx nut sox sph nist ircam avr oma aa3 shn qoa"
)
_VIDEO_FORMATS = (
    "mp4 m4v f4v f4a mov qt mkv mk3d webm avi divx ogv ogm ogx wmv asf flv mpg mpeg mpe m2p vob evo ts mts m2ts m2t tp"
    " trp 3gp 3gpp 3g2 rm rmvb mxf"
)
AUDIO_SUFFIXES: frozenset[str] = frozenset(f".{name}" for name in f"{_AUDIO_FORMATS} {_VIDEO_FORMATS}".split())
"""Suffixes, in lower case, of files worth trying to decode: audio, and video that usually has an audio track."""

# Only containers that hold their own sound: a playlist or a script must not make libav open other files or addresses.
_CONTAINERS = (
    "wav,w64,aiff,caf,au,voc,flac,wv,ape,tta,tak,mpc,mpc8,dsf,iff,ogg,mp3,mov,mp4,m4a,3gp,3g2,mj2,aac,ac3,eac3,dts,asf,amr,"
    "matroska,webm,avi,flv,mpeg,mpegts,iv8,rm,nut,dtshd,sox,nistsphere,ircam,avr,oma,shn,qoa,mxf"
)
_MIN_RATE_HZ, _MAX_RATE_HZ = 1_000, 768_000
_MAX_CHANNELS = 64
_MAX_PEAK = 1e12  # above, the power of a spectrum may not be a finite number any more
_MAX_DURATION_S = 360_000  # a few kilobytes of some codecs claim years of silence
_BLOCK_SAMPLES = 1 << 16
# What muxers write for players, not for people.
_TECHNICAL_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "handler_name", "vendor_id"})


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of its sound, corrected by what was decoded.

    Attributes:
        container: Short name of the file format, such as "wav", "ogg" or "mp4".
        codec: Short name of the coding, such as "pcm_s16le", "vorbis" or "aac".
        sampling_rate_hz: Rate of the decoded sound before resampling.
        n_channels: Channels before the mixdown.
        duration_s: Length of the decoded sound, whatever the header claims.
        tags: Text inside the file (title, artist, ...) by lower-case name.
    """

    container: str
    codec: str
    sampling_rate_hz: int
    n_channels: int
    duration_s: float
    tags: Mapping[str, str]


@dataclass(frozen=True)
class DecodedAudio:
    """A file's sound, ready to be cut into segments.

    Attributes:
        info: What the file is.
        waveform: Mono samples [n_samples], float32, at the asked rate; at least one, all finite. Nominally in -1 to 1;
            lossy codecs may overshoot.
        rms_dbfs: Root mean square over all channels before resampling, dB of full scale; None for digital silence.
        peak_dbfs: Largest magnitude over all channels before resampling, dB of full scale; None for digital silence.
    """

    info: AudioInfo
    waveform: npt.NDArray[np.float32]
    rms_dbfs: float | None
    peak_dbfs: float | None


class AudioStream:
    """A file's best audio track, decoded, averaged over its channels and resampled as one goes along.

    Damaged stretches are skipped: what can be decoded of a truncated file is given.

    Args:
        path: An audio or video file; a member of a tar archive and a URL will do too (see `open_clip`).
        sampling_rate_hz: Rate of the waveform to give.
        file: The file's bytes, if they are open already; None to open them.
    """

    def __init__(
        self, path: str | bytes | os.PathLike[str], *, sampling_rate_hz: int, file: BinaryIO | None = None
    ) -> None:
        self._path = path
        self._file = file
        self._mixdown = Mixdown(sampling_rate_hz=sampling_rate_hz)
        self._info: AudioInfo | None = None

    def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """Decode the file, once.

        Yields:
            The waveform [n_samples] in blocks, float32, a second or so each: none empty, one at least, all finite.

        Raises:
            AudioError: If the file cannot be read, is not audio, has no audio track, or holds no usable samples (none
                at all, NaN, infinite or absurdly large ones, a rate outside 1 kHz to 768 kHz, more than 64 channels,
                more than 100 hours). One sentence that names the file.
        """
        with _told(self._path), _open(self._path, self._file) as file:
            yield from (block for block in self._decoded(file) if block.size)

    @property
    def info(self) -> AudioInfo:
        """What the file is, known when all blocks have been given.

        Raises:
            RuntimeError: If they have not.
        """
        if self._info is None:
            raise RuntimeError("the sound has not been decoded to its end yet")
        return self._info

    @property
    def rms_dbfs(self) -> float | None:
        """Root mean square so far, over all channels before resampling, dB of full scale; None for digital silence."""
        return self._mixdown.rms_dbfs

    @property
    def peak_dbfs(self) -> float | None:
        """Largest magnitude so far, over all channels before resampling, dB of full scale; None for silence."""
        return self._mixdown.peak_dbfs

    def _decoded(self, file: BinaryIO) -> Iterator[npt.NDArray[np.float32]]:
        mixdown = self._mixdown
        with _open_track(file) as track:
            for samples, rate_hz in track.blocks():
                block = mixdown.add(samples, sampling_rate_hz=rate_hz)
                if not mixdown.finite:
                    raise AudioError("it holds samples that are not numbers (NaN or infinite)")
                if mixdown.peak > _MAX_PEAK:
                    raise AudioError(f"it holds samples of absurd size ({mixdown.peak:.0e} times full scale)")
                if mixdown.duration_s > _MAX_DURATION_S:
                    raise AudioError(f"it is longer than {_MAX_DURATION_S // 3600} hours")
                yield block
            if track.layout is None:
                raise AudioError("nothing of its audio can be decoded" if track.n_damaged else "it holds no samples")
            yield mixdown.finish()
            self._info = AudioInfo(
                container=_container_name(track.container.format.name, _suffix(self._path)),
                codec=track.stream.codec_context.codec.canonical_name,
                sampling_rate_hz=track.layout.sampling_rate_hz,
                n_channels=track.layout.n_channels,
                duration_s=mixdown.duration_s,
                tags=_tags(written_tags(file), track.container.metadata, track.stream.metadata),
            )


def decode(
    path: str | bytes | os.PathLike[str], *, sampling_rate_hz: int, file: BinaryIO | None = None
) -> DecodedAudio:
    """Decode a whole file, as `AudioStream` does it block by block.

    Args:
        path: An audio or video file; a member of a tar archive and a URL will do too (see `open_clip`).
        sampling_rate_hz: Rate of the waveform to return.
        file: The file's bytes, if they are open already; None to open them.

    Returns:
        The decoded sound.

    Raises:
        AudioError: As `AudioStream.blocks`.
    """
    stream = AudioStream(path, sampling_rate_hz=sampling_rate_hz, file=file)
    waveform = np.concatenate(list(stream.blocks()))
    return DecodedAudio(stream.info, waveform, stream.rms_dbfs, stream.peak_dbfs)


def native_blocks(path: str | bytes | os.PathLike[str]) -> Iterator[tuple[npt.NDArray[np.generic], int, bool]]:
    """Decode a file's best audio track as it is, neither mixed nor resampled.

    Args:
        path: An audio or video file; a member of a tar archive and a URL will do too (see `open_clip`).

    Yields:
        Blocks [n_channels, n_samples] in the coding's own sample type; their rate in Hz; and whether the coding is
        lossy, as its samples tell (planar floats).

    Raises:
        AudioError: If the file cannot be read, is not audio, or holds no samples.
    """
    with _told(path), _open(path, None) as file, _open_track(file) as track:
        for samples, rate_hz in track.blocks():
            yield samples, rate_hz, track.layout is not None and track.layout.sample_format == "fltp"
        if track.layout is None:
            raise AudioError("it holds no samples")


@dataclass(frozen=True)
class _Layout:
    """How a frame holds its samples."""

    sampling_rate_hz: int
    n_channels: int
    planar: bool
    sample_format: str

    @classmethod
    def of(cls, frame: av.AudioFrame) -> "_Layout":
        layout = cls(frame.sample_rate, frame.layout.nb_channels, frame.format.is_planar, frame.format.name)
        if not _MIN_RATE_HZ <= layout.sampling_rate_hz <= _MAX_RATE_HZ:
            raise AudioError(
                f"its sampling rate of {layout.sampling_rate_hz} Hz is not between {_MIN_RATE_HZ} and {_MAX_RATE_HZ} Hz"
            )
        if not 1 <= layout.n_channels <= _MAX_CHANNELS:
            raise AudioError(f"its {layout.n_channels} channels are not between 1 and {_MAX_CHANNELS}")
        return layout


@contextlib.contextmanager
def _told(path: str | bytes | os.PathLike[str]) -> Iterator[None]:
    """Turn what reading and decoding raise into one sentence that names the file."""
    try:
        yield
        return
    except AudioError as error:
        reason = str(error)
    except av.FFmpegError as error:
        reason = "it is not audio in a known format, or it is damaged beyond reading"
        if isinstance(error, OSError):
            reason = _reading_failed(error)
    except OSError as error:
        reason = _reading_failed(error)
    raise AudioError(f"{readable_path(path)}: {reason}")


def _open(path: str | bytes | os.PathLike[str], file: BinaryIO | None) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open a clip's bytes, unless they are open already."""
    return open_clip(path) if file is None else contextlib.nullcontext(file)


@contextlib.contextmanager
def _open_track(file: BinaryIO) -> Iterator["_Track"]:
    """Open the best audio track of a file."""
    if file.seek(0, os.SEEK_END) == 0:
        raise AudioError("the file is empty")
    file.seek(0)
    # libav reads through our file object: names need not be text, and reading fails with the system's own error.
    with av.open(file, "r", metadata_errors="surrogateescape", options={"format_whitelist": _CONTAINERS}) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise AudioError("it has no audio track")
        if stream.codec_context is None:
            raise AudioError("the coding of its audio track is not supported")
        yield _Track(container, stream)


class _Track:
    """One audio stream of an open container, read to its end."""

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self.container = container
        self.stream = stream
        self.layout: _Layout | None = None  # of the first frame
        self.n_damaged = 0

    def blocks(self) -> Iterator[tuple[npt.NDArray[np.generic], int]]:
        """Yield blocks [n_channels, n_samples] in the stream's own sample type, with their rate in Hz."""
        layout: _Layout | None = None
        held: list[npt.NDArray[np.generic]] = []
        n_held = 0
        for frame in self._frames():
            frame_layout = _Layout.of(frame)
            if held and layout is not None and (frame_layout != layout or n_held >= _BLOCK_SAMPLES):
                yield _block(held, layout), layout.sampling_rate_hz
                held, n_held = [], 0
            layout = frame_layout
            self.layout = self.layout or layout
            held.append(frame.to_ndarray())
            n_held += frame.samples
        if held and layout is not None:
            yield _block(held, layout), layout.sampling_rate_hz

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Yield every frame that decodes; a damaged packet is counted and passed over."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else packet.decode()
            except (av.InvalidDataError, av.ArgumentError):  # the second for an empty packet, as VLC ends Vorbis with
                self.n_damaged += 1
                continue  # a generator that has raised is over: damage in the container itself ends the loop here
            if packet is None:
                return
            yield from (frame for frame in frames if frame.samples)


def _block(frames: list[npt.NDArray[np.generic]], layout: _Layout) -> npt.NDArray[np.generic]:
    """Join frames of one layout to [n_channels, n_samples]; packed samples lie channel after channel in one row."""
    joined = np.concatenate(frames, axis=1)
    return joined if layout.planar else joined.reshape(-1, layout.n_channels).T


def _container_name(format_name: str, suffix: str) -> str:
    """Pick one of a family's names ("mov,mp4,m4a,3gp,3g2,mj2"): the one in the file's own name, else the usual one."""
    names = format_name.split(",")
    if suffix.removeprefix(".") in names:
        return suffix.removeprefix(".")
    return {"mov": "mp4", "matroska": "webm" if suffix == ".webm" else "matroska"}.get(names[0], names[0])


def _tags(*sources: Mapping[str, str]) -> dict[str, str]:
    """Merge the tags of the container and the stream, the first of a name winning."""
    tags: dict[str, str] = {}
    for source in sources:
        for name, text in source.items():
            name, text = tag_text(name).lower(), tag_text(text).replace("\0", "").strip()
            if text and name not in _TECHNICAL_TAGS:
                tags.setdefault(name, text)
    return tags


def _suffix(path: str | bytes | os.PathLike[str]) -> str:
    return os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122 - a URL is no Path


def _reading_failed(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if error.errno in (errno.EISDIR, errno.EINVAL) and error.strerror:
        return error.strerror  # no file at all, said in our own words
    return f"it cannot be read ({(error.strerror or 'input/output error').lower()})"
