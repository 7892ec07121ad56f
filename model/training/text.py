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
from .phrases import Kind, Phrase
from .schedule import Schedule
from .space import Floats
from .teacher import TextTargets, remembered_embeddings
from .tokenizer import MAX_TOKENS

EMBEDDING_DIM = 256
BATCH = 384
PEAK_RATE = 1.5e-3
CHECKPOINT_EVERY = 200
# How often each kind of phrase is drawn.
KIND_SHARES: dict[Kind, float] = {"sound": 0.4, "kin": 0.2, "word": 0.25, "composed": 0.15}
# Length of a token's embedding at the beginning.
TOKEN_SCALE = 0.7
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
    """Return the sizes of `mini`'s text tower."""
    return MSClapTextConfig(
        vocab_size=vocab_size,
        hidden_size=320,
        num_hidden_layers=3,
        num_attention_heads=5,
        intermediate_size=1280,
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
    """Embed every target text with the teacher and average; what the teacher says is kept in `folder`."""
    texts = sorted({target for phrase in phrases for target in phrase.targets})
    place = {text: row for row, text in enumerate(texts)}
    embeddings = remembered_embeddings(texts, folder / "sentences.npz")
    space = TextTargets(folder, embedding_dim=EMBEDDING_DIM).space
    means = np.stack([embeddings[[place[target] for target in phrase.targets]].mean(0) for phrase in phrases])
    kinds = np.array([phrase.kind for phrase in phrases])
    weights = np.zeros(len(phrases))
    for kind, share in KIND_SHARES.items():
        weights[kinds == kind] = share / max((kinds == kind).sum(), 1)
    ids = token_ids(tokenizer, [phrase.text for phrase in phrases], max_tokens=MAX_TOKENS)
    return TextLesson(ids, space(means.astype(np.float32)), weights / weights.sum())


@torch.no_grad()
def begin_with_words(model: MSClapTextModelWithProjection, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Let each token's embedding begin where the teacher places the token as a word, in the first dimensions."""
    words = [str(tokenizer.decode([token])).strip() or "the" for token in range(len(tokenizer))]
    places = TextTargets(folder, embedding_dim=EMBEDDING_DIM).space(remembered_embeddings(words, folder / "tokens.npz"))
    table = next(model.get_input_embeddings().parameters())
    table[:, :EMBEDDING_DIM] = torch.from_numpy(places) * TOKEN_SCALE


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
    lesson: TextLesson, folder: Path, tokenizer: PreTrainedTokenizerBase, *, n_steps: int, seed: int = 0
) -> MSClapTextModelWithProjection:
    """Teach the text tower, resuming from `folder/text.pt` where a run was cut off.

    Args:
        lesson: What to learn.
        folder: Where checkpoints and the log `text.jsonl` go.
        tokenizer: The vocabulary.
        n_steps: Steps in all, earlier runs included.
        seed: Seed of the draws.
    """
    torch.manual_seed(seed)
    model = MSClapTextModelWithProjection(text_config(len(tokenizer))).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    checkpoint, step = folder / "text.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    else:
        begin_with_words(model, tokenizer, folder)
    schedule = Schedule(n_steps, PEAK_RATE, fall=0.6)
    draw = np.random.default_rng(seed + step)
    order = random.Random(seed + step)
    targets = torch.from_numpy(lesson.targets)
    batch = min(BATCH, len(lesson.ids))
    saved, losses = step, []
    while step < n_steps:
        # Four batches are drawn at once and sorted by length: less padding.
        pool = draw.choice(len(lesson.ids), size=4 * batch, p=lesson.weights)
        pool = pool[np.argsort([len(lesson.ids[i]) for i in pool], kind="stable")]
        batches = [pool[i : i + batch] for i in range(0, len(pool), batch)]
        order.shuffle(batches)
        for rows in batches:
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
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
        if step - saved >= CHECKPOINT_EVERY or step >= n_steps:
            saved = step
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
            with (folder / "text.jsonl").open("a") as log:
                log.write(json.dumps({"step": step, "loss": sum(losses) / len(losses)}) + "\n")
            losses = []
    return model.eval()
