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
from .effects import EFFECTS_DIM
from .hearing import Hearing
from .listener import EMBEDDING_DIM as LISTENER_DIM
from .mels import SPEEDS, MelStore
from .parallel import Team
from .schedule import Schedule
from .space import Floats
from .text import EMBEDDING_DIM

MAX_SCALE = 40.0
# A text asks the batch for its sounds if they hold so much of it together.
ASKED = 0.35


@dataclass(frozen=True)
class AudioRecipe:
    """Choices of the audio stage.

    Attributes:
        n_steps: Steps in all, earlier runs included.
        fall: Share of them in which the learning rate falls.
        batch: Segments of a step, in each process.
        peak_rate: Highest learning rate.
        weight_decay: Of AdamW, on matrices only.
        mixing: Share of segments that hold two sounds.
        balance: Concepts of `n` clips are drawn in proportion to `n ** balance`.
        others: Share of segments of clips without a caption.
        listening: Weight of the distances to the listeners' embeddings.
        guiding: Weight of the distance to where the guide places a clip.
        averaging: Decay of the running mean of the weights, at the end of its warm-up.
        spec_size: Side of the tower's image: 128 sees whole segments, 64 a quarter of one at a quarter of the cost.
        checkpoint_every: Steps between checkpoints.
        evaluate_every: Steps between evaluations, which cost as much as 100 steps; the last step has one.
        seed: Seed of the draws.
    """

    n_steps: int
    fall: float = 0.3
    batch: int = 32
    peak_rate: float = 1e-3
    weight_decay: float = 0.05
    mixing: float = 0.15
    balance: float = 0.5
    others: float = 0.35
    listening: float = 2.0
    guiding: float = 3.0
    averaging: float = 0.998
    spec_size: int = 128
    checkpoint_every: int = 250
    evaluate_every: int = 1000
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
    """The audio tower beside what only training needs.

    Attributes:
        tower: The tower with its projection.
        listener: From the tower's states to the embeddings of the networks that it learns from.
        logit_scale: Natural logarithm of the scale of similarities.
    """

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        self.tower = MSClapAudioModelWithProjection(config)
        width = config.patch_embeds_hidden_size * 2 ** (len(config.depths) - 1)
        self.listener = nn.Linear(width, LISTENER_DIM + 2 * EFFECTS_DIM)
        self.logit_scale = nn.Parameter(torch.tensor(np.log(15.0), dtype=torch.float32))

    def forward(self, mels: Tensor) -> Tensor:
        """Log-mels `[n, 1, 256, 64]` to embeddings `[n, embedding_dim]`, unit length."""
        return self.hear(mels)[0]

    def hear(self, mels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings `[n, embedding_dim]` and guesses at both listeners', `[n, 1024]` each, all of unit length."""
        with torch.autocast("cpu", torch.bfloat16):
            output = self.tower(mels)
            guesses = self.listener(output.last_hidden_state.mean(1))
        heard, effects = guesses.float().split([LISTENER_DIM, 2 * EFFECTS_DIM], dim=-1)
        embeds = output.audio_embeds.float()
        return F.normalize(embeds, dim=-1), F.normalize(heard, dim=-1), F.normalize(effects, dim=-1)


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


def audio_loss(embeds: Tensor, anchors: Tensor, labels: Tensor, n_texts: int, log_scale: Tensor) -> Tensor:
    """Cross-entropy from sounds to texts over all anchors, and from the batch's texts to its sounds.

    Args:
        embeds: Sounds, `[n, embedding_dim]`, unit length.
        anchors: Texts, `[n_anchors, embedding_dim]`, unit length.
        labels: What each sound holds, `[n, n_anchors]`, rows sum to 1 at most.
        n_texts: The first so many anchors also ask for sounds; the listener's classes behind them do not.
        log_scale: Logarithm of the scale of similarities.
    """
    scale = log_scale.exp().clamp(max=MAX_SCALE)
    logits = scale * embeds @ anchors.t()
    to_texts = -(labels * logits.log_softmax(1)).sum(1).mean()
    # A text asks for the sounds of this batch that hold it; texts that none of them holds ask nothing.
    mass = labels[:, :n_texts].sum(0)
    asked = (mass > ASKED).nonzero().squeeze(1)
    if not len(asked):
        return to_texts
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


@dataclass(frozen=True)
class Targets:
    """What a batch should become; rows are zero where nothing is known, or two sounds are mixed.

    Attributes:
        labels: Of each segment over the anchors, `[n, n_anchors]`.
        heard: What the listener hears, `[n, 1024]`.
        effects: What the listener for effects hears, `[n, 1024]`.
        guided: Where the guide places the clip, `[n, embedding_dim]`.
    """

    labels: Tensor
    heard: Tensor
    effects: Tensor
    guided: Tensor


@dataclass(frozen=True)
class Material:
    """What the audio tower learns from.

    Attributes:
        store: Log-mels of the clips.
        hearing: What the listeners hear in them.
        anchors: Where their texts lie.
        guided: Where the guide places them, `[n_clips, embedding_dim]`, unit length.
    """

    store: MelStore
    hearing: Hearing
    anchors: Anchors
    guided: Floats

    def targets(self, batch: Batch) -> Targets:
        """Return what a batch should become."""
        n_frames = batch.mels.shape[2]
        speeds = np.asarray(SPEEDS, dtype=np.float32)[batch.speeds]
        heard, scores = self.hearing.of_cuts(batch.first, batch.starts, speeds, n_frames=n_frames)
        mixed = batch.first != batch.second
        guests = np.zeros_like(scores)
        whole = np.full(int(mixed.sum()), -1)
        guests[mixed] = self.hearing.of_cuts(batch.second[mixed], whole, speeds[mixed], n_frames=n_frames)[1]
        labels = self.anchors.labels(batch.first, batch.second, batch.share, (scores, guests))
        alone = (~mixed).astype(np.float32)[:, None]
        rows = (heard, self.hearing.effects[batch.first].astype(np.float32), self.guided[batch.first])
        return Targets(torch.from_numpy(labels), *(torch.from_numpy(row * alone) for row in rows))


def distance(guesses: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 - cosine between rows of unit length; rows whose target is zero do not count."""
    known = targets.abs().sum(1) > 0
    return ((1 - (guesses * targets).sum(1)) * known).sum() / known.sum().clamp(min=1)


def train_audio(
    material: Material,
    folder: Path,
    recipe: AudioRecipe,
    team: Team,
    evaluate: Callable[[AudioStudent], dict[str, object]],
    *,
    initial: AudioStudent | None = None,
) -> AudioStudent:
    """Teach the audio tower, resuming from `folder/audio-<spec_size>.pt` where a run was cut off.

    Args:
        material: What to learn from.
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
    checkpoint, step = folder / f"audio-{recipe.spec_size}.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    schedule = Schedule(recipe.n_steps, recipe.peak_rate, fall=recipe.fall)
    chance = np.random.default_rng((recipe.seed, step, team.rank))
    torch.manual_seed(recipe.seed + step * team.size + team.rank)
    weights = material.anchors.clip_weights(power=recipe.balance, others=recipe.others)
    losses: list[tuple[float, ...]] = []
    while step < recipe.n_steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        batch = draw_batch(
            material.store, weights, recipe.batch, chance, mixing=recipe.mixing, n_frames=config.max_frames
        )
        losses.append(_step(model, batch, material, recipe))
        team.average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if team.rank == 0:
            _average(mean, model, min(recipe.averaging, (step + 1) / (step + 20)))
        if team.rank == 0 and (step % recipe.checkpoint_every == 0 or step == recipe.n_steps):
            names = ("loss", "listening", "effects", "guiding")
            means = dict(zip(names, np.mean(losses, axis=0).tolist(), strict=True))
            losses = []
            row = {
                "spec_size": recipe.spec_size,
                "step": step,
                **means,
                **(evaluate(mean) if step % recipe.evaluate_every == 0 or step == recipe.n_steps else {}),
            }
            with (folder / "audio.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            state = {
                "model": model.state_dict(),
                "mean": mean.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
            }
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
    return mean


def _step(model: AudioStudent, batch: Batch, material: Material, recipe: AudioRecipe) -> tuple[float, ...]:
    """Compute gradients of one batch; returns the losses: to texts, to both listeners, to the guide."""
    targets = material.targets(batch)
    embeds, heard, effects = model.hear(torch.from_numpy(batch.mels))
    anchors = torch.from_numpy(material.anchors.embeddings)
    losses = (
        audio_loss(embeds, anchors, targets.labels, len(material.anchors.texts), model.logit_scale),
        distance(heard, targets.heard),
        distance(effects, targets.effects),
        distance(embeds, targets.guided),
    )
    to_texts, to_listener, to_effects, to_guide = losses
    (to_texts + recipe.listening * (to_listener + 0.5 * to_effects) + recipe.guiding * to_guide).backward()
    return tuple(float(loss.detach()) for loss in losses)
