"""When customers have to know of planned works, and at what hour they may be told. Pure.

Local regulations and pledges: notice at least 24 h before the water goes, 48 h where it stays off
longer than 12 h. All figures are settings an operator may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Notice:
    """`hours` before the water goes; `long_hours` where it is off longer than `long_over`.

    `share`: of those to be told, how many per cent must have been, in time. Texts leave between
    `from_hour` and `to_hour` of the utility's clock only.
    """

    hours: int = 24
    long_hours: int = 48
    long_over: int = 12
    share: int = 95
    from_hour: int = 8
    to_hour: int = 21


def lead(rules: Notice, starts: datetime, ends: datetime) -> timedelta:
    """How long before the start everybody has to know."""
    long = ends - starts > timedelta(hours=rules.long_over)
    return timedelta(hours=rules.long_hours if long else rules.hours)


def latest(rules: Notice, starts: datetime, ends: datetime) -> datetime:
    """The last moment at which being told is in time."""
    return starts - lead(rules, starts, ends)


def may_text_at(rules: Notice, now: datetime) -> datetime:
    """`now`, or the next hour at which a notice may go out; `now` in the utility's zone."""
    if rules.from_hour <= now.hour < rules.to_hour:
        return now
    day = now if now.hour < rules.from_hour else now + timedelta(days=1)
    return day.replace(hour=rules.from_hour, minute=0, second=0, microsecond=0)


def enough(rules: Notice, told: int, total: int) -> bool:
    """Whether so many told are enough; with nobody to tell there is nothing to wait for."""
    return told * 100 >= rules.share * total
