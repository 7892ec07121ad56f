"""Learning rate by steps: it rises, stays, and falls at the end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A warm-up, a plateau and a fall, counted in steps so that a run may be stopped and resumed at any speed.

    Attributes:
        n_steps: Steps in all.
        peak: Highest learning rate.
        warmup: Steps in which the rate rises.
        fall: Share of the steps in which it falls, at the end.
        floor: The last step's rate, as a share of the peak.
    """

    n_steps: int
    peak: float
    warmup: int = 300
    fall: float = 0.3
    floor: float = 0.02

    def rate(self, step: int) -> float:
        """Learning rate of a step; the fall is that of a square root (arXiv 2405.18392)."""
        rising = min(1.0, (step + 1) / max(self.warmup, 1))
        start = self.n_steps * (1 - self.fall)
        fallen = max(0.0, (step - start) / max(self.n_steps - start, 1))
        return self.peak * rising * (self.floor + (1 - self.floor) * (1 - min(fallen, 1.0) ** 0.5))
