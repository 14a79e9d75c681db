"""Waiting longer after each failure, so that a restarting Asterisk is not hammered."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `first`, doubled each time up to `longest`, each shortened by chance."""

    first: float = 0.2
    longest: float = 5.0
    chance: Callable[[], float] = random.random
    _failures: int = field(default=0, init=False)

    def failed(self) -> float:
        """The next delay. Between half and the whole of the current step, so peers spread out."""
        step = min(self.longest, self.first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return step * (0.5 + 0.5 * self.chance())

    def succeeded(self) -> None:
        """Begin again with the shortest delay."""
        self._failures = 0
