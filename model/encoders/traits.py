"""Traits: what an encoder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Traits:
    """What an encoder takes and gives.

    Attributes:
        sampling_rate_hz: Rate of the waveforms that the audio tower takes.
        segment_s: Length of a segment, the most that one embedding hears.
        embedding_dim: Width of the embeddings.

    Raises:
        ValueError: If one is not above 0.
    """

    sampling_rate_hz: int
    segment_s: float
    embedding_dim: int

    def __post_init__(self) -> None:
        for name in ("sampling_rate_hz", "segment_s", "embedding_dim"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
