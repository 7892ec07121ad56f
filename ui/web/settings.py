"""Settings of a service, as its worker processes are told them."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field

VARIABLE = "SOUNDGREP_SERVICE"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """What a service serves, and how much of it one request may take.

    Attributes:
        collections: Folders of the collections.
        host: Address it listens at.
        token: What who asks must know; None if nobody is asked.
        admits_owner: Whether programs of the user who runs it need no token, if they ask from this machine.
        allow_hosts: Names that it may be called by beside its own, behind a proxy for example.
        max_k: Most hits a request may ask for.
        max_offset: Furthest page a request may ask for.
        max_body_bytes: Most bytes of a request's body; a sound may have as many, everything else `max_json_bytes`.
        max_json_bytes: Most bytes of a body that is no sound.
        max_sound_s: Longest sound to search by, and longest preview.
        time_limit_s: Time a request may take to arrive, and again to be answered.
        check_s: How often collections are looked at for what was written to them.
    """

    collections: tuple[str, ...]
    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    admits_owner: bool = False
    allow_hosts: tuple[str, ...] = ()
    max_k: int = 1_000
    max_offset: int = 10_000
    max_body_bytes: int = 32 << 20
    max_json_bytes: int = 8 << 20
    max_sound_s: float = 120.0
    time_limit_s: float = 30.0
    check_s: float = 1.0

    @property
    def decoding_limit_s(self) -> float:
        """How long decoding may take, so that there is time left to say that it takes too long."""
        return 0.8 * self.time_limit_s

    @property
    def allowed_hosts(self) -> frozenset[str] | None:
        """Names that a request may call the service by; None for any.

        On the loopback only its own: otherwise a page in the user's browser could have its own name lead here, and read
        what it likes.
        """
        if self.is_local or self.allow_hosts:
            return frozenset((*LOOPBACK_HOSTS, self.host, *(name.lower() for name in self.allow_hosts)))
        return None

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine reach it."""
        return self.host in LOOPBACK_HOSTS

    def hand_on(self) -> None:
        """Put them where worker processes find them."""
        os.environ[VARIABLE] = json.dumps(dataclasses.asdict(self))

    @classmethod
    def handed_on(cls) -> Settings:
        """Return the settings that the parent process handed on."""
        fields = json.loads(os.environ[VARIABLE])
        return cls(**fields | {name: tuple(fields[name]) for name in ("collections", "allow_hosts")})
