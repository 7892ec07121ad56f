"""The gap between sounds and texts, closed when the audio tower has learned.

Nothing in cross-entropy over texts asks where sounds lie as a whole: a part that all of them share costs nothing. Yet a
text near that part is then near every sound, and general words ("human sounds") win whatever is heard. Liang et al.
(arXiv 2203.02053) describe such gaps.
"""

import copy

import numpy as np
import numpy.typing as npt
import torch

from .audio import AudioStudent
from .mels import N_FRAMES, MelStore
from .space import Floats, unit

_BATCH = 64
_ROUNDS = 20


def step_to_mean(states: Floats, shares: Floats, wanted: Floats) -> Floats:
    """Return the step after which states, brought to unit length, have the mean that is wanted.

    Args:
        states: `[n, embedding_dim]`.
        shares: How much each counts, `[n]`, sums to 1.
        wanted: `[embedding_dim]`.
    """
    step = np.zeros_like(wanted)
    # Bringing rows to unit length moves their mean again, by less each time.
    for _ in range(_ROUNDS):
        moved = states + step
        step = step + (shares @ np.linalg.norm(moved, axis=1)) * (wanted - shares @ unit(moved))
    return step


@torch.no_grad()
def close_gap(
    student: AudioStudent, store: MelStore, clips: npt.NDArray[np.int64], shares: Floats, text_mean: Floats
) -> AudioStudent:
    """Move all embeddings by one step, so that their mean is that of the texts about them.

    The step goes into the bias of the projection's last layer.

    Args:
        student: A tower for whole segments; it is left as it is.
        store: Log-mels.
        clips: Clips of the store to measure on, `[n]`; of each its first segment.
        shares: How much each counts, `[n]`, sums to 1.
        text_mean: Mean of their texts' embeddings, `[embedding_dim]`.
    """
    states: list[Floats] = []
    for part in np.split(clips, range(_BATCH, len(clips), _BATCH)):
        mels = np.stack([store.mels(clip)[:N_FRAMES] for clip in part]).astype(np.float32)[:, None]
        states.append(student.tower(torch.from_numpy(mels)).audio_embeds.float().numpy())
    closed = copy.deepcopy(student)
    step = step_to_mean(np.concatenate(states), shares, text_mean)
    closed.tower.audio_projection.layer_norm.bias.add_(torch.from_numpy(step))
    return closed
