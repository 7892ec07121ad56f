"""Checkpoints: from a name or a folder to the files of an encoder, without loading any of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from .digests import digest_of
from .errors import CheckpointError

BUNDLED = Path(__file__).parent
KNOWN_NAMES = ("mini", "msclap-2023")
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
# A feature extractor saves the first, a processor the second with the first inside.
FRONT_ENDS = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class Checkpoint:
    """A folder as `save_pretrained` writes it: weights, configuration, front end and tokenizer.

    Attributes:
        folder: Where the files are; its name is the encoder's id.
    """

    folder: Path

    @classmethod
    def find(cls, name_or_dir: str | os.PathLike[str]) -> Checkpoint:
        """Find the checkpoint that a name or a folder means.

        Args:
            name_or_dir: "mini", "msclap-2023", or a folder that holds `config.json`.

        Raises:
            CheckpointError: if there is none of that name, or the folder lacks a file.
        """
        folder = Path(name_or_dir).expanduser()
        if name_or_dir == "mini":
            folder = BUNDLED / "mini"
        elif name_or_dir == "msclap-2023":
            from .hub import msclap_2023  # converting needs torch: only now

            folder = msclap_2023()
        elif not folder.is_dir():
            raise CheckpointError(
                f"there is no encoder {str(name_or_dir)!r}: give {', '.join(KNOWN_NAMES)}, or a checkpoint's folder"
            )
        for names in ((CONFIG,), FRONT_ENDS, (TOKENIZER,), (WEIGHTS,)):
            if not any((folder / name).is_file() for name in names):
                raise CheckpointError(f"{folder}: not a checkpoint, the file {names[0]} is missing")
        return cls(folder.resolve())

    @property
    def id(self) -> str:
        """What people call it: the folder's name."""
        return self.folder.name

    def read(self, name: str) -> Mapping[str, Any]:
        """Read one of the JSON files.

        Raises:
            CheckpointError: if it is not a JSON object.
        """
        path = self.folder / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error})") from error
        if not isinstance(content, dict):
            raise CheckpointError(f"{path}: not a JSON object")
        return content

    @cached_property
    def front_end_file(self) -> str:
        """Name of the file that describes the front end."""
        return next(name for name in FRONT_ENDS if (self.folder / name).is_file())

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
    def family(self) -> str:
        """Which kind of model it says it is, such as "msclap"."""
        return str(self.read(CONFIG).get("model_type"))

    @cached_property
    def sampling_rate_hz(self) -> int:
        """Rate of the waveforms that the audio tower takes."""
        return int(self.number(self.front_end_file, "sampling_rate"))

    @cached_property
    def segment_s(self) -> float:
        """Length of a segment."""
        return float(self.number(self.front_end_file, "max_length_s"))

    @cached_property
    def embedding_dim(self) -> int:
        """Width of the embeddings."""
        return int(self.number(CONFIG, "projection_dim"))

    @property
    def is_bundled(self) -> bool:
        """Whether it came with the package."""
        return self.folder.parent == BUNDLED.resolve()

    @cached_property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before the softmax over texts, learned in training; above 0.

        Raises:
            CheckpointError: if the weights have none, or no usable one.
        """
        path = self.folder / WEIGHTS
        try:
            with safe_open(path, framework="numpy") as file:
                scale = float(np.exp(np.float64(file.get_tensor("logit_scale"))))
        except (OSError, TypeError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"{path}: its logit_scale cannot be read ({error})") from error
        if not 0 < scale < np.inf:
            raise CheckpointError(f"{path}: its logit_scale must be a positive number, not {scale}")
        return scale

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the files that decide an embedding, in hexadecimal."""
        return digest_of([self.folder / name for name in (CONFIG, self.front_end_file, TOKENIZER, WEIGHTS)])
