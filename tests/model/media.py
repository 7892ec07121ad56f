"""Files for the decoding tests, most of them written by PyAV."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt


def sine(frequency_hz: float, *, rate_hz: int, duration_s: float = 1.0, level: float = 0.5) -> npt.NDArray[np.float32]:
    """Sine wave [n_samples]."""
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.float32)


def write_media(
    path: Path,
    channels: npt.NDArray[np.float32] | None,
    *,
    codec: str = "",
    rate_hz: int = 48_000,
    video: bool = False,
    tags: dict[str, str] | None = None,
) -> Path:
    """Encode channels [n_channels, n_samples] with PyAV, optionally beside a few frames of video."""
    with av.open(path, "w") as container:
        container.metadata.update(tags or {})
        picture = container.add_stream("mpeg4", rate=10) if video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        if channels is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(channels)]
            sound = container.add_stream(codec, rate=rate_hz, layout=layout)
            sound.bit_rate = 128_000
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels, dtype=np.float32), "fltp", layout)
            frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), 0
            resampler = av.AudioResampler(
                sound.codec_context.format.name, layout, rate_hz, frame_size=sound.codec_context.frame_size or 1024
            )
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
        if picture is not None:
            for number in range(10):
                image = np.full((48, 64, 3), number * 20, dtype=np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(picture.encode(None))
    return path


def named_in_bytes(folder: Path, name: bytes) -> Path:
    """Path of a file whose name need not be text."""
    return folder / os.fsdecode(name)
