"""LAION CLAP and what has its shape: HTS-AT for sounds, RoBERTa for texts, in transformers' `ClapModel`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..encoders.checkpoint import CONFIG, FRONT_ENDS, TOKENIZER, WEIGHTS, Checkpoint
from ..encoders.family import AudioTower, Family, TextTower, Waveform
from ..encoders.graphs import read_graph
from ..encoders.release import HubFile, Release
from ..encoders.runtime import chosen_runtime, has_gpu
from ..encoders.traits import Traits
from ..errors import CheckpointError
from ..extras import need_extra
from .front_end import repeated
from .sizes import IGNORED

PICKLE = "pytorch_model.bin"
_TRAITS = Traits(sampling_rate_hz=48_000, segment_s=10.0, embedding_dim=512)


def _release(name: str, revision: str, weights: str, n_bytes: int) -> Release:
    paths = (CONFIG, FRONT_ENDS[0], TOKENIZER, weights)
    files = tuple(HubFile(name, path, revision=revision) for path in paths)
    return Release(name, licence="Apache-2.0", traits=_TRAITS, n_bytes=n_bytes, files=files, extra="torch")


class LaionClap(Family):
    """The family of `ClapModel`."""

    name = "clap"
    needs = ((CONFIG,), FRONT_ENDS, (TOKENIZER,), (WEIGHTS, PICKLE))
    releases = (
        _release("laion/clap-htsat-unfused", "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a", PICKLE, 614_000_000),
        _release("laion/clap-htsat-fused", "365dea6ef167def6676140ed93bbc43f84dabb28", WEIGHTS, 614_000_000),
        _release("laion/larger_clap_general", "ada0c23a36c4e8582805bb38fec3905903f18b41", PICKLE, 776_000_000),
        _release("laion/larger_clap_music_and_speech", "195c3a3e68faebb3e2088b9a79e79b43ddbda76b", PICKLE, 776_000_000),
    )

    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Load the tower for sounds in the runtime that is chosen; each is imported only where it is."""
        if chosen_runtime() == "openvino":
            from ..encoders.segment_streams import SegmentStreams
            from .front_end import read_clap_front_end

            graph = read_graph(checkpoint, "audio", room=__package__, ignored=IGNORED)
            return SegmentStreams(read_clap_front_end(checkpoint), graph)
        from .torch_audio import gpu_tower, torch_tower

        return gpu_tower(checkpoint.folder) if has_gpu() else torch_tower(checkpoint.folder)

    def text_tower(self, checkpoint: Checkpoint) -> TextTower:
        """Load the tower for texts, without torch."""
        from .text_tower import ClapTextTower

        return ClapTextTower(checkpoint)

    def files(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """Name the files that decide an embedding; weights in a pickle are not read."""
        names = super().files(checkpoint)
        if PICKLE in names:
            raise CheckpointError(
                f"{checkpoint.folder}: its weights are a pickle, {PICKLE}, which is not opened; convert it once: "
                "soundgrep convert, see its help"
            )
        return names

    def logit_scale(self, checkpoint: Checkpoint) -> float:
        """Read what the cosines of a sound and several texts are multiplied by."""
        return checkpoint.exponential("logit_scale_a")

    def filled(self, waveform: Waveform, n_samples: int) -> Waveform:
        """Repeat a shorter waveform as often as it fits whole; the rest is silence, as transformers has it."""
        return repeated(np.asarray(waveform), n_samples)

    def assemble(self, files: Mapping[str, Path], out_dir: Path) -> None:
        """Take a checkpoint as it is; weights in a pickle of plain tensors are rewritten."""
        if WEIGHTS in files:
            super().assemble(files, out_dir)
        else:
            need_extra("torch", wanted_by=f"reading {PICKLE}")
            from .conversion import rewrite_pickle

            rewrite_pickle(files, out_dir)
