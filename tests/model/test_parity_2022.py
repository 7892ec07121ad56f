"""Our MSCLAP 2022 against the reference's own modules: same random weights at full size, converted by our code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import BertTokenizer

from soundgrep import Encoder
from soundgrep.model.conversion import convert_checkpoint

from .bert_vocabulary import save_vocabulary
from .reference import build_2022

SEGMENT = 220_500
TEXTS = ["", "a dog barking in the rain", "GLASS breaking, in the kitchen!", "犬 собака café 0123"]


def test_embeddings_of_the_full_size_are_the_references_own(tmp_path: Path) -> None:
    reference = build_2022()
    weights, held = tmp_path / "CLAP_weights_2022.pth", save_vocabulary(tmp_path / "bert")
    torch.save({"model": reference.state_dict()}, weights)
    report = convert_checkpoint(weights, tmp_path / "msclap-2022", tokenizer=held)
    weights.unlink()
    assert (report.what, report.mel) == ("MSCLAP 2022", "50 to 14000 Hz drawn for 44100 Hz")
    encoder = Encoder.from_pretrained(report.out_dir)
    assert encoder.segment_samples == SEGMENT
    assert encoder.logit_scale == float(np.exp(np.float64(reference.logit_scale.detach().numpy())))
    random = np.random.default_rng(7)
    for waveform in (0.3 * random.standard_normal(SEGMENT), random.standard_normal(30_000), np.eye(1, SEGMENT, 900)[0]):
        tiled = torch.from_numpy(np.tile(waveform, -(-SEGMENT // len(waveform)))[:SEGMENT].astype(np.float32))
        with torch.inference_mode():
            expected = reference.audio_encoder(tiled[None])[0].numpy()[0]
        (ours,) = encoder.embed_audio([waveform.astype(np.float32)])
        assert np.abs(ours - expected / np.linalg.norm(expected)).max() < 1e-4
    tokenizer = BertTokenizer(vocab=str(held / "vocab.txt"))
    for text in TEXTS:
        tokens = tokenizer(text, max_length=100, padding="max_length", truncation=True, return_tensors="pt")
        with torch.inference_mode():
            expected = reference.caption_encoder(tokens).numpy()[0]
        (ours,) = encoder.embed_text([text])
        assert np.abs(ours - expected / np.linalg.norm(expected)).max() < 1e-4, text
