"""MSCLAP's towers at work: a checkpoint's weights, front end and tokenizer, run by torch."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoTokenizer
from transformers.initialization import no_init_weights

from ..errors import CheckpointError, SoundgrepWarning
from .processing import MAX_TOKENS
from .registration import MSClapConfig, MSClapFeatureExtractor, MSClapModel
from .text import token_ids


def load_model(folder: Path) -> MSClapModel:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: if the weights are unreadable or do not fit the configuration.
    """
    weights = folder / "model.safetensors"
    try:
        with no_init_weights():
            model = MSClapModel(MSClapConfig.from_pretrained(folder))
        state = {
            name: value.float() if value.is_floating_point() else value for name, value in load_file(weights).items()
        }
        model.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{weights}: cannot be loaded: {reason[:300]}") from error
    return model.eval().requires_grad_(False)


class TorchTowers:
    """Both towers in torch, float32, on the GPU where there is one.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = load_model(folder)
        torch.nn.Module.to(self._model, self._device)  # the base class's own `to` is wrapped out of its type
        try:
            self._front_end = MSClapFeatureExtractor.from_pretrained(folder).front_end
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: front end or tokenizer cannot be loaded: {error}") from error

    def embed_segment(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed one segment, float32 `[segment_samples]`, to float32 `[embedding_dim]`."""
        mels = torch.from_numpy(self._front_end(waveform))[None, None].to(self._device)
        with torch.inference_mode():
            embedded = self._model.get_audio_features(mels).pooler_output
        return embedded[0].cpu().numpy()

    def embed_text(self, text: str) -> npt.NDArray[np.float32]:
        """Embed one text to float32 `[embedding_dim]`."""
        limit = min(MAX_TOKENS, self._tokenizer.model_max_length)
        (ids,) = token_ids(self._tokenizer, [text], max_tokens=limit)
        if len(ids) == limit and len(token_ids(self._tokenizer, [text], max_tokens=limit + 1)[0]) > limit:
            warnings.warn(
                f"the text {text[:40]!r}... is longer than the {limit} tokens that {self._folder.name} reads: "
                "the rest was left out",
                SoundgrepWarning,
                stacklevel=3,
            )
        with torch.inference_mode():
            input_ids = torch.tensor([ids], device=self._device)
            embedded = self._model.get_text_features(input_ids, torch.ones_like(input_ids)).pooler_output
        return embedded[0].cpu().numpy()
