"""Shift patterns as cycles of days, and the shifts they make. Pure: dates in, times out.

Times are the utility's wall clock: a night shift over the change to summer time is an hour
shorter, and begins and ends when the clock on the wall says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Turn:
    """One shift of a pattern. It ends on the next day where `ends` is not after `starts`."""

    kind: str
    starts: time
    ends: time


D12, N12 = Turn("day", time(8), time(20)), Turn("night", time(20), time(8))
EARLY = Turn("day", time(6), time(14))
LATE = Turn("evening", time(14), time(22))
NIGHT = Turn("night", time(22), time(6))
OFFICE = Turn("day", time(8), time(17))

# A day of the cycle each; None is free. Crews start one step apart, so that they relieve each
# other: with four crews on four_team_12 one works by day and one by night, every day.
PATTERNS: dict[str, tuple[Turn | None, ...]] = {
    "four_team_12": (D12, N12, None, None),
    "four_team_8": (EARLY, EARLY, LATE, LATE, NIGHT, NIGHT, None, None),
    "three_shifts": (*(EARLY,) * 7, *(LATE,) * 7, *(NIGHT,) * 7),
    "weekdays": (*(OFFICE,) * 5, None, None),
    "every_day": (D12,),
    "every_night": (N12,),
}
# How many days of the cycle lie between one crew and the next; 0: all work at the same time.
STEP = {"four_team_12": 1, "four_team_8": 2, "three_shifts": 7}
# A cycle that follows the week begins on Mondays; others begin with a fixed day, so that a range
# added later goes on where the one before ended.
EPOCH = date(2024, 1, 1)  # a Monday


@dataclass(frozen=True)
class Planned:
    """One shift a pattern makes: `crew` is the place in the list of crews."""

    crew: int
    kind: str
    starts: datetime
    ends: datetime


def apply(
    pattern: Sequence[Turn | None], crews: int, first: date, last: date, zone: ZoneInfo, *,
    step: int = 0,
) -> list[Planned]:  # fmt: skip
    """The shifts of `crews` crews that begin from `first` to `last` (both included)."""
    found = []
    for crew in range(crews):
        day = first
        while day <= last:
            turn = pattern[((day - EPOCH).days - crew * step) % len(pattern)]
            if turn is not None:
                starts, ends = span(day, turn, zone)
                found.append(Planned(crew, turn.kind, starts, ends))
            day += DAY
    return sorted(found, key=lambda p: (p.starts, p.crew))


def span(day: date, turn: Turn, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when a turn that begins on `day` goes, in UTC."""
    end_day = day if turn.ends > turn.starts else day + DAY
    utc = ZoneInfo("UTC")
    return (
        datetime.combine(day, turn.starts, tzinfo=zone).astimezone(utc),
        datetime.combine(end_day, turn.ends, tzinfo=zone).astimezone(utc),
    )
