"""MSCLAP 2023 and what has its shape, such as mini: HTS-AT for sounds, GPT-2 for texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..checkpoint import BUNDLED, Checkpoint
from ..family import AudioTower, Family, TextTower, Traits
from ..release import HubFile, Release
from ..runtime import chosen_runtime, has_gpu

_WEIGHTS = HubFile("microsoft/msclap", "CLAP_weights_2023.pth")
_TOKENIZER = tuple(HubFile("openai-community/gpt2", name) for name in ("vocab.json", "merges.txt"))


class MSClap(Family):
    """The family of `MSClapModel`."""

    name = "msclap"
    releases = (
        Release(
            "mini",
            licence="Apache-2.0",
            folder=BUNDLED / "mini",
        ),
        Release(
            "msclap-2023",
            licence="MIT",
            traits=Traits(sampling_rate_hz=44_100, segment_s=7.0, embedding_dim=1024),
            files=(_WEIGHTS, *_TOKENIZER),
            by_hand="soundgrep convert CLAP_weights_2023.pth {folder} --tokenizer FOLDER_WITH_GPT2_VOCAB",
        ),
    )

    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Load the tower for sounds in the runtime that is chosen; each is imported only where it is."""
        if chosen_runtime() == "openvino":
            from .openvino_audio import OpenVinoAudioTower

            return OpenVinoAudioTower(checkpoint.folder)
        from .audio_tower import GpuAudioTower, TorchAudioTower

        return GpuAudioTower(checkpoint.folder) if has_gpu() else TorchAudioTower(checkpoint.folder)

    def text_tower(self, checkpoint: Checkpoint) -> TextTower:
        """Load the tower for texts, without torch."""
        from .text_tower import MSClapTextTower

        return MSClapTextTower(checkpoint.folder)

    def assemble(self, files: Mapping[str, Path], out_dir: Path) -> None:
        """Convert the original weights; a checkpoint of our own form is taken as it is."""
        if _WEIGHTS.path not in files:
            super().assemble(files, out_dir)
        else:
            from .conversion import convert_checkpoint  # needs torch: only now

            convert_checkpoint(files[_WEIGHTS.path], out_dir, tokenizer=files[_TOKENIZER[0].path].parent)
