"""The exception tree: everything soundgrep raises on purpose descends from `SoundgrepError`.

SoundgrepError
  UsageError              an argument, option or file (also a ValueError)
  QueryError              a query, filter or SQL statement (also a ValueError)
  AudioError              a sound
    AudioReadError          its bytes, which cannot be read just now
  ArchiveError            a tar archive
  CheckpointError         an encoder's files
  EngineError             what reads the files
  CollectionError         a collection
    IndexDamagedError       its index, which can be made anew from its tables
    EncoderMismatchError    a collection of another encoder
"""


class SoundgrepError(Exception):
    """Root of every error that soundgrep raises on purpose; its message is one sentence for a person."""


class UsageError(SoundgrepError, ValueError):
    """An argument, option or file given by the caller cannot be used as it is."""


class MissingPackageError(UsageError, ImportError):
    """What was asked for needs a package that is not installed; the message says which, and how to install it."""


class AudioError(SoundgrepError):
    """An audio file cannot be decoded, or a waveform cannot be embedded."""


class AudioReadError(AudioError):
    """The bytes of a sound cannot be read, which says nothing of the sound: the next try may go well."""


class ArchiveError(SoundgrepError):
    """A tar archive is damaged, compressed or none; the message is the rest of a sentence that begins with its path."""


class CheckpointError(SoundgrepError):
    """A checkpoint is missing, unreadable, of another family, or does not fit its configuration."""


class EngineError(SoundgrepError):
    """What reads the files, a cluster for example, is not there or was lost for good."""


class CollectionError(SoundgrepError):
    """A collection is missing, unreadable, of another format version, or busy."""


class IndexDamagedError(CollectionError):
    """The index of a collection is damaged; its tables may not be."""


class EncoderMismatchError(CollectionError):
    """A collection was made by another encoder than the one that is asked to query or extend it."""


class QueryError(SoundgrepError, ValueError):
    """A query, filter or SQL statement cannot be answered."""


class SoundgrepWarning(UserWarning):
    """Something was done differently from what was asked (a text cut short, an index not used)."""
