"""When a campaign may ring, how many at once, and when again. Pure: no clock, no database.

Times are aware and in the utility's zone where hours of the day matter.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
# However a retry rule is written, nobody is rung again sooner than the gap.
RETRIED = ("busy", "no_answer", "failed", "dropped", "machine")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day [`opens`, `closes`) on `weekdays` (Monday is 0), between two moments."""

    opens: time
    closes: time
    weekdays: Collection[int] = EVERY_DAY
    starts: datetime | None = None
    ends: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether somebody may be rung at `now` (in the utility's zone)."""
        if self.starts is not None and now < self.starts:
            return False
        if self.ends is not None and now >= self.ends:
            return False
        return now.weekday() in self.weekdays and self.opens <= now.time() < self.closes

    def over(self, now: datetime) -> bool:
        """Whether it will never open again."""
        return self.ends is not None and now >= self.ends

    def next_opening(self, now: datetime) -> datetime | None:
        """`now` when it is open, else the next moment it is; None when it never will be."""
        moment = max(now, self.starts.astimezone(now.tzinfo)) if self.starts else now
        if self.is_open(moment):
            return moment
        for days in range(8):
            day = moment + timedelta(days=days)
            opening = day.replace(
                hour=self.opens.hour, minute=self.opens.minute, second=0, microsecond=0
            )
            if opening >= moment and self.is_open(opening):
                return opening
        return None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a number is tried and how long it is left alone.

    `gap_s` is the least time between two rings of one number, whatever came of the first;
    `after_s` names longer waits by result.
    """

    most_tries: int
    gap_s: int
    after_s: Mapping[str, int]

    def again_at(self, result: str, tries: int, rang_at: datetime) -> datetime | None:
        """When to try again after `tries` tries, the last at `rang_at`; None for never."""
        if result not in RETRIED or tries >= self.most_tries:
            return None
        return rang_at + timedelta(seconds=max(self.gap_s, self.after_s.get(result, 0)))


def lines_wanted(
    mode: str, *, free_agents: int, ratio: float, channels: int, ringing: int, talking: int,
    waiting: int = 0,
) -> int:  # fmt: skip
    """How many numbers may be rung now.

    Progressive: those ringing and those answered who still wait for an agent never exceed
    free agents x ratio (rounded down), nor the channels. `talking` have their agent and use up
    channels only. A notice needs no agent: ringing and listening together stay within the
    channels. Preview rings nobody by itself.
    """
    within_channels = channels - ringing - talking - waiting
    if mode == "progressive":
        allowed = math.floor(free_agents * ratio + 1e-9)
        return max(0, min(allowed - ringing - waiting, within_channels))
    if mode == "notice":
        return max(0, within_channels)
    return 0
