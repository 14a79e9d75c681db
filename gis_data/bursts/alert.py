"""Is that many calls unusual here, now? A Poisson tail against the usual local rate.

The usual rate is that of an area at an hour of the week, calls per premise and hour, from the
weeks on record. Few calls say little, so every level is pulled towards the one above it: an area's
hour towards the city's hour scaled by the area, the city's hour towards the default. A city without
any history is judged by the default alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

HOURS = 168
#: Calls about water trouble per premise and hour where nothing is known: two a week per thousand.
DEFAULT_RATE = 2.0 / 1000 / HOURS
#: A count less likely than this under the usual rate is an alert.
IMPROBABLE = 1e-4
#: How many weeks of the level above an area's own record is weighed against.
PSEUDO_WEEKS = 4.0


def poisson_tail(count: int, expected: float) -> float:
    """P(N >= count) for a Poisson N with this mean; 1.0 for count 0."""
    if count <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    if not math.isfinite(expected):
        return 1.0
    # Summed from the tail down: 1 - cdf would lose everything below 1e-16.
    term = math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))
    total, n = 0.0, count
    while term > total * 1e-16:
        total += term
        n += 1
        term *= expected / n
        if n > count + 10_000:
            break
    return min(total, 1.0)


@dataclass(frozen=True)
class Rates:
    """Calls per premise and hour, by area and hour of the week (0 = Monday, midnight to one)."""

    weeks: float = 0.0
    premises: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    default: float = DEFAULT_RATE
    pseudo_weeks: float = PSEUDO_WEEKS

    @classmethod
    def of(
        cls,
        calls: Iterable[tuple[str, int]],
        premises: Mapping[str, int],
        weeks: float,
        *,
        default: float = DEFAULT_RATE,
    ) -> Rates:
        """From past calls as (area, hour of the week) over `weeks` weeks."""
        counts: dict[tuple[str, int], int] = {}
        for key in calls:
            counts[key] = counts.get(key, 0) + 1
        return cls(max(weeks, 0.0), dict(premises), counts, default)

    def rate(self, area: str, hour: int) -> float:
        """Calls per premise and hour to expect in `area` at `hour` of the week."""
        hour %= HOURS
        everywhere = sum(self.premises.values())
        if self.weeks <= 0 or everywhere <= 0:
            return self.default
        k = self.pseudo_weeks
        # The city: its level first, then the hour's share of it.
        exposure = everywhere * self.weeks * HOURS
        pseudo = everywhere * k * HOURS
        total = sum(self.counts.values())
        level = (total + self.default * pseudo) / (exposure + pseudo)
        at_hour = sum(n for (_area, h), n in self.counts.items() if h == hour)
        city = (at_hour + level * everywhere * k) / (everywhere * (self.weeks + k))
        here = self.premises.get(area, 0)
        if here <= 0:
            return city
        # The area: its level against the city's, then its hour against that.
        mine = sum(n for (a, _hour), n in self.counts.items() if a == area)
        usual = level * here * HOURS
        scale = (mine + usual * k) / (usual * self.weeks + usual * k) if usual > 0 else 1.0
        base = city * scale * here
        return (self.counts.get((area, hour), 0) + base * k) / (here * (self.weeks + k))


@dataclass(frozen=True, slots=True)
class Judgement:
    """`calls` premises called where `expected` were usual; `p` is the chance of that many."""

    calls: int
    expected: float
    p: float
    alert: bool


def judge(
    calls: int,
    *,
    premises: int,
    hours: float,
    rate: float,
    min_calls: int = 3,
    improbable: float = IMPROBABLE,
) -> Judgement:
    """Judge a cluster: `calls` premises of `premises` in its reach called within `hours`."""
    expected = rate * max(premises, calls) * hours
    p = poisson_tail(calls, expected)
    return Judgement(calls, expected, p, calls >= min_calls and p < improbable)
