"""clapcap in torch: on a GPU, or where there is no OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..encoders.runtime import has_gpu
from ..encoders.torch_models import loaded_model
from .decoder import Past
from .registration import ClapCapConfig, ClapCapModel

Float = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def load_model(folder: Path) -> ClapCapModel:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: If the weights are unreadable or do not fit the configuration.
    """
    return loaded_model(folder, lambda folder: ClapCapModel(ClapCapConfig.from_pretrained(folder)))


class TorchWriter:
    """Mapper and decoder of one checkpoint in torch, float32.

    Args:
        model: The checkpoint's model.
    """

    def __init__(self, model: ClapCapModel) -> None:
        self._model = model
        self._device = torch.device("cuda" if has_gpu() else "cpu")
        for part in (model.mapper, model.decoder):
            part.to(self._device)
        self._past: Past = []

    def prefix(self, embedding: Float) -> Float:
        """Map an embedding, float32 `[projection_dim]`, to what is continued, float32 `[prefix_length, width]`."""
        with torch.inference_mode():
            states = self._model.get_prefix(torch.from_numpy(embedding).to(self._device)[None])
        prefix: Float = states[0].float().cpu().numpy()
        return prefix

    def begin(self, prefix: Float) -> Float:
        """Read a prefix; see `Reader`."""
        return self._logits(torch.from_numpy(prefix).to(self._device)[None])[0]

    def read(self, tokens: Ints, sources: Ints) -> Float:
        """Read one token more along each beam; see `Reader`."""
        rows = torch.from_numpy(sources).to(self._device)
        with torch.inference_mode():
            self._past = [(k[rows], v[rows]) for k, v in self._past]
            states = self._model.decoder.token_embeddings(torch.from_numpy(tokens).to(self._device))[:, None]
        return self._logits(states, past=self._past)

    def _logits(self, states: torch.Tensor, past: Past | None = None) -> Float:
        with torch.inference_mode():
            logits, self._past = self._model.decoder.logits(states, past)
        scores: Float = logits.float().cpu().numpy()
        return scores
