"""MSCLAP 2022: CNN14 for sounds, BERT for texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..encoders.checkpoint import Checkpoint
from ..encoders.family import AudioTower, Family, TextTower
from ..encoders.graphs import read_graph
from ..encoders.release import HubFile, Release
from ..encoders.runtime import chosen_runtime, has_gpu
from ..encoders.traits import Traits

_WEIGHTS = HubFile("microsoft/msclap", "CLAP_weights_2022.pth")
_TOKENIZER = HubFile("google-bert/bert-base-uncased", "vocab.txt")


class MSClap2022(Family):
    """The family of `MSClap2022Model`."""

    name = "msclap_2022"
    releases = (
        Release(
            "msclap-2022",
            licence="MS-PL",
            traits=Traits(sampling_rate_hz=44_100, segment_s=5.0, embedding_dim=1024),
            files=(_WEIGHTS, _TOKENIZER),
            by_hand="soundgrep convert CLAP_weights_2022.pth {folder} --tokenizer FOLDER_WITH_BERT_VOCAB",
            extra="torch",
        ),
    )

    def audio_tower(self, checkpoint: Checkpoint) -> AudioTower:
        """Load the tower for sounds in the runtime that is chosen; each is imported only where it is."""
        if chosen_runtime() == "openvino":
            from ..encoders.segment_streams import SegmentStreams
            from ..msclap.mel import read_front_end

            graph = read_graph(checkpoint, "audio", room=__package__)
            return SegmentStreams(read_front_end(checkpoint), graph)
        from ..msclap.audio_tower import GpuAudioTower, TorchAudioTower
        from .registration import load_model

        if has_gpu():
            return GpuAudioTower(checkpoint.folder, load=load_model)
        return TorchAudioTower(checkpoint.folder, load=load_model)

    def text_tower(self, checkpoint: Checkpoint) -> TextTower:
        """Load the tower for texts, without torch."""
        from .text_tower import MSClap2022TextTower

        return MSClap2022TextTower(checkpoint)

    def assemble(self, files: Mapping[str, Path], out_dir: Path) -> None:
        """Convert the original weights; a checkpoint of our own form is taken as it is."""
        if _WEIGHTS.path not in files:
            super().assemble(files, out_dir)
        else:
            from ..encoders.original import Original  # needs torch: only now
            from .conversion import convert_original

            convert_original(Original.read(files[_WEIGHTS.path]), out_dir, tokenizer=files[_TOKENIZER.path].parent)
