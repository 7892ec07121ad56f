"""Retry: what a store does not give is asked for again at the end, when it may be back."""

from collections.abc import Iterable, Iterator

from ...model.audio.stores import is_url
from ...model.paths import readable_path
from ..report import Failure
from .engine import Engine, Outcome
from .worker import Task

_MAX_IN_A_ROW = 20
"""So many objects that a store does not give, one after the other, and no more are asked for in this round."""

_N_ROUNDS = 2


def read_with_retry(engine: Engine, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
    """Read files and hand each over as soon as it is done; objects that a store did not give come once more.

    Each object that a store out of reach does not give takes seconds to fail, which would be days for millions.

    Args:
        engine: What reads them.
        tasks: The files; taken lazily.

    Yields:
        Each file once, with what came of it.

    Raises:
        SoundgrepError: As `Engine.read_files`.
    """
    for _ in range(_N_ROUNDS):
        this = _Round(tasks)
        for task, outcome in engine.read_files(this.tasks()):
            if not this.holds_back(task, outcome):
                yield task, outcome
        if not this.held:
            return
        # Those that were not asked for come first: whatever keeps the others from being read may be theirs alone.
        tasks = [*this.unasked, *this.refused]
        held = this.held
    yield from ((task, held[task.path]) for task in tasks)


class _Round:
    """One time through the files."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.held: dict[bytes, Failure] = {}
        self.unasked: list[Task] = []
        self.refused: list[Task] = []
        self._tasks = tasks
        self._n_in_a_row = 0
        self._reason = ""

    def tasks(self) -> Iterator[Task]:
        """Yield the files, but no more of a store that has given none for long."""
        for task in self._tasks:
            if self._n_in_a_row < _MAX_IN_A_ROW or not is_url(task.path):
                yield task
                continue
            reason = f"was not asked for, as {_MAX_IN_A_ROW} before it failed: {self._reason}"
            self.held[task.path] = Failure(readable_path(task.path), reason, is_lasting=False)
            self.unasked.append(task)

    def holds_back(self, task: Task, outcome: Outcome) -> bool:
        """Return whether a file is worth another try, and remember it if so."""
        if not is_url(task.path):
            return False
        if isinstance(outcome, Failure) and not outcome.is_lasting:
            self._n_in_a_row += 1
            self._reason = outcome.reason
            self.held[task.path] = outcome
            self.refused.append(task)
            return True
        self._n_in_a_row = 0
        return False
