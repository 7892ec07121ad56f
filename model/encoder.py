"""The encoder: both towers, the tokenizer and the front end of one checkpoint, as the engine talks to them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .checkpoint import CONFIG, Checkpoint
from .errors import AudioError, CheckpointError
from .paths import readable_path
from .runtime import chosen_runtime, has_gpu
from .selftest import check_once, examine_audio, examine_text, has_passed

Embedding = npt.NDArray[np.float32]


class AudioTower(Protocol):
    """What a family of models brings for sounds."""

    @property
    def n_at_once(self) -> int:
        """How many segments are worth embedding in one call."""
        ...

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds of work so far by stage: "mel" and "tower"."""
        ...

    def embed_segments(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> Embedding:
        """Embed segments, float32 `[segment_samples]` each, to float32 `[n, embedding_dim]`, rows of any length.

        A row depends on its segment alone, to the last bit.
        """
        ...


class TextTower(Protocol):
    """What a family of models brings for texts, one at a time."""

    def embed_text(self, text: str) -> Embedding:
        """Embed one text to float32 `[embedding_dim]` of any length."""
        ...


class Encoder:
    """Embeds sounds and texts into one space, where a sound lies near the texts that describe it.

    Making one is cheap: it reads the checkpoint's configuration, and each tower loads at its first embedding.
    Several threads may share it.

    Example:
        >>> encoder = Encoder.from_pretrained("mini")
        >>> encoder.embed_text(["a dog barking"]).shape[1] == encoder.embedding_dim
        True
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._loading = threading.Lock()
        self._audio: AudioTower | None = None
        self._text: TextTower | None = None

    @classmethod
    def from_pretrained(cls, name_or_dir: str | os.PathLike[str]) -> Encoder:
        """Open a checkpoint.

        Args:
            name_or_dir: "mini", which comes with the package; "msclap-2023", which is taken from the hub or its local
                cache and converted once; or a folder that `save_pretrained` or `soundgrep convert` wrote.

        Raises:
            CheckpointError: if there is no such checkpoint, a file is missing, or its family is unknown.
        """
        checkpoint = Checkpoint.find(name_or_dir)
        if checkpoint.family != "msclap":
            raise CheckpointError(
                f"{checkpoint.folder / CONFIG}: model_type is {checkpoint.family!r}, but only 'msclap' is known"
            )
        return cls(checkpoint)

    def __repr__(self) -> str:
        return f"Encoder({self.id!r}, embedding_dim={self.embedding_dim}, sampling_rate_hz={self.sampling_rate_hz})"

    @property
    def id(self) -> str:
        """What people call the checkpoint: "mini", "msclap-2023", or its folder's name."""
        return self._checkpoint.id

    @property
    def digest(self) -> str:
        """`sha256:` and the hash of the checkpoint's files: equal digests give equal embeddings."""
        return self._checkpoint.digest

    @property
    def source(self) -> Path:
        """The checkpoint's folder; another process opens the same encoder from it."""
        return self._checkpoint.folder

    @property
    def embedding_dim(self) -> int:
        """Width of the embeddings."""
        return self._checkpoint.embedding_dim

    @property
    def sampling_rate_hz(self) -> int:
        """Rate that waveforms must have."""
        return self._checkpoint.sampling_rate_hz

    @property
    def segment_s(self) -> float:
        """Length of a segment in seconds, the most that one embedding hears."""
        return self._checkpoint.segment_s

    @property
    def segment_samples(self) -> int:
        """Length of a segment in samples."""
        return round(self.segment_s * self.sampling_rate_hz)

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before the softmax over texts: the inverse of the learned temperature."""
        return self._checkpoint.logit_scale

    def check_text_tower(self) -> None:
        """Refuse a dead text tower before hours are spent on sounds that no text would find.

        Free where the checkpoint has passed before on this machine; otherwise the tower is loaded for it.

        Raises:
            CheckpointError: if its embeddings are not finite, all alike, or in the wrong order, or it cannot be loaded.
        """
        if not has_passed(self._checkpoint, "text"):
            self._loaded_text_tower()

    def embed_audio(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> Embedding:
        """Embed waveforms, each by itself, so that its neighbours in the batch change nothing.

        Args:
            waveforms: Mono waveforms at `sampling_rate_hz`, float32 `[n_samples]` with `1 <= n_samples <=
                segment_samples`. Shorter ones are repeated to fill a segment. Cut longer clips with
                `soundgrep.model.segments.segment_starts`.

        Returns:
            float32 `[n_waveforms, embedding_dim]`, rows of unit length.

        Raises:
            AudioError: if a waveform is empty, longer than a segment, not mono, or holds NaN or infinity.
            CheckpointError: if the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        for number, waveform in enumerate(waveforms):
            if waveform.ndim != 1 or not 1 <= len(waveform) <= self.segment_samples:
                raise AudioError(
                    f"waveform {number} has shape {waveform.shape}, but [1 to {self.segment_samples}] samples, mono, "
                    f"are what one segment of {self.id} takes"
                )
            if not np.isfinite(waveform).all():
                raise AudioError(f"waveform {number} holds NaN or infinite samples")
        if not waveforms:
            return np.zeros((0, self.embedding_dim), np.float32)
        filled = [np.resize(waveform, self.segment_samples) for waveform in waveforms]
        return self._normalised(self.load_audio_tower().embed_segments(filled))

    def embed_text(self, texts: Sequence[str]) -> Embedding:
        """Embed texts.

        Args:
            texts: Descriptions of sounds. Longer ones than the tower reads are cut, with a `SoundgrepWarning`.

        Returns:
            float32 `[n_texts, embedding_dim]`, rows of unit length.

        Raises:
            CheckpointError: if the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        tower = self._text_tower()
        return self._normalised([tower.embed_text(text) for text in texts])

    def load_audio_tower(self) -> AudioTower:
        """Load the audio tower, if it is not yet: for who embeds many segments and asks for its pace.

        Raises:
            CheckpointError: if the weights cannot be loaded, or what they make is no embedding (see `selftest`).
        """
        with self._loading:
            if self._audio is None:
                self._audio = self._examined_audio(self._loaded_audio_tower())
            return self._audio

    def release_audio_tower(self) -> None:
        """Let go of the audio tower's memory; it loads again when it is needed."""
        with self._loading:
            self._audio = None

    def _loaded_audio_tower(self) -> AudioTower:
        # Each runtime loads only where it is the chosen one.
        if chosen_runtime() == "openvino":
            from .msclap.openvino_audio import OpenVinoAudioTower

            return OpenVinoAudioTower(self.source)
        from .msclap.audio_tower import GpuAudioTower, TorchAudioTower

        return GpuAudioTower(self.source) if has_gpu() else TorchAudioTower(self.source)

    def _text_tower(self) -> TextTower:
        with self._loading:
            if self._text is None:
                self._text = self._loaded_text_tower()
            return self._text

    def _loaded_text_tower(self) -> TextTower:
        from .msclap.text_tower import MSClapTextTower

        tower = MSClapTextTower(self.source)
        name = readable_path(self.source)
        check_once(self._checkpoint, "text", lambda: examine_text(tower.embed_text, name=name))
        return tower

    def _examined_audio(self, tower: AudioTower) -> AudioTower:
        check_once(
            self._checkpoint,
            "audio",
            lambda: examine_audio(
                lambda waveform: tower.embed_segments([waveform])[0],
                name=readable_path(self.source),
                sampling_rate_hz=self.sampling_rate_hz,
                n_samples=self.segment_samples,
            ),
        )
        return tower

    def _normalised(self, rows: Sequence[Embedding] | Embedding) -> Embedding:
        embeddings = np.array(rows, dtype=np.float32).reshape(len(rows), self.embedding_dim)
        norms: Embedding = np.linalg.norm(embeddings, axis=1, keepdims=True).astype(np.float32)
        if not np.isfinite(norms).all() or (norms == 0).any():
            raise CheckpointError(f"{self.source}: the towers give embeddings that are zero, infinite or not numbers")
        embeddings /= norms
        return embeddings
