"""What several floors' tests share: a small checkpoint with random weights, complete as a real one."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundgrep import Encoder

# Whoever runs the tests in the background may have had Ctrl-C ignored, which every process started here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


KINDS = {"browser": "browser", "ray": "cluster", "s3": "s3_server", "wheel": "wheel"}
"""Marks, each with the fixture that the tests have that get it."""
BROWSER_TESTS = "tests/ui/browser/"
LARGE_TESTS = re.compile(r"tests/search/test_(?:alike|index|listing_hits|ranking)\.py")
"""The files whose tests look at one large collection."""
CHECKPOINT_VARIABLE = "SOUNDGREP_TESTS_CHECKPOINT"
"""Where the tiny checkpoint is, of tests that a test runs: they need not load torch for it."""
FIRST = re.compile(f"{BROWSER_TESTS}|parity|test_(?:platform|environments|docs|odd_files|alike|map|serve)\\.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests by what they need, and begin with the longest files, so that none is left over at the end."""
    if "long" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    for item in items:
        for kind, fixture in KINDS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(kind)
        if "parity" in item.path.name:
            item.add_marker("parity")
    items.sort(key=lambda item: not FIRST.search(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out together what shares what is costly: a file's tests, all of the page's, all of a large collection's."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file.startswith(BROWSER_TESTS):
                return BROWSER_TESTS
            return LARGE_TESTS.pattern if LARGE_TESTS.fullmatch(file) else str(file)

    config.option.loadscopereorder = False  # in the order of the files, not of how many tests they have
    return ByFile(config, log)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole MSCLAP checkpoint of random weights: 1 s segments at 16 kHz, 32-d, some 60 kB."""
    if CHECKPOINT_VARIABLE in os.environ:
        return Path(os.environ[CHECKPOINT_VARIABLE])
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from soundgrep.model import (
        MSClapAudioConfig,
        MSClapConfig,
        MSClapFeatureExtractor,
        MSClapModel,
        MSClapProcessor,
        MSClapTextConfig,
    )
    from soundgrep.model.encoders.checkpoint import Checkpoint
    from soundgrep.model.encoders.graphs import keep_graphs

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        special_tokens=["!", "<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(["a dog barking in the rain", "glass breaking in a kitchen"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="!", eos_token="<|endoftext|>", model_max_length=77
    )
    torch.manual_seed(0)
    text = MSClapTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=77,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,
    )
    audio = MSClapAudioConfig(
        num_mel_bins=32,
        spec_size=64,
        patch_embeds_hidden_size=16,
        depths=(2, 2),
        num_attention_heads=(2, 4),
        initializer_range=0.2,
    )
    config = MSClapConfig.from_text_audio_configs(text, audio, projection_dim=32, initializer_range=0.2)
    front_end = MSClapFeatureExtractor(
        feature_size=32, sampling_rate=16000, hop_length=160, max_length_s=1, fft_window_size=512
    )
    MSClapModel(config).save_pretrained(folder)
    MSClapProcessor(front_end, tokenizer).save_pretrained(folder)
    keep_graphs(Checkpoint(folder), room="soundgrep.model.msclap")
    return folder


@pytest.fixture(scope="session")
def tiny_clap_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole LAION checkpoint of random weights: 1 s segments at 16 kHz, 32-d, some 200 kB."""
    from .model.clap_checkpoint import build

    return build(tmp_path_factory.mktemp("checkpoints") / "tiny-clap")


@pytest.fixture(scope="session")
def second_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint like the tiny one, with other weights, of segments half as long."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("checkpoints") / "other")
    weights = load_file(folder / "model.safetensors")
    rng = np.random.default_rng(1)
    changed = {
        name: (one + 0.2 * rng.standard_normal(one.shape)).astype(one.dtype) if one.ndim == 2 else one
        for name, one in weights.items()
    }
    save_file(changed, folder / "model.safetensors")
    front_end = json.loads((folder / "processor_config.json").read_text())
    front_end.get("feature_extractor", front_end)["max_length_s"] = 0.5
    (folder / "processor_config.json").write_text(json.dumps(front_end))
    return folder


@pytest.fixture(scope="session")
def encoder(tiny_checkpoint: Path) -> Encoder:
    return Encoder.from_pretrained(tiny_checkpoint)


class Store:
    """An S3 server of our own, over loopback, that can go down and come back as it was."""

    def __init__(self) -> None:
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", self._port, DomainDispatcherApplication(create_backend_app), True)
        self._port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Go down: who asks now finds nobody there."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def make_bucket(self, monkeypatch: pytest.MonkeyPatch) -> Bucket:
        """Make an empty bucket, and an environment in which it is found."""
        from botocore.session import get_session
        from s3fs import S3FileSystem

        S3FileSystem.clear_instance_cache()  # connections outlive a test
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = get_session().create_client("s3", endpoint_url=self.address)
        name = f"sounds-{secrets.token_hex(4)}"
        client.create_bucket(Bucket=name)
        return Bucket(name, client)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Store]:
    server = Store()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: Store, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    return s3_server.make_bucket(monkeypatch)


class Bucket:
    """A bucket of an S3 server."""

    def __init__(self, name: str, client: Any) -> None:
        self.name, self._client = name, client

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | Path) -> str:
        body = content.read_bytes() if isinstance(content, Path) else content
        self._client.put_object(Bucket=self.name, Key=key, Body=body)
        return f"{self.url}/{key}"

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)
