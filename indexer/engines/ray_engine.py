"""The Ray engine: the machines of a cluster read the files, this one commits what they hand over.

Each core or GPU has a reader, an actor that runs the same pool with one process, so that what comes of a file is what
would come of it here, bit for bit on like processors. A reader gets a shard of files at a time, and sends its finished
embeddings back through Ray's object store, which spills to disk if it must: a kilobyte a second of sound, far less than
the sounds themselves, so that the cluster needs no folder that all machines can write. What they do need is the files
under the same paths (a shared file system, or a store's URLs) and this package. A shard whose reader is lost, with its
machine or alone, is read again by another one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import os
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
import ray.exceptions

from ...model.encoders.encoder import Encoder
from ...model.encoders.runtime import usable_cores
from ...model.errors import EngineError, SoundgrepError
from ...model.paths import readable_path
from ...model.system import user_number
from ..report import Failure
from .engine import Outcome
from .pool import Pool, local_pool
from .worker import Task

_MAX_SHARD_FILES = 32
_N_SHARDS_A_READER = 2  # one in hand, one waiting
_N_LOSSES = 3
_WAIT_S = 1.0
_CONNECT_S = 10.0
_PATIENCE_S = 300.0  # without any reader

_log = logging.getLogger(__name__)


@dataclasses.dataclass
class _Shard:
    """Files that one reader reads, and how often a reader was lost over them."""

    tasks: list[Task]
    n_losses: int = 0


class RayEngine:
    """Readers on the machines of a Ray cluster.

    Args:
        encoder: The encoder; a machine that has not got its folder is sent the files.
        n_files: Files to read.
        address: The cluster's address; None for the one of the environment, or else one made of this machine alone.
        n_workers: Readers; None for one a GPU, or one a core where there is no GPU.
        known_contents: Hashes of contents that need no embedding.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        n_files: int,
        address: str | None = None,
        n_workers: int | None = None,
        known_contents: frozenset[str] = frozenset(),
    ) -> None:
        self._encoder = encoder
        self._n_files = n_files
        self._address = address
        self._n_workers = n_workers
        self._known_contents = known_contents
        self._callers = Pool(1)
        self._is_ours = False
        self._n_readers = 0
        self._reader_class: Any = None
        self._arguments: tuple[Any, ...] = ()
        self._starting: dict[Any, Any] = {}  # what tells that a reader is ready, and the reader
        self._ready: list[Any] = []
        self._running: dict[Any, tuple[Any, _Shard]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the readers, and the connection to the cluster if it was made here."""
        self._callers.__exit__(kind, error, trace)
        for reader in [*self._ready, *self._starting.values()]:
            ray.kill(reader)
        self._ready, self._starting = [], {}
        if self._is_ours:
            ray.shutdown()
            self._is_ours = False

    def read_files(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Read files, and hand each shard over as soon as it is done.

        Args:
            tasks: The files.

        Yields:
            Each file with what came of it.

        Raises:
            SoundgrepError: If no file can be read, because the encoder cannot be loaded.
            EngineError: If no cluster answers, or it has had no room for a reader for minutes.
        """
        more = iter(tasks)
        first = next(more, None)
        if first is None:
            return
        self._connect()
        waiting = deque([_Shard([first])])
        n_shard_files = max(1, min(_MAX_SHARD_FILES, self._n_files // (self._n_readers * 2 * _N_SHARDS_A_READER)))
        alone_since_s = time.monotonic()
        while True:
            self._see_who_is_ready()
            self._hand_out(waiting, more, n_shard_files)
            if not self._running and not waiting:
                return
            if self._ready:
                alone_since_s = time.monotonic()
            elif time.monotonic() - alone_since_s > _PATIENCE_S:
                raise EngineError(f"the Ray cluster has had no room for a reader for {_PATIENCE_S:.0f} s")
            done, _ = ray.wait([*self._running, *self._starting], num_returns=1, timeout=_WAIT_S)
            for ref in done:
                if ref in self._running:
                    yield from self._take(ref, waiting)

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of a module in a process of this machine, and wait for what it returns.

        Raises:
            CheckpointError: If the process died of it.
        """
        return self._callers.call(function, *arguments)

    def _connect(self) -> None:
        if not ray.is_initialized():
            # A cluster that is started here reports nothing to anybody, and prints nothing into a listing.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            settings: dict[str, Any] = (
                {"num_cpus": usable_cores(), "include_dashboard": False} if self._is_alone() else {}
            )
            _check_address(self._address)
            try:
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR, **settings)
            except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
                where = self._address or "this machine"
                reason = " ".join(str(error).split())[:200]
                raise EngineError(f"{readable_path(where)}: no Ray cluster answers there ({reason})") from error
            self._is_ours = True
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # ray leaves it bare
        n_gpus = int(resources.get("GPU", 0))
        n_places = n_gpus or int(resources.get("CPU", 0)) or 1
        self._n_readers = max(1, min(self._n_workers or n_places, self._n_files))
        self._reader_class = ray.remote(num_cpus=1, num_gpus=1 if n_gpus else 0)(_Reader)
        files = {path.name: ray.put(path.read_bytes()) for path in self._encoder.source.iterdir() if path.is_file()}
        known = ray.put(self._known_contents)
        self._arguments = (str(self._encoder.source), self._encoder.digest, files, [known])
        for _ in range(self._n_readers):
            self._start()

    def _is_alone(self) -> bool:
        return self._address in (None, "local") and "RAY_ADDRESS" not in os.environ

    def _start(self) -> None:
        reader = self._reader_class.remote(*self._arguments)
        self._starting[reader.source.remote()] = reader

    def _see_who_is_ready(self) -> None:
        if not self._starting:
            return
        done, _ = ray.wait(list(self._starting), num_returns=len(self._starting), timeout=0)
        for ref in done:
            reader = self._starting.pop(ref)
            try:
                ray.get(ref)
            except ray.exceptions.RayTaskError as error:
                raise _cause_of(error) from error
            except ray.exceptions.RayError as error:
                _log.warning("a reader was lost as it started (%s)", type(error).__name__)
                self._start()
            else:
                self._ready.append(reader)

    def _hand_out(self, waiting: deque[_Shard], more: Iterator[Task], n_shard_files: int) -> None:
        """See that every reader has something in hand and something to go on with."""
        n_given = dict.fromkeys(self._ready, 0)
        for reader, _ in self._running.values():
            if reader in n_given:
                n_given[reader] += 1
        for _ in range(_N_SHARDS_A_READER):
            for reader in self._ready:
                if n_given[reader] >= _N_SHARDS_A_READER:
                    continue
                shard = waiting.popleft() if waiting else _next_shard(more, n_shard_files)
                if shard is None:
                    return
                n_given[reader] += 1
                self._running[reader.read.remote(shard.tasks)] = (reader, shard)

    def _take(self, ref: Any, waiting: deque[_Shard]) -> Iterator[tuple[Task, Outcome]]:
        reader, shard = self._running.pop(ref)
        try:
            outcomes = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            raise _cause_of(error) from error
        except ray.exceptions.RayError as error:
            yield from self._bury(reader, shard, waiting, why=type(error).__name__)
            return
        yield from zip(shard.tasks, outcomes, strict=True)

    def _bury(self, reader: Any, shard: _Shard, waiting: deque[_Shard], *, why: str) -> Iterator[tuple[Task, Outcome]]:
        """Have the shard of a reader that was lost read again, by others or by the one that takes its place."""
        if reader in self._ready:
            _log.warning("a reader of the cluster was lost (%s): what it had in hand is read again", why)
            self._ready.remove(reader)
            with contextlib.suppress(ray.exceptions.RayError):
                ray.kill(reader)
            self._start()
        n_losses = shard.n_losses + 1
        if len(shard.tasks) > 1 and n_losses < _N_LOSSES:
            waiting.appendleft(_Shard(shard.tasks, n_losses))
        elif len(shard.tasks) > 1:
            waiting.extend(_Shard([task]) for task in shard.tasks)  # one of them may be to blame
        elif n_losses < _N_LOSSES:
            waiting.append(_Shard(shard.tasks, n_losses))
        else:
            reason = f"its reader was lost {n_losses} times"
            yield shard.tasks[0], Failure(readable_path(shard.tasks[0].path), reason, is_lasting=False)


def _check_address(address: str | None) -> None:
    """Ask quickly whether anybody listens: Ray itself asks for minutes."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(f"{readable_path(address or '')}: no Ray cluster answers there ({reason})") from error


class _Reader:
    """What runs on the cluster's machines, one a core or a GPU.

    Args:
        source: Folder of the encoder's checkpoint on the machine that started all this.
        digest: The encoder's digest.
        files: The checkpoint's files in the object store, by name.
        known: In a list of one, so that Ray does not look into it, the contents that need no embedding.
    """

    def __init__(self, source: str, digest: str, files: Mapping[str, Any], known: list[Any]) -> None:
        self._source = _checkpoint_here(source, digest, files)
        self._pool = _pool_here(ray.get(known[0]))

    def source(self) -> str:
        """Return the folder of the checkpoint on this machine."""
        return self._source

    def read(self, tasks: list[Task]) -> list[Outcome]:
        """Read a shard, and give what came of each of its files."""
        here = [dataclasses.replace(task, encoder_source=self._source) for task in tasks]
        outcomes = {task.path: outcome for task, outcome in self._pool.read_files(here)}
        return [outcomes[task.path] for task in tasks]


def _pool_here(known_contents: frozenset[str]) -> Pool:
    """Make the pool of a reader: one process with one thread, or what suits the GPU that the reader has."""
    if ray.get_gpu_ids():
        return local_pool(_MAX_SHARD_FILES, n_workers=None, known_contents=known_contents)
    return Pool(1, known_contents=known_contents)


def _checkpoint_here(source: str, digest: str, files: Mapping[str, Any]) -> str:
    """Find the checkpoint on this machine, or write it to the folder for temporary files."""
    kept = Path(tempfile.gettempdir()) / f"soundgrep-{user_number()}-{digest.removeprefix('sha256:')[:32]}"
    for folder in (Path(source), kept):
        with contextlib.suppress(SoundgrepError):
            if folder.is_dir() and Encoder.from_pretrained(folder).digest == digest:
                return str(folder)
    fresh = Path(tempfile.mkdtemp(prefix=f"{kept.name}-"))
    for name, content in files.items():
        (fresh / name).write_bytes(ray.get(content))
    try:
        fresh.rename(kept)
    except OSError:  # another reader of this machine was quicker
        if not kept.is_dir() or Encoder.from_pretrained(kept).digest != digest:
            return str(fresh)
        shutil.rmtree(fresh, ignore_errors=True)
    return str(kept)


def _next_shard(more: Iterator[Task], n: int) -> _Shard | None:
    tasks = list(itertools.islice(more, n))
    return _Shard(tasks) if tasks else None


def _cause_of(error: ray.exceptions.RayTaskError) -> Exception:
    cause = getattr(error, "cause", None)
    if isinstance(cause, SoundgrepError):
        return cause
    return EngineError(f"a reader of the Ray cluster failed ({' '.join(str(cause or error).split())[-200:]})")
