"""Odd files as people have them, made with FFmpeg, libsndfile and SoX: is the right thing heard? `make odd-files`."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from odd_cases import Case, cases, ffmpeg

from soundgrep import Encoder
from soundgrep.model.audio.decoding import DecodedAudio, decode
from soundgrep.model.errors import AudioError

MAX_DURATION_OFF_S = 0.02
MAX_LEVEL_OFF_DB = 0.2
MIN_COSINE = 0.999
MAX_BURST_OFF_S = 0.05
MAX_CPU_S = 20.0
_LOUD = 0.03
# FFmpeg's own timeline as samples: silence before what starts late, and where packets are missing.
_TIMELINE = ("-vn", "-af", "aresample=async=1:first_pts=0:min_hard_comp=0.05", "-c:a", "pcm_f32le")
_PICTURES = ("-map", "0:v", "-c", "copy", "-f", "null", "-")  # else its clock starts with the sound


def fault(case: Case, path: Path, oracle: Path, encoder: Encoder) -> str | None:
    """What is wrong with what is heard of a file; None where nothing is."""
    rate_hz = encoder.sampling_rate_hz
    try:
        found = decode(path, sampling_rate_hz=rate_hz)
    except AudioError as error:
        return None if case.refusal and case.refusal in str(error) else f"refused: {error}"
    if case.refusal:
        return "was to be refused"
    if case.plain is not None:
        case.plain(oracle)
    elif not ffmpeg("-i", f"file:{path}", *_TIMELINE, oracle, *(_PICTURES if case.has_video else ())):
        return "FFmpeg could not decode it"
    sound, oracle_hz = soundfile.read(oracle, dtype="float32", always_2d=True)
    off_s = found.info.duration_s - len(sound) / oracle_hz
    if abs(off_s) > MAX_DURATION_OFF_S:
        return f"its duration is {off_s:+.3f} s off"
    level_dbfs = _level_dbfs(sound, empty=round(case.empty_s * oracle_hz))
    if abs((found.rms_dbfs or -200) - level_dbfs) > MAX_LEVEL_OFF_DB:
        return f"its level is {found.rms_dbfs} dB, not {level_dbfs} dB"
    plain = decode(oracle, sampling_rate_hz=rate_hz)
    begins_s, due_s = (_first_loud_s(one.waveform, rate_hz) for one in (found, plain))
    for due in (due_s, case.burst_s):
        if due is not None and abs(begins_s - due) > MAX_BURST_OFF_S:
            return f"its burst begins at {begins_s:.3f} s, not {due:.3f} s"
    cosine = _cosine(found, plain, encoder)
    if cosine < MIN_COSINE:
        return f"its embedding's cosine is {cosine:.4f}"
    wrong_tags = {
        name: found.info.tags.get(name) for name, text in case.tags.items() if found.info.tags.get(name) != text
    }
    return f"its tags are {wrong_tags}, not {case.tags}" if wrong_tags else None


def _level_dbfs(sound: npt.NDArray[np.float32], *, empty: int) -> float:
    power = float(np.square(sound, dtype=np.float64).sum()) / max(1, (len(sound) - empty) * sound.shape[1])
    return 10 * math.log10(power) if power > 0 else -200.0


def _first_loud_s(waveform: npt.NDArray[np.float32], rate_hz: int) -> float:
    return float(np.argmax(np.abs(waveform) > _LOUD)) / rate_hz


def _cosine(found: DecodedAudio, plain: DecodedAudio, encoder: Encoder) -> float:
    """Cosine of the embeddings of the same sound, which ends where the file does."""
    length = min(len(found.waveform), len(plain.waveform), encoder.segment_samples)
    rows = encoder.embed_audio([one.waveform[-length:] for one in (found, plain)])
    return float(rows[0] @ rows[1])


def main() -> int:
    """Make the files, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="mini")
    parser.add_argument("--every", type=int, default=1, help="compare one file in so many")
    parser.add_argument("--first", type=int, default=0, help="pass over so many files before that")
    parser.add_argument("--kind", default="", help="compare only kinds whose name holds that")
    parser.add_argument("--verbose", action="store_true", help="name each file before it is made")
    arguments = parser.parse_args()
    encoder = Encoder.from_pretrained(arguments.encoder)
    tried: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder, made = Path(name), Path(name) / "made"
        made.mkdir()
        every = (case for case in cases(folder) if arguments.kind in case.kind)
        for case in itertools.islice(every, arguments.first, None, arguments.every):
            path = made / case.name
            if arguments.verbose:
                print(case.kind, case.name, flush=True)
            if case.make(path):  # what a coding cannot hold is no file that people have
                started_s = time.process_time()
                reason = fault(case, path, folder / "oracle.wav", encoder)
                if reason is None and time.process_time() - started_s > MAX_CPU_S:
                    reason = "takes too long"
                tried[case.kind] += 1
                refused[case.kind] += reason is None and case.refusal is not None
                if reason is not None:
                    wrong[case.kind] += 1
                    print(f"{case.kind}, {case.name[-60:]}: {reason}", flush=True)
            for file in made.iterdir():
                file.unlink()
    print(f"{'':28}{'tried':>8}{'right':>8}{'refused rightly':>17}{'wrong':>8}")
    rows = [(kind, tried[kind], refused[kind], wrong[kind]) for kind in tried]
    for kind, n_tried, n_refused, n_wrong in [*rows, ("all", *(c.total() for c in (tried, refused, wrong)))]:
        print(f"{kind:28}{n_tried:>8}{n_tried - n_refused - n_wrong:>8}{n_refused:>17}{n_wrong:>8}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
