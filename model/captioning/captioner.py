"""The captioner: sounds to sentences."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..audio.segments import checked_waveform
from ..encoders.checkpoint import TOKENIZER, Checkpoint
from ..encoders.digests import digest_of
from ..encoders.family import AudioTower
from ..encoders.graphs import read_graph
from ..encoders.loading import loading_encoder
from ..encoders.runtime import chosen_runtime, has_gpu
from ..encoders.selftest import check_once, examine_audio, made_sounds
from ..encoders.traits import Traits
from ..errors import CheckpointError, UsageError
from ..msclap.text import END_OF_TEXT
from ..paths import readable_path
from .beams import Reader, likeliest
from .family import ClapCap, find_captioner

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Float = npt.NDArray[np.float32]

MIN_PREFIX_DIFFERENCE = 1e-6
"""Least mean difference between what a tone and noise become, as a share of their size."""


@dataclass(frozen=True)
class CaptionSearch:
    """How captions are searched.

    Attributes:
        n_beams: Beginnings kept at once; 1 takes the likeliest token each time, which is several times as fast.
        max_tokens: Most tokens of a caption.
        temperature: Above 1 makes the tokens' probabilities more alike, under 1 less.

    Raises:
        UsageError: If a number is out of its range.
    """

    n_beams: int = 5
    max_tokens: int = 67
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("n_beams", "max_tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.temperature < np.inf:
            raise UsageError(f"temperature must be a number above 0, not {self.temperature}")


class Writer(Reader, Protocol):
    """Mapper and decoder, on whatever computes them."""

    def prefix(self, embedding: Float) -> Float:
        """Map an embedding, float32 `[projection_dim]`, to what is continued, float32 `[prefix_length, width]`."""
        ...


class Captioner:
    """Says in a sentence what a sound is: clapcap, or what was trained as it.

    Making one is cheap: it reads the checkpoint's configuration, and the weights load at the first caption. Several
    threads may share it.

    Example:
        >>> captioner = Captioner.from_pretrained("./clapcap")  # doctest: +SKIP
        >>> captioner.caption([waveform])  # doctest: +SKIP
        ['A dog is barking.']
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._files = [checkpoint.folder / name for name in ClapCap().files(checkpoint)]
        self._loading = threading.Lock()
        self._writing = threading.Lock()
        self._loaded: tuple[AudioTower, Writer, Tokenizer] | None = None

    @classmethod
    def from_pretrained(cls, name_or_dir: str | os.PathLike[str] = "clapcap") -> Captioner:
        """Open a checkpoint.

        Args:
            name_or_dir: "clapcap", which is fetched from the hub once and converted, or a folder that
                `soundgrep convert` wrote.

        Raises:
            CheckpointError: If there is no such checkpoint, it cannot be fetched, a file of it is missing, or it is no
                captioner.
        """
        return cls(find_captioner(name_or_dir))

    def __repr__(self) -> str:
        return f"Captioner({self.id!r}, sampling_rate_hz={self.sampling_rate_hz})"

    @property
    def id(self) -> str:
        """What people call the checkpoint: the name it is known by, or its folder's."""
        return self._checkpoint.id

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the checkpoint's files: equal digests give equal captions."""
        return digest_of(self._files)

    @property
    def source(self) -> Path:
        """The checkpoint's folder."""
        return self._checkpoint.folder

    @cached_property
    def traits(self) -> Traits:
        """What it takes."""
        return ClapCap().traits(self._checkpoint)

    @property
    def sampling_rate_hz(self) -> int:
        """Rate that waveforms must have."""
        return self.traits.sampling_rate_hz

    @property
    def segment_samples(self) -> int:
        """Length of a segment in samples, the most that one caption is about."""
        return round(self.traits.segment_s * self.traits.sampling_rate_hz)

    def caption(self, waveforms: Sequence[Float], *, search: CaptionSearch | None = None) -> list[str]:
        """Write a caption for each waveform, by itself.

        Args:
            waveforms: Mono waveforms at `sampling_rate_hz`, float32 `[n_samples]` with `1 <= n_samples <=
                segment_samples`. Shorter ones are repeated to fill a segment.
            search: How captions are searched; None as the reference does it, by five beams.

        Returns:
            A sentence each, with a capital at its beginning, as the reference writes it; it may be empty.

        Raises:
            AudioError: If a waveform is empty, longer than a segment, not mono, or holds NaN or infinity.
            CheckpointError: If the checkpoint cannot be loaded or is dead.
        """
        search = search or CaptionSearch()
        size = self.segment_samples
        filled = [
            np.resize(checked_waveform(one, number=number, n_samples=size, name=self.id), size)
            for number, one in enumerate(waveforms)
        ]
        if not filled:
            return []
        tower, writer, tokenizer = self._ready()
        ids = tokenizer.encode(f" {END_OF_TEXT}", add_special_tokens=False).ids
        captions = []
        with self._writing:  # all cores are at work for one caption
            for embedding in tower.embed_segments(filled):
                tokens = likeliest(
                    writer,
                    writer.prefix(embedding),
                    stop=ids[0],  # the space before the marker, as the reference takes the first of the two tokens
                    n_beams=search.n_beams,
                    max_tokens=min(search.max_tokens, self._room),
                    temperature=search.temperature,
                )
                text: str = tokenizer.decode(tokens, skip_special_tokens=False)
                captions.append(text.removesuffix(END_OF_TEXT).strip().capitalize())
        return captions

    @cached_property
    def _room(self) -> int:
        """Tokens that the decoder has positions for after the prefix."""
        from .openvino_writer import read_sizes

        sizes = read_sizes(self.source)
        return sizes.n_positions - sizes.n_prefix

    def _ready(self) -> tuple[AudioTower, Writer, Tokenizer]:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[AudioTower, Writer, Tokenizer]:
        from .openvino_writer import read_sizes

        sizes = read_sizes(self.source)
        tokenizer = self._read_tokenizer()
        if tokenizer.get_vocab_size() > sizes.n_tokens:
            raise CheckpointError(f"{self.source}: the tokenizer has more tokens than the decoder")
        with loading_encoder(self.source):
            tower, writer = self._load_networks()
        check_once(self._files, "captions", lambda: self._examine(tower, writer))
        return tower, writer, tokenizer

    def _load_networks(self) -> tuple[AudioTower, Writer]:
        """Load what hears and what writes, in the runtime that is chosen; each is imported only where it is."""
        if chosen_runtime() == "openvino":
            from ..encoders.segment_streams import SegmentStreams
            from ..msclap.mel import read_front_end
            from .openvino_writer import OpenVinoWriter

            graph = read_graph(self._checkpoint, "audio", room=__package__)
            tower = SegmentStreams(read_front_end(self._checkpoint), graph)
            return tower, OpenVinoWriter(self.source)
        from ..msclap.audio_tower import GpuAudioTower, TorchAudioTower
        from .torch_writer import TorchWriter, load_model

        model = load_model(self.source)

        def loaded(_: Path) -> Any:  # its audio tower is that of an MSClapModel, under the same names
            return model

        if has_gpu():
            return GpuAudioTower(self.source, load=loaded), TorchWriter(model)
        return TorchAudioTower(self.source, load=loaded), TorchWriter(model)

    def _read_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        path = self.source / TOKENIZER
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the tokenizers library raises bare Exception
            raise CheckpointError(f"{path}: the tokenizer cannot be loaded ({error})") from error
        if tokenizer.token_to_id(END_OF_TEXT) is None:
            raise CheckpointError(f"{path}: not GPT-2's vocabulary, it has no {END_OF_TEXT}")
        return tokenizer

    def _examine(self, tower: AudioTower, writer: Writer) -> None:
        """Refuse a dead checkpoint: one that hears no difference, or says the same of everything.

        Raises:
            CheckpointError: If what a tone and noise become is not finite, or the same.
        """
        name = readable_path(self.source)
        rate_hz, size = self.sampling_rate_hz, self.segment_samples
        examine_audio(
            lambda waveform: tower.embed_segments([waveform])[0], name=name, sampling_rate_hz=rate_hz, n_samples=size
        )
        sounds = made_sounds(sampling_rate_hz=rate_hz, n_samples=size)
        prefixes = np.stack([writer.prefix(row) for row in tower.embed_segments(sounds)])
        scores = [writer.begin(prefix) for prefix in prefixes]
        if not all(np.isfinite(values).all() for values in (prefixes, *scores)):
            raise CheckpointError(f"{name}: the captioner gives numbers that are infinite or none; use another one")
        if np.abs(prefixes[0] - prefixes[1]).mean() <= MIN_PREFIX_DIFFERENCE * np.abs(prefixes).mean():
            raise CheckpointError(
                f"{name}: the captioner is dead: a tone and noise are the same to it, so every caption would be; use "
                "another one"
            )
