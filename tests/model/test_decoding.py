import importlib.util
import math
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from soundgrep.model.audio.decoding import AUDIO_SUFFIXES, decode

from .media import named_in_bytes, sine, write_media

RATE_HZ = 44_100


def real_sounds() -> Path:
    """Folder of recorded sounds inside the pygame-ce package, found without importing it."""
    spec = importlib.util.find_spec("pygame")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "examples" / "data"


def tone(waveform: npt.NDArray[np.float32], *, rate_hz: int) -> tuple[float, float]:
    """Frequency in Hz and amplitude of the strongest tone in the middle of a waveform."""
    middle = waveform[len(waveform) // 4 : len(waveform) * 3 // 4].astype(np.float64)
    window = np.hanning(len(middle))
    spectrum = np.abs(np.fft.rfft(middle * window, 1 << 20))
    strongest = int(spectrum.argmax())
    return strongest * rate_hz / (1 << 20), float(2 * spectrum[strongest] / window.sum())


@pytest.mark.parametrize(
    "name", ["house_lo.wav", "house_lo.flac", "house_lo.ogg", "boom.wav", "punch.wav", "secosmic_lo.wav"]
)
def test_recordings_have_the_values_that_libsndfile_reads(name: str) -> None:
    path = real_sounds() / name
    expected, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    decoded = decode(path, sampling_rate_hz=rate_hz)
    assert decoded.info.sampling_rate_hz == rate_hz
    assert decoded.info.n_channels == expected.shape[1]
    assert decoded.waveform.dtype == np.float32
    assert decoded.waveform.shape == (len(expected),)
    tolerance = {"house_lo.ogg": 1e-4, "secosmic_lo.wav": 5e-3}.get(name, 0.0)  # lossy decoders differ in rounding
    np.testing.assert_allclose(decoded.waveform, expected.mean(axis=1), atol=tolerance)
    assert decoded.info.duration_s == pytest.approx(len(expected) / rate_hz)


@pytest.mark.parametrize(
    "name", ["house_lo.wav", "house_lo.flac", "house_lo.ogg", "house_lo.mp3", "house_lo.opus", "house_lo.wv"]
)
def test_one_recording_sounds_alike_in_every_coding(name: str) -> None:
    original = decode(real_sounds() / "house_lo.wav", sampling_rate_hz=RATE_HZ).waveform
    waveform = decode(real_sounds() / name, sampling_rate_hz=RATE_HZ).waveform
    assert abs(len(waveform) - len(original)) < 0.2 * RATE_HZ
    n_samples = min(len(waveform), len(original))
    spectra = [np.abs(np.fft.rfft(sound[:n_samples])) for sound in (original, waveform)]
    bands = np.array([[band.sum() for band in np.array_split(spectrum[: n_samples // 12], 40)] for spectrum in spectra])
    assert np.corrcoef(bands)[0, 1] > 0.99


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_a_tone_keeps_frequency_and_level_at_any_rate(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, sine(1_000, rate_hz=rate_hz), rate_hz, subtype="PCM_24")
    decoded = decode(path, sampling_rate_hz=RATE_HZ)
    frequency_hz, level = tone(decoded.waveform, rate_hz=RATE_HZ)
    assert frequency_hz == pytest.approx(1_000, abs=0.5)
    assert level == pytest.approx(0.5, rel=1e-3)
    assert len(decoded.waveform) == pytest.approx(RATE_HZ, abs=1)
    assert decoded.info.sampling_rate_hz == rate_hz


def test_resampling_block_by_block_equals_resampling_at_once(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 300_000).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", noise, 48_000, subtype="FLOAT")
    at_once = soxr.resample(noise, 48_000, RATE_HZ, quality="HQ")
    np.testing.assert_allclose(decode(tmp_path / "noise.wav", sampling_rate_hz=RATE_HZ).waveform, at_once, atol=1e-5)


def test_sound_above_the_new_rate_is_filtered_away(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "high.wav", sine(15_000, rate_hz=48_000), 48_000)
    waveform = decode(tmp_path / "high.wav", sampling_rate_hz=16_000).waveform
    assert np.abs(waveform[1_000:-1_000]).max() < 1e-3


@pytest.mark.parametrize(
    ("suffix", "subtype", "codec", "step"),
    [
        ("wav", "PCM_U8", "pcm_u8", 2**-7),
        ("wav", "PCM_16", "pcm_s16le", 2**-15),
        ("wav", "PCM_24", "pcm_s24le", 2**-23),
        ("wav", "PCM_32", "pcm_s32le", 2**-23),
        ("wav", "FLOAT", "pcm_f32le", 0.0),
        ("wav", "DOUBLE", "pcm_f64le", 0.0),
        ("aiff", "PCM_16", "pcm_s16be", 2**-15),
        ("flac", "PCM_16", "flac", 2**-15),
        ("flac", "PCM_24", "flac", 2**-23),
        ("caf", "PCM_S8", "pcm_s8", 2**-7),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2, 8])
def test_samples_are_exact_in_every_pcm_format(
    tmp_path: Path, suffix: str, subtype: str, codec: str, step: float, n_channels: int
) -> None:
    sound = np.random.default_rng(1).uniform(-0.99, 0.99, (5_000, n_channels)).astype(np.float32)
    path = tmp_path / f"noise.{suffix}"
    soundfile.write(path, sound, RATE_HZ, subtype=subtype)
    decoded = decode(path, sampling_rate_hz=RATE_HZ)
    assert (decoded.info.container, decoded.info.codec) == (suffix, codec)
    assert decoded.info.n_channels == n_channels
    np.testing.assert_allclose(decoded.waveform, sound.mean(axis=1), atol=step + 1e-7)
    stored, _ = soundfile.read(path, dtype="float64", always_2d=True)
    np.testing.assert_allclose(decoded.waveform, stored.mean(axis=1), atol=2e-7)


@pytest.mark.parametrize(
    ("name", "codec", "container", "canonical"),
    [
        ("tone.mp3", "libmp3lame", "mp3", "mp3"),
        ("tone.m4a", "aac", "m4a", "aac"),
        ("tone.mov", "aac", "mov", "aac"),
        ("tone.opus", "libopus", "ogg", "opus"),
        ("tone.flac", "flac", "flac", "flac"),
        ("tone.aiff", "pcm_s16be", "aiff", "pcm_s16be"),
        ("tone.mka", "libopus", "matroska", "opus"),
        ("tone.wma", "wmav2", "asf", "wmav2"),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_every_common_coding(
    tmp_path: Path, name: str, codec: str, container: str, canonical: str, n_channels: int
) -> None:
    channels = np.stack([sine(700, rate_hz=48_000)] * n_channels)
    path = write_media(tmp_path / name, channels, codec=codec, tags={"title": "A steady tone"})
    decoded = decode(path, sampling_rate_hz=RATE_HZ)
    info = decoded.info
    assert (info.container, info.codec) == (container, canonical)
    assert (info.sampling_rate_hz, info.n_channels) == (48_000, n_channels)
    assert info.duration_s == pytest.approx(1.0, abs=0.15)
    frequency_hz, level = tone(decoded.waveform, rate_hz=RATE_HZ)
    assert frequency_hz == pytest.approx(700, abs=0.5)
    assert level == pytest.approx(0.5, rel=0.06)
    assert decoded.rms_dbfs == pytest.approx(-9.0, abs=1.0)
    if path.suffix in {".mp3", ".m4a", ".opus", ".flac", ".mka"}:
        assert info.tags["title"] == "A steady tone"
    assert path.suffix in AUDIO_SUFFIXES


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_the_audio_track_of_a_video(tmp_path: Path, name: str) -> None:
    sound = sine(440, rate_hz=48_000)[np.newaxis]
    path = write_media(tmp_path / name, sound, codec="libmp3lame", video=True)
    decoded = decode(path, sampling_rate_hz=RATE_HZ)
    assert decoded.info.codec == "mp3"
    assert decoded.info.container == {"mkv": "matroska"}.get(name[5:], name[5:])
    assert tone(decoded.waveform, rate_hz=RATE_HZ)[0] == pytest.approx(440, abs=0.5)
    assert path.suffix in AUDIO_SUFFIXES


def test_eight_channels_are_averaged(tmp_path: Path) -> None:
    channels = np.zeros((RATE_HZ, 8), dtype=np.float32)
    channels[:, 5] = 0.8
    soundfile.write(tmp_path / "eight.wav", channels, RATE_HZ, subtype="FLOAT")
    decoded = decode(tmp_path / "eight.wav", sampling_rate_hz=RATE_HZ)
    assert decoded.info.n_channels == 8
    np.testing.assert_allclose(decoded.waveform, 0.1, atol=1e-6)
    assert decoded.peak_dbfs == pytest.approx(20 * math.log10(0.8), abs=1e-3)  # as loud as the file, not the mixdown
    assert decoded.rms_dbfs == pytest.approx(10 * math.log10(0.64 / 8), abs=1e-3)


def test_silence_is_decoded_and_has_no_level(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(1_000, dtype=np.float32), 8_000)
    decoded = decode(tmp_path / "silence.wav", sampling_rate_hz=16_000)
    assert decoded.rms_dbfs is None
    assert decoded.peak_dbfs is None
    assert len(decoded.waveform) == 2_000
    assert not decoded.waveform.any()


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
def test_one_sample_is_a_clip(tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "click.wav", np.array([0.5], dtype=np.float32), rate_hz, subtype="FLOAT")
    decoded = decode(tmp_path / "click.wav", sampling_rate_hz=RATE_HZ)
    assert len(decoded.waveform) >= 1
    assert decoded.info.duration_s == pytest.approx(1 / rate_hz)
    assert decoded.peak_dbfs == pytest.approx(-6.02, abs=0.01)


def test_a_truncated_mp3_is_decoded_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = real_sounds() / "house_lo.mp3"
    path = tmp_path / "half.mp3"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2 + 100])
    duration_s = decode(path, sampling_rate_hz=RATE_HZ).info.duration_s
    assert duration_s == pytest.approx(decode(whole, sampling_rate_hz=RATE_HZ).info.duration_s / 2, rel=0.05)


@pytest.mark.parametrize("name", ["house_lo.mp3", "house_lo.flac", "house_lo.ogg"])
def test_damage_in_the_middle_costs_little(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray((real_sounds() / name).read_bytes())
    content[9_000:9_400] = bytes(400)
    (tmp_path / name).write_bytes(content)
    assert decode(tmp_path / name, sampling_rate_hz=RATE_HZ).info.duration_s > 5.5
    assert capfd.readouterr() == ("", "")  # libav keeps its opinions to itself


def test_tags_have_lower_case_names() -> None:
    tags = decode(real_sounds() / "metadata.mp3", sampling_rate_hz=RATE_HZ).info.tags
    assert tags["title"] == "Small Tone"
    assert tags["artist"] == "Audacity Generator"
    assert all(name == name.lower() for name in tags)


@pytest.mark.parametrize("name", [b"two\nlines.wav", b"caf\xe9.wav", "雨 🌧.wav".encode(), b"no suffix", b"LOUD.WAV"])
def test_names_of_any_bytes(tmp_path: Path, name: bytes) -> None:
    path = named_in_bytes(tmp_path, name)
    path.write_bytes((real_sounds() / "punch.wav").read_bytes())
    assert decode(path, sampling_rate_hz=RATE_HZ).info.codec == "pcm_u8"
    assert decode(str(path), sampling_rate_hz=RATE_HZ).info.container == "wav"


def test_many_threads_decode_alike() -> None:
    paths = [real_sounds() / name for name in ("house_lo.mp3", "house_lo.ogg", "house_lo.flac", "boom.wav")] * 3
    expected = [decode(path, sampling_rate_hz=16_000).waveform for path in paths]
    found: dict[int, npt.NDArray[np.float32]] = {}

    def work(number: int) -> None:
        found[number] = decode(paths[number], sampling_rate_hz=16_000).waveform

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, waveform in enumerate(expected):
        np.testing.assert_array_equal(found[number], waveform)
