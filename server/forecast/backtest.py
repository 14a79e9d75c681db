"""What the forecast would have said: rolling origins, three horizons, and the gate. Pure.

From every day of the held-out part the model is fitted on what was known then and asked for 1, 7
and 28 days ahead; the seasonal naive answers the same questions. The model is shown only when its
MASE is below 1 and its WAPE at least 10 % below the naive one's, both one week ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from server.forecast.measures import coverage, mase, smape, wape
from server.forecast.model import Fit, History, Numbers, fit, interval, naive, spread

HORIZONS = (1, 7, 28)
JUDGED_BY = 7
LEAST_WEEKS = 4  # below this the naive one stands, unasked
TRIAL_WEEKS = 8  # below this nothing can be held out
FULL_WEEKS = 26
BETTER = 0.9
TRAIN_D = 28


@dataclass(frozen=True, slots=True)
class Verdict:
    """`show` "model" or "naive"; `why`: passed, worse, short_history, not_tested, no_history.

    `measures` by horizon: {"smape", "wape", "mase", "coverage", "naive_wape", "naive_smape",
    "naive_mase", "days"}. `spreads`: the negative binomial's second parameter by horizon, learned
    from what went wrong.
    """

    show: str
    why: str
    weeks: float
    measures: dict[int, dict[str, Any]] = field(default_factory=dict)
    spreads: dict[int, float] = field(default_factory=dict)


def seasonal_error(history: History) -> float:
    """Mean error of "as a week ago" within a history; 0 when there are no two such days."""
    if len(history.days) <= 7:
        return 0.0
    gap = np.abs(history.counts[7:] - history.counts[:-7])
    return 0.0 if np.isnan(gap).all() else float(np.nanmean(gap))


def judge(history: History) -> Verdict:
    """Try the model on its own past."""
    known = history.known
    days = len(history.days) - int(np.argmax(known)) if known.any() else 0
    weeks = days / 7
    if days < 7:
        return Verdict("naive", "no_history", weeks)
    if weeks < LEAST_WEEKS:
        return Verdict("naive", "short_history", weeks)
    if weeks < TRIAL_WEEKS:
        return Verdict("naive", "not_tested", weeks)
    first = len(history.days) - days
    return _judged(History(history.days[first:], history.counts[first:]), weeks)


def _judged(history: History, weeks: float) -> Verdict:
    n = len(history.days)
    # Half of a short history is held out, and never more than half a year.
    held = min(n - TRAIN_D, 182) if weeks >= FULL_WEEKS else (n - TRAIN_D) // 2 + 1
    rows: dict[int, list[tuple[Numbers, Numbers, Numbers, Numbers, Numbers]]] = {
        h: [] for h in HORIZONS
    }
    missed: dict[int, list[tuple[Numbers, Numbers]]] = {h: [] for h in HORIZONS}
    for origin in range(n - held, n):
        known = history.until(origin)
        made: Fit | None = None
        for h in HORIZONS:
            at = origin + h - 1
            if at >= n or history.days[at].outlier or np.isnan(history.counts[at]).any():
                continue
            made = made or fit(known)
            expected = made.expected(history.days[at])
            before = naive(known, history.days[at].on)
            if np.isnan(before).any():
                continue
            # Only from what was wrong before this origin; the first ones by the fit itself.
            past = missed[h][: max(0, len(missed[h]) - h)][-56:]
            by = (
                spread(np.array([a for a, _f in past]), np.array([f for _a, f in past]))
                if len(past) >= 7 else made.slot_spread
            )  # fmt: skip
            low, high = interval(expected, by)
            rows[h].append((history.counts[at], expected, before, low, high))
            missed[h].append((history.counts[at], expected))
    scale = seasonal_error(history.until(n - held))
    measures = {h: _measured(found, scale) for h, found in rows.items() if found}
    spreads = {
        h: spread(np.array([a for a, _f in pairs[-56:]]), np.array([f for _a, f in pairs[-56:]]))
        for h, pairs in missed.items() if pairs
    }  # fmt: skip
    good = passes(measures.get(JUDGED_BY))
    return Verdict("model" if good else "naive", "passed" if good else "worse",
                   weeks, measures, spreads)  # fmt: skip


def _measured(found: Sequence[tuple[Numbers, ...]], scale: float) -> dict[str, Any]:
    y, f, before, low, high = (np.array([row[k] for row in found]) for k in range(5))
    return {
        "days": len(found), "calls": float(y.sum()),
        "smape": smape(y, f), "wape": wape(y, f), "mase": mase(y, f, scale),
        "coverage": coverage(y, low, high), "naive_smape": smape(y, before),
        "naive_wape": wape(y, before), "naive_mase": mase(y, before, scale),
    }  # fmt: skip


def passes(measured: dict[str, Any] | None) -> bool:
    """The gate: MASE below 1, and WAPE at least 10 % lower than the seasonal naive's."""
    if measured is None or measured["mase"] is None or measured["naive_wape"] is None:
        return False
    return bool(measured["mase"] < 1 and measured["wape"] <= BETTER * measured["naive_wape"])
