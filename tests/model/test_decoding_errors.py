"""Files that cannot be used: each is one sentence with the file and the reason."""

import os
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.model.audio.decoding import decode
from soundgrep.model.errors import AudioError

from .media import named_in_bytes, sine, write_media

SECOND = sine(440, rate_hz=8_000)


def refusal(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(AudioError) as caught:
        decode(path, sampling_rate_hz=16_000)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Errno" not in sentence
    return sentence


def write_wav(path: Path, samples: npt.NDArray[np.float32], *, rate_hz: int = 8_000) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.wav") == f"{tmp_path / 'gone.wav'}: there is no such file"


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    assert refusal(tmp_path / "folder.wav") == f"{tmp_path / 'folder.wav'}: it is a folder, not a file"


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert refusal(tmp_path / "pipe.wav").endswith("pipe.wav: it is not a regular file")


def test_unreadable_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "secret.wav", SECOND)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # root reads everything: look as nobody
    try:
        sentence = refusal(path)
    finally:
        os.seteuid(user)
    assert sentence == f"{path}: it cannot be read (permission denied)"


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    assert refusal(tmp_path / "empty.wav").endswith("empty.wav: the file is empty")


@pytest.mark.parametrize("name", ["notes.wav", "notes.mp3", "notes.ogg", "notes.mp4"])
def test_text_with_an_audio_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Rain fell all night.\n" * 200, encoding="utf-8")
    assert refusal(tmp_path / name).endswith(
        f"{name}: it is not audio in a known format, or it is damaged beyond reading"
    )


@pytest.mark.parametrize("name", ["noise.wav", "noise.mp3"])
def test_random_bytes(tmp_path: Path, name: str) -> None:
    for seed in range(5):
        (tmp_path / name).write_bytes(np.random.default_rng(seed).bytes(5_000))
        assert refusal(tmp_path / name).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:5,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
@pytest.mark.parametrize("name", ["list.wav", "list.mp3"])
def test_a_playlist_does_not_lead_to_other_files(tmp_path: Path, playlist: str, name: str) -> None:
    other = write_wav(tmp_path / "other.wav", SECOND)
    (tmp_path / name).write_text(playlist.format(other), encoding="utf-8")
    assert "not audio" in refusal(tmp_path / name)


def test_mp3_cut_inside_its_first_frame(tmp_path: Path) -> None:
    whole = write_media(tmp_path / "whole.mp3", SECOND[np.newaxis], codec="libmp3lame", rate_hz=8_000)
    (tmp_path / "stump.mp3").write_bytes(whole.read_bytes()[:60])
    assert "stump.mp3: " in refusal(tmp_path / "stump.mp3")


def test_no_samples(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "nothing.wav", np.zeros(0, dtype=np.float32))
    assert refusal(path) == f"{path}: it holds no samples"


def test_absurdly_large_samples(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "large.wav", SECOND * np.float32(1e30))
    assert refusal(path).startswith(f"{path}: it holds samples of absurd size (")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers(tmp_path: Path, bad: float) -> None:
    samples = np.tile(SECOND, 20)
    samples[150_000] = bad
    path = write_wav(tmp_path / "bad.wav", samples)
    assert refusal(path) == f"{path}: it holds samples that are not numbers (NaN or infinite)"


def test_samples_too_large_for_single_precision(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "huge.wav", np.array([0.0, 1e300]), 8_000, subtype="DOUBLE")
    assert "not numbers" in refusal(tmp_path / "huge.wav")


def test_video_without_an_audio_track(tmp_path: Path) -> None:
    path = write_media(tmp_path / "silent film.mp4", None, video=True)
    assert refusal(path) == f"{path}: it has no audio track"


@pytest.mark.parametrize("rate_hz", [1, 999, 3_500_000, 2_000_000_000])
def test_absurd_sampling_rate(tmp_path: Path, rate_hz: int) -> None:
    path = write_wav(tmp_path / "rate.wav", SECOND, rate_hz=8_000)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate_hz)
    path.write_bytes(content)
    assert refusal(path) == f"{path}: its sampling rate of {rate_hz} Hz is not between 1000 and 3072000 Hz"


def test_too_many_channels(tmp_path: Path) -> None:
    path = tmp_path / "choir.wav"
    soundfile.write(path, np.zeros((10, 65), dtype=np.float32), 8_000)
    assert refusal(path) == f"{path}: its 65 channels are not between 1 and 64"


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"two\nlines.wav", r"two\nlines.wav"), (b"caf\xe9.wav", r"caf\xe9.wav"), (b"\x1b[2J.wav", r"\x1b[2J.wav")],
)
def test_any_name_is_shown_on_one_line(tmp_path: Path, name: bytes, shown: str) -> None:
    path = named_in_bytes(tmp_path, name)
    path.touch()
    assert refusal(path).endswith(f"{shown}: the file is empty")


def test_libav_says_nothing_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.mp3").write_text("not a sound\n" * 500, encoding="utf-8")
    refusal(tmp_path / "notes.mp3")
    refusal(write_media(tmp_path / "film.mp4", None, video=True))
    assert capfd.readouterr() == ("", "")


def test_a_header_that_asks_for_more_memory_than_any_machine_has(tmp_path: Path) -> None:
    path = tmp_path / "name.8svx"
    soundfile.write(path, SECOND, 8_000, format="SVX", subtype="PCM_16")
    content = path.read_bytes()
    place = content.index(b"NAME") + 4
    path.write_bytes(content[:place] + b"\xfb\0\0\2" + content[place + 4 :])
    assert refusal(path).endswith("name.8svx: it is not audio in a known format, or it is damaged beyond reading")
