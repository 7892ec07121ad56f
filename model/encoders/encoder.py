"""The encoder: both towers, the tokenizer and the front end of one checkpoint, as the engine talks to them."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..audio.segments import checked_waveform
from ..errors import CheckpointError, QueryError
from ..many import as_many
from ..paths import readable_path
from .checkpoint import Checkpoint
from .digests import digest_of
from .family import AudioTower, Family, TextTower
from .loading import loading_encoder
from .registry import family_of, find_checkpoint, kept_checkpoint
from .selftest import TextFindings, check_once, examine_audio, examine_text, has_passed, made_sounds
from .traits import Traits

Embedding = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Examination:
    """What an encoder was seen to be and do.

    Attributes:
        id: Its name.
        family: Its family's name.
        digest: Hash of its files.
        traits: What it takes and gives.
        logit_scale: What its cosines are multiplied by before a softmax over texts.
        text: What its text tower did.
        audio_distance: 1 less the cosine between a tone and noise.
    """

    id: str
    family: str
    digest: str
    traits: Traits
    logit_scale: float
    text: TextFindings
    audio_distance: float


class Encoder:
    """Embeds sounds and texts into one space, where a sound lies near the texts that describe it.

    Making one is cheap: it reads the checkpoint's configuration, and each tower loads at its first embedding.
    Several threads may share it. What is particular to a kind of model is in its `Family`.

    Example:
        >>> encoder = Encoder.from_pretrained("mini")
        >>> encoder.embed_text(["a dog barking"]).shape[1] == encoder.embedding_dim
        True
    """

    def __init__(self, checkpoint: Checkpoint, family: Family) -> None:
        self._checkpoint = checkpoint
        self._family = family
        self._files = family.files(checkpoint)
        self._loading = threading.Lock()
        self._audio: AudioTower | None = None
        self._text: TextTower | None = None

    @classmethod
    def from_pretrained(cls, name_or_dir: str | os.PathLike[str]) -> Encoder:
        """Open a checkpoint.

        Args:
            name_or_dir: A name that `soundgrep models` lists, such as "mini", which comes with the package; the name of
                a repository on the hub, with `@` and a revision if you like; or a folder. What is not on this machine
                yet is fetched once, and converted where that is needed.

        Raises:
            CheckpointError: If there is no such checkpoint, it cannot be fetched, a file of it is missing, or its
                family is unknown.
        """
        checkpoint = find_checkpoint(name_or_dir)
        return cls(checkpoint, family_of(checkpoint))

    @classmethod
    def kept(cls, name: str) -> Encoder:
        """Open a checkpoint by its name, but only if it is on this machine already; nothing is fetched.

        Raises:
            CheckpointError: If it is not here, or a file of it is missing.
        """
        checkpoint = kept_checkpoint(name)
        if checkpoint is None:
            raise CheckpointError(f"the encoder {readable_path(name)!r} is not on this machine")
        return cls(checkpoint, family_of(checkpoint))

    def __repr__(self) -> str:
        return f"Encoder({self.id!r}, embedding_dim={self.embedding_dim}, sampling_rate_hz={self.sampling_rate_hz})"

    @property
    def id(self) -> str:
        """What people call the checkpoint: the name it is known by, or its folder's."""
        return self._checkpoint.id

    @property
    def family(self) -> str:
        """Which kind of model it is, such as "msclap"."""
        return self._family.name

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the checkpoint's files: equal digests give equal embeddings."""
        digest = digest_of(self._paths)
        return digest if self._family.version == 1 else f"{digest}+{self._family.version}"

    @property
    def source(self) -> Path:
        """The checkpoint's folder; another process opens the same encoder from it."""
        return self._checkpoint.folder

    @cached_property
    def traits(self) -> Traits:
        """What it takes and gives."""
        return self._family.traits(self._checkpoint)

    @property
    def embedding_dim(self) -> int:
        """Width of the embeddings."""
        return self.traits.embedding_dim

    @property
    def sampling_rate_hz(self) -> int:
        """Rate that waveforms must have."""
        return self.traits.sampling_rate_hz

    @property
    def segment_s(self) -> float:
        """Length of a segment in seconds, the most that one embedding hears."""
        return self.traits.segment_s

    @property
    def segment_samples(self) -> int:
        """Length of a segment in samples."""
        return round(self.segment_s * self.sampling_rate_hz)

    @cached_property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before the softmax over texts: the inverse of the learned temperature."""
        return self._family.logit_scale(self._checkpoint)

    def check_text_tower(self) -> None:
        """Refuse a dead text tower before hours are spent on sounds that no text would find.

        Free where the checkpoint has passed before on this machine; otherwise the tower is loaded for it.

        Raises:
            CheckpointError: If its embeddings are not finite, all alike, or in the wrong order, or it cannot be loaded.
        """
        # mini, which comes with the package, is examined by the package's own tests instead.
        if not self._checkpoint.is_bundled and not has_passed(self._paths, "text"):
            self._loaded_text_tower()

    def embed_audio(self, waveforms: npt.NDArray[np.float32] | Sequence[npt.NDArray[np.float32]]) -> Embedding:
        """Embed waveforms, each by itself, so that its neighbours in the batch change nothing.

        Args:
            waveforms: Mono waveforms at `sampling_rate_hz`, or one, float32 `[n_samples]` with `1 <= n_samples <=
                segment_samples`. Shorter ones are filled up, by most families with repetitions. Cut longer clips with
                `soundgrep.model.audio.segments.segment_starts`.

        Returns:
            float32 `[n_waveforms, embedding_dim]`, rows of unit length.

        Raises:
            AudioError: If a waveform is empty, longer than a segment, not mono, or holds NaN or infinity.
            CheckpointError: If the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        if isinstance(waveforms, np.ndarray) and waveforms.ndim < 2:
            waveforms = [waveforms]
        for number, waveform in enumerate(waveforms):
            checked_waveform(waveform, number=number, n_samples=self.segment_samples, name=self.id)
        if not len(waveforms):
            return np.zeros((0, self.embedding_dim), np.float32)
        size = self.segment_samples
        filled = [one if len(one) == size else self._family.filled(one, size) for one in waveforms]
        return self._normalised(self.load_audio_tower().embed_segments(filled))

    def embed_text(self, texts: str | Sequence[str]) -> Embedding:
        """Embed texts.

        Args:
            texts: Descriptions of sounds, or one. Longer ones than the tower reads are cut, with a `SoundgrepWarning`.

        Returns:
            float32 `[n_texts, embedding_dim]`, rows of unit length.

        Raises:
            QueryError: If one of them is no text.
            CheckpointError: If the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        asked = as_many(texts, (str, bytes))
        for number, text in enumerate(asked, start=1):
            if not isinstance(text, str):
                raise QueryError(f"text {number} to embed is no text but {type(text).__name__}")
        tower = self._text_tower()
        return self._normalised([tower.embed_text(text) for text in asked])

    def load_audio_tower(self) -> AudioTower:
        """Load the audio tower, if it is not yet: for who embeds many segments and asks for its pace.

        Raises:
            CheckpointError: If the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        with self._loading:
            if self._audio is None:
                self._audio = self._loaded_audio_tower()
            return self._audio

    def release_audio_tower(self) -> None:
        """Let go of the audio tower's memory; it loads again when it is needed."""
        with self._loading:
            self._audio = None

    def examine(self) -> Examination:
        """Load both towers and put the questions of the self-test to them, whatever is remembered of earlier ones.

        Raises:
            CheckpointError: If a tower cannot be loaded, fails, or embeds a sound otherwise beside another one.
        """
        name = readable_path(self.source)
        with loading_encoder(self.source):
            text_tower, tower = self._family.text_tower(self._checkpoint), self._family.audio_tower(self._checkpoint)
        text = examine_text(text_tower.embed_text, name=name)
        distance = self._examine_audio(tower)
        sounds = made_sounds(sampling_rate_hz=self.sampling_rate_hz, n_samples=self.segment_samples)
        if not np.array_equal(tower.embed_segments(sounds), np.vstack([tower.embed_segments([one]) for one in sounds])):
            raise CheckpointError(f"{name}: a sound's embedding depends on what is embedded beside it; use another one")
        return Examination(self.id, self.family, self.digest, self.traits, self.logit_scale, text, distance)

    @property
    def _paths(self) -> list[Path]:
        return [self.source / name for name in self._files]

    def _text_tower(self) -> TextTower:
        with self._loading:
            if self._text is None:
                self._text = self._loaded_text_tower()
            return self._text

    def _loaded_text_tower(self) -> TextTower:
        with loading_encoder(self.source):
            tower = self._family.text_tower(self._checkpoint)
            name = readable_path(self.source)
            if not self._checkpoint.is_bundled:
                check_once(self._paths, "text", lambda: examine_text(tower.embed_text, name=name))
        return tower

    def _loaded_audio_tower(self) -> AudioTower:
        with loading_encoder(self.source):
            tower = self._family.audio_tower(self._checkpoint)
            if not self._checkpoint.is_bundled:
                check_once(self._paths, "audio", lambda: self._examine_audio(tower))
        return tower

    def _examine_audio(self, tower: AudioTower) -> float:
        return examine_audio(
            lambda waveform: tower.embed_segments([waveform])[0],
            name=readable_path(self.source),
            sampling_rate_hz=self.sampling_rate_hz,
            n_samples=self.segment_samples,
        )

    def _normalised(self, rows: Sequence[Embedding] | Embedding) -> Embedding:
        embeddings = np.array(rows, dtype=np.float32).reshape(len(rows), self.embedding_dim)
        norms: Embedding = np.linalg.norm(embeddings, axis=1, keepdims=True).astype(np.float32)
        if not np.isfinite(norms).all() or (norms == 0).any():
            raise CheckpointError(f"{self.source}: the towers give embeddings that are zero, infinite or not numbers")
        embeddings /= norms
        return embeddings
