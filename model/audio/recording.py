"""Recordings: a file's sound from its first link to its last, of the track that is worth hearing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ..errors import AudioError
from .libav import Media, MediaError, Track, open_media
from .odd_files import Readable, readable
from .ogg_links import ogg_links
from .spliced import spliced
from .timeline import Block, Timeline

# Only containers that hold their own sound: a playlist or a script must not make libav open other files or addresses.
_CONTAINERS = (
    "wav,w64,aiff,caf,au,voc,flac,wv,ape,tta,tak,mpc,mpc8,dsf,iff,ogg,mp3,mov,mp4,m4a,3gp,3g2,mj2,aac,ac3,eac3,dts,asf,amr,"
    "matroska,webm,avi,flv,mpeg,mpegts,iv8,rm,nut,dtshd,sox,nistsphere,ircam,avr,oma,shn,qoa,mxf,truehd,mlp,"
    "ast,wtv,pvf,epaf"
)
_MAX_DURATION_S = 360_000  # a few kilobytes of some codecs claim years of silence
_LEAST_BYTES_PER_S = 250  # no coding that people use takes less, so a longer claim is none
# Containers whose heads count samples; elsewhere a length is estimated.
_COUNTED = frozenset({"wav", "w64", "aiff", "caf", "au", "flac", "ape", "tta", "wv", "mov", "matroska", "dsf"})
_SILENT_PEAK = 10 ** (-70 / 20)  # of full scale: the noise of an input that nothing is plugged into


class Recording:
    """A file's sound, decoded once, in the coding's own sample type.

    Attributes:
        format_name: FFmpeg's name of the container.
        codec: Short name of the coding.
        n_channels: Channels of the first frame.
        rate_hz: Its sampling rate.
        tags: What the container says in words, and then what the track says; bytes that are not UTF-8 as lone
            surrogates. All of it is known when the first block has been given.
        notes: What was found of the file beside its sound, each as the rest of a sentence that begins with its name;
            all of it is known when the last block has been given.
    """

    def __init__(self) -> None:
        self.format_name = ""
        self.codec = ""
        self.n_channels = 0
        self.rate_hz = 0
        self.tags: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def blocks(self, file: BinaryIO) -> Iterator[Block]:
        """Decode a file.

        Raises:
            AudioError: If it holds no sound that can be decoded, or too much.
            MediaError: If nothing of it can be read.
            OSError: If the reading fails.
        """
        links = ogg_links(file)
        n_bytes = file.seek(0, os.SEEK_END)
        if n_bytes == 0:
            raise AudioError("the file is empty")
        heard_s = 0.0
        for number, (start, size) in enumerate(links):
            whole = (start, size) == (0, n_bytes)
            source = readable(file if whole else spliced(file, [(start, size)]))
            try:
                with _open(source, size) as media:
                    self._describe(source, media)
                    for block in self._track_blocks(media):
                        heard_s += block.samples.shape[1] / block.rate_hz
                        yield block
            except (MediaError, AudioError):
                if number == 0 or not heard_s:
                    raise
                self._note(f"breaks off at {heard_s:.1f} s: the stretch after it cannot be decoded")

    def _describe(self, source: Readable, media: Media) -> None:
        if not self.format_name:
            self.format_name = source.container or media.format_name
        self.notes += (note for note in source.notes if note not in self.notes)

    def _track_blocks(self, media: Media) -> Iterator[Block]:
        track = self._chosen(media)
        if not self.codec:
            self.codec = track.codec_name or ""
            self.tags = [*media.tags.items(), *track.tags.items()]
        timeline = Timeline(media, track)
        try:
            for block in timeline.blocks():
                self.n_channels, self.rate_hz = self.n_channels or timeline.n_channels, self.rate_hz or timeline.rate_hz
                yield block
        except MediaError:
            if not timeline.n_channels:
                raise
            track.broke_off = True
        if not timeline.n_channels:
            raise AudioError("nothing of its audio can be decoded" if track.n_damaged else "it holds no samples")
        if track.broke_off:
            self._note(f"is damaged after {timeline.heard_s:.1f} s: what comes before is indexed")
        if timeline.seam_s is not None:
            self._note(f"has a leap in its clock at {timeline.seam_s:.1f} s, after which its times are counted on")

    def _chosen(self, media: Media) -> Track:
        """Choose the track to hear: FFmpeg's best one, unless that is silent from end to end and another one is not."""
        tracks = [track for track in media.tracks if track.codec_name is not None]
        if not media.tracks:
            raise AudioError("it has no audio track")
        if not tracks:
            raise AudioError("the coding of its audio track is not supported")
        if len(tracks) == 1:
            return tracks[0]
        for track in tracks:
            loud = _is_loud(track)
            media.rewind()
            if loud:
                if track is not tracks[0]:
                    self._note(
                        f"has {len(media.tracks)} audio tracks: stream {track.number} is indexed, as stream "
                        f"{tracks[0].number} is silent"
                    )
                return track
        return tracks[0]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


@contextlib.contextmanager
def _open(source: Readable, n_bytes: int) -> Iterator[Media]:
    with open_media(source.file, containers=_CONTAINERS) as media:
        claimed_s = media.duration_s or 0.0
        is_counted = bool(_COUNTED & set(media.format_name.split(",")))
        if claimed_s > _MAX_DURATION_S and is_counted and n_bytes > claimed_s * _LEAST_BYTES_PER_S:
            raise too_long()
        yield media


def too_long() -> AudioError:
    """Return the refusal of a file that is longer than anything that is indexed."""
    return AudioError(f"it is longer than {_MAX_DURATION_S // 3600} hours")


def is_too_long(duration_s: float) -> bool:
    """Return whether so many seconds are more than what is indexed."""
    return duration_s > _MAX_DURATION_S


def _is_loud(track: Track) -> bool:
    """Return whether anything is to be heard on a track, reading no further than it takes."""
    try:
        for frame in track.frames():
            samples = frame.samples
            if samples.dtype.kind == "f":
                peak = float(np.abs(samples).max())
            else:
                zero = 128 if samples.dtype == np.uint8 else 0
                peak = float(np.abs(samples.astype(np.float64) - zero).max()) / float(2 ** (8 * samples.itemsize - 1))
            if peak > _SILENT_PEAK:
                return True
    except MediaError:
        return False
    return False
