"""Suffixes: whatever libav writes and we read is looked for in folders."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from soundgrep.indexer.inputs.files import is_audio_path
from soundgrep.model.audio.decoding import decode

RATE_HZ = 16_000
WRITTEN = [
    ("wav", "pcm_s16le", "wav wave bwf bw64"),
    ("w64", "pcm_s16le", "w64"),
    ("aiff", "pcm_s16be", "aif aiff aifc"),
    ("caf", "pcm_s16be", "caf"),
    ("au", "pcm_s16be", "au snd"),
    ("voc", "pcm_u8", "voc"),
    ("flac", "flac", "flac"),
    ("ogg", "libopus", "ogg oga mogg ogx ogm"),
    ("webm", "libopus", "webm weba"),
    ("matroska", "pcm_s16le", "mka mkv mk3d"),
    ("mp4", "aac", "m4a mp4 m4b f4v f4a 3ga"),
    ("mov", "aac", "mov qt"),
    ("adts", "aac", "aac adts"),
    ("mpegts", "mp2", "ts mts m2ts m2t tp trp"),
    ("vob", "mp2", "vob mpg mpeg evo"),
    ("mp2", "mp2", "mp2 m2a mpa"),
    ("ac3", "ac3", "ac3"),
    ("eac3", "eac3", "eac3 ec3"),
    ("asf", "mp2", "wma asf wmv"),
    ("avi", "pcm_s16le", "avi divx"),
    ("flv", "aac", "flv"),
    ("nut", "pcm_s16le", "nut"),
    ("wv", "wavpack", "wv"),
    ("tta", "tta", "tta"),
    ("rm", "ac3", "rm ra"),
    ("sox", "pcm_s32le", "sox"),
    ("ircam", "pcm_s16le", "ircam"),
]


@pytest.mark.parametrize(("container", "codec", "suffixes"), WRITTEN, ids=[one[0] for one in WRITTEN])
def test_what_can_be_read_is_looked_for(tmp_path: Path, container: str, codec: str, suffixes: str) -> None:
    path = tmp_path / "sound"
    rate_hz = 44_100 if codec in {"mp2", "ac3", "eac3"} or container == "flv" else RATE_HZ
    rate_hz = 48_000 if codec == "libopus" else rate_hz
    with av.open(path, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        tone = 0.25 * np.sin(np.arange(rate_hz) * 2 * np.pi * 440 / rate_hz)
        frame = av.AudioFrame.from_ndarray(
            np.repeat(tone.astype(np.float32)[None], stream.layout.nb_channels, axis=0),
            format="fltp",
            layout=stream.layout,
        )
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, stream.layout, rate_hz, stream.frame_size or None)
        for one in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(one))
        file.mux(stream.encode(None))
    assert 0.8 < len(decode(path, sampling_rate_hz=RATE_HZ).waveform) / RATE_HZ < 1.3
    assert all(is_audio_path(f"take.{suffix}".encode()) for suffix in suffixes.split())
