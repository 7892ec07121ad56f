"""Checkpoints: folders with the files of an encoder, read without loading the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ..cache import cache_folder
from ..documents import json_of
from ..errors import CheckpointError
from ..system import read_regular

BUNDLED = Path(__file__).parents[1]
MAX_JSON_BYTES = 64 << 20
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
# A feature extractor saves the first, a processor the second with the first inside.
FRONT_ENDS = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class Checkpoint:
    """A folder as `save_pretrained` writes it: weights, configuration, front end and tokenizer.

    Attributes:
        folder: Where the files are.
    """

    folder: Path

    @property
    def id(self) -> str:
        """What people call it: its name if it was fetched by that, or the folder's name."""
        cache = cache_folder().resolve()
        return self.folder.relative_to(cache).as_posix() if self.folder.is_relative_to(cache) else self.folder.name

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of several files that is there."""
        return next((name for name in names if (self.folder / name).is_file()), None)

    def read(self, name: str) -> Mapping[str, Any]:
        """Read one of the JSON files.

        Raises:
            CheckpointError: if it is not a JSON object.
        """
        path = self.folder / name
        try:
            content = json_of(read_regular(path, most_bytes=MAX_JSON_BYTES))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error})") from error
        if not isinstance(content, dict):
            raise CheckpointError(f"{path}: not a JSON object")
        return content

    def part(self, name: str, key: str) -> Mapping[str, Any]:
        """Read a part of one of the JSON files, empty where it is not there.

        Raises:
            CheckpointError: if it is not a JSON object.
        """
        part = self.read(name).get(key) or {}
        if not isinstance(part, dict):
            raise CheckpointError(f"{self.folder / name}: {key} must be a JSON object, not {part!r}")
        return part

    @property
    def front_end_file(self) -> str:
        """Name of the file that describes the front end.

        Raises:
            CheckpointError: if there is none.
        """
        name = self.first_of(FRONT_ENDS)
        if name is None:
            raise CheckpointError(f"{self.folder}: not a checkpoint, the file {FRONT_ENDS[0]} is missing")
        return name

    def number(self, name: str, key: str) -> float:
        """A positive number of one of the JSON files.

        Raises:
            CheckpointError: if it is missing or not a positive number.
        """
        content = self.read(name)
        value = content.get("feature_extractor", content).get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise CheckpointError(f"{self.folder / name}: {key} must be a positive number, not {value!r}")
        return value

    @cached_property
    def model_type(self) -> str:
        """Which family of models it says it is of, such as "msclap"."""
        return str(self.read(CONFIG).get("model_type"))

    @property
    def sampling_rate_hz(self) -> int:
        """Rate of the waveforms that the audio tower takes, as the front end says it."""
        return int(self.number(self.front_end_file, "sampling_rate"))

    @property
    def segment_s(self) -> float:
        """Length of a segment, as the front end says it."""
        return float(self.number(self.front_end_file, "max_length_s"))

    @property
    def embedding_dim(self) -> int:
        """Width of the embeddings, as the configuration says it."""
        return int(self.number(CONFIG, "projection_dim"))

    @property
    def is_bundled(self) -> bool:
        """Whether it came with the package."""
        return self.folder.parent == BUNDLED.resolve()

    def exponential(self, tensor: str) -> float:
        """The exponential of a number among the weights, above 0.

        Args:
            tensor: Its name.

        Raises:
            CheckpointError: if the weights have none, or no usable one.
        """
        path = self.folder / WEIGHTS
        try:
            with safe_open(path, framework="numpy") as file:
                value = float(np.exp(np.float64(file.get_tensor(tensor))))
        except (OSError, TypeError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"{path}: its {tensor} cannot be read ({error})") from error
        if not 0 < value < np.inf:
            raise CheckpointError(f"{path}: its {tensor} must be a positive number, not {value}")
        return value
