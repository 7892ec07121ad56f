"""Options: the rarer choices of a run, together."""

from dataclasses import dataclass

from ..model.errors import UsageError
from ..model.extras import need_extra

ENGINES = ("local", "ray")
"""What can read files: processes of this machine, or a Ray cluster."""


@dataclass(frozen=True)
class BuildOptions:
    """How a run deals with what went missing or wrong.

    Attributes:
        prune: Whether clips whose files are gone may be dropped even if they are more than half of those that the
            collection has from the sources. Without it such a run keeps them and says so: a disk that is not there must
            not empty a collection.
        retry_failed: Whether files that could not be indexed before, and have not changed since, are read again.
        engine: What reads the files, one of `ENGINES`.
        address: Address of the Ray cluster; None for the one of the environment, or one made of this machine alone.
        recall: Share of the exact ten nearest segments that the index must find for a text, 0.5 to 1; the more, the
            slower the search. None for what the collection was asked for before, or 0.99.
        exclude: Patterns of files and folders to pass over: a name at any depth, as `*.mp3` or `drafts`, or a path
            below the source, as `old/*/takes`. Clips that the collection has of them go, as if their files were gone.
        rebuild_index: Whether to make the cells of the index anew even where those there would do.

    Raises:
        UsageError: If the recall is out of its range, there is no such engine, Ray is asked for but not installed, or
            an address but not Ray.
    """

    prune: bool = False
    retry_failed: bool = False
    engine: str = "local"
    address: str | None = None
    recall: float | None = None
    rebuild_index: bool = False
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.recall is not None and not 0.5 <= self.recall <= 1:
            raise UsageError(f"recall must be from 0.5 to 1, not {self.recall:g}")
        if self.engine not in ENGINES:
            raise UsageError(f"the engine must be {' or '.join(ENGINES)}, not {self.engine!r}")
        if self.engine == "ray":
            need_extra("ray", wanted_by="the engine ray")
        if self.engine != "ray" and self.address is not None:
            raise UsageError("an address is for the engine ray only")
