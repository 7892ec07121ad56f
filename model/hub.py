"""The original MSCLAP 2023 weights: from the hub or its local cache, converted once."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import CheckpointError

REPOSITORY, WEIGHTS = "microsoft/msclap", "CLAP_weights_2023.pth"
TOKENIZER_REPOSITORY, TOKENIZER_FILES = "openai-community/gpt2", ("vocab.json", "merges.txt")
CACHE_VARIABLE = "SOUNDGREP_CACHE"


def cache_folder() -> Path:
    """Where converted checkpoints are kept: `$SOUNDGREP_CACHE`, or `soundgrep` in the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "soundgrep"


def msclap_2023() -> Path:
    """The converted checkpoint of MSCLAP 2023, made at the first call.

    Raises:
        CheckpointError: if the hub cannot be reached and its local cache lacks the files.
    """
    folder = cache_folder() / "msclap-2023"
    if folder.is_dir():
        return folder
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    from .msclap.conversion import convert_checkpoint

    try:
        weights = Path(hf_hub_download(REPOSITORY, WEIGHTS))
        tokenizer = {Path(hf_hub_download(TOKENIZER_REPOSITORY, name)).parent for name in TOKENIZER_FILES}.pop()
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"msclap-2023: the hub cannot be reached; fetch {WEIGHTS} of {REPOSITORY} where there is a network, then: "
            f"soundgrep convert {WEIGHTS} {folder} --tokenizer FOLDER_WITH_GPT2_VOCAB"
        ) from error
    return convert_checkpoint(weights, folder, tokenizer=tokenizer).out_dir
