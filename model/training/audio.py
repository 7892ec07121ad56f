"""Stage 2: the audio tower learns to place sounds where the texts about them lie."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from ..msclap.configuration import MSClapAudioConfig
from ..msclap.modeling import MSClapAudioModelWithProjection
from .anchors import Anchors
from .augment import Batch, draw_batch
from .mels import MelStore
from .parallel import Team
from .schedule import Clock
from .text import EMBEDDING_DIM

MAX_SCALE = 40.0


@dataclass(frozen=True)
class AudioRecipe:
    """Choices of the audio stage.

    Attributes:
        minutes: Time to spend in all, earlier runs included.
        batch: Segments of a step, in each process.
        peak_rate: Highest learning rate.
        weight_decay: Of AdamW, on matrices only.
        mixing: Share of segments that hold two sounds.
        balance: Concepts of `n` clips are drawn in proportion to `n ** balance`.
        averaging: Decay of the running mean of the weights, at the end of its warm-up.
        spec_size: Side of the tower's image: 128 sees whole segments, 64 a quarter of one at a quarter of the cost.
        max_steps: Stop after so many steps, even if there is time left; None lets the clock decide.
        checkpoint_every_s: Time between checkpoints and evaluations.
        seed: Seed of the draws.
    """

    minutes: float
    batch: int = 32
    peak_rate: float = 1e-3
    weight_decay: float = 0.05
    mixing: float = 0.15
    balance: float = 0.5
    averaging: float = 0.998
    spec_size: int = 128
    max_steps: int | None = None
    checkpoint_every_s: float = 240.0
    seed: int = 0


def audio_config(*, spec_size: int = 128) -> MSClapAudioConfig:
    """Sizes of `mini`'s audio tower; with an image of 64 instead of 128 it takes 64 frames instead of 256."""
    return MSClapAudioConfig(
        num_mel_bins=64,
        spec_size=spec_size,
        patch_size=12,
        patch_stride=8,
        patch_embeds_hidden_size=96,
        depths=[2, 4, 2],
        num_attention_heads=[3, 6, 12],
        window_size=8,
        projection_dim=EMBEDDING_DIM,
        projection_dropout_prob=0.1,
        drop_path_rate=0.05,
        initializer_range=0.05,
    )


class AudioStudent(nn.Module):
    """The audio tower beside the learned scale of its similarities.

    Attributes:
        tower: The tower with its projection.
        logit_scale: Natural logarithm of the scale.
    """

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        self.tower = MSClapAudioModelWithProjection(config)
        self.logit_scale = nn.Parameter(torch.tensor(np.log(15.0), dtype=torch.float32))

    def forward(self, mels: Tensor) -> Tensor:
        """Log-mels `[n, 1, 256, 64]` to embeddings `[n, embedding_dim]`, unit length."""
        with torch.autocast("cpu", torch.bfloat16):
            embeds = self.tower(mels).audio_embeds
        return F.normalize(embeds.float(), dim=-1)


@torch.no_grad()
def enlarged(student: AudioStudent, *, spec_size: int) -> AudioStudent:
    """The same weights for a larger image; where windows grow, the tables of position biases grow at their edges."""
    larger = AudioStudent(audio_config(spec_size=spec_size)).eval()
    state = student.state_dict()
    for name, wanted in larger.state_dict().items():
        value = state[name]
        if value.shape != wanted.shape:
            side, new_side = round(len(value) ** 0.5), round(len(wanted) ** 0.5)
            border = (new_side - side) // 2
            table = value.t().reshape(1, -1, side, side)
            table = F.pad(table, (border, border, border, border), mode="replicate")
            state[name] = table.reshape(wanted.shape[1], -1).t().contiguous()
    larger.load_state_dict(state)
    return larger


def audio_loss(embeds: Tensor, anchors: Tensor, labels: Tensor, log_scale: Tensor) -> Tensor:
    """Cross-entropy from sounds to texts over all anchors, and from the batch's texts to its sounds.

    Args:
        embeds: Sounds, `[n, embedding_dim]`, unit length.
        anchors: Texts, `[n_texts, embedding_dim]`, unit length.
        labels: What each sound holds, `[n, n_texts]`, rows sum to 1.
        log_scale: Logarithm of the scale of similarities.
    """
    scale = log_scale.exp().clamp(max=MAX_SCALE)
    logits = scale * embeds @ anchors.t()
    to_texts = -(labels * logits.log_softmax(1)).sum(1).mean()
    # A text asks for the sounds of this batch that hold it; texts that none of them holds ask nothing.
    mass = labels.sum(0)
    asked = mass > 0.3
    share = labels[:, asked] / mass[asked]
    to_sounds = -(share * logits[:, asked].log_softmax(0)).sum(0).mean()
    return to_texts + 0.5 * to_sounds


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _average(mean: nn.Module, model: nn.Module, decay: float) -> None:
    for slow, fast in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if slow.is_floating_point():
            slow.lerp_(fast, 1 - decay)
        else:
            slow.copy_(fast)


def train_audio(
    store: MelStore,
    anchors: Anchors,
    folder: Path,
    recipe: AudioRecipe,
    team: Team,
    evaluate: Callable[[AudioStudent], dict[str, object]],
    *,
    initial: AudioStudent | None = None,
) -> AudioStudent:
    """Teach the audio tower, resuming from `folder/audio-<spec_size>.pt` where a run was cut off.

    Args:
        store: Log-mels of the clips.
        anchors: Where their texts lie; its clips are the store's.
        folder: Where checkpoints and the log `audio.jsonl` go.
        recipe: Choices.
        team: The processes that train together.
        evaluate: Figures of a tower for the log.
        initial: Where to start from; None starts from random weights.

    Returns:
        The running mean of the weights.
    """
    torch.manual_seed(recipe.seed)
    config = audio_config(spec_size=recipe.spec_size)
    model, mean = AudioStudent(config).train(), AudioStudent(config).eval()
    if initial is not None:
        model.load_state_dict(initial.state_dict())
    mean.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(_groups(model, recipe.weight_decay), lr=recipe.peak_rate, betas=(0.9, 0.98))
    checkpoint, step, spent_s = folder / f"audio-{recipe.spec_size}.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent_s = state["step"], state["spent_s"]
    clock = Clock(recipe.minutes * 60, spent_s)
    chance = np.random.default_rng((recipe.seed, step, team.rank))
    torch.manual_seed(recipe.seed + step * team.size + team.rank)
    weights = anchors.clip_weights(power=recipe.balance)
    saved_s, losses = clock.elapsed_s, []
    finished = clock.finished or step == recipe.max_steps
    # The first process keeps the time for all, so that they stop together.
    while not team.agree(finished):
        rate = clock.rate(recipe.peak_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = draw_batch(store, weights, recipe.batch, chance, mixing=recipe.mixing, n_frames=config.max_frames)
        losses.append(_step(model, batch, anchors, chance))
        team.average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if team.rank == 0:
            _average(mean, model, min(recipe.averaging, (step + 1) / (step + 20)))
        finished = clock.finished or step == recipe.max_steps
        if team.rank == 0 and (clock.elapsed_s - saved_s > recipe.checkpoint_every_s or finished):
            saved_s = clock.elapsed_s
            row = {
                "spec_size": recipe.spec_size,
                "step": step,
                "spent_s": round(saved_s),
                "loss": sum(losses) / len(losses),
                **evaluate(mean),
            }
            losses = []
            with (folder / "audio.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            state = {
                "model": model.state_dict(),
                "mean": mean.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "spent_s": clock.elapsed_s,
            }
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
    return mean


def _step(model: AudioStudent, batch: Batch, anchors: Anchors, chance: np.random.Generator) -> float:
    """Compute gradients of one batch; returns the loss."""
    labels = torch.from_numpy(anchors.labels(batch.first, batch.second, batch.share))
    loss = audio_loss(
        model(torch.from_numpy(batch.mels)), torch.from_numpy(anchors.draw(chance)), labels, model.logit_scale
    )
    loss.backward()
    return float(loss.detach())
