"""The family: what a kind of model brings so that its checkpoints become encoders.

The contract, on one page. A family subclasses `Family`, gives its `name` (what `model_type` says in the `config.json`
of its checkpoints) and makes two towers; the rest has defaults that fit a folder as transformers writes it. `Encoder`
is built over it and does for every family what all have in common: it checks and fills waveforms, brings embeddings to
unit length, loads each tower at its first use, and asks it the questions of `selftest` before anything is built on it.

What every family promises:

- An encoder is a folder: another process, or another machine, that opens a copy of it gives the same embeddings.
- An embedding depends on its segment, or its text, alone: not on the batch, the order, the number of threads or chance.
- Making a family, and asking it for `files` and `traits`, imports nothing heavy and computes nothing.
- The text tower loads without the audio tower: a search embeds one text and must not wait for more.
- Nothing that stands in a checkpoint is executed.
- Whatever is wrong with a checkpoint is a `CheckpointError` of one sentence that names the file.

Another package adds a family through the entry point group `soundgrep.encoders`; the entry's name is the family's:

    [project.entry-points."soundgrep.encoders"]
    birdnet = "birdnet_soundgrep:BirdNet"

Its class is loaded only when a checkpoint of that `model_type`, or a name that nobody else knows, is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError
from ..system import link_or_copy
from .checkpoint import CONFIG, FRONT_ENDS, TOKENIZER, WEIGHTS, Checkpoint
from .release import Release
from .traits import Traits

Embedding = npt.NDArray[np.float32]
Waveform = npt.NDArray[np.float32]


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

    def embed_segments(self, waveforms: Sequence[Waveform]) -> Embedding:
        """Embed segments, float32 `[segment_samples]` each, to float32 `[n, embedding_dim]`, rows of any length.

        A row depends on its segment alone, to the last bit.
        """
        ...


class TextTower(Protocol):
    """What a family of models brings for texts, one at a time."""

    def embed_text(self, text: str) -> Embedding:
        """Embed one text to float32 `[embedding_dim]` of any length.

        A text longer than the tower reads is cut, with a `SoundgrepWarning`.
        """
        ...


class Family(ABC):
    """A kind of model; see this module's own text for what it promises.

    Attributes:
        name: What `model_type` says in the `config.json` of its checkpoints.
        version: Raised when the same files come to give other embeddings, so that collections notice.
        needs: Files of a checkpoint, each with the names it may have, the preferred one first; those of a checkpoint
            on the hub are fetched, and no others.
        releases: Checkpoints that are known by name.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs: ClassVar[Sequence[tuple[str, ...]]] = ((CONFIG,), FRONT_ENDS, (TOKENIZER,), (WEIGHTS,))
    releases: ClassVar[Sequence[Release]] = ()

    @abstractmethod
    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Load the tower for sounds.

        Raises:
            CheckpointError: If the weights cannot be loaded.
        """

    @abstractmethod
    def text_tower(self, checkpoint: Checkpoint) -> TextTower:
        """Load the tower for texts.

        Raises:
            CheckpointError: If the weights or the tokenizer cannot be loaded.
        """

    def files(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """Name the files that decide an embedding, always in the same order; the digest is made of them.

        By default the first that is there of each entry of `needs`.

        Raises:
            CheckpointError: If one is missing.
        """
        found = [checkpoint.first_of(names) for names in self.needs]
        for name, names in zip(found, self.needs, strict=True):
            if name is None:
                raise CheckpointError(f"{checkpoint.folder}: not a checkpoint, the file {names[0]} is missing")
        return tuple(filter(None, found))

    def traits(self, checkpoint: Checkpoint) -> Traits:
        """Read what the encoder takes and gives; by default under transformers' names.

        Raises:
            CheckpointError: If the configuration does not say it.
        """
        return Traits(
            sampling_rate_hz=checkpoint.sampling_rate_hz,
            segment_s=checkpoint.segment_s,
            embedding_dim=checkpoint.embedding_dim,
        )

    def logit_scale(self, checkpoint: Checkpoint) -> float:
        """Read what cosines are multiplied by before the softmax over texts; by default a weight's exponential.

        Raises:
            CheckpointError: If the weights have none, or no usable one.
        """
        return checkpoint.exponential("logit_scale")

    def filled(self, waveform: Waveform, n_samples: int) -> Waveform:
        """Make a segment [n_samples] of a shorter waveform [at least 1]; by default it is repeated."""
        return np.resize(waveform, n_samples)

    def assemble(self, files: Mapping[str, Path], out_dir: Path) -> None:
        """Make a checkpoint's folder of what was fetched; by default the files as they are, linked.

        Args:
            files: Where each file is, by its path in its repository.
            out_dir: The folder to make; it is put in its place when it is whole.

        Raises:
            CheckpointError: If they are not what this family needs.
        """
        out_dir.mkdir()
        for name, path in files.items():
            link_or_copy(path.resolve(), out_dir / Path(name).name)
