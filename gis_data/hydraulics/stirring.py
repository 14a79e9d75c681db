"""Where a closure stirs up deposits: mains whose water turns, or runs faster than on any day.

What lies in a main settled under the flow of an ordinary day. It comes up when the water turns
against that direction, or runs well above the fastest of the day.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gis_data.hydraulics.running import Simulation
from gis_data.isolation import IsolationPlan
from gis_data.model import Network

#: Water that turns must run this fast to lift anything, and go a way that an ordinary day goes at
#: a quarter of that speed at most: in a main that swings to and fro nothing settles.
TURNED_MS = 0.06
STILL_MS = 0.01
_SELDOM = 0.25
#: Water that keeps its way stirs from this speed on, if it is this much above the day's fastest.
FASTER_MS = 0.25
FASTER_BY = 1.5


@dataclass(frozen=True, slots=True)
class Stirred:
    """A main that may bring brown water: speeds in m/s, positive from the pipe's start to its end.

    `before_ms` is the fastest of the ordinary day, `after_ms` of the hours of work, first at `at_s`
    seconds after their start. `premises` are those served from this main.
    """

    pipe: str
    street: str
    kind: Literal["turned", "faster"]
    before_ms: float
    after_ms: float
    at_s: int
    premises: tuple[str, ...]


def stirred_mains(
    network: Network, plan: IsolationPlan, base: Simulation, after: Simulation, work: Any
) -> tuple[Stirred, ...]:
    """Mains outside the plan that may bring brown water, most premises first.

    `base` runs a whole day; `work` are the steps of `after` that fall into the work.
    """
    if not len(work):
        return ()
    out = {*plan.segment_pipes, *plan.unintended_pipes}
    served: dict[str, set[str]] = defaultdict(set)
    for service in network.services.values():
        served[service.pipe].add(service.premise)
    found = []
    at = {name: k for k, name in enumerate(after.links)}
    for pipe in network.pipes.values():
        if pipe.id in out or pipe.diameter_mm <= 0:
            continue
        area = np.pi * (pipe.diameter_mm / 1000.0) ** 2 / 4
        day = base.flow_m3s[:, at[pipe.id]] / area
        now = after.flow_m3s[work, at[pipe.id]] / area
        kind = _stirs(day, now)
        if kind is None:
            continue
        step = int(np.argmax(np.abs(now)))
        fastest = float(day[int(np.argmax(np.abs(day)))])
        found.append(
            Stirred(
                pipe.id,
                pipe.street,
                kind,
                round(fastest, 3),
                round(float(now[step]), 3),
                int(after.times_s[int(work[step])] - after.times_s[int(work[0])]),
                tuple(sorted(served[pipe.id] - set(plan.premises))),
            )
        )
    return tuple(sorted(found, key=lambda s: (-len(s.premises), -abs(s.after_ms), s.pipe)))


def _stirs(day: Any, now: Any) -> Literal["turned", "faster"] | None:
    for way in (1.0, -1.0):
        runs = float((way * now).max())
        used, against = float((way * day).max()), float((-way * day).max())
        if runs >= TURNED_MS and used <= _SELDOM * runs and against >= STILL_MS:
            return "turned"
    fastest = float(np.abs(day).max())
    most = float(np.abs(now).max())
    return "faster" if most >= max(FASTER_MS, FASTER_BY * fastest) else None
