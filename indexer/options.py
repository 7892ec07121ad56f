"""Options: the rarer choices of a run, together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildOptions:
    """How a run deals with what went missing or wrong.

    Attributes:
        prune: Whether clips whose files are gone may be dropped even if they are more than half of those that the
            collection has from the sources. Without it such a run keeps them and says so: a disk that is not there must
            not empty a collection.
        retry_failed: Whether files that could not be indexed before, and have not changed since, are read again.
    """

    prune: bool = False
    retry_failed: bool = False
