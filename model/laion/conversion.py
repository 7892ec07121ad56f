"""Conversion of LAION's own checkpoints, and of weights in a pickle, to a folder that transformers and we read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor, RobertaTokenizer
from transformers.initialization import no_init_weights

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.graphs import keep_graphs
from ..encoders.original import ConversionReport, Original, written
from ..errors import CheckpointError
from ..msclap.conversion import BANK_TOLERANCE, check_dft
from .front_end import front_end_of
from .original import AUDIO, MEL_BANK, THEIRS, plain_names, renamed
from .torch_audio import fill

WHAT = "LAION CLAP"
FREQUENCY_MIN_HZ = 50  # of every configuration that was published
ROBERTA_EPS = 1e-5
"""Of the layer norms of roberta-base, with which the originals were trained; `ClapTextConfig` says 1e-12, and so do the
checkpoints that were converted by it."""
HEAD_WIDTH = 64  # of RoBERTa's attention heads, whose number no tensor tells
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
MAX_TOKENS = 512


def convert_original(original: Original, out_dir: Path, *, tokenizer: Path) -> ConversionReport:
    """Convert one of LAION's checkpoints, with HTS-AT of any size and RoBERTa.

    Args:
        original: Its tensors.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with RoBERTa's tokenizer files.

    Raises:
        CheckpointError: If a tensor is missing, of another shape, or not known.
    """
    text = load_tokenizer(tokenizer)
    original.state = plain_names(original.state)
    is_theirs = any(name.startswith(THEIRS) for name in original.state)
    state = original.state if is_theirs else renamed(original.state)
    is_fused = f"{THEIRS}patch_embed.mel_conv2d.weight" in state
    extractor = ClapFeatureExtractor(
        truncation="fusion" if is_fused else "rand_trunc", frequency_min=FREQUENCY_MIN_HZ, padding="repeatpad"
    )
    mel = described(extractor)
    if not (is_theirs or is_fused):  # one that fuses was never given what the front end makes that it carries
        check_front_end(original, extractor)
    n_ignored = len(original.state) - sum(1 for name in state if ".key." not in name and ".value." not in name)
    config = config_of(original, state, is_fused=is_fused, text_eps=1e-12 if is_theirs else ROBERTA_EPS)
    model = _model(original, config, state)

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        ClapProcessor(extractor, text).save_pretrained(folder)
        keep_graphs(Checkpoint(folder), room=__package__)

    written(out_dir, write)
    return ConversionReport(out_dir=out_dir, what=WHAT, n_tensors=len(state), n_ignored=n_ignored, mel=mel)


def rewrite_pickle(files: Mapping[str, Path], out_dir: Path) -> None:
    """Make a checkpoint of transformers' own files whose weights are a pickle of plain tensors.

    Args:
        files: The files by their names, `pytorch_model.bin` among them.
        out_dir: The folder to make.

    Raises:
        CheckpointError: If the weights are not plain tensors, or not those of the configuration.
    """
    path = next(path for name, path in files.items() if name.endswith(".bin"))
    original = Original.read(path)
    model = _model(original, ClapConfig.from_pretrained(files[CONFIG].parent), original.state)
    out_dir.mkdir()
    model.save_pretrained(out_dir)
    for name, other in files.items():
        if other != path and name not in (CONFIG, WEIGHTS):
            (out_dir / Path(name).name).write_bytes(other.read_bytes())
    keep_graphs(Checkpoint(out_dir), room=__package__)


def _model(original: Original, config: ClapConfig, state: dict[str, Tensor]) -> ClapModel:
    try:
        with no_init_weights():  # every weight is about to be replaced, or the strict loading fails
            model = ClapModel(config)
        fill(model, state, is_all=True)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{original.path}: does not fit {WHAT}: {reason}") from error
    return model.eval().requires_grad_(False)


def config_of(original: Original, state: Mapping[str, Tensor], *, is_fused: bool, text_eps: float) -> ClapConfig:
    """Read the sizes of both towers off their tensors, by transformers' names.

    Raises:
        CheckpointError: If they are not those of an HTS-AT and a RoBERTa.
    """
    audio, text = "audio_model.audio_encoder", "text_model"
    try:
        stages = _count(state, f"{audio}.layers.")
        tables = [
            state[f"{audio}.layers.{n}.blocks.0.attention.self.relative_position_bias_table"] for n in range(stages)
        ]
        patch = state[f"{audio}.patch_embed.proj.weight"]
        width = state[f"{text}.embeddings.word_embeddings.weight"].shape[1]
        audio_config = {
            "patch_embeds_hidden_size": patch.shape[0],
            "patch_size": patch.shape[-1],
            "depths": [_count(state, f"{audio}.layers.{n}.blocks.") for n in range(stages)],
            "num_attention_heads": [table.shape[1] for table in tables],
            "window_size": (round(tables[0].shape[0] ** 0.5) + 1) // 2,
            "hidden_size": patch.shape[0] * 2 ** (stages - 1),
            "num_hidden_layers": stages,
            "num_mel_bins": state[f"{audio}.batch_norm.weight"].shape[0],
            "enable_fusion": is_fused,
            "fusion_type": "aff_2d" if is_fused else None,
        }
        text_config = {
            "vocab_size": state[f"{text}.embeddings.word_embeddings.weight"].shape[0],
            "max_position_embeddings": state[f"{text}.embeddings.position_embeddings.weight"].shape[0],
            "type_vocab_size": state[f"{text}.embeddings.token_type_embeddings.weight"].shape[0],
            "hidden_size": width,
            "num_attention_heads": max(1, width // HEAD_WIDTH),
            "num_hidden_layers": _count(state, f"{text}.encoder.layer."),
            "layer_norm_eps": text_eps,
            "intermediate_size": state[f"{text}.encoder.layer.0.intermediate.dense.weight"].shape[0],
        }
        projection_dim = state["audio_projection.linear1.weight"].shape[0]
    except KeyError as error:
        raise CheckpointError(
            f"{original.path}: not {WHAT} with HTS-AT and RoBERTa, it has no {error.args[0]} (by transformers' names)"
        ) from error
    return ClapConfig(audio_config=audio_config, text_config=text_config, projection_dim=projection_dim)


def described(extractor: ClapFeatureExtractor) -> str:
    """Say what the mel bank is."""
    whose = "HTK's" if extractor.truncation == "fusion" else "Slaney's"
    return f"{whose}, {FREQUENCY_MIN_HZ} to {extractor.frequency_max} Hz drawn for {extractor.sampling_rate} Hz"


def check_front_end(original: Original, extractor: ClapFeatureExtractor) -> None:
    """Make sure that the front end that a checkpoint carries is the one that will be computed.

    Raises:
        CheckpointError: If it is another.
    """
    bank = original.state.get(MEL_BANK)
    ours = front_end_of(extractor.to_dict()).bank
    if bank is None or bank.shape != ours.shape or np.abs(bank.float().numpy() - ours).max() > BANK_TOLERANCE:
        raise CheckpointError(f"{original.path}: its mel bank {MEL_BANK} is missing or not that of {WHAT}")
    check_dft(original, AUDIO)


def load_tokenizer(folder: Path) -> RobertaTokenizer:
    """Read RoBERTa's tokenizer.

    Args:
        folder: Holds `tokenizer.json`, or `vocab.json` and `merges.txt`.

    Raises:
        CheckpointError: If the files are missing, or are not those of RoBERTa.
    """
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS):
        raise CheckpointError(f"{folder}: no RoBERTa tokenizer, it needs vocab.json and merges.txt or tokenizer.json")
    try:
        tokenizer = RobertaTokenizer.from_pretrained(folder, local_files_only=True)
        ends = tokenizer("").input_ids
    except Exception as error:  # the tokenizers library raises bare Exception
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(f"{folder}: the tokenizer's files cannot be read ({reason})") from error
    if ends != [0, 2] or tokenizer.pad_token_id != 1:
        raise CheckpointError(f"{folder}: not RoBERTa's tokenizer, whose <s>, <pad> and </s> are the ids 0, 1 and 2")
    tokenizer.model_max_length = MAX_TOKENS
    return tokenizer


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbers follow a prefix in the names."""
    return len({name[len(prefix) :].split(".", 1)[0] for name in state if name.startswith(prefix)})
