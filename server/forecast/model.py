"""Calls of coming days by half hour: the day's total times the share of each half hour. Pure.

The total comes from a regression of log totals (weekday, holiday, planned shut-offs, frost), old
days fading with a half-life of eight weeks, brought to the level of the last two weeks. A make-up
workday counts as the middle of a working week. The shares are those of the same kind of day. Days
marked as outliers teach nothing. Counts spread more than Poisson: the negative binomial's second
parameter is learned from how wrong the model has been.

Beside it stands the seasonal naive, the same half hour a week ago, which everything is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

SLOTS = 48
HALF_LIFE_D = 56.0
LEVEL_D = 14
PROFILE_DAYS = 10
# A ridge, so that a regressor seen once or twice does not run away.
RIDGE = 0.3
MIDWEEK = 2
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """What is known of a day beforehand, and whether it may teach.

    `off_share`: share of all premises that planned works leave dry; `frost`: degrees below zero
    of the coldest hour, 0 where unknown.
    """

    on: date
    holiday: bool = False
    workday: bool = False  # works although it is a weekend
    outlier: bool = False
    off_share: float = 0.0
    frost: float = 0.0

    @property
    def kind(self) -> int:
        """0..6: the weekday it behaves like; 7: a holiday."""
        if self.holiday:
            return 7
        return MIDWEEK if self.workday and self.on.weekday() >= 5 else self.on.weekday()


@dataclass(frozen=True, slots=True)
class History:
    """`counts` (days x 48) of consecutive `days`; a day nobody counted is NaN throughout."""

    days: tuple[Day, ...]
    counts: Numbers

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.days), SLOTS):
            raise ValueError(f"counts: shape {self.counts.shape} for {len(self.days)} days")

    def until(self, n: int) -> History:
        """The first `n` days."""
        return History(self.days[:n], self.counts[:n])

    @property
    def known(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.counts).any(axis=1))


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model: expected totals, shares, and how much one and the other spread."""

    beta: Numbers
    mean: Numbers
    level: float
    shares: Numbers  # 8 x 48
    day_spread: float
    slot_spread: float

    def total(self, day: Day) -> float:
        return float(np.exp((_row(day) - self.mean) @ self.beta + self.level))

    def expected(self, day: Day) -> Numbers:
        """Calls by half hour; less than one in twenty days is none."""
        found = self.total(day) * self.shares[day.kind]
        return np.where(found < 0.05, 0.0, found)


def _row(day: Day) -> Numbers:
    kinds = np.zeros(8)
    kinds[day.kind] = 1.0
    return np.concatenate([kinds, [np.log1p(100 * day.off_share), day.frost / 10]])


def fit(history: History) -> Fit:
    """Learn from all days known and not marked. ValueError when there is none with a call."""
    use = history.known & ~np.array([d.outlier for d in history.days], bool)
    use &= np.where(np.isnan(history.counts), 0, history.counts).sum(axis=1) > 0
    where = np.flatnonzero(use)
    if not where.size:
        raise ValueError("counts: there is no day with a call")
    days = [history.days[i] for i in where]
    counts = history.counts[where]
    age = (len(history.days) - 1 - where).astype(float)
    weight = 0.5 ** (age / HALF_LIFE_D)
    x = np.array([_row(d) for d in days])
    y = np.log(counts.sum(axis=1))
    mean = (weight @ x) / weight.sum()
    middle = float(weight @ y / weight.sum())
    centred, sized = x - mean, weight[:, None]
    beta = np.linalg.solve(
        centred.T @ (sized * centred) + RIDGE * np.eye(x.shape[1]),
        centred.T @ (weight * (y - middle)),
    )
    left = y - middle - centred @ beta
    recent = 0.5 ** (age / (LEVEL_D / 2))
    # Shrunk towards nothing new, as if three more days had shown none.
    level = middle + float(recent @ left) / (float(recent.sum()) + 3 * 0.1)
    shares = _shares(days, counts, age)
    still = y - level - centred @ beta
    totals = counts.sum(axis=1)
    near = age < 2 * HALF_LIFE_D
    # Of the spread of totals the part that Poisson explains is not the day's own.
    own = float(np.mean(still[near] ** 2) - np.mean(1 / totals[near]))
    fitted = np.exp(level + centred @ beta)[:, None] * shares[[d.kind for d in days]]
    return Fit(
        beta=beta, mean=mean, level=level, shares=shares, day_spread=max(own, 1e-4),
        slot_spread=spread(counts[near], fitted[near]),
    )  # fmt: skip


def _shares(days: list[Day], counts: Numbers, age: Numbers) -> Numbers:
    """For each kind of day the share of every half hour; few days lean on those like them."""
    out = np.zeros((8, SLOTS))
    whole = counts.sum(axis=0) + 0.02
    for kind in range(8):
        mine = [i for i, d in enumerate(days) if d.kind == kind]
        like = [i for i, d in enumerate(days) if (d.kind >= 5) == (kind >= 5)]
        mine.sort(key=lambda i: age[i])
        like.sort(key=lambda i: age[i])
        lean = counts[like[: 2 * PROFILE_DAYS]].sum(axis=0)
        base = lean + 0.02 * whole / whole.sum() * max(lean.sum(), 1.0)
        own = counts[mine[:PROFILE_DAYS]].sum(axis=0)
        # The others weigh as much as two days of this kind.
        two_days = 2 * (own.sum() / max(len(mine[:PROFILE_DAYS]), 1) if mine else 1.0)
        mixed = own + two_days * base / base.sum()
        out[kind] = mixed / mixed.sum()
    return out


def spread(actual: Numbers, expected: Numbers) -> float:
    """The second parameter of the negative binomial: variance = m + spread x m^2."""
    square = float((expected**2).sum())
    if not square:
        return 0.01
    return max(float((((actual - expected) ** 2) - expected).sum()) / square, 1e-4)


def interval(expected: Numbers, by: float, share: float = 0.9) -> tuple[Numbers, Numbers]:
    """(low, high): the `share` in the middle of a negative binomial with these means."""
    m = np.maximum(expected, 1e-6)
    n, p = 1 / by, 1 / (1 + by * m)
    edge = (1 - share) / 2
    low = np.asarray(stats.nbinom.ppf(edge, n, p), float)
    high = np.asarray(stats.nbinom.ppf(1 - edge, n, p), float)
    return low, high


def naive(history: History, on: date) -> Numbers:
    """The same half hour on the latest known day that lies whole weeks before `on`; NaN if none."""
    last = history.days[-1].on
    known = history.known
    back = on - timedelta(days=7 * max(1, -(-(on - last).days // 7)))
    while back >= history.days[0].on:
        at = (back - history.days[0].on).days
        if at < len(known) and known[at]:
            return np.asarray(history.counts[at])
        back -= timedelta(days=7)
    return np.full(SLOTS, np.nan)


def update(expected: Numbers, seen: Any, day_spread: float) -> Numbers:
    """The rest of today after its first half hours: as the day has run so far, carefully.

    `seen` holds the counts of the half hours that are over. The day's own factor is a gamma with
    mean 1 and variance `day_spread`, so few calls move it little. What is over stays as expected.
    """
    so_far = np.asarray(seen, float)
    n = len(so_far)
    strength = 1 / max(day_spread, 1e-4)
    factor = (strength + so_far.sum()) / (strength + float(expected[:n].sum()))
    out = expected.copy()
    out[n:] *= factor
    return out
