"""The engine seam: what a run needs of whatever reads its files, this machine's processes or a cluster's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self

from ..report import Failure
from .worker import EmbeddedFile, RecognisedFile, Task

Outcome = EmbeddedFile | RecognisedFile | Failure


class Engine(Protocol):
    """Reads files, several at a time, in processes of its own; a context manager that ends them.

    An engine decides where a file is read and what becomes of one that takes its reader down; what comes of a file
    (`read_file`) is the same everywhere, so that every engine makes the same collection.
    """

    def __enter__(self) -> Self:
        """Open the engine; nothing need start before there is something to do."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process it started."""
        ...

    def read_files(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Read files and hand each over as soon as it is done, in any order.

        Args:
            tasks: The files; taken lazily, a few more than are being read.

        Yields:
            Each file once, with what came of it. One that kills or hangs its reader is a `Failure` as any other.

        Raises:
            SoundgrepError: If no file can be read, because the encoder cannot be loaded.
        """
        ...

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of a module where files are read, and wait for what it returns.

        Raises:
            CheckpointError: If the process died of it.
        """
        ...
