"""The audio tower at work: a checkpoint's weights and front end, run by torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.initialization import no_init_weights

from ..checkpoint import WEIGHTS
from ..errors import CheckpointError
from .configuration import MSClapConfig
from .feature_extraction import MSClapFeatureExtractor
from .modeling import MSClapModel


def load_model(folder: Path) -> MSClapModel:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: if the weights are unreadable or do not fit the configuration.
    """
    weights = folder / WEIGHTS
    try:
        with no_init_weights():
            model = MSClapModel(MSClapConfig.from_pretrained(folder))
        model.load_state_dict(load_file(weights))  # copies half precision into the model's float32
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{weights}: cannot be loaded: {reason[:300]}") from error
    return model.eval().requires_grad_(False)


class TorchAudioTower:
    """HTS-AT and its projection in torch, float32, on the GPU where there is one.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = load_model(folder)
        torch.nn.Module.to(self._model, self._device)  # the model's own `to` is typed for its decorator
        try:
            self._front_end = MSClapFeatureExtractor.from_pretrained(folder).front_end
        except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: the front end cannot be loaded: {error}") from error

    def embed_segment(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed one segment, float32 `[segment_samples]`, to float32 `[embedding_dim]`."""
        mels = torch.from_numpy(self._front_end(waveform))[None, None].to(self._device)
        with torch.inference_mode():
            embedded: torch.Tensor = self._model.get_audio_features(mels).pooler_output[0]
        row: npt.NDArray[np.float32] = embedded.cpu().numpy()
        return row
