"""Days that teach nothing: a burst, a storm of calls, an exchange that was down. Pure."""

from __future__ import annotations

import numpy as np

from server.forecast.model import History, Numbers

AROUND = 8  # as many days of the same kind before and after are compared with
FAR = 5.0  # robust standard deviations
STORM = 4.0  # times what was expected in one half hour
STORM_CALLS = 40


def outliers(history: History) -> list[tuple[int, str]]:
    """(index, "total" or "storm") of the days whose counts are not of this world.

    "total": the day's calls lie `FAR` robust standard deviations from the days of its kind around
    it. "storm": one half hour had four times, and 40 calls more than, that half hour usually has.
    """
    totals = history.counts.sum(axis=1)
    kinds = np.array([d.kind for d in history.days])
    known = history.known
    out: list[tuple[int, str]] = []
    for i in np.flatnonzero(known):
        same = np.flatnonzero(known & (kinds == kinds[i]))
        at = int(np.searchsorted(same, i))
        near = np.concatenate([same[max(0, at - AROUND) : at], same[at + 1 : at + 1 + AROUND]])
        if len(near) < 3:
            continue
        middle = float(np.median(totals[near]))
        width = 1.4826 * float(np.median(np.abs(totals[near] - middle))) + np.sqrt(middle) + 1
        if storm(history.counts[i], np.median(history.counts[near], axis=0)):
            out.append((int(i), "storm"))
        elif abs(totals[i] - middle) > FAR * width:
            out.append((int(i), "total"))
    return out


def storm(counts: Numbers, usual: Numbers) -> bool:
    """Whether a half hour was a storm of calls; `counts` may be the first half hours of a day."""
    usual = np.asarray(usual[: len(counts)])
    return bool(np.any((counts > STORM * usual) & (counts - usual > STORM_CALLS)))
