"""Stage 1: the text tower learns the sentence encoder's geometry of sound phrases."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - the name everybody reads
from transformers import PreTrainedTokenizerBase

from ..msclap.configuration import MSClapTextConfig
from ..msclap.modeling import MSClapTextModelWithProjection
from ..msclap.text import token_ids
from .phrases import Phrase
from .schedule import Clock
from .space import Floats, SharedSpace
from .teacher import teacher_embeddings
from .tokenizer import MAX_TOKENS
from .vocabulary import event_phrases

EMBEDDING_DIM = 256
BATCH = 384
PEAK_RATE = 1.5e-3
CHECKPOINT_EVERY_S = 60.0
# Softness of the neighbourhoods that the student is asked to reproduce within a batch.
TEMPERATURE = 0.06


@dataclass(frozen=True)
class TextLesson:
    """Texts as token ids, with the embedding that each should get.

    Attributes:
        ids: Token ids of each text.
        targets: `[n_texts, embedding_dim]`, unit length.
        weights: Chance of each text to be drawn, `[n_texts]`, sums to 1.
    """

    ids: list[list[int]]
    targets: Floats
    weights: np.ndarray[tuple[int], np.dtype[np.float64]]


def text_config(vocab_size: int) -> MSClapTextConfig:
    """Sizes of `mini`'s text tower."""
    return MSClapTextConfig(
        vocab_size=vocab_size,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=MAX_TOKENS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        projection_dim=EMBEDDING_DIM,
        projection_dropout_prob=0.0,
        pad_token_id=0,
        bos_token_id=vocab_size - 1,
        eos_token_id=vocab_size - 1,
    )


def make_lesson(phrases: Sequence[Phrase], tokenizer: PreTrainedTokenizerBase, folder: Path) -> TextLesson:
    """Embed every target text with the teacher and average; the shared space is fitted once and kept in `folder`."""
    texts = sorted({target for phrase in phrases for target in phrase.targets})
    place = {text: row for row, text in enumerate(texts)}
    embeddings = teacher_embeddings(texts)
    if not (folder / "space.npz").exists():
        SharedSpace.fit(teacher_embeddings(event_phrases()), embedding_dim=EMBEDDING_DIM).save(folder / "space.npz")
    space = SharedSpace.load(folder / "space.npz")
    means = np.stack([embeddings[[place[target] for target in phrase.targets]].mean(0) for phrase in phrases])
    # Phrases about sound are drawn as often as all of WordNet's words together.
    own = np.array([len(phrase.targets) > 1 for phrase in phrases])
    weights = np.where(own, 0.5 / max(own.sum(), 1), 0.5 / max((~own).sum(), 1))
    ids = token_ids(tokenizer, [phrase.text for phrase in phrases], max_tokens=MAX_TOKENS)
    return TextLesson(ids, space(means.astype(np.float32)), weights / weights.sum())


def batch_of(ids: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad token ids on the right: `input_ids` and `attention_mask`, int64 `[n, longest]`."""
    longest = max(map(len, ids))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    return padded, mask


def distillation_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Distance to the teacher's embeddings, plus difference of the neighbourhoods within the batch.

    Args:
        student: `[n, embedding_dim]`, any length.
        teacher: `[n, embedding_dim]`, unit length.
    """
    student = F.normalize(student.float(), dim=-1)
    point = (1 - (student * teacher).sum(-1)).mean()
    wanted = (teacher @ teacher.t() / TEMPERATURE).log_softmax(-1)
    got = (student @ teacher.t() / TEMPERATURE).log_softmax(-1)
    return point + 0.5 * F.kl_div(got, wanted, log_target=True, reduction="batchmean")


def train_text(
    lesson: TextLesson,
    folder: Path,
    *,
    minutes: float,
    vocab_size: int,
    max_steps: int | None = None,
    seed: int = 0,
) -> MSClapTextModelWithProjection:
    """Teach the text tower, resuming from `folder/text.pt` where a run was cut off.

    Args:
        lesson: What to learn.
        folder: Where checkpoints and the log `text.jsonl` go.
        minutes: Time to spend in all, earlier runs included.
        vocab_size: Entries of the vocabulary.
        max_steps: Stop after about so many steps, even if there is time left; None lets the clock decide.
        seed: Seed of the draws.
    """
    torch.manual_seed(seed)
    model = MSClapTextModelWithProjection(text_config(vocab_size)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    checkpoint, step, spent_s = folder / "text.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent_s = state["step"], state["spent_s"]
    clock = Clock(minutes * 60, spent_s)
    draw = np.random.default_rng(seed + step)
    order = random.Random(seed + step)
    targets = torch.from_numpy(lesson.targets)
    batch = min(BATCH, len(lesson.ids))
    saved_s, losses = clock.elapsed_s, []
    finished = clock.finished
    while not finished:
        # Four batches are drawn at once and sorted by length: less padding.
        pool = draw.choice(len(lesson.ids), size=4 * batch, p=lesson.weights)
        pool = pool[np.argsort([len(lesson.ids[i]) for i in pool], kind="stable")]
        batches = [pool[i : i + batch] for i in range(0, len(pool), batch)]
        order.shuffle(batches)
        for rows in batches:
            for group in optimizer.param_groups:
                group["lr"] = clock.rate(PEAK_RATE)
            ids, mask = batch_of([lesson.ids[i] for i in rows])
            with torch.autocast("cpu", torch.bfloat16):
                embeds = model(ids, mask).text_embeds
            loss = distillation_loss(embeds, targets[torch.from_numpy(rows)])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            losses.append(float(loss.detach()))
        finished = clock.finished or (max_steps is not None and step >= max_steps)
        if clock.elapsed_s - saved_s > CHECKPOINT_EVERY_S or finished:
            saved_s = clock.elapsed_s
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent_s": saved_s}
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
            with (folder / "text.jsonl").open("a") as log:
                row = {"step": step, "spent_s": round(saved_s), "loss": sum(losses) / len(losses)}
                log.write(json.dumps(row) + "\n")
            losses = []
    return model.eval()
