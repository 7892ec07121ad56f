"""The self-test of a checkpoint: whether its towers tell anything apart, asked before anything is built on them.

A checkpoint can load without an error and still be dead: `laion/larger_clap_music` gives every text nearly the same
embedding (mean cosine 0.9993), so every search of it returns the same clips. The test asks for what every tower that
works does, trained or not: embeddings are finite, different texts differ, and two texts of the same words lie nearer to
each other than to a third of other words. Whether a checkpoint is any good is not asked here; `evaluate` tells that.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..atomic import write_atomically
from ..cache import cache_folder
from ..documents import json_of
from ..errors import CheckpointError
from ..paths import readable_path

Float = npt.NDArray[np.float32]

# A text, another of the same words, and one of other words.
TRIPLES = (
    ("a dog barking", "a barking dog", "a violin"),
    ("rain falling on a roof", "rain on the roof", "a man speaking"),
    ("glass breaking", "breaking glass", "birds singing in a forest"),
    ("a car engine starting", "the engine of a car starts", "a flute"),
    ("church bells ringing", "the bells of a church", "footsteps on gravel"),
    ("people applauding", "applauding people", "a siren in the distance"),
)
# Tried: towers of random weights give 0.6, and get every triple right, because they see the same words; mini gives 0.1.
MAX_MEAN_COSINE = 0.99
MIN_RIGHT_TRIPLES = 3
MIN_AUDIO_DISTANCE = 1e-5
"""Least 1 - cosine between the embeddings of a tone and of noise; towers of random weights give 0.05."""

_TEST_VERSION = 1
_CACHE_NAME = "self-tests.json"
_MAX_REMEMBERED = 256
_TONE_HZ = 440.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextFindings:
    """What a text tower that works was seen to do.

    Attributes:
        mean_cosine: Mean cosine between the embeddings of different texts, the lower the better they are told apart.
        n_right: Triples in the right order: texts of the same words nearer than one of others.
        n_triples: Triples asked.
    """

    mean_cosine: float
    n_right: int
    n_triples: int


def examine_text(embed: Callable[[str], Float], *, name: str) -> TextFindings:
    """Ask a text tower for embeddings of known texts.

    Args:
        embed: Gives a text's embedding `[embedding_dim]`, of any length.
        name: What the checkpoint is called in the messages.

    Returns:
        What was seen.

    Raises:
        CheckpointError: If they are zero or not finite, nearly all alike, or in the wrong order.
    """
    texts = [text for triple in TRIPLES for text in triple]
    rows = _unit(np.array([embed(text) for text in texts], np.float64), f"{name}: the text tower")
    cosines = rows @ rows.T
    n = len(texts)
    mean_cosine = float((cosines.sum() - n) / (n * (n - 1)))
    if mean_cosine > MAX_MEAN_COSINE:
        raise CheckpointError(
            f"{name}: the text tower is dead: it gives all texts nearly the same embedding (mean cosine "
            f"{mean_cosine:.4f} between {n} different ones), so every search would find the same; use another one"
        )
    firsts = range(0, n, 3)
    wrong = [i for i in firsts if cosines[i, i + 1] <= cosines[i, i + 2]]
    if len(firsts) - len(wrong) < MIN_RIGHT_TRIPLES:
        same, other = texts[wrong[0] + 1], texts[wrong[0] + 2]
        raise CheckpointError(
            f"{name}: the text tower is broken: to it {texts[wrong[0]]!r} means rather {other!r} than {same!r}, and "
            f"{len(wrong)} of {len(firsts)} such texts are in the wrong order; use another checkpoint"
        )
    return TextFindings(mean_cosine, len(firsts) - len(wrong), len(firsts))


def examine_audio(embed: Callable[[Float], Float], *, name: str, sampling_rate_hz: int, n_samples: int) -> float:
    """Ask an audio tower for embeddings of a tone and of noise.

    Args:
        embed: Gives the embedding `[embedding_dim]` of a segment `[n_samples]`, of any length.
        name: What the checkpoint is called in the messages.
        sampling_rate_hz: Rate of the segment.
        n_samples: Its length.

    Returns:
        1 less the cosine between them.

    Raises:
        CheckpointError: If they are zero, not finite, or the same.
    """
    tone, noise = made_sounds(sampling_rate_hz=sampling_rate_hz, n_samples=n_samples)
    rows = _unit(np.array([embed(tone), embed(noise)], np.float64), f"{name}: the audio tower")
    distance = 1 - float(rows[0] @ rows[1])
    if distance < MIN_AUDIO_DISTANCE:
        raise CheckpointError(
            f"{name}: the audio tower is dead: it gives a tone and noise the same embedding, so every search would "
            "find the same; use another checkpoint"
        )
    return distance


def made_sounds(*, sampling_rate_hz: int, n_samples: int) -> tuple[Float, Float]:
    """Make a tone and noise [n_samples] each, always the same."""
    times_s = np.arange(n_samples) / sampling_rate_hz
    tone = (0.5 * np.sin(2 * np.pi * _TONE_HZ * times_s)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)
    return tone, noise


def check_once(files: Sequence[Path], tower: str, examine: Callable[[], object]) -> None:
    """Examine a tower, unless one made of the same files has passed on this machine before.

    What passed is remembered in the user's cache folder, by the files' names, sizes and times: hashing them would cost
    what this saves.

    Args:
        files: The checkpoint's files.
        tower: What is examined: "text" or "audio".
        examine: Examines it.

    Raises:
        CheckpointError: As `examine`.
    """
    if has_passed(files, tower):
        return
    examine()
    signature = _signature(files, tower)
    if signature is not None:
        _remember(signature)


def has_passed(files: Sequence[Path], tower: str) -> bool:
    """Tell whether a tower made of these files is known to be alive."""
    signature = _signature(files, tower)
    return signature is not None and signature in _passed()


def _unit(rows: npt.NDArray[np.float64], what: str) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise CheckpointError(f"{what} gives embeddings that are zero, infinite or not numbers; use another checkpoint")
    unit: npt.NDArray[np.float64] = rows / lengths
    return unit


def _signature(files: Sequence[Path], tower: str) -> str | None:
    """Name the files and what is made of them; None if a file is gone, which loading the tower tells."""
    facts: list[object] = [_TEST_VERSION, tower]
    for path in files:
        try:
            status = path.stat()
        except OSError:
            return None
        facts += [readable_path(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _cache() -> Path:
    return cache_folder() / _CACHE_NAME


def _passed() -> list[str]:
    try:
        passed = json_of(_cache().read_bytes())
    except (OSError, ValueError):
        return []  # none yet, or not ours: the test is taken again
    return [str(signature) for signature in passed] if isinstance(passed, list) else []


def _remember(signature: str) -> None:
    """Note that a test was passed; two processes at once may lose a note, which costs one more test."""
    passed = [*_passed(), signature][-_MAX_REMEMBERED:]
    try:
        _cache().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_cache(), json.dumps(passed).encode())
    except OSError as error:
        _log.debug("%s: the self-test's outcome is not remembered (%s)", _cache(), error)
