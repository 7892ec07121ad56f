"""MSCLAP 2023 and what has its shape, such as mini: HTS-AT for sounds, GPT-2 for texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..encoders.checkpoint import BUNDLED, Checkpoint
from ..encoders.family import AudioTower, Family, TextTower
from ..encoders.graphs import read_graph
from ..encoders.release import HubFile, Release
from ..encoders.runtime import chosen_runtime, has_gpu
from ..encoders.traits import Traits

# The digests are those that several independent users of these files published.
_WEIGHTS = HubFile(
    "microsoft/msclap",
    "CLAP_weights_2023.pth",
    revision="c47d441165daa21986ead0850660917636a81775",
    sha256="2cef4016d47d00eb28d153d522f397222057f95000e9bad6b9583c631284a1e6",
)
_TOKENIZER = tuple(
    HubFile("openai-community/gpt2", name, revision="607a30d783dfa663caf39e06633721c8d4cfcd7e", sha256=sha256)
    for name, sha256 in (
        ("vocab.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
        ("merges.txt", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
    )
)


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
            licence="MS-PL",
            traits=Traits(sampling_rate_hz=44_100, segment_s=7.0, embedding_dim=1024),
            n_bytes=691_448_655,
            files=(_WEIGHTS, *_TOKENIZER),
            by_hand="soundgrep convert CLAP_weights_2023.pth {folder} --tokenizer FOLDER_WITH_GPT2_VOCAB",
            extra="torch",
        ),
    )

    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Load the tower for sounds in the runtime that is chosen; each is imported only where it is."""
        if chosen_runtime() == "openvino":
            from ..encoders.segment_streams import SegmentStreams
            from .mel import read_front_end

            graph = read_graph(checkpoint, "audio", room=__package__)
            return SegmentStreams(read_front_end(checkpoint), graph)
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
            from ..encoders.original import Original  # both need torch: only now
            from .conversion import convert_original

            convert_original(Original.read(files[_WEIGHTS.path]), out_dir, tokenizer=files[_TOKENIZER[0].path].parent)
