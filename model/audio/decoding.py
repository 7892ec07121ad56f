"""Decoding: any audio file, or a video file's audio track, to a mono waveform at one sampling rate."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, AudioReadError
from ..paths import AnyPath, readable_path
from .clip_files import open_clip, reading_failed
from .libav import MediaError
from .mixdown import Mixdown
from .recording import Recording, is_too_long, too_long
from .tag_text import tag_text
from .written_tags import written_tags

_AUDIO_FORMATS = (
    "wav wave bwf bw64 w64 rf64 aif aiff aifc caf au snd voc flac wv ape mac tta tak mpc mpp mp+ dsf dff ogg oga mogg"
    " opus spx mp3 mp2 mp1 m2a mpa mpga m4a m4b m4r m4p aac adts ac3 eac3 ec3 dts dtshd wma amr awb 3ga mka weba ra"
    " 8svx iff svx nut sox sph nist ircam avr oma aa3 shn qoa thd mlp ast pvf paf"
)
_VIDEO_FORMATS = (
    "mp4 m4v f4v f4a mov qt mkv mk3d webm avi divx ogv ogm ogx wmv asf flv mpg mpeg mpe m2p vob evo ts mts m2ts m2t tp"
    " trp 3gp 3gpp 3g2 rm rmvb mxf wtv"
)
AUDIO_SUFFIXES: frozenset[str] = frozenset(f".{name}" for name in f"{_AUDIO_FORMATS} {_VIDEO_FORMATS}".split())
"""Suffixes, in lower case, of files worth trying to decode: audio, and video that usually has an audio track."""

_DAMAGED = "it is not audio in a known format, or it is damaged beyond reading"
_MAX_PEAK = 1e12  # above, the power of a spectrum may not be a finite number any more
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
        notes: What a listener would want to know of it, such as that it is damaged after some seconds; each the rest of
            a sentence that begins with the file's name.
    """

    container: str
    codec: str
    sampling_rate_hz: int
    n_channels: int
    duration_s: float
    tags: Mapping[str, str]
    notes: tuple[str, ...] = ()


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

    def __init__(self, path: AnyPath, *, sampling_rate_hz: int, file: BinaryIO | None = None) -> None:
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
                at all, NaN, infinite or absurdly large ones, a rate outside 1 kHz to 3,072 kHz, more than 64 channels,
                more than 100 hours). One sentence that names the file.
            AudioReadError: If it is the reading that fails.
            MemoryError: If it takes more memory than there is.
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
        mixdown, recording = self._mixdown, Recording()
        for block in recording.blocks(file):
            waveform = mixdown.add(block.samples, sampling_rate_hz=block.rate_hz, is_gap=block.is_gap)
            if not mixdown.finite:
                raise AudioError("it holds samples that are not numbers (NaN or infinite)")
            if mixdown.peak > _MAX_PEAK:
                raise AudioError(f"it holds samples of absurd size ({mixdown.peak:.0e} times full scale)")
            if is_too_long(mixdown.duration_s):
                raise too_long()
            yield waveform
        yield mixdown.finish()
        self._info = AudioInfo(
            container=_container_name(recording.format_name, _suffix(self._path)),
            codec=recording.codec,
            sampling_rate_hz=recording.rate_hz,
            n_channels=recording.n_channels,
            duration_s=mixdown.duration_s,
            tags=_tags([*written_tags(file).items(), *recording.tags]),
            notes=(*recording.notes, *mixdown.notes),
        )


def decode(path: AnyPath, *, sampling_rate_hz: int, file: BinaryIO | None = None) -> DecodedAudio:
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


def native_blocks(path: AnyPath) -> Iterator[tuple[npt.NDArray[np.generic], int, bool]]:
    """Decode a file's best audio track as it is, neither mixed nor resampled.

    Args:
        path: An audio or video file; a member of a tar archive and a URL will do too (see `open_clip`).

    Yields:
        Blocks [n_channels, n_samples] in the coding's own sample type; their rate in Hz; and whether the coding is
        lossy, as its samples tell (planar floats).

    Raises:
        AudioError: If the file cannot be read, is not audio, or holds no samples.
    """
    with _told(path), _open(path, None) as file:
        for block in Recording().blocks(file):
            yield block.samples, block.rate_hz, block.is_lossy


@contextlib.contextmanager
def _told(path: AnyPath) -> Iterator[None]:
    """Turn what reading and decoding raise into one sentence that names the file."""
    kind: type[AudioError] = AudioError
    try:
        yield
        return
    except AudioError as error:
        reason = str(error)
    except MediaError as error:
        reason = _reading_failed(error) if isinstance(error, OSError) else _DAMAGED
    except OSError as error:  # of the system; FFmpeg's own are of the bytes
        reason = _reading_failed(error)
        kind = AudioError if reason == _DAMAGED else AudioReadError
    raise kind(f"{readable_path(path)}: {reason}")


def _open(path: AnyPath, file: BinaryIO | None) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open a clip's bytes, unless they are open already."""
    return open_clip(path) if file is None else contextlib.nullcontext(file)


def _container_name(format_name: str, suffix: str) -> str:
    """Pick one of a family's names ("mov,mp4,m4a,3gp,3g2,mj2"): the one in the file's own name, else the usual one."""
    names = format_name.split(",")
    if suffix.removeprefix(".") in names:
        return suffix.removeprefix(".")
    return {"mov": "mp4", "matroska": "webm" if suffix == ".webm" else "matroska"}.get(names[0], names[0])


def _tags(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Read tags, the first of a name winning."""
    tags: dict[str, str] = {}
    for raw_name, raw_text in named:
        name, text = tag_text(raw_name).lower(), tag_text(raw_text).replace("\0", "").strip()
        if text and name not in _TECHNICAL_TAGS:
            tags.setdefault(name, text)
    return tags


def _suffix(path: AnyPath) -> str:
    return os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122 - a URL is no Path


def _reading_failed(error: OSError) -> str:
    if error.errno == errno.EINVAL and error.strerror == os.strerror(errno.EINVAL):
        return _DAMAGED  # it was to be read before its start
    return reading_failed(error)
