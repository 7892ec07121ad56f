"""Our clapcap against the reference's own modules and beam search: same random weights, converted by our code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soundgrep.model.captioning.beams import likeliest
from soundgrep.model.captioning.captioner import Captioner, CaptionSearch, Writer
from soundgrep.model.captioning.openvino_writer import OpenVinoWriter
from soundgrep.model.captioning.torch_writer import TorchWriter, load_model
from soundgrep.model.conversion import convert_checkpoint
from soundgrep.model.encoders.checkpoint import Checkpoint
from soundgrep.model.encoders.graphs import read_graph
from soundgrep.model.encoders.segment_streams import SegmentStreams
from soundgrep.model.msclap.mel import read_front_end

from .reference import GPT2_FILES, build_clapcap, generated

SEGMENT = 308_700
NOISE = (0.3 * np.random.default_rng(7).standard_normal(SEGMENT)).astype(np.float32)
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(SEGMENT) / 44_100)).astype(np.float32)


def converted(reference: torch.nn.Module, folder: Path) -> Path:
    weights = folder / "clapcap_weights_2023.pth"
    torch.save({"model": reference.state_dict()}, weights)
    report = convert_checkpoint(weights, folder / "clapcap", tokenizer=GPT2_FILES)
    assert report.what == "clapcap"
    weights.unlink()
    return report.out_dir


def prefix_of(reference: torch.nn.Module, waveform: np.ndarray) -> torch.Tensor:
    """What the reference's decoder continues, as `generate_caption` makes it."""
    with torch.inference_mode():
        heard = reference.clap(torch.from_numpy(waveform)[None])[0]
        heard = heard / heard.norm(2, -1).reshape(-1, 1)
        return reference.clap_project(heard).view(1, reference.prefix_length, -1)


def assert_writes_as(reference: torch.nn.Module, writer: Writer, prefix: torch.Tensor, *, n_beams: int, n: int) -> None:
    mine = prefix[0].numpy()
    never = likeliest(writer, mine, stop=-1, n_beams=n_beams, max_tokens=n)
    assert len(never) == n
    for stop in (-1, never[n // 2]):  # one that never comes, and one that does
        ours = likeliest(writer, mine, stop=stop, n_beams=n_beams, max_tokens=n)
        assert ours == generated(reference, prefix, stop=stop, beam_size=n_beams, entry_length=n)[0]


def audio_tower(folder: Path) -> SegmentStreams:
    checkpoint = Checkpoint(folder)
    graph = read_graph(checkpoint, "audio", room="soundgrep.model.captioning")
    return SegmentStreams(read_front_end(checkpoint), graph)


@pytest.mark.long
def test_captions_of_the_full_size_are_the_references_own(tmp_path: Path) -> None:
    reference = build_clapcap()
    folder = converted(reference, tmp_path)
    tower, writer = audio_tower(folder), OpenVinoWriter(folder)
    prefix = prefix_of(reference, NOISE)
    ours = writer.prefix(tower.embed_segments([NOISE])[0])
    assert np.abs(ours - prefix[0].numpy()).max() < 1e-4
    with torch.inference_mode():
        expected = reference.gpt(inputs_embeds=prefix).logits[0, -1].numpy()
    assert np.abs(writer.begin(ours) - expected).max() < 1e-4
    assert_writes_as(reference, writer, prefix, n_beams=3, n=6)


@pytest.mark.parametrize("mapping", ["transformer", "mlp"])
def test_captions_of_a_small_decoder_are_the_references_own(tmp_path: Path, mapping: str) -> None:
    reference = build_clapcap(mapping, n_states=5, n_embd=64, n_layer=2, n_head=1)
    folder = converted(reference, tmp_path)
    prefix = prefix_of(reference, TONE)
    model = load_model(folder)
    for writer in (OpenVinoWriter(folder), TorchWriter(model)):
        embedding = audio_tower(folder).embed_segments([TONE])[0]
        assert np.abs(writer.prefix(embedding) - prefix[0].numpy()).max() < 1e-4
        for n_beams, n in ((1, 8), (5, 12)):
            assert_writes_as(reference, writer, prefix, n_beams=n_beams, n=n)
    if mapping == "mlp":
        return
    # The whole way, from the sound to the sentence: the token before the marker ends a caption.
    ids = generated(reference, prefix, stop=220, beam_size=5, entry_length=12)[0]
    from tokenizers import Tokenizer

    text = Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids, skip_special_tokens=False)
    (ours,) = Captioner.from_pretrained(folder).caption([TONE], search=CaptionSearch(max_tokens=12))
    assert ours == text.strip().capitalize()
