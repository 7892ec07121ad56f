"""Learning rate and stopping by the clock, so that a run fits the time it is given."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Time spent of a budget, across restarts.

    Attributes:
        budget_s: Seconds of training in all.
        spent_s: Seconds spent before this process started.
        warmup: Share of the budget in which the learning rate rises.
    """

    budget_s: float
    spent_s: float = 0.0
    warmup: float = 0.03
    _started: float = field(default_factory=time.monotonic, repr=False)

    @property
    def elapsed_s(self) -> float:
        """Seconds spent in all."""
        return self.spent_s + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(1.0, self.elapsed_s / self.budget_s)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self.elapsed_s >= self.budget_s

    def rate(self, peak: float, *, floor: float = 0.01) -> float:
        """Learning rate now: a linear rise, then a cosine fall to `floor * peak`."""
        if self.progress < self.warmup:
            return peak * max(self.progress / self.warmup, 0.01)
        fall = (self.progress - self.warmup) / (1 - self.warmup)
        return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * fall)))
