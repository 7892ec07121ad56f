"""clapcap by name: what is fetched for it, and how a checkpoint of it is told from others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..encoders.checkpoint import Checkpoint
from ..encoders.family import AudioTower, Family, TextTower
from ..encoders.release import HubFile, Release
from ..encoders.traits import Traits
from ..errors import CheckpointError
from ..paths import readable_path, user_path

_WEIGHTS = HubFile("microsoft/msclap", "clapcap_weights_2023.pth")
_TOKENIZER = tuple(HubFile("openai-community/gpt2", name) for name in ("vocab.json", "merges.txt"))


class ClapCap(Family):
    """The family of `ClapCapModel`: it hears, and writes, but embeds no texts, so it is no encoder."""

    name = "clapcap"
    releases = (
        Release(
            "clapcap",
            licence="MIT",
            traits=Traits(sampling_rate_hz=44_100, segment_s=7.0, embedding_dim=1024),
            files=(_WEIGHTS, *_TOKENIZER),
            by_hand="soundgrep convert clapcap_weights_2023.pth {folder} --tokenizer FOLDER_WITH_GPT2_VOCAB",
            extra="torch",
        ),
    )

    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Refuse: `Captioner` has a tower of its own."""
        raise CheckpointError(f"{checkpoint.folder}: clapcap writes captions and is no encoder")

    def text_tower(self, checkpoint: Checkpoint) -> TextTower:
        """Refuse: there is none."""
        raise CheckpointError(f"{checkpoint.folder}: clapcap writes captions and is no encoder")

    def assemble(self, files: Mapping[str, Path], out_dir: Path) -> None:
        """Convert the original weights; a checkpoint of our own form is taken as it is."""
        if _WEIGHTS.path not in files:
            super().assemble(files, out_dir)
        else:
            from ..encoders.original import Original  # needs torch: only now
            from .conversion import convert_original

            convert_original(Original.read(files[_WEIGHTS.path]), out_dir, tokenizer=files[_TOKENIZER[0].path].parent)


def find_captioner(name_or_dir: str | os.PathLike[str]) -> Checkpoint:
    """Find the checkpoint of a captioner, fetching it if it is asked for by name and not on this machine.

    Args:
        name_or_dir: "clapcap", or a folder that `soundgrep convert` wrote.

    Raises:
        CheckpointError: If there is none, it cannot be fetched, a file is missing, or it is of another family.
    """
    family, folder = ClapCap(), user_path(name_or_dir)
    if name_or_dir == "clapcap":
        from ..encoders.hub import fetch_release  # loads only where something may have to be fetched

        folder = fetch_release(family.releases[0], family)
    elif not folder.is_dir():
        raise CheckpointError(
            f"there is no captioner {readable_path(name_or_dir)!r}: give clapcap, or the folder of a converted one"
        )
    checkpoint = Checkpoint(folder.resolve())
    family.files(checkpoint)
    if checkpoint.model_type != family.name:
        raise CheckpointError(
            f"{checkpoint.folder}: its model_type is {checkpoint.model_type!r}, but a captioner is of 'clapcap'"
        )
    return checkpoint
