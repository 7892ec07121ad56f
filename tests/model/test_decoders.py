"""Decoding in processes of its own: whatever happens to one is a sentence, and the next file is decoded."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from soundgrep.model.audio.cutting import cut
from soundgrep.model.audio.decoders import decode_apart
from soundgrep.model.audio.decoding import decode
from soundgrep.model.audio.excerpt import decode_excerpt, excerpt_blocks
from soundgrep.model.audio.spread import spread_segments
from soundgrep.model.errors import AudioError

from ..processes import children
from ..ui.sounds import RATE_HZ, tone, write_wav
from ..waiting import wait_until

pytestmark = pytest.mark.slow

CHILD = "soundgrep.model.audio.decoder_child"
Blocks = Iterator[npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute, which is more than fits into a pipe."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 60 * RATE_HZ)).astype(np.float32)
    return write_wav(tmp_path_factory.mktemp("long") / "a minute.wav", noise)


@pytest.fixture(autouse=True)
def no_child_waits() -> None:
    """Each test starts with no process that another one left."""
    for pid in children(CHILD):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not children(CHILD))


def busy(work: Blocks) -> int:
    """Begin to decode, and give the process that does."""
    before = children(CHILD)
    next(work)
    (child,) = (children(CHILD) - before) or before
    return child


def everything_is_well(path: Path) -> None:
    np.testing.assert_array_equal(
        np.concatenate(list(excerpt_blocks(path, sampling_rate_hz=RATE_HZ))),
        decode(path, sampling_rate_hz=RATE_HZ).waveform,
    )


@pytest.mark.parametrize(
    ("ending", "said"),
    [(signal.SIGSEGV, "segmentation fault"), (signal.SIGKILL, "killed"), (signal.SIGABRT, "aborted")],
)
def test_a_crash_is_a_sentence(long: Path, ending: signal.Signals, said: str) -> None:
    blocks = excerpt_blocks(long, sampling_rate_hz=RATE_HZ)
    os.kill(busy(blocks), ending)
    with pytest.raises(AudioError) as caught:
        list(blocks)
    assert str(caught.value) == f"{long}: its decoder crashed ({said})"
    everything_is_well(long)


def test_a_file_that_libraries_crash_over_is_a_sentence_if_it_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "eight.m4a"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="7.1")
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8 * 1024), np.float32), "flt", "7.1")
            frame.sample_rate, frame.time_base, frame.pts = 44_100, Fraction(1, 44_100), 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    said = ""
    try:
        decode_excerpt(path, start_s=0, end_s=0.1, sampling_rate_hz=RATE_HZ)
    except AudioError as error:  # what comes of it depends on the library's release
        said = str(error)
    assert re.fullmatch(rf"({re.escape(str(path))}: .+)?", said)
    assert decode_excerpt(write_wav(tmp_path / "a.wav", tone(440)), start_s=0, end_s=1, sampling_rate_hz=RATE_HZ).any()


def test_what_hangs_is_ended_at_its_limit(long: Path) -> None:
    everything_is_well(long)  # a process waits
    blocks = excerpt_blocks(long, sampling_rate_hz=RATE_HZ, limit_s=0.5)
    child = busy(blocks)
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(AudioError, match=r"a minute\.wav: decoding it was stopped: it takes longer than 0\.5 s"):
        list(blocks)
    assert child not in children(CHILD)
    everything_is_well(long)


def test_what_gives_no_sign_of_life_is_ended(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundgrep.model.audio.decoders.SILENCE_LIMIT_S", 0.3)
    with pytest.raises(AudioError, match=r"x: .* no sign of life for 0\.3 s"):
        list(decode_apart(time.sleep, 1000, name="x"))
    monkeypatch.undo()
    everything_is_well(long)


def test_more_memory_than_there_may_be_is_refused(long: Path) -> None:
    with pytest.raises(AudioError, match="x: decoding it needs more memory than it may have"):
        list(decode_apart(bytearray, 1 << 36, name="x"))
    everything_is_well(long)


def test_a_crash_between_two_stretches_is_a_sentence(long: Path) -> None:
    everything_is_well(long)
    before = children(CHILD)
    pieces = cut(long, [(0, 1), (1, 50)])
    next(pieces).close()
    (child,) = before
    os.kill(child, signal.SIGSEGV)
    with pytest.raises(AudioError, match=r"a minute\.wav: its decoder crashed"):
        next(pieces)
    everything_is_well(long)


def test_who_does_not_want_the_rest_leaves_no_process_behind(long: Path) -> None:
    blocks = excerpt_blocks(long, sampling_rate_hz=RATE_HZ)
    child = busy(blocks)
    blocks.close()
    assert child not in children(CHILD)
    pieces = cut(long, [(0, 30), (40, 41)])
    next(pieces).close()
    pieces.close()
    everything_is_well(long)


def test_a_process_that_somebody_killed_while_it_waited_is_replaced(long: Path) -> None:
    everything_is_well(long)
    for child in children(CHILD):
        os.kill(child, signal.SIGKILL)
    everything_is_well(long)


def test_a_process_serves_many_files_and_many_threads_have_one_each(long: Path, tmp_path: Path) -> None:
    everything_is_well(long)
    before = children(CHILD)
    for _ in range(3):
        everything_is_well(long)
    assert children(CHILD) <= before
    paths = [write_wav(tmp_path / f"{hz}.wav", tone(hz)) for hz in (110, 220, 330, 440, 550, 660)]
    with ThreadPoolExecutor(6) as threads:
        for path, waveform in zip(paths, threads.map(lambda path: _whole(path), paths), strict=True):
            np.testing.assert_array_equal(waveform, decode(path, sampling_rate_hz=RATE_HZ).waveform)
    assert len(children(CHILD)) <= 2


def _whole(path: Path) -> npt.NDArray[np.float32]:
    return decode_excerpt(path, start_s=0, end_s=9, sampling_rate_hz=RATE_HZ)


def test_paths_are_those_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("one", "two"), start=1):
        (tmp_path / name).mkdir()
        write_wav(tmp_path / name / "tone.wav", tone(440, duration_s=number))
    for name, n_samples in (("one", RATE_HZ), ("two", 2 * RATE_HZ)):
        monkeypatch.chdir(tmp_path / name)
        assert len(_whole(Path("tone.wav"))) == n_samples
    with pytest.raises(AudioError, match=r"^nothing\.wav: there is no such file$"):
        _whole(Path("nothing.wav"))


@pytest.mark.parametrize(
    "work",
    [
        lambda path: excerpt_blocks(path, sampling_rate_hz=RATE_HZ),
        lambda path: cut(path, [(1, 2)]),
        lambda path: spread_segments(path, sampling_rate_hz=RATE_HZ, segment_samples=RATE_HZ, n_segments=2),
    ],
)
def test_what_cannot_be_decoded_is_said_in_the_same_words(work: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound\n" * 99)
    for name in ("text.wav", "nothing.wav"):
        with pytest.raises(AudioError) as here:
            decode(tmp_path / name, sampling_rate_hz=RATE_HZ)
        with pytest.raises(AudioError) as apart:
            list(work(tmp_path / name))  # type: ignore[call-overload]
        assert str(apart.value) == str(here.value)


def test_nothing_is_decoded_in_this_process(long: Path) -> None:
    code = (
        "import sys; from soundgrep.model.audio.excerpt import decode_excerpt;"
        f"decode_excerpt({str(long)!r}, start_s=1, end_s=2, sampling_rate_hz=8000); print('av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_error_of_ours_says_where_it_was_raised() -> None:
    with pytest.raises(TypeError) as caught:
        list(decode_apart(itertools.repeat, name="x"))
    assert "decoder_child" in "".join(caught.value.__notes__)
