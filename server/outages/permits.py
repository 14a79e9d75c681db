"""Which permits works need, and which of them an emergency may file afterwards. Pure.

A table of ours after common practice; who issues what differs from city to city. Where life is at
stake (a chamber, a flame, the fire service's water) no emergency excuses from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NIGHT_FROM, NIGHT_TO = 22, 6
DEEP_M = 1.2  # a chamber deeper than this is a confined space
# What the planner says of the works.
WORKS = ("road", "lane", "hot")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. Times in the utility's zone; `works` of WORKS."""

    starts: datetime
    ends: datetime
    works: frozenset[str] = frozenset()
    hydrants_lost: int = 0
    deepest_chamber_m: float = 0.0
    gas: bool = False


def at_night(starts: datetime, ends: datetime) -> bool:
    """Whether any minute of it lies in the night."""
    if ends - starts >= timedelta(hours=24):
        return True
    moment = starts
    while moment < ends:
        if moment.hour >= NIGHT_FROM or moment.hour < NIGHT_TO:
            return True
        moment = min(ends, moment + timedelta(minutes=15))
    return False


@dataclass(frozen=True, slots=True)
class Rule:
    """`file_after`: hours within which an emergency files it; None where it may not wait."""

    kind: str
    needed: Callable[[Facts], bool] = field(repr=False)
    file_after: int | None = None


RULES: tuple[Rule, ...] = (
    Rule("road_opening", lambda f: "road" in f.works, file_after=24),
    Rule("traffic", lambda f: "lane" in f.works, file_after=24),
    Rule("night_work", lambda f: at_night(f.starts, f.ends), file_after=24),
    Rule("fire_service", lambda f: f.hydrants_lost > 0),
    Rule("confined_space", lambda f: f.deepest_chamber_m > DEEP_M or f.gas),
    Rule("hot_work", lambda f: "hot" in f.works),
)
KINDS = tuple(rule.kind for rule in RULES)
BY_KIND = {rule.kind: rule for rule in RULES}


def needed(facts: Facts) -> list[str]:
    """The kinds of permits these works need, in the order of the table."""
    return [rule.kind for rule in RULES if rule.needed(facts)]


def may_wait(kind: str) -> bool:
    """Whether an emergency may begin without it."""
    return BY_KIND[kind].file_after is not None


def file_by(kind: str, started: datetime) -> datetime | None:
    """Until when an emergency has to file it; None where it had to be there at the start."""
    hours = BY_KIND[kind].file_after
    return None if hours is None else started + timedelta(hours=hours)
