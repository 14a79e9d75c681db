"""How long somebody has worked, rested and worked by night. Pure: intervals in, seconds out.

The limits are a utility's own (settings STANDPIPE["HOURS"]); eleven hours of rest between two
days of work are what the European working time directive asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]

DAY = timedelta(days=1)
WINDOW = timedelta(days=7)
# A gap shorter than this is a break, not a rest: work goes on after it.
PAUSE = timedelta(hours=1)
NIGHT_FROM, NIGHT_TO, NIGHT_LEAST = time(23), time(6), timedelta(hours=3)


@dataclass(frozen=True)
class Hours:
    """Of one person at a moment. `rest_s` is None where nothing came before in seven days."""

    worked_s: float = 0.0  # in the last 24 hours
    rest_s: float | None = None  # before the stretch of work that is going on, or up to now
    nights: int = 0  # with three hours of work or more, in the last seven days


@dataclass(frozen=True)
class Limits:
    """Beyond the first of each pair it costs, at the second nobody is sent."""

    work_h: tuple[float, float] = (10.0, 13.0)
    rest_h: tuple[float, float] = (11.0, 8.0)
    nights: tuple[int, int] = (5, 7)


def merged(spans: Iterable[Span], until: datetime) -> list[Span]:
    """What was worked up to `until`, overlaps once, in order."""
    found: list[Span] = []
    for start, end in sorted((s, min(e, until)) for s, e in spans if s < until):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif end > start:
            found.append((start, end))
    return found


def reckon(spans: Sequence[Span], at: datetime, zone: ZoneInfo) -> Hours:
    """Work, rest and nights up to `at` of somebody who worked `spans`."""
    done = merged(spans, at)
    if not done:
        return Hours()
    worked = sum(
        (min(e, at) - max(s, at - DAY)).total_seconds() for s, e in done if e > at - DAY
    )
    return Hours(worked, _rest(done, at), _nights(done, at, zone))


def _rest(done: list[Span], at: datetime) -> float | None:
    start, end = done[-1]
    if at - end >= PAUSE:
        return (at - end).total_seconds()  # at rest right now
    for before, after in reversed(done[:-1]):
        if start - after >= PAUSE:
            return (start - after).total_seconds()
        start = before
    return None


def _nights(done: list[Span], at: datetime, zone: ZoneInfo) -> int:
    found = 0
    for begin, end in _windows(at, zone):
        inside = sum(
            ((min(e, end) - max(s, begin)) for s, e in done if e > begin and s < end), timedelta()
        )
        found += inside >= NIGHT_LEAST
    return found


@lru_cache(maxsize=64)
def _windows(at: datetime, zone: ZoneInfo) -> tuple[Span, ...]:
    """The nights of the last seven days; the same for everybody who is asked about at once."""
    today = at.astimezone(zone).date()
    found = []
    for back in range(WINDOW.days + 1):
        day = today - timedelta(days=back)
        begin = datetime.combine(day, NIGHT_FROM, tzinfo=zone).astimezone(at.tzinfo)
        end = datetime.combine(day + DAY, NIGHT_TO, tzinfo=zone).astimezone(at.tzinfo)
        if end > at - WINDOW:
            found.append((begin, end))
    return tuple(found)


def worst(people: Sequence[Hours]) -> Hours | None:
    """The crew is as tired as its most tired member; None where nobody is registered."""
    if not people:
        return None
    rests = [h.rest_s for h in people if h.rest_s is not None]
    return Hours(
        max(h.worked_s for h in people), min(rests) if rests else None,
        max(h.nights for h in people),
    )  # fmt: skip
