"""The token: what who asks must know, where not everybody may ask."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from ...model.errors import UsageError
from ...model.paths import readable_path
from ...model.system import open_regular

LEAST_CHARACTERS = 16
_MOST_BYTES = 4096
_BESIDE_LETTERS = b"-._~+/="  # RFC 6750: what may follow "Bearer"


def new_token() -> str:
    """Make a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def read_token(path: Path) -> str:
    """Read a token from the first line of a file.

    Raises:
        UsageError: If the file cannot be read or is no regular one, or if its first line is no token.
    """
    name = readable_path(path)
    try:
        with open_regular(path) as file:  # secrets of containers are links
            line = file.readline(_MOST_BYTES).strip()
    except OSError as error:
        raise UsageError(f"{name}: the token cannot be read ({(error.strerror or str(error)).lower()})") from error
    except ValueError as error:
        raise UsageError(f"{name}: is not a path ({error})") from error
    if len(line) < LEAST_CHARACTERS:
        raise UsageError(f"{name}: its first line is the token, and must have at least {LEAST_CHARACTERS} characters")
    if not all(bytes([one]).isalnum() or one in _BESIDE_LETTERS for one in line):
        raise UsageError(f"{name}: a token has only letters and digits of ASCII, and any of {_BESIDE_LETTERS.decode()}")
    return line.decode("ascii")


def is_token(given: str, token: str) -> bool:
    """Compare what was given with the token, in a time that says nothing about it."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def cookie_value(token: str) -> str:
    """Make of the token what a browser keeps: it opens the same door, and does not betray the token."""
    return hashlib.blake2b(b"cookie", key=hashlib.blake2b(token.encode()).digest(), digest_size=24).hexdigest()
